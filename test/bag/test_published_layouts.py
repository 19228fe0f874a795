"""Published data sets as recordings: a tiny made-up sample in each layout, read back with what is known of it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import bags
import commands
import cv2
import numpy as np
import pytest
from booster_scenes import BASELINE_MM, FX, write_booster

from depth_prompt_ros.bag.layouts.catalogue import READERS
from depth_prompt_ros.bag.layouts.write import write_layout
from depth_prompt_ros.bag.reader import read_frames
from depth_prompt_ros.cli.to_bag import LayoutName
from depth_prompt_ros.errors import BadInput
from depth_prompt_ros.parameters import Parameters

SIZE = HEIGHT, WIDTH = (12, 16)
MATRIX = np.array([[20.0, 0, 7.5], [0, 21.0, 5.5], [0, 0, 1]])
TOPICS = ("/truth/depth", "/truth/tom_mask", "/labels")


def picture(path: Path, number: int = 0) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), bags.picture(number)[..., ::-1])


def counts(path: Path, value: int) -> None:
    """16 bits, nothing in the first row."""
    path.parent.mkdir(parents=True, exist_ok=True)
    content = np.full(SIZE, value, np.uint16)
    content[0] = 0
    cv2.imwrite(str(path), content)


def mask(path: Path, value: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    content = np.zeros(SIZE, np.uint8)
    content[4:8, 3:9] = value
    cv2.imwrite(str(path), content)


def transcg(root: Path, camera: int = 1, scale: int = 1000) -> None:
    (root / "camera_intrinsics").mkdir()
    for name in ("1-camIntrinsics-D435", "2-camIntrinsics-L515"):
        np.save(root / f"camera_intrinsics/{name}.npy", MATRIX)
    for scene, view in ((2, 0), (2, 1), (10, 0)):
        folder = root / f"scene{scene}/{view}"
        picture(folder / f"rgb{camera}.png", scene)
        counts(folder / f"depth{camera}.png", 2 * scale // 1)
        counts(folder / f"depth{camera}-gt.png", scale)
        mask(folder / f"depth{camera}-gt-mask.png", 255)
        key = {1: "D435", 2: "L515"}[camera]
        text = f'{{"split": "train", "type": "isolated", "{key}_valid_perspective_list": [0]}}'
        (folder.parent / "metadata.json").write_text(text)


def graspnet(root: Path, camera: str = "realsense") -> None:
    for scene in range(2):
        folder = root / f"scenes/scene_{scene:04d}/{camera}"
        picture(folder / "rgb/0000.png", scene)
        counts(folder / "depth/0000.png", 600)
        mask(folder / "label/0000.png", 42)
        np.save(folder / "camK.npy", MATRIX)


def hammer(root: Path, camera: str = "d435") -> None:
    folder = root / "scene12_traj1_1/polarization"
    for number in range(2):
        picture(folder / f"rgb/{number:06d}.png", number)
        counts(folder / f"depth_{camera}/{number:06d}.png", 900)
        counts(folder / f"_gt/{number:06d}.png", 850)
    np.savetxt(folder / "intrinsics.txt", MATRIX)


def pfm(path: Path, values: np.ndarray) -> None:
    """Portable float map: little-endian, the bottom row first."""
    head = f"Pf\n{values.shape[1]} {values.shape[0]}\n-1.0\n".encode()
    path.write_bytes(head + values[::-1].astype("<f4").tobytes())


def middlebury(root: Path) -> None:
    disparity = np.full(SIZE, 3.0, np.float32)
    disparity[0] = np.inf
    for number, name in enumerate(("Adirondack-perfect", "chess1")):
        for side in (0, 1):
            picture(root / name / f"im{side}.png", 2 * number + side)
        pfm(root / name / "disp0.pfm", disparity)
        (root / name / "calib.txt").write_text(
            "cam0=[20.0 0 7.5; 0 21.0 5.5; 0 0 1]\ncam1=[20.0 0 8.5; 0 21.0 5.5; 0 0 1]\ndoffs=1.0\nbaseline=100.0\n"
            f"width={WIDTH}\nheight={HEIGHT}\nndisp=8\nisint=0\nvmin=1\nvmax=6\n"
        )


def projections(one: str, two: str) -> str:
    left = np.column_stack([MATRIX, [0, 0, 0]])
    right = left.copy()
    right[0, 3] = -20 * 0.5
    return "\n".join(f"{name}: {' '.join(map(str, each.ravel()))}" for name, each in ((one, left), (two, right)))


def kitti_2015(root: Path) -> None:
    for number in range(2):
        name = f"{number:06d}_10.png"
        picture(root / "training/image_2" / name, number)
        picture(root / "training/image_3" / name, number + 5)
        counts(root / "training/disp_occ_0" / name, 5 * 256)
        calibration = root / f"training/calib_cam_to_cam/{number:06d}.txt"
        calibration.parent.mkdir(exist_ok=True)
        calibration.write_text(projections("P_rect_02", "P_rect_03"))


def kitti_2012(root: Path) -> None:
    picture(root / "training/colored_0/000000_10.png", 0)
    picture(root / "training/colored_0/000000_11.png", 1)
    picture(root / "training/colored_1/000000_10.png", 5)
    counts(root / "training/disp_occ/000000_10.png", 5 * 256)
    (root / "training/calib").mkdir()
    (root / "training/calib/000000.txt").write_text(projections("P2", "P3"))


DRIVE = "2011_09_26_drive_0001_sync"


def kitti_drive(root: Path) -> None:
    for number in range(2):
        for camera in (2, 3):
            picture(root / f"2011_09_26/{DRIVE}/image_0{camera}/data/{number:010d}.png", 10 * camera + number)
    counts(root / f"train/{DRIVE}/proj_depth/groundtruth/image_02/0000000001.png", 2 * 256)
    (root / "2011_09_26/calib_cam_to_cam.txt").write_text(projections("P_rect_02", "P_rect_03"))
    (root / "2011_09_26/calib_velo_to_cam.txt").write_text("R: 1 0 0 0 1 0 0 0 1\nT: 0 0 0\n")
    stamps = "2011-09-26 13:02:25.064389445\n2011-09-26 13:02:25.164389445\n"
    (root / f"2011_09_26/{DRIVE}/image_02/timestamps.txt").write_text(stamps)


def nyu(root: Path) -> None:
    h5py = pytest.importorskip("h5py")
    raw, filled = np.full((2, *SIZE), 2.5, np.float32), np.full((2, *SIZE), 2.5, np.float32)
    raw[:, 0] = 0
    with h5py.File(root / "nyu_depth_v2_labeled.mat", "w") as file:
        file["images"] = np.stack([bags.picture(0), bags.picture(1)]).transpose(0, 3, 2, 1)
        file["rawDepths"], file["depths"] = raw.transpose(0, 2, 1), filled.transpose(0, 2, 1)


def booster(root: Path) -> None:
    write_booster(root)


@dataclass(frozen=True)
class Case:
    """A made-up sample and what a recording of it must say."""

    layout: str
    write: object
    frames: int
    camera: tuple[float, ...] = (20.0, 21.0, 7.5, 5.5)
    baseline: float = 0.0
    offset: float = 0.0
    depth: float = 0.0
    truth: float = 0.0
    others: tuple[str, ...] = ()
    folder: str = "."


CASES = {
    "transcg": Case("transcg", transcg, 2, depth=2.0, truth=1.0, others=("tom",)),
    "transcg-l515": Case(
        "transcg-l515", lambda root: transcg(root, 2, 4000), 2, depth=2.0, truth=1.0, others=("tom",)
    ),
    "transcg one scene": Case("transcg", transcg, 1, depth=2.0, truth=1.0, others=("tom",), folder="scene10"),
    "graspnet": Case("graspnet", graspnet, 2, depth=0.6, others=("labels",)),
    "graspnet-kinect": Case(
        "graspnet-kinect", lambda root: graspnet(root, "kinect"), 2, depth=0.6, others=("labels",)
    ),
    "hammer": Case("hammer", hammer, 2, depth=0.9, truth=0.85),
    "hammer-l515": Case("hammer-l515", lambda root: hammer(root, "l515"), 2, depth=0.9, truth=0.85),
    "hammer-tof": Case("hammer-tof", lambda root: hammer(root, "tof"), 2, depth=0.9, truth=0.85),
    "middlebury": Case("middlebury", middlebury, 2, baseline=0.1, offset=1.0, truth=20 * 0.1 / 4),
    "kitti 2015": Case("kitti", kitti_2015, 2, baseline=0.5, truth=20 * 0.5 / 5),
    "kitti 2012": Case("kitti", kitti_2012, 1, baseline=0.5, truth=20 * 0.5 / 5, folder="training"),
    "kitti drive": Case("kitti", kitti_drive, 2, baseline=0.5, truth=2.0, folder=f"2011_09_26/{DRIVE}"),
    "nyu": Case(
        "nyu", nyu, 2, camera=(518.8579, 519.469611, 325.582449, 253.736166), depth=2.5, truth=2.5
    ),
    "booster": Case(
        "booster", booster, 4, camera=(FX, FX, 31.5, 23.5), baseline=BASELINE_MM / 1000, truth=16.0, others=("tom",)
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_a_recording_holds_what_the_set_knows(tmp_path, name):
    case, root = CASES[name], tmp_path / "set"
    root.mkdir()
    case.write(root)
    out = tmp_path / "out"
    written = write_layout(out, READERS[case.layout](root / case.folder))
    beside = out.with_name("out.yaml")
    frames = list(read_frames(out, Parameters.from_yaml(beside) if beside.exists() else Parameters()))
    assert written.frames == len(frames) == case.frames
    for frame in frames:
        camera = frame.camera
        assert (camera.fx, camera.fy, camera.cx, camera.cy) == pytest.approx(case.camera)
        assert (camera.baseline, camera.cx_offset) == pytest.approx((case.baseline, case.offset))
        assert (frame.right is None) == bool(case.depth)
        if case.depth:
            assert np.isnan(frame.depth[0]).all()
            assert np.all(frame.depth[1:] == np.float32(case.depth))
    expected = {"truth": case.truth, "tom": "tom" in case.others, "labels": "labels" in case.others}
    for topic, known in zip(TOPICS, expected.values(), strict=True):
        assert (topic in written.options()) == bool(known)
    messages = [(topic, content) for topic, _, content in bags.read_with_rosbags(out)]
    truths = [content.data.view(np.float32) for topic, content in messages if topic == TOPICS[0]]
    assert all(np.nanmax(truth) == pytest.approx(case.truth, rel=1e-5) for truth in truths)
    labels = [content.data.view(np.uint16) for topic, content in messages if topic == TOPICS[2]]
    assert all(set(np.unique(each)) == {0, 42} for each in labels)
    tom = [content.data for topic, content in messages if topic == TOPICS[1]]
    assert all(set(np.unique(each)) <= {0, 255} for each in tom)
    assert any(each.any() for each in tom) == ("tom" in case.others)


def test_a_drive_has_its_own_stamps_and_the_annotated_depth_where_there_is_any(tmp_path):
    kitti_drive(tmp_path)
    one, two = READERS["kitti"](tmp_path / "2011_09_26" / DRIVE)
    assert two.frame.stamp_ns - one.frame.stamp_ns == 100_000_000
    assert one.truth is None
    assert np.isnan(two.truth[0]).all()


def test_scenes_are_in_the_order_of_their_numbers(tmp_path):
    transcg(tmp_path)
    sources = [Path(each.source).parent.name for each in READERS["transcg"](tmp_path)]
    assert sources == ["scene2", "scene10"]


def test_every_reader_has_its_name_on_the_command_line():
    assert [name.value for name in LayoutName] == list(READERS)


@pytest.mark.parametrize("layout", sorted(READERS))
def test_a_folder_of_something_else_gets_one_line(tmp_path, monkeypatch, capsys, layout):
    (tmp_path / "readme.txt").write_text("nothing")
    assert commands.run(monkeypatch, ["to-bag", layout, str(tmp_path), "--out", str(tmp_path / "out")]) == 2
    error = capsys.readouterr().err
    assert len(error.splitlines()) == 1
    assert str(tmp_path) in error
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("name", "damage", "said"),
    [
        ("transcg", lambda r: (r / "camera_intrinsics/1-camIntrinsics-D435.npy").unlink(), "no camera file"),
        ("transcg", lambda r: (r / "scene2/0/depth1.png").write_bytes(b"\x89PNG"), "cannot read depth"),
        ("transcg", lambda r: (r / "scene2/0/depth1-gt-mask.png").unlink(), "cannot read the labels"),
        ("graspnet", lambda r: cv2.imwrite(str(r / "scenes/scene_0000/realsense/label/0000.png"),
                                           np.zeros((5, 5), np.uint8)), "labels of 5x5 with"),
        ("hammer", lambda r: (r / "scene12_traj1_1/polarization/intrinsics.txt").write_text("1 2"), "3x3"),
        ("middlebury", lambda r: (r / "chess1/calib.txt").write_text("cam0=[1 2]"), "does not say cam0"),
        ("middlebury", lambda r: (r / "chess1/disp0.pfm").write_bytes(b"Pf\n16"), "cannot read the disparity"),
        ("kitti 2015", lambda r: (r / "training/calib_cam_to_cam/000001.txt").write_text("P: 1"), "no P_rect_02"),
        ("kitti drive", lambda r: next((r / f"2011_09_26/{DRIVE}/image_03/data").iterdir()).unlink(), "right picture"),
        ("nyu", lambda r: (r / "nyu_depth_v2_labeled.mat").write_bytes(b"torn"), "damaged"),
        ("booster", lambda r: next(r.rglob("calib_00-02.xml")).unlink(), "calib_00-02.xml"),
    ],
)  # fmt: skip
def test_damage_gets_one_line_with_the_file_and_leaves_nothing(tmp_path, name, damage, said):
    case, root = CASES[name], tmp_path / "set"
    root.mkdir()
    case.write(root)
    damage(root)
    with pytest.raises(BadInput, match=said) as caught:
        write_layout(tmp_path / "out", READERS[case.layout](root / case.folder))
    assert "\n" not in str(caught.value)
    assert [path.name for path in tmp_path.iterdir()] == ["set"]
