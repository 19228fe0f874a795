"""Real scenes in the plain layout: what is read, what is refused, and figures that can be told by hand."""

from __future__ import annotations

import json

import cv2
import numpy as np
import pytest
from standing import CAMERA, StandingBlock
from typer.testing import CliRunner

from depth_prompt_ros.cli.main import app
from depth_prompt_ros.data.readers.scenes import read_scene
from depth_prompt_ros.errors import BadInput
from depth_prompt_ros.evaluation.scenes.run import box_iou, evaluate_scenes, label_boxes
from depth_prompt_ros.parameters import Parameters

GIVEN = Parameters.checked({"segmentation": {"method": "labels"}, "tom": {"method": "labels"}}, "the test")


@pytest.fixture
def folder(tmp_path):
    """A block of glass on a table: its table is measured through it, the truth is the block."""
    scene = StandingBlock(width=0.2)
    path = tmp_path / "scenes" / "glass"
    path.mkdir(parents=True)
    picture = np.where(scene.mask[..., None], (150, 60, 40), (120, 110, 100)).astype(np.uint8)
    cv2.imwrite(str(path / "image.png"), picture[..., ::-1])
    (path / "camera.json").write_text(json.dumps({"fx": CAMERA.fx, "fy": CAMERA.fy, "cx": CAMERA.cx, "cy": CAMERA.cy}))
    cv2.imwrite(str(path / "depth.png"), np.round(1000 * scene.background).astype(np.uint16))
    np.save(path / "truth.npy", scene.depth)
    cv2.imwrite(str(path / "tom.png"), 255 * scene.mask.astype(np.uint8))
    cv2.imwrite(str(path / "labels.png"), scene.mask.astype(np.uint8))
    rows, columns = np.nonzero(scene.mask)
    (path / "boxes.json").write_text(
        json.dumps([[int(columns.min()), int(rows.min()), int(columns.max()) + 1, int(rows.max()) + 1]])
    )
    return path.parent


def test_with_everything_told_the_glass_is_nearer_the_truth_and_the_rest_stays(folder) -> None:
    (found,) = evaluate_scenes(folder, GIVEN)
    assert (found.boxes, found.found, found.on_nothing) == (1, 1, 0)
    assert found.tom_iou == 1
    assert found.glass < 0.5 * found.glass_measured
    assert found.rest == found.rest_measured < 1
    assert found.glass_coverage == 100
    assert found.moved == pytest.approx(found.tom, rel=0.2)  # all of the glass, and nothing else


def test_what_a_scene_does_not_say_is_left_out(folder) -> None:
    for name in ("truth.npy", "tom.png", "boxes.json"):
        (folder / "glass" / name).unlink()
    (found,) = evaluate_scenes(folder, Parameters.checked({"segmentation": {"method": "labels"}}, "the test"))
    assert (found.boxes, found.tom_iou, found.glass) == (None, None, None)


def test_boxes_and_their_overlap() -> None:
    labels = np.zeros((10, 10), np.uint16)
    labels[2:6, 1:5] = 3
    assert label_boxes(labels) == [(1, 2, 5, 6)]
    assert box_iou((0, 0, 4, 4), (2, 0, 6, 4)) == pytest.approx(1 / 3)
    assert box_iou((0, 0, 1, 1), (2, 2, 3, 3)) == 0


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda path: (path / "image.png").unlink(), r"has no image\.png"),
        (lambda path: (path / "depth.png").unlink(), "has neither depth"),
        (lambda path: (path / "camera.json").write_text('{"fx": 0, "fy": 1, "cx": 1, "cy": 1}'), "focal length"),
        (lambda path: (path / "camera.json").write_text("{}"), "does not say fx"),
        (lambda path: cv2.imwrite(str(path / "tom.png"), np.zeros((5, 7), np.uint8)), "tom is 7x5"),
        (lambda path: cv2.imwrite(str(path / "depth.png"), np.zeros((120, 160), np.uint8)), "no 16-bit picture"),
    ],
)
def test_what_cannot_be_used_is_one_clear_error(folder, spoil, message) -> None:
    spoil(folder / "glass")
    with pytest.raises(BadInput, match=message):
        read_scene(folder / "glass")


def test_the_command_prints_a_table_and_writes_the_numbers(folder, tmp_path) -> None:
    out = tmp_path / "numbers.json"
    result = CliRunner().invoke(app, ["evaluate", "scenes", str(folder), "--json", str(out)])
    assert result.exit_code == 0, result.output
    assert "all: sums, means" in result.output
    assert json.loads(out.read_text())["scenes"][0]["name"] == "glass"
    assert isinstance(CliRunner().invoke(app, ["evaluate", "scenes", str(tmp_path / "no")]).exception, BadInput)
