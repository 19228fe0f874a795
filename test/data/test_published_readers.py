"""What 2306.05428's code does with its data sets: which square, which samples, which normals, kept how."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from depth_prompt_ros.data.readers.prepare import prepare
from depth_prompt_ros.data.readers.sample import Sample
from depth_prompt_ros.data.readers.squares import squared
from depth_prompt_ros.data.sets.picture_set import PictureSet
from depth_prompt_ros.data.sets.surface import normals_of
from depth_prompt_ros.errors import BadInput

HEIGHT, WIDTH = 48, 64
CAMERA = np.array([70.0, 70.0, 31.5, 23.5])


def _picture() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A thing at the right border, half of it outside the middle square."""
    mask = np.zeros((HEIGHT, WIDTH), bool)
    mask[10:30, 46:62] = True
    image = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    image[..., 0] = np.arange(WIDTH) * 4
    return image, mask, np.where(mask, 2.0, np.nan).astype(np.float32)


def _sample(square: str) -> Sample:
    image, mask, depth = _picture()
    return Sample(image, depth, mask, CAMERA, square=square)


def _matrix(camera: np.ndarray = CAMERA) -> np.ndarray:
    fx, fy, cx, cy = camera
    return np.array([[fx, 0, cx], [0, fy, cy], [0, 0, 1]])


def _hm3d(folder: Path, scenes: dict[str, int], learned: str) -> None:
    openexr = pytest.importorskip("OpenEXR")
    image, mask, depth = _picture()
    for scene, count in scenes.items():
        at = folder / "scenes" / scene
        for name in ("rgb", "mask", "depth"):
            (at / name).mkdir(parents=True, exist_ok=True)
        np.savetxt(at / "intrinsic.txt", _matrix())
        for number in range(count):
            cv2.imwrite(str(at / "rgb" / f"{number}.jpg"), image[..., ::-1])
            cv2.imwrite(str(at / "mask" / f"{number}.png"), mask.astype(np.uint8) * 255)
            with openexr.File({"type": openexr.scanlineimage}, {"R": np.nan_to_num(depth, nan=65504.0)}) as file:
                file.write(str(at / "depth" / f"{number}.exr"))
    (folder / "index").mkdir(exist_ok=True)
    (folder / "index" / "train.txt").write_text(learned)


def test_the_middle_square_is_cut_in_the_middle_and_the_camera_moves_with_it() -> None:
    found = squared(_sample("middle"), HEIGHT)
    np.testing.assert_array_equal(found.image[0, :, 0], np.arange(8, 56) * 4)
    np.testing.assert_array_equal(found.mask, _picture()[1][:, 8:56])
    np.testing.assert_allclose(found.intrinsics, CAMERA - np.array([0, 0, 8, 0]))


def test_the_padded_square_holds_the_whole_picture_and_nothing_beside_it() -> None:
    found = squared(_sample("padded"), WIDTH)
    image, mask, depth = _picture()
    np.testing.assert_array_equal(found.image[8:56], image)
    assert not found.image[:8].any()
    assert not found.mask[56:].any()
    assert np.isnan(found.depth[:8]).all()
    np.testing.assert_array_equal(found.mask[8:56], mask)
    np.testing.assert_array_equal(found.depth[8:56], depth)
    np.testing.assert_allclose(found.intrinsics, CAMERA + np.array([0, 0, 0, 8]))


def test_a_middle_square_without_its_object_is_left_out() -> None:
    sample = _sample("middle")
    sample.mask[:, :60] = False
    with pytest.raises(BadInput, match="holds nothing of its object"):
        squared(sample, HEIGHT)


def test_hm3d_is_cut_in_the_middle_and_split_by_its_index(tmp_path) -> None:
    _hm3d(tmp_path / "data", {"a": 2, "b": 3}, "a\n")
    learned = prepare("hm3d-abo", tmp_path / "data", tmp_path / "train", HEIGHT).pictures
    tested = prepare("hm3d-abo", tmp_path / "data", tmp_path / "test", HEIGHT, split="test").pictures
    every = prepare("hm3d-abo", tmp_path / "data", tmp_path / "all", HEIGHT, split="all").pictures
    assert (len(learned), len(tested), len(every)) == (2, 3, 5)
    np.testing.assert_array_equal(learned.masks[0], _picture()[1][:, 8:56])
    np.testing.assert_allclose(learned.intrinsics[0], CAMERA - np.array([0, 0, 8, 0]))
    with pytest.raises(BadInput, match="no part 'val' of a split; there are: train, test, all"):
        prepare("hm3d-abo", tmp_path / "data", tmp_path / "val", HEIGHT, split="val")
    with pytest.raises(BadInput, match="holds a set made with"):
        prepare("hm3d-abo", tmp_path / "data", tmp_path / "train", HEIGHT, split="test")
    (tmp_path / "data" / "index" / "train.txt").unlink()
    with pytest.raises(BadInput, match=r"has no index/train.txt.*--split all"):
        prepare("hm3d-abo", tmp_path / "data", tmp_path / "none", HEIGHT)


