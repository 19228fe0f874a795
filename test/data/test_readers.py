"""Published data sets in their layouts, written by hand here: units, masks, cameras, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from depth_prompt_ros.data.picture_file import read_picture
from depth_prompt_ros.data.readers.layouts import LAYOUTS
from depth_prompt_ros.data.readers.prepare import prepare
from depth_prompt_ros.data.readers.sample import Sample
from depth_prompt_ros.data.readers.squares import squared
from depth_prompt_ros.errors import BadInput

SIZE = 64
MATRIX = [[80.0, 0, 31.5], [0, 80.0, 31.5], [0, 0, 1]]
NEEDS_EXR = ("abo", "hm3d-abo")


def _write_exr(path: Path, depth: np.ndarray) -> None:
    openexr = pytest.importorskip("OpenEXR")
    path.parent.mkdir(parents=True, exist_ok=True)
    header = {"compression": openexr.ZIP_COMPRESSION, "type": openexr.scanlineimage}
    with openexr.File(header, {"Y": depth.astype(np.float32)}) as file:
        file.write(str(path))


def _write_picture(path: Path, picture: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), picture[..., ::-1] if picture.ndim == 3 else picture)


def _truth() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A red box from (16, 20) to (48, 40), 1.5 m away in front of nothing."""
    mask = np.zeros((SIZE, SIZE), bool)
    mask[20:40, 16:48] = True
    image = np.full((SIZE, SIZE, 3), 90, np.uint8)
    image[mask] = (200, 20, 20)
    return image, mask, np.where(mask, 1.5, 65504).astype(np.float32)


def _abo(folder: Path) -> None:
    image, _, depth = _truth()
    thing = folder / "all_objects" / "B01"
    for number in range(2):
        _write_picture(thing / "render" / "0" / f"render_{number}.jpg", image)
        _write_exr(thing / "depth" / f"depth_{number}.exr", depth)
    (thing / "metadata.json").write_text(json.dumps({"views": [{"K": np.ravel(MATRIX).tolist()}] * 2}))
    (folder / "train_test_split.csv").write_text("object,split,scenes,which\nB01,TRAIN,1,0\n")


def _hm3d(folder: Path) -> None:
    image, mask, depth = _truth()
    scene = folder / "scenes" / "00001"
    _write_picture(scene / "rgb" / "0.jpg", image)
    _write_picture(scene / "mask" / "0.png", np.where(mask, 255, 100).astype(np.uint8))
    _write_exr(scene / "depth" / "0.exr", np.where(mask, depth, 3))
    np.savetxt(scene / "intrinsic.txt", MATRIX)
    (folder / "index").mkdir(exist_ok=True)
    (folder / "index" / "train.txt").write_text("00001\n")


def _gso(folder: Path) -> None:
    image, mask, depth = _truth()
    rays = (np.arange(SIZE) - 31.5) / 80
    distance = np.where(mask, depth, 10) * np.sqrt(1 + rays**2 + rays[:, None] ** 2)
    scene = folder / "shoe"
    _write_picture(scene / "rgba_00000.png", image)
    segments = np.where(mask, 3, 0).astype(np.uint8)
    segments[:4, :4] = 1
    _write_picture(scene / "segmentation_00000.png", segments)
    cv2.imwrite(str(scene / "depth_00000.tiff"), distance.astype(np.float32))
    (scene / "metadata.json").write_text(json.dumps({"camera": {"focal_length": 40.0, "sensor_width": 32.0}}))


def _hndr(folder: Path) -> None:
    image, mask, depth = _truth()
    folder.mkdir(parents=True, exist_ok=True)
    np.savez(folder / "castle.npz", image=image.transpose(2, 0, 1), refined_depth=depth, foreground_mask=mask * 1,
             intrinsics=np.array(MATRIX))  # fmt: skip


def _nerfies(folder: Path) -> None:
    image, mask, depth = _truth()
    for name, arrays in (
        ("nerfies_depths", {"rgb": image.transpose(2, 0, 1) / 255, "depth": depth, "K": np.array(MATRIX)}),
        ("nerfies_foreground_segmentations", {"foreground": mask}),
    ):
        (folder / name / "broom").mkdir(parents=True, exist_ok=True)
        np.savez(folder / name / "broom" / "0.npz", **arrays)


