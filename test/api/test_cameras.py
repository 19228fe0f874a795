"""Camera files as ROS, OpenCV and people write them."""

from __future__ import annotations

import logging

import cv2
import numpy as np
import pytest

from depth_prompt_ros.api.camera_file import read_camera
from depth_prompt_ros.api.cameras import camera_infos
from depth_prompt_ros.camera import CameraModel
from depth_prompt_ros.errors import WrongValue

K = np.array([[570.0, 0, 319.5], [0, 571.0, 239.5], [0, 0, 1]])
SIZE = (640, 480)


def model(camera, right=None, baseline=None, pair=False) -> CameraModel:
    return CameraModel.from_camera_info(*camera_infos(camera, right, baseline, SIZE, pair))


def opencv_file(path, **matrices):
    storage = cv2.FileStorage(str(path), cv2.FILE_STORAGE_WRITE)
    for name, matrix in matrices.items():
        storage.write(name, matrix)
    storage.release()
    return path


@pytest.mark.parametrize("name", ["camera_matrix", "K", "M1", "cameraMatrix"])
@pytest.mark.parametrize("ending", ["yml", "xml"])
def test_opencv_storage_of_one_camera(name, ending, tmp_path) -> None:
    found = model(opencv_file(tmp_path / f"camera.{ending}", **{name: K, "image_width": 640, "image_height": 480}))
    assert found == CameraModel(640, 480, 570, 571, 319.5, 239.5)


def test_opencv_storage_of_a_rectified_pair_says_the_baseline(tmp_path) -> None:
    P1 = np.hstack([K, np.zeros((3, 1))])
    P2 = P1 + np.array([[0, 0, 12, -570 * 0.1], [0, 0, 0, 0], [0, 0, 0, 0]])
    found = model(opencv_file(tmp_path / "extrinsics.yml", R1=np.eye(3), R2=np.eye(3), P1=P1, P2=P2), pair=True)
    assert found.baseline == pytest.approx(0.1)
    assert found.cx_offset == pytest.approx(12)
    assert (found.width, found.height) == SIZE


def test_an_echoed_camera_info(tmp_path) -> None:
    path = tmp_path / "camera_info.yaml"
    path.write_text(
        "header: {stamp: {sec: 1, nanosec: 2}, frame_id: left}\nheight: 480\nwidth: 640\ndistortion_model: plumb_bob\n"
        "d: [0.1, 0, 0, 0, 0]\nk: [500, 0, 300, 0, 500, 200, 0, 0, 1]\nr: [1, 0, 0, 0, 1, 0, 0, 0, 1]\n"
        "p: [570, 0, 319.5, 0, 0, 571, 239.5, 0, 0, 0, 1, 0]\nbinning_x: 0\nbinning_y: 0\n"
        "roi: {x_offset: 0, y_offset: 0, height: 0, width: 0, do_rectify: false}\n"
    )
    assert model(path) == CameraModel(640, 480, 570, 571, 319.5, 239.5)


def test_numbers_in_a_file(tmp_path) -> None:
    path = tmp_path / "camera.json"
    path.write_text('{"fx": 570, "fy": 571, "cx": 319.5, "cy": 239.5, "baseline": 0.1}')
    assert model(path, pair=True) == CameraModel(640, 480, 570, 571, 319.5, 239.5, pytest.approx(0.1))


@pytest.mark.parametrize(
    "content",
    [
        (
            '{"width": 640, "height": 480, "ppx": 319.5, "ppy": 239.5, "fx": 570, "fy": 571, '
            '"model": "Inverse Brown Conrady", "coeffs": [0, 0, 0, 0, 0]}'
        ),
        '{"width": 640, "height": 480, "intrinsic_matrix": [570, 0, 0, 0, 571, 0, 319.5, 239.5, 1]}',
    ],
    ids=["RealSense", "Open3D"],
)
def test_the_names_of_realsense_and_open3d(content, tmp_path) -> None:
    path = tmp_path / "intrinsics.json"
    path.write_text(content)
    assert model(path) == CameraModel(640, 480, 570, 571, 319.5, 239.5)


def test_a_bent_lens_in_realsenses_words_is_refused() -> None:
    with pytest.raises(WrongValue, match="lens distortion in coeffs: rectify the pictures"):
        model({"fx": 570, "fy": 571, "ppx": 319.5, "ppy": 239.5, "coeffs": [0.1, 0, 0, 0, 0]})


@pytest.mark.parametrize("baseline", [0.1, None])
def test_the_offset_of_the_principal_points_is_kept_whoever_says_the_baseline(baseline, tmp_path) -> None:
    numbers = {"fx": 570, "fy": 571, "cx": 319.5, "cy": 239.5, "cx_offset": 12.0}
    said = numbers if baseline else {**numbers, "baseline": 0.1}
    assert model(said, baseline=baseline, pair=True).cx_offset == pytest.approx(12)
    assert model(said, baseline=baseline, pair=True).baseline == pytest.approx(0.1)
    with pytest.raises(WrongValue, match="give baseline in metres"):
        model(numbers, pair=True)
    P1 = np.hstack([K, np.zeros((3, 1))])
    path = opencv_file(tmp_path / "pair.yml", P1=P1, P2=P1 + np.array([[0, 0, 12, -57000.0], [0] * 4, [0] * 4]))
    found = model(path, baseline=0.1, pair=True)  # the file's baseline is in millimetres
    assert (found.baseline, found.cx_offset) == (pytest.approx(0.1), pytest.approx(12))


def test_a_matrix_is_an_array_or_lists_and_not_transposed() -> None:
    assert model(K.tolist()) == model(K)
    with pytest.raises(WrongValue, match=r"319.5 239.5 1 in its last row, expected 0 0 1: it is transposed, .T turns"):
        model(K.T)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("hello", "is no camera: expected a camera_info"),
        ("a: [1, 2", "cannot read the camera from"),
        ("image_width: 640\n", "is no camera: expected a camera_info"),
        ("camera_matrix: {data: [1, 2, 3]}\n", "has 3 numbers in K, expected 9"),
        ("k: [a, 0, 0, 0, 0, 0, 0, 0, 0]\n", "no number"),
        ("%YAML:1.0\n---\nsomething: 3\n", "is no camera: expected a camera_info"),
        ("%YAML:1.0\n---\nK: [1, 2", "is no camera|cannot read"),
    ],
)
def test_a_file_that_is_none_says_what_is_expected(content, words, tmp_path) -> None:
    path = tmp_path / "camera.yaml"
    path.write_text(content)
    with pytest.raises(WrongValue, match=words):
        read_camera(path)


def test_distortion_without_a_projection_is_said_and_rectified_where_it_is_asked(tmp_path, caplog) -> None:
    from depth_prompt_ros.api.object_depth import ObjectDepth

    path = opencv_file(tmp_path / "camera.yml", camera_matrix=K, distortion_coefficients=np.array([-0.3, 0.1, 0, 0, 0]))
    picture = np.random.default_rng(0).integers(0, 255, (480, 640, 3), np.uint8)
    depth = np.full((480, 640), 0.8, np.float32)
    given = {"depth": depth, "camera": path, "labels": np.zeros((480, 640), np.uint8)}
    with caplog.at_level(logging.WARNING):
        taken = ObjectDepth()(picture, **given)
    assert "set the parameter rectified to false" in caplog.text
    np.testing.assert_array_equal(taken.image, picture)
    mended = ObjectDepth({"rectified": False})(picture, **given)
    assert (mended.image != picture).any()