def _abo(folder: Path) -> np.ndarray:
    """Three objects, one learned from, one tested on and one in neither; a sphere's normals, y up, z to the camera."""
    openexr = pytest.importorskip("OpenEXR")
    size = 32
    y, x = (np.mgrid[:size, :size] - 15.5) / 12
    mask = x**2 + y**2 < 1
    outward = np.where(mask[..., None], np.stack([x, -y, np.sqrt(np.clip(1 - x**2 - y**2, 0, 1))], 2), 0)
    depth = np.where(mask, 3 - outward[..., 2], 65504).astype(np.float32)
    views = {"views": [{"K": _matrix(np.array([40.0, 40.0, 15.5, 15.5])).ravel().tolist()}]}
    for thing in ("B1", "B2", "B3"):
        for name in ("render/0", "depth", "normal"):
            (folder / "all_objects" / thing / name).mkdir(parents=True)
        at = folder / "all_objects" / thing
        cv2.imwrite(str(at / "render/0/render_0.jpg"), np.full((size, size, 3), 128, np.uint8))
        cv2.imwrite(str(at / "normal/normal_0.png"), np.round(127.5 * (outward + 1)).astype(np.uint8)[..., ::-1])
        with openexr.File({"type": openexr.scanlineimage}, {"R": depth}) as file:
            file.write(str(at / "depth/depth_0.exr"))
        (at / "metadata.json").write_text(json.dumps(views))
    lines = ["object,split,scenes,which", "B1,TRAIN,2,0_1", "B2,TEST,1,0", "B3,TRAIN,1,7"]
    (folder / "train_test_split.csv").write_text("\n".join(lines))
    return np.where(mask[..., None], np.stack([x, y, -np.sqrt(np.clip(1 - x**2 - y**2, 0, 1))], 2), 0)


@pytest.mark.parametrize("inside", ["", "all_objects"])
def test_abo_is_split_by_its_file_and_has_its_own_normals(inside, tmp_path) -> None:
    towards = _abo(tmp_path / "data")
    for split, count in (("train", 1), ("test", 1), ("all", 3)):
        made = prepare("abo", tmp_path / "data" / inside, tmp_path / split, 32, split=split).pictures
        assert len(made) == count
    np.testing.assert_allclose(made.normals[0], towards, atol=0.012)
    assert not made.normals[0][~made.masks[0]].any()


def test_a_split_with_other_lines_and_a_set_without_one_are_refused(tmp_path) -> None:
    _abo(tmp_path / "data")
    (tmp_path / "data" / "train_test_split.csv").write_text("object,split\nB1,TRAIN\n")
    with pytest.raises(BadInput, match=r"line 1 of .*train_test_split.csv is not object, split"):
        prepare("abo", tmp_path / "data", tmp_path / "set", 32)
    np.savez(tmp_path / "castle.npz", **_hndr())
    with pytest.raises(BadInput, match="no split of .* was published: leave --split out"):
        prepare("hndr", tmp_path, tmp_path / "set", 32, split="train")
    with pytest.raises(BadInput, match="nyu-png has no split"):
        prepare("nyu-png", tmp_path, tmp_path / "set", 32, split="train")


def _hndr() -> dict[str, np.ndarray]:
    """Refined depth is flat; the lidar's leans to the right by 45 degrees."""
    image, mask, depth = _picture()
    columns = np.arange(WIDTH)
    lidar = np.tile(2 / (1 - (columns - CAMERA[2]) / CAMERA[0]), (HEIGHT, 1))
    return {"image": image.transpose(2, 0, 1), "refined_depth": depth, "foreground_mask": mask * 1,
            "intrinsics": _matrix(), "lidar_depth": lidar}  # fmt: skip


