"""Labels for stereo networks on glass and mirrors: what is merged where, and how it is kept."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

pytest.importorskip("torch")

from depth_prompt_ros.camera import CameraModel
from depth_prompt_ros.errors import BadInput
from depth_prompt_ros.learning.stereo.labels import fit_mono, merge, read_label, write_labels

HEIGHT, WIDTH = 120, 200
Y, X = np.mgrid[:HEIGHT, :WIDTH].astype(np.float32)
TABLE = 10 + 0.2 * Y
CAMERA = CameraModel(WIDTH, HEIGHT, 150.0, 150.0, 99.5, 59.5, baseline=0.1)


def box(top: int, bottom: int, left: int, right: int) -> np.ndarray:
    return (top <= Y) & (bottom > Y) & (left <= X) & (right > X)


def test_mono_is_fitted_outside_tom_and_not_to_outliers() -> None:
    tom = box(30, 60, 40, 90)
    truth = np.where(tom, np.float32(40), TABLE)
    mono = (truth - 3) / 7
    stereo = TABLE.copy()
    stereo[:6] = 90
    stereo[60:80, 100:160] = np.nan
    for mask in (tom, tom.astype(np.uint8), 255 * tom.astype(np.uint8)):
        assert np.abs(fit_mono(mono, stereo, mask) - truth).max() < 1e-3
    with pytest.raises(BadInput, match="only 5 pixels with stereo"):
        fit_mono(mono, np.where(box(0, 1, 0, 5), stereo, np.nan), tom)


def test_the_papers_merge_puts_mono_on_tom_and_nothing_where_stereo_has_none() -> None:
    tom = box(30, 60, 40, 90)
    stereo = np.where(box(90, 100, 0, 20), np.float32(np.nan), TABLE)
    mono = np.where(tom, np.float32(40), TABLE)
    merged = merge(stereo, mono, tom, CAMERA, anchored=False)
    assert np.allclose(merged[tom], 40, atol=1e-2)
    assert np.array_equal(merged[~tom], stereo[~tom], equal_nan=True)


def test_a_framed_pane_is_in_the_plane_of_its_frame_whatever_mono_says() -> None:
    frame, pane = box(20, 90, 50, 130), box(26, 84, 56, 124)
    plane = 45 + 0.05 * X - 0.02 * Y
    stereo = np.where(frame & ~pane, plane, TABLE)  # and the table behind the pane
    mono = np.full_like(TABLE, 0.5) + 0.001 * Y
    merged = merge(stereo, mono, pane, CAMERA)
    assert np.abs(merged - plane)[pane].max() < 0.05
    assert np.array_equal(merged[~pane], stereo[~pane])


def test_a_glass_is_upright_on_what_it_stands_on_and_faces_the_camera() -> None:
    glass = box(40, 80, 90, 110)
    mono = np.where(glass, np.float32(60), TABLE)
    merged = merge(TABLE, mono, glass, CAMERA, parts=np.where(glass, 7, 0))
    support = np.array([0.2 * CAMERA.fy, 10 + 0.2 * CAMERA.cy])  # disparity over y and 1 of the ray
    foot = (79 + 0.5 - CAMERA.cy) / CAMERA.fy
    down, offset = np.linalg.solve([support, [foot, 1]], [0, TABLE[79, 0]])
    expected = down * (Y - CAMERA.cy) / CAMERA.fy + offset
    assert np.abs(merged - expected)[glass].max() < 0.05
    assert np.array_equal(merged[~glass], TABLE[~glass])
    cut_off = box(60, 120, 90, 110)  # no foot in the picture: as in the paper
    mono = np.where(cut_off, np.float32(40) + 0.1 * X, TABLE)
    assert np.abs(merge(TABLE, mono, cut_off, CAMERA) - mono)[cut_off].max() < 0.05


def test_a_pane_without_a_frame_is_turned_as_its_foot_is() -> None:
    lower = 95 - 0.2 * (X - 50)
    pane = (Y > 20) & (lower > Y) & (X >= 50) & (X < 150)
    merged = merge(TABLE, TABLE, pane, CAMERA)
    edge = [(int(np.flatnonzero(pane[:, x]).max()), x) for x in range(55, 145, 10)]
    assert max(abs(float(merged[y, x] - TABLE[y, x])) for y, x in edge) < 0.3
    rays = np.stack([(X - CAMERA.cx) / CAMERA.fx, (Y + 0.5 - CAMERA.cy) / CAMERA.fy, np.ones_like(X)], 2)
    normals = [
        np.linalg.lstsq(rays[each], values[each], rcond=None)[0] for each, values in ((pane, merged), (~pane, TABLE))
    ]
    cosine = normals[0] @ normals[1] / np.linalg.norm(normals[0]) / np.linalg.norm(normals[1])
    assert abs(cosine) < 0.02


def test_things_that_touch_are_apart_where_they_are_numbered() -> None:
    first, second = box(40, 80, 60, 80), box(40, 60, 80, 100)
    parts = np.where(first, 1, np.where(second, 2, 0))
    mono = np.where(first | second, np.float32(30), TABLE)
    merged = merge(TABLE, mono, parts > 0, CAMERA, parts)
    assert np.abs(merged[79, 60:80] - TABLE[79, 0]).max() < 0.1
    assert np.abs(merged[59, 80:100] - TABLE[59, 0]).max() < 0.1


def test_labels_are_kept_in_kittis_format_and_not_made_twice(tmp_path) -> None:
    truth = np.where(box(0, 10, 0, 10), np.float32(np.nan), TABLE)
    made = []

    def label(index: int) -> np.ndarray:
        made.append(index)
        return truth

    write_labels(tmp_path / "labels", 2, label)
    write_labels(tmp_path / "labels", 3, label)
    assert made == [0, 1, 2]
    kept = cv2.imread(str(tmp_path / "labels" / "000001.png"), cv2.IMREAD_UNCHANGED)
    assert (kept.dtype, kept[5, 5], kept[50, 0]) == (np.uint16, 0, 20 * 256)
    read = read_label(tmp_path / "labels", 2)
    assert np.isnan(read[5, 5])
    assert np.nanmax(np.abs(read - truth)) <= 0.5 / 256
    (tmp_path / "labels" / "000001.png").write_bytes(b"broken")
    with pytest.raises(BadInput, match=r"000001\.png is no disparity label"):
        read_label(tmp_path / "labels", 1)
    with pytest.raises(BadInput, match="cannot write labels"):
        write_labels(tmp_path / "labels" / "000001.png" / "below", 1, label)