WRITERS = {"abo": _abo, "hm3d-abo": _hm3d, "gso": _gso, "hndr": _hndr, "nerfies": _nerfies}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_layout_gives_the_picture_its_depth_mask_and_camera(layout, tmp_path) -> None:
    WRITERS[layout](tmp_path / "data")
    prepared = prepare(layout, tmp_path / "data", tmp_path / "set", SIZE)
    pictures = prepared.pictures
    _, mask, _ = _truth()
    assert len(pictures) == (2 if layout == "abo" else 1)
    assert prepared.skipped == {}
    np.testing.assert_array_equal(pictures.masks[0], mask)
    np.testing.assert_allclose(pictures.depths[0][mask], 1.5, rtol=1e-3)
    np.testing.assert_allclose(pictures.intrinsics[0], [80, 80, 31.5, 31.5])
    red = pictures.images[0][25:35, 22:42].astype(int)
    assert np.abs(red - (200, 20, 20)).max() < 25
    assert not list(tmp_path.glob("*.part"))


def test_a_square_is_cut_around_the_object_and_the_camera_stays_in_step() -> None:
    """A point of the object is projected through the camera before and after."""
    mask = np.zeros((60, 100), bool)
    mask[20:40, 70:90] = True
    image = np.zeros((60, 100, 3), np.uint8)
    image[29:31, 79:81] = 255
    depth = np.where(mask, 2.0, np.nan).astype(np.float32)
    sample = squared(Sample(image, depth, mask, np.array([100.0, 110.0, 49.5, 29.5])), 30)
    point = np.array([(79.5 - 49.5) / 100, (29.5 - 29.5) / 110, 1]) * 2.0
    fx, fy, cx, cy = sample.intrinsics
    seen = np.array([fx * point[0] / point[2] + cx, fy * point[1] / point[2] + cy])
    rows, columns = np.mgrid[:30, :30]
    weight = sample.image[..., 0] / sample.image[..., 0].sum()
    bright = [(weight * columns).sum(), (weight * rows).sum()]
    np.testing.assert_allclose(seen, bright, atol=0.1)
    assert sample.mask.sum() == pytest.approx(400 / 4, rel=0.1)
    assert np.nanmax(sample.depth) == 2.0


def test_samples_that_cannot_be_used_are_left_out_with_their_reason(tmp_path) -> None:
    _hndr(tmp_path)
    image, mask, depth = _truth()
    whole = {"image": image.transpose(2, 0, 1), "refined_depth": depth, "foreground_mask": mask, "intrinsics": MATRIX}
    faults = {
        "empty": ({"foreground_mask": mask & False}, r"the mask of .*empty\.npz is empty"),
        "blind": ({"refined_depth": depth * np.nan}, r"blind\.npz has no valid depth on its object"),
        "small": ({"refined_depth": depth[:32]}, r"picture, depth and mask of .*small\.npz differ in size"),
        "flat": ({"intrinsics": np.zeros((3, 3))}, r"the camera matrix in .*flat\.npz has no focal length"),
        "short": ({"intrinsics": np.zeros(4)}, r"the camera matrix in .*short\.npz is not 3x3"),
    }
    for name, (change, message) in faults.items():
        np.savez(tmp_path / f"{name}.npz", **{**whole, **change})
        with pytest.raises(BadInput, match=message):
            LAYOUTS["hndr"].read(tmp_path / f"{name}.npz")
    (tmp_path / "torn.npz").write_bytes((tmp_path / "castle.npz").read_bytes()[:900])
    with pytest.raises(BadInput, match=r"cannot read .*torn\.npz: it is damaged"):
        LAYOUTS["hndr"].read(tmp_path / "torn.npz")
    prepared = prepare("hndr", tmp_path, tmp_path / "set", 32)
    assert len(prepared.pictures) == 1
    assert sum(prepared.skipped.values()) == 6


def test_missing_cameras_pictures_and_depth_are_named(tmp_path) -> None:
    _gso(tmp_path)
    scene = tmp_path / "shoe"
    for name, message in (
        ("depth_00000.tiff", r"cannot read depth .*depth_00000\.tiff"),
        ("segmentation_00000.png", r"cannot read mask .*segmentation_00000\.png"),
        ("metadata.json", r"there is no camera file .*metadata\.json"),
    ):
        kept = (scene / name).read_bytes()
        (scene / name).unlink()
        with pytest.raises(BadInput, match=message):
            LAYOUTS["gso"].read(scene / "rgba_00000.png")
        (scene / name).write_bytes(kept)
    (scene / "metadata.json").write_text("{}")
    with pytest.raises(BadInput, match="has no camera focal_length and sensor_width"):
        LAYOUTS["gso"].read(scene / "rgba_00000.png")
    (scene / "rgba_00000.png").write_bytes(b"half")
    with pytest.raises(BadInput, match=r"cannot read picture .*rgba_00000\.png"):
        LAYOUTS["gso"].read(scene / "rgba_00000.png")


