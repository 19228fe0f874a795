"""The Python interface on a rendered table: what it takes, what it refuses in which words, what it gives and writes."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pytest

open3d = pytest.importorskip("open3d")
Image = pytest.importorskip("PIL.Image")

from depth_prompt_ros import CameraModel, ObjectDepth
from depth_prompt_ros.bag.messages import camera_info_message
from depth_prompt_ros.data.rendering.scenes import TABLETOP_CAMERA, render_tabletop_sequence
from depth_prompt_ros.errors import BadInput

ROOT = Path(__file__).parents[2]
NUMBERS = {"fx": 570.0, "fy": 570.0, "cx": 319.5, "cy": 239.5}


@pytest.fixture(scope="module")
def view():
    return next(render_tabletop_sequence(frames=1, seed=4))


@pytest.fixture(scope="module")
def estimate():
    return ObjectDepth({"segmentation": {"method": "labels"}, "tom": {"method": "none"}})


@pytest.fixture(scope="module")
def pair(view, estimate):
    return estimate(view.left, right=view.right, camera=TABLETOP_CAMERA, labels=view.labels)


@pytest.fixture
def files(view, tmp_path, monkeypatch):
    """A folder with the pictures that the documents name."""
    monkeypatch.chdir(tmp_path)
    Image.fromarray(view.left).save("left.png")
    Image.fromarray(view.right).save("right.png")
    cv2.imwrite("depth.png", np.nan_to_num(view.depth * 1000).astype(np.uint16))
    Path("camera.yaml").write_text(
        "image_width: 640\nimage_height: 480\ncamera_name: left\n"
        "camera_matrix: {rows: 3, cols: 3, data: [570, 0, 319.5, 0, 570, 239.5, 0, 0, 1]}\n"
        "distortion_model: plumb_bob\ndistortion_coefficients: {rows: 1, cols: 5, data: [0, 0, 0, 0, 0]}\n"
        "rectification_matrix: {rows: 3, cols: 3, data: [1, 0, 0, 0, 1, 0, 0, 0, 1]}\n"
        "projection_matrix: {rows: 3, cols: 4, data: [570, 0, 319.5, 0, 0, 570, 239.5, 0, 0, 0, 1, 0]}\n"
    )
    return tmp_path


def code_of(page: str) -> list[str]:
    return re.findall(r"```python\n(.*?)```", (ROOT / page).read_text(), flags=re.DOTALL)


@pytest.mark.parametrize("page", ["README.md", "docs/python.md"])
def test_the_code_that_is_shown_runs(page, files) -> None:
    blocks = code_of(page)
    assert blocks
    names: dict[str, object] = {}
    for block in blocks:
        exec(compile(block, page, "exec"), names)  # noqa: S102 (the documents are ours)
    assert len(names["answer"].targets) >= 1
    assert list(files.glob("**/*.ply"))


def test_pictures_of_opencv_are_bgr_where_that_is_said(view, pair, estimate, files) -> None:
    read = {name: cv2.imread(f"{name}.png") for name in ("left", "right")}
    given = {"camera": TABLETOP_CAMERA, "labels": view.labels, "bgr": True}
    answer = estimate(read["left"], right=read["right"], **given)
    np.testing.assert_array_equal(answer.image, view.left)
    np.testing.assert_array_equal(answer.depth, pair.depth)
    for left, right in (("left.png", "right.png"), (Image.open("left.png"), Image.open("right.png"))):
        np.testing.assert_array_equal(estimate(left, right=right, **given).image, view.left)


def test_the_readme_needs_ten_lines() -> None:
    (block,) = code_of("README.md")
    assert len(block.splitlines()) <= 10


def test_importing_the_package_loads_no_library() -> None:
    program = (
        "import sys; before = set(sys.modules); import depth_prompt_ros; depth_prompt_ros.__version__;"
        "print(sorted({name.partition('.')[0] for name in set(sys.modules) - before} - sys.stdlib_module_names))"
    )
    answer = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "['depth_prompt_ros']"


def test_a_name_that_is_not_there_is_named_with_those_that_are() -> None:
    import depth_prompt_ros

    with pytest.raises(AttributeError, match="no attribute 'Depth': there are CameraModel, ObjectDepth, Parameters"):
        depth_prompt_ros.Depth  # noqa: B018


@pytest.mark.parametrize(
    "camera",
    [
        {**NUMBERS, "baseline": 0.06},
        {"K": TABLETOP_CAMERA.K, "baseline": 0.06},
        TABLETOP_CAMERA,
    ],
    ids=["numbers", "matrix", "model"],
)
def test_a_camera_in_every_form_gives_the_same(camera, view, estimate, pair) -> None:
    again = estimate(view.left, right=view.right, camera=camera, labels=view.labels)
    assert again.camera.baseline == pytest.approx(0.06)
    np.testing.assert_array_equal(again.depth, pair.depth)


def test_cameras_of_two_eyes_and_messages_give_the_same(view, estimate, pair) -> None:
    left, right = (camera_info_message(TABLETOP_CAMERA, 0, "left", right=each) for each in (False, True))
    again = estimate(view.left, right=view.right, camera=left, right_camera=right, labels=view.labels)
    np.testing.assert_array_equal(again.depth, pair.depth)


def test_pictures_in_every_form_give_the_same(view, estimate, pair, files) -> None:
    forms = [
        (Image.fromarray(view.left), Image.fromarray(view.right)),
        ("left.png", Path("right.png")),
        (view.left[::-1][::-1], np.asfortranarray(view.right)),
    ]
    for left, right in forms:
        again = estimate(left, right=right, camera="camera.yaml", baseline=0.06, labels=view.labels)
        np.testing.assert_array_equal(again.depth, pair.depth)


def test_depth_in_metres_millimetres_and_files_is_the_same(view, estimate, files) -> None:
    counts = np.nan_to_num(view.depth * 1000).astype(np.uint16)
    np.save("depth.npy", counts.astype(np.float64) / 1000)
    answers = [
        estimate(view.left, depth=depth, camera=NUMBERS, labels=view.labels)
        for depth in (counts, counts.astype(np.int32), counts / np.float32(1000), "depth.png", "depth.npy")
    ]
    assert np.nanmedian(answers[0].measured) < 2
    for answer in answers[1:]:
        np.testing.assert_allclose(answer.measured, answers[0].measured, rtol=1e-6)


def test_targets_have_points_and_normals_that_face_the_camera(pair, view) -> None:
    assert [target.label for target in pair.targets] == np.unique(view.labels[view.labels > 0]).tolist()
    for target in pair.targets:
        known = target.mask & np.isfinite(pair.depth)
        np.testing.assert_array_equal(target.points, pair.points[known])
        np.testing.assert_array_equal(target.colours, view.left[known])
        np.testing.assert_allclose(np.linalg.norm(target.normals, axis=1), 1, rtol=1e-5)
        assert (np.einsum("ni,ni->n", target.normals, target.points) <= 1e-6).all()
        assert target.anchor in repr(target)
    assert f"{np.isfinite(pair.depth).mean():.0%} with depth" in repr(pair)


def test_box_and_point_choose_one_target_and_the_next_call_is_free_again(view, estimate) -> None:
    rows, columns = np.nonzero(view.labels == 1)
    box = (columns.min() - 4, rows.min() - 4, np.ptp(columns) + 8, np.ptp(rows) + 8)
    given = {"right": view.right, "camera": TABLETOP_CAMERA}
    boxed = estimate(view.left, **given, box=box)
    pointed = estimate(view.left, **given, point=(np.median(columns), np.median(rows)))
    for answer in (boxed, pointed):
        assert len(answer.targets) == 1
        assert (answer.targets[0].mask & (view.labels == 1)).sum() > 0.8 * len(rows)
    assert len(estimate(view.left, **given, labels=view.labels).targets) > 1
    assert estimate.parameters.segmentation.method == "labels"


def test_masks_of_glass_are_taken(view, estimate, pair) -> None:
    told = estimate(view.left, right=view.right, camera=TABLETOP_CAMERA, labels=view.labels, tom=view.labels == 1)
    assert told.tom[view.labels == 1].mean() > 0.9
    assert pair.tom[view.labels == 1].mean() < 0.1


def test_a_saved_answer_is_read_by_other_programs(pair, tmp_path) -> None:
    folder = pair.save(tmp_path / "new" / "answer")
    assert {file.name for file in folder.iterdir()} == {
        "answer.npz", "depth.png", "labels.png", "overview.png", "scene.ply", "targets.json", "tom.png",
        *(f"target_{target.label}.ply" for target in pair.targets),
    }  # fmt: skip
    counts = cv2.imread(str(folder / "depth.png"), cv2.IMREAD_UNCHANGED)
    assert counts.dtype == np.uint16
    np.testing.assert_array_equal(counts > 0, np.isfinite(pair.depth))
    assert np.nanmax(np.abs(counts[counts > 0] / 1000 - pair.depth[counts > 0])) < 0.00051
    scene = open3d.t.io.read_point_cloud(str(folder / "scene.ply"))
    assert len(scene.point.positions) == np.isfinite(pair.depth).sum()
    target = pair.targets[0]
    cloud = open3d.t.io.read_point_cloud(str(folder / f"target_{target.label}.ply"))
    np.testing.assert_array_equal(cloud.point.positions.numpy(), target.points)
    np.testing.assert_array_equal(cloud.point.normals.numpy(), target.normals)
    np.testing.assert_array_equal(cloud.point.colors.numpy(), target.colours)
    with np.load(folder / "answer.npz") as stored:
        np.testing.assert_array_equal(stored["depth"], pair.depth)
        np.testing.assert_array_equal(stored["K"], TABLETOP_CAMERA.K)
    said = json.loads((folder / "targets.json").read_text())
    assert [each["label"] for each in said["targets"]] == [each.label for each in pair.targets]
    assert cv2.imread(str(folder / "overview.png")).shape[1] > 4 * 400


def test_what_is_there_is_replaced_only_where_it_is_said(pair, tmp_path) -> None:
    (tmp_path / "answer").mkdir()
    (tmp_path / "answer" / "mine.txt").write_text("mine")
    with pytest.raises(ValueError, match="exists already"):
        pair.save(tmp_path / "answer")
    assert (tmp_path / "answer" / "mine.txt").read_text() == "mine"
    pair.save(tmp_path / "answer", overwrite=True)
    assert (tmp_path / "answer" / "depth.png").is_file()
    assert [path.name for path in tmp_path.iterdir()] == ["answer"]
    with pytest.raises(ValueError, match="cannot write"):
        pair.save("/proc/answer")


GREY = np.zeros((480, 640), np.uint8)
METRES = np.full((480, 640), 0.8, np.float32)
WRONG = {
    "float picture": ({"image": GREY / 255.0}, TypeError, "image is an array of float64, pictures are uint8: multiply"),
    "16-bit picture": ({"image": GREY.astype(np.uint16)}, TypeError, "scale it to 0..255"),
    "channels first": ({"image": np.zeros((3, 480, 640), np.uint8)}, ValueError, r"transpose\(1, 2, 0\)"),
    "transparency": ({"image": np.zeros((480, 640, 4), np.uint8)}, ValueError, r"\[\.\.\., :3\]"),
    "no picture": ({"image": 3}, TypeError, "image is int, expected a uint8 array, a PIL picture or a path"),
    "empty picture": ({"image": GREY[:0]}, ValueError, "it is empty"),
    "no such picture": ({"image": "none.png"}, ValueError, "image: cannot read picture none.png"),
    "other size": ({"depth": METRES[:240]}, ValueError, "depth is 640x240 but image is 640x480"),
    "millimetres as float": ({"depth": METRES * 800}, ValueError, "median of 640 m.*divide by 1000"),
    "8-bit depth": ({"depth": GREY + 9}, TypeError, "depth is an array of uint8: give floats in metres or uint16"),
    "depth in colours": ({"depth": np.zeros((480, 640, 3))}, ValueError, r"expected \(height, width\)"),
    "no depth at all": ({"depth": METRES * 0}, ValueError, "no valid value"),
    "neither": ({"depth": None}, ValueError, "give right.*or depth"),
    "both": ({"right": GREY}, ValueError, "one of them"),
    "half a camera": ({"camera": {"fx": 570.0, "fy": 570.0}}, ValueError, "does not say cx, cy"),
    "misspelt camera": ({"camera": {**NUMBERS, "basline": 0.1}}, ValueError, "says basline, which is none of fx"),
    "words in a camera": ({"camera": {**NUMBERS, "fx": "wide"}}, TypeError, "no number"),
    "no camera": ({"camera": 570}, TypeError, "camera is int, expected the path of a camera file"),
    "no such camera": ({"camera": "none.yaml"}, ValueError, "there is no camera file none.yaml"),
    "no lens": ({"camera": {**NUMBERS, "fx": 0.5}}, ValueError, "focal length fx=0.5"),
    "camera of another size": (
        {"camera": CameraModel(1280, 720, 900, 900, 640, 360)}, ValueError, "for 1280x720 but the picture is 640x480",
    ),
    "two targets": ({"box": (1, 2, 3, 4), "point": (1, 2)}, ValueError, "given by box and point: give one"),
    "half a box": ({"box": (1, 2)}, ValueError, "expected pixels x, y, width, height"),
    "empty box": ({"box": (1, 2, 0, 4)}, ValueError, "width and height must be above 0"),
    "box of words": ({"box": "here"}, TypeError, "expected pixels"),
    "names without a network": ({"text": "cup"}, ValueError, "depth-prompt export text"),
    "labels that are no integers": ({"labels": METRES}, TypeError, "expected integers or bool"),
    "negative labels": ({"labels": GREY.astype(int) - 1}, ValueError, "expected 0 to 65535"),
    "labels of another size": ({"labels": GREY[:, :320]}, ValueError, "labels is 320x480 but image is 640x480"),
}  # fmt: skip


@pytest.mark.parametrize("case", WRONG)
def test_each_wrong_thing_is_one_line_of_the_right_kind(case, estimate, tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    given, kind, words = WRONG[case]
    with pytest.raises(kind, match=words) as error:
        estimate(**({"image": GREY, "depth": METRES, "camera": NUMBERS} | given))
    assert isinstance(error.value, BadInput)
    assert len(str(error.value).splitlines()) == 1


@pytest.mark.parametrize(
    ("camera", "more", "words"),
    [
        (NUMBERS, {}, "give baseline in metres, or right_camera"),
        (NUMBERS, {"baseline": 60.0}, "in metres, not millimetres"),
        (NUMBERS, {"baseline": -0.06}, "expected more than 0"),
        (NUMBERS, {"right_camera": NUMBERS}, "no baseline"),
    ],
)
def test_a_pair_needs_a_baseline(camera, more, words, estimate) -> None:
    with pytest.raises(ValueError, match=words):
        estimate(GREY, right=GREY, camera=camera, **more)


@pytest.mark.parametrize(
    ("parameters", "kind", "words"),
    [
        ({"stereo": {"num_disparities": 100}}, ValueError, "stereo.num_disparities"),
        ("none.yaml", ValueError, "cannot read parameters from none.yaml"),
        (3, TypeError, "parameters are int"),
        ({"prompted_depth": {"graph": "none.onnx"}}, ValueError, "no graph at"),
    ],
)
def test_parameters_that_are_none_are_named(parameters, kind, words) -> None:
    with pytest.raises(kind, match=words):
        ObjectDepth(parameters)


def test_names_of_parameters_may_have_dots() -> None:
    found = ObjectDepth({"stereo.num_disparities": 64, "stereo": {"block_size": 7}}).parameters.stereo
    assert (found.num_disparities, found.block_size) == (64, 7)


def test_one_picture_is_no_pair(view, estimate) -> None:
    with pytest.raises(ValueError, match="right is the same picture as image"):
        estimate(view.left, right=view.left.copy(), camera=TABLETOP_CAMERA)


def test_a_tensor_is_told_from_an_array(estimate) -> None:
    tensor = SimpleNamespace(numpy=lambda: GREY)
    with pytest.raises(TypeError, match="makes an array of a tensor"):
        estimate(tensor, depth=METRES, camera=NUMBERS)