def test_hndr_is_padded_and_its_normals_are_the_lidars(tmp_path) -> None:
    np.savez(tmp_path / "castle.npz", **_hndr())
    made = prepare("hndr", tmp_path, tmp_path / "set", WIDTH).pictures
    assert made.masks[0][8:56].sum() == _picture()[1].sum()
    np.testing.assert_allclose(made.intrinsics[0], CAMERA + np.array([0, 0, 0, 8]))
    leaning = np.array([1, 0, -1]) / np.sqrt(2)  # z = 2 + x
    np.testing.assert_allclose(made.normals[0][10:55, 1:], np.broadcast_to(leaning, (45, 63, 3)), atol=0.01)
    assert not made.normals[0][:8].any()


def test_normals_of_a_plane_point_to_the_camera_and_need_three_pixels() -> None:
    depth = np.full((4, 5), 2.0, np.float32)
    depth[2, 2] = np.nan
    found = normals_of(depth, np.array([4.0, 4.0, 2.0, 1.5]))
    known = found.any(2)
    expected = np.zeros((4, 5), bool)
    expected[1:, 1:] = True
    expected[2, 2] = expected[3, 2] = expected[2, 3] = False
    np.testing.assert_array_equal(known, expected)
    np.testing.assert_allclose(found[known], np.broadcast_to([0, 0, -1], (known.sum(), 3)), atol=1e-6)


def test_nerfies_leaves_out_small_foregrounds_and_cuts_the_middle(tmp_path) -> None:
    image, mask, depth = _picture()
    small = mask.copy()
    small[:, :58] = False
    for name, each in (("0", mask), ("1", small)):
        for folder, arrays in (
            ("nerfies_depths", {"rgb": image.transpose(2, 0, 1) / 255, "depth": depth, "K": _matrix()}),
            ("nerfies_foreground_segmentations", {"foreground": each}),
        ):
            (tmp_path / "data" / folder / "broom").mkdir(parents=True, exist_ok=True)
            np.savez(tmp_path / "data" / folder / "broom" / f"{name}.npz", **arrays)
    prepared = prepare("nerfies", tmp_path / "data", tmp_path / "set", HEIGHT)
    assert len(prepared.pictures) == 1
    assert prepared.skipped == {"at most 5 % of is foreground": 1}
    np.testing.assert_array_equal(prepared.pictures.masks[0], mask[:, 8:56])


def test_a_packed_set_gives_back_what_was_packed_and_is_a_fraction_of_it(tmp_path) -> None:
    rng = np.random.default_rng(0)
    size, count = 96, 5
    y, x = np.mgrid[:size, :size] / size
    for name in range(count):
        waves = 127 + 100 * np.sin(6 * x + rng.uniform(0, 6)) * np.cos(5 * y)
        depth = (1 + 0.2 * x + 0.1 * name * y).astype(np.float32)
        mask = (x - 0.5) ** 2 + (y - 0.5) ** 2 < 0.1
        np.savez(tmp_path / f"{name}.npz", image=np.repeat(waves[None], 3, 0).astype(np.uint8), refined_depth=depth,
                 foreground_mask=mask, intrinsics=_matrix())  # fmt: skip
    made = prepare("hndr", tmp_path, tmp_path / "set", size).pictures
    again = PictureSet.open(tmp_path / "set")
    assert again.images.shape == (count, size, size, 3)
    chosen = np.array([4, 1])
    for index, number in enumerate(chosen):
        with np.load(tmp_path / f"{number}.npz") as truth:
            known = truth["foreground_mask"]
            np.testing.assert_array_equal(again.masks[chosen][index], known)
            reach = np.ptp(truth["refined_depth"])
            np.testing.assert_allclose(again.depths[chosen][index], truth["refined_depth"], atol=reach / 65534)
            error = again.images[number].astype(int) - np.moveaxis(truth["image"], 0, -1).astype(int)
            assert np.abs(error).max() <= 4
    np.testing.assert_array_equal(made.normals[0][0], 0)  # a pixel needs those to the left and above
    assert made.normals[0][1:, 1:].any(2).all()
    assert len(again.first(2)) == 2
    np.testing.assert_array_equal(np.asarray(again.masks[1:3]), again.masks[np.arange(1, 3)])
    again.require_objects()
    taken = sum(path.stat().st_size for path in (tmp_path / "set").iterdir())
    assert taken < 0.25 * count * size * size * (3 + 4 + 1 + 12)
    content = (tmp_path / "set" / "samples.bin").read_bytes()
    (tmp_path / "set" / "samples.bin").write_bytes(content[:1] + b"\0" * (len(content) - 1))
    with pytest.raises(BadInput, match="damaged"):
        PictureSet.open(tmp_path / "set")