def test_segments_stored_as_colours_of_a_palette(tmp_path) -> None:
    """Kubric writes palettes; OpenCV gives their colours."""
    _gso(tmp_path)
    _, mask, _ = _truth()
    segments = np.zeros((SIZE, SIZE, 3), np.uint8)
    segments[mask] = (219, 94, 86)
    segments[:4, :4] = (86, 219, 94)
    _write_picture(tmp_path / "shoe" / "segmentation_00000.png", segments)
    np.testing.assert_array_equal(LAYOUTS["gso"].read(tmp_path / "shoe" / "rgba_00000.png").mask, mask)
    _write_picture(tmp_path / "shoe" / "segmentation_00000.png", segments * 0)
    with pytest.raises(BadInput, match=r"the mask of .*rgba_00000\.png is empty"):
        LAYOUTS["gso"].read(tmp_path / "shoe" / "rgba_00000.png")


def test_a_torn_jpeg_is_refused_not_filled_with_grey(tmp_path) -> None:
    path = tmp_path / "render_0.jpg"
    _write_picture(path, np.random.default_rng(0).integers(0, 255, (64, 64, 3)).astype(np.uint8))
    assert read_picture(path).shape == (64, 64, 3)
    path.write_bytes(path.read_bytes()[:2000])
    with pytest.raises(BadInput, match=r"cannot read picture .*render_0\.jpg"):
        read_picture(path)


def test_foregrounds_of_nerfies_where_the_published_code_writes_them(tmp_path) -> None:
    _nerfies(tmp_path)
    written = tmp_path / "nerfies_foreground_segmentations"
    written.rename(tmp_path / "nerfies_foreground_segmentationss")
    np.testing.assert_array_equal(
        LAYOUTS["nerfies"].read(tmp_path / "nerfies_depths" / "broom" / "0.npz").mask, _truth()[1]
    )


def test_folders_that_are_not_what_they_claim_leave_nothing_behind(tmp_path) -> None:
    data, out = tmp_path / "data", tmp_path / "set"
    (data / "holiday").mkdir(parents=True)
    with pytest.raises(BadInput, match=r"data is not abo: expected OBJECT/render/.*, found holiday"):
        prepare("abo", data, out, SIZE)
    with pytest.raises(BadInput, match=r"nowhere is not hndr: expected SCENE\.npz, found no folder"):
        prepare("hndr", tmp_path / "nowhere", out, SIZE)
    with pytest.raises(BadInput, match=r"no layout named 'waymo'; there are: abo, hm3d-abo, gso, hndr, nerfies"):
        prepare("waymo", data, out, SIZE)
    np.savez(data / "only.npz", image=np.zeros((3, 4, 4), np.uint8))
    with pytest.raises(BadInput, match=r"none of the 1 samples .* can be used; the last: .*has no array"):
        prepare("hndr", data, out, SIZE)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["data"]


@pytest.mark.parametrize("content", ["[]", "5", "{}", '{"views": {"0": {}}}', '{"views": [5]}', '{"views": []}'])
def test_metadata_of_another_shape_is_named(content, tmp_path) -> None:
    _abo(tmp_path)
    thing = tmp_path / "all_objects" / "B01"
    (thing / "metadata.json").write_text(content)
    with pytest.raises(BadInput, match=r"metadata\.json"):
        LAYOUTS["abo"].read(thing / "render" / "0" / "render_0.jpg")


@pytest.mark.parametrize("change", [{"image": np.array(5)}, {"refined_depth": np.full((SIZE, SIZE), "x")}])
def test_arrays_of_another_kind_are_named(change, tmp_path) -> None:
    _hndr(tmp_path)
    with np.load(tmp_path / "castle.npz") as whole:
        arrays = {**whole, **change}
    np.savez(tmp_path / "castle.npz", **arrays)
    with pytest.raises(BadInput, match=rf"array {next(iter(change))} of .*castle\.npz is "):
        LAYOUTS["hndr"].read(tmp_path / "castle.npz")
