"""Real scenes in the plain layout: what is read, what is refused, and figures that can be told by hand."""

from __future__ import annotations

import json
import shutil

import cv2
import numpy as np
import pytest
from standing import CAMERA, StandingBlock
from typer.testing import CliRunner

from depth_prompt_ros.cli.main import app
from depth_prompt_ros.data.readers.scenes import RealScene, read_scene
from depth_prompt_ros.errors import BadInput
from depth_prompt_ros.evaluation.scenes.methods import BLOCK, FOOT, OURS, OURS_TOLD, PLANE, ROWS, SENSOR, UNTOLD
from depth_prompt_ros.evaluation.scenes.page import numbers
from depth_prompt_ros.evaluation.scenes.run import evaluate_scenes
from depth_prompt_ros.evaluation.scenes.scores import Scores, label_boxes, score
from depth_prompt_ros.evaluation.scenes.tables import scene_checks
from depth_prompt_ros.parameters import Parameters
from depth_prompt_ros.stages.boxes import box_iou

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


def copy_scene(folder, name):
    """Another scene beside the glass, the same files."""
    shutil.copytree(folder / "glass", folder / name)
    return folder / name


def test_with_everything_told_the_glass_is_nearer_the_truth_and_the_rest_stays(folder) -> None:
    (scene,) = evaluate_scenes([folder], GIVEN).scenes
    assert (scene.main, scene.name, scene.group, scene.glass) == (OURS_TOLD.name, "glass", "", True)
    found = scene.scores[OURS_TOLD.name].figures()
    assert (found["boxes"], found["found"], found["on_nothing"], found["targets"]) == (1, 1, 0, 1)
    assert found["tom_iou"] == 1
    assert found["glass"] < 0.5 * found["glass_sensor"]
    assert found["rest"] == found["rest_sensor"] < 1
    assert found["glass_coverage"] == found["coverage"] == 100
    assert (found["moved"], found["rmse"]) == (0, 0)  # what is known to be glass is not counted
    assert found["all"] is None


def test_told_rows_are_there_where_the_scene_has_masks_and_the_sensor_row_is_the_measurement(folder) -> None:
    opaque = copy_scene(folder, "opaque")
    for name in ("tom.png", "labels.png"):
        (opaque / name).unlink()
    evaluation = evaluate_scenes([folder], Parameters())
    scenes = {scene.name: scene for scene in evaluation.scenes}
    assert tuple(scenes["glass"].scores) == ROWS
    assert tuple(scenes["opaque"].scores) == UNTOLD
    sensor = scenes["glass"].scores[SENSOR]
    assert sensor.glass.own == sensor.glass.other == sensor.glass.shared
    assert sensor.figures()["targets"] is None
    # Table beside the block instead of the block: the foot is nearer to it than what is measured through it.
    for row in (FOOT, PLANE, BLOCK):
        assert scenes["glass"].scores[row].glass.own.rmse < 0.6 * sensor.glass.own.rmse
    assert evaluation.poorer == []


def test_without_labels_the_parts_of_the_tom_mask_are_the_things(folder) -> None:
    (folder / "glass" / "labels.png").unlink()
    (scene,) = evaluate_scenes([folder], GIVEN).scenes
    assert scene.scores[OURS_TOLD.name].figures()["found"] == 1


def test_a_scene_without_the_masks_that_the_parameters_take_is_given_nothing_and_named(folder) -> None:
    opaque = copy_scene(folder, "opaque")
    for name in ("tom.png", "labels.png"):
        (opaque / name).unlink()
    evaluation = evaluate_scenes([folder], GIVEN)
    assert evaluation.poorer == ["opaque"]
    assert {scene.name: scene.main for scene in evaluation.scenes} == {"glass": OURS_TOLD.name, "opaque": OURS.name}


def test_without_a_tom_mask_the_error_is_of_all_pixels(folder) -> None:
    for name in ("tom.png", "boxes.json"):
        (folder / "glass" / name).unlink()
    (scene,) = evaluate_scenes([folder], Parameters()).scenes
    scores = scene.scores[SENSOR]
    block = StandingBlock(width=0.2)
    known = np.isfinite(block.depth) & np.isfinite(block.background)
    measured = np.round(1000 * block.background[known])
    expected = np.sqrt(np.mean((measured - 1000 * block.depth[known]) ** 2))
    assert scores.figures()["all"] == pytest.approx(expected, rel=1e-4)
    assert [scores.figures()[name] for name in ("glass", "rest", "boxes", "tom_iou")] == [None] * 4


def test_ours_and_the_sensor_are_compared_where_both_answer(folder) -> None:
    depth = cv2.imread(str(folder / "glass" / "depth.png"), cv2.IMREAD_UNCHANGED)
    block = StandingBlock(width=0.2)
    rows = np.nonzero(block.mask)[0]
    half = block.mask & (np.indices(block.mask.shape)[0] < int(np.median(rows)))
    depth[half] = 0
    cv2.imwrite(str(folder / "glass" / "depth.png"), depth)
    (scene,) = evaluate_scenes([folder], GIVEN).scenes
    glass = scene.scores[OURS_TOLD.name].glass
    assert glass.own.pixels == glass.known == block.mask.sum()
    assert glass.shared.pixels == glass.other.pixels == (block.mask & ~half).sum()


def test_a_depth_without_one_measured_pixel_is_not_perfect_but_unknown(folder) -> None:
    cv2.imwrite(str(folder / "glass" / "depth.png"), np.zeros((120, 160), np.uint16))
    (folder / "glass" / "truth.npy").unlink()
    evaluation = evaluate_scenes([folder], Parameters())
    figures = evaluation.scenes[0].scores[OURS.name].figures()
    assert (figures["moved"], figures["rmse"], figures["glass"]) == (None, None, None)
    assert json.loads(numbers(evaluation))["scenes"][0]["rows"][OURS.name]["glass"] is None


def test_figures_of_several_scenes_are_over_all_their_pixels() -> None:
    """Two scenes, 100 and 300 measured pixels, 1 mm off throughout and 30 mm off at 12: not the mean of the two."""

    def scores(pixels: int, off: np.ndarray) -> Scores:
        measured = np.ones((1, pixels), np.float32)
        scene = RealScene("one", np.zeros((1, pixels, 3), np.uint8), CAMERA, measured)
        return score(scene, measured, (measured + off).astype(np.float32), None, None)

    off = np.zeros(300)
    off[:12] = 0.03
    together = scores(100, np.full(100, 0.001)) + scores(300, off)
    assert together.figures()["moved"] == pytest.approx(100 * 12 / 400)
    assert together.figures()["rmse"] == pytest.approx(np.sqrt((100 * 1 + 12 * 900) / 400), rel=1e-3)
    assert together.scenes == 2


def test_of_lost_pixels_and_errors_against_truth_by_hand() -> None:
    measured = np.array([[1, 1.02, np.nan, 1]], np.float32)
    answer = np.array([[1.002, np.nan, 1.004, 1.05]], np.float32)
    truth = np.array([[1, 1, 1, np.nan]], np.float32)
    scene = RealScene("one", np.zeros((1, 4, 3), np.uint8), CAMERA, measured, truth=truth)
    found = score(scene, measured, answer, None, None).figures()
    assert found["moved"] == pytest.approx(100 * 2 / 3)  # one lost, one 50 mm off
    assert found["all"] == pytest.approx(np.sqrt((2**2 + 4**2) / 2), rel=1e-3)
    assert found["all_shared"] == pytest.approx(2, rel=1e-3)
    assert found["all_sensor"] == 0  # not its 20 mm where the answer has nothing
    assert found["all_coverage"] == pytest.approx(100 * 2 / 3)


def test_the_bars_are_those_of_opaque_scenes(folder) -> None:
    checks = {check.key: check for check in scene_checks(evaluate_scenes([folder], Parameters()))}
    assert {"moved", "rmse"}.isdisjoint(checks)  # the only scene has glass
    assert checks["found"].found.endswith("of 1; bar: 1")
    (folder / "glass" / "tom.png").unlink()
    checks = {check.key: check for check in scene_checks(evaluate_scenes([folder], Parameters()))}
    assert {"moved", "rmse"} <= checks.keys()


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
        (lambda path: (path / "boxes.json").write_text("[[9, 1, 5, 7]]"), r"boxes\.json has the box \[9\.0, 1\.0"),
        (lambda path: (path / "boxes.json").write_text("[[1, 1, 5, 7], [2, 4, 8, 4]]"), r"boxes\.json has the box \[2"),
        (lambda path: (path / "boxes.json").write_text("[1, 1, 5, 7]"), r"boxes\.json is no list"),
        (lambda path: (path / "boxes.json").write_text('{"a": 1}'), r"boxes\.json is no list"),
        (lambda path: (path / "classes.json").write_text('["bowl"]'), r"classes\.json does not say what things are"),
        (lambda path: (path / "classes.json").write_text('{"one": "bowl"}'), r"classes\.json does not say what things"),
        (lambda path: (path / "truth.npy").write_bytes(b""), r"cannot read .*truth\.npy"),
    ],
)
def test_what_cannot_be_used_is_one_clear_error(folder, spoil, message) -> None:
    spoil(folder / "glass")
    with pytest.raises(BadInput, match=message):
        read_scene(folder / "glass")


def test_a_pair_is_matched_and_its_stereo_is_the_sensor_row(tmp_path) -> None:
    """A wall 8 pixels of disparity away: 150 px * 0.1 m / 8."""
    path = tmp_path / "pair"
    path.mkdir()
    left = np.random.default_rng(1).integers(0, 255, (120, 168, 3), np.uint8)
    cv2.imwrite(str(path / "image.png"), left[:, :160])
    cv2.imwrite(str(path / "right.png"), left[:, 8:])
    (path / "camera.json").write_text(json.dumps({"fx": 150, "fy": 150, "cx": 80, "cy": 60, "baseline": 0.1}))
    np.save(path / "truth.npy", np.full((120, 160), 1.875, np.float32))
    (scene,) = evaluate_scenes([tmp_path], Parameters()).scenes
    figures = scene.scores[SENSOR].figures()
    assert figures["all"] < 20
    assert figures["all_coverage"] == figures["coverage"] > 70


def test_the_command_prints_tables_and_writes_numbers_and_the_page(folder, tmp_path) -> None:
    out, about = tmp_path / "numbers.json", tmp_path / "about.md"
    about.write_text("Of one block.\n\n## scenes\n\nMade by formula.\n\n## more\n\nThe same.\n")
    shutil.copytree(folder, tmp_path / "more")
    options = ["--json", str(out), "--out", str(tmp_path / "real"), "--about", str(about)]
    result = CliRunner().invoke(app, ["evaluate", "scenes", str(folder), str(tmp_path / "more"), *options])
    assert result.exit_code == 0, result.output
    assert "over all pixels" in " ".join(result.output.split())
    said = json.loads(out.read_text())
    assert [scene["name"] for scene in said["scenes"]] == ["more/glass", "scenes/glass"]
    assert set(said["scenes"][0]["rows"]) == set(ROWS)
    page = (tmp_path / "real.md").read_text()
    assert "depth-prompt evaluate scenes scenes more --about about.md --out real" in page
    assert "Of one block." in page
    assert page.index("## scenes") < page.index("Made by formula.") < page.index("![scenes](real/scenes.jpg)")
    for name in ("scenes", "more"):
        assert cv2.imread(str(tmp_path / "real" / f"{name}.jpg")).shape[1] > 700


def test_what_is_said_of_a_group_that_there_is_not_is_an_error(folder, tmp_path) -> None:
    about = tmp_path / "about.md"
    about.write_text("## other\n\nNothing.\n")
    options = ["--out", str(tmp_path / "real"), "--about", str(about)]
    result = CliRunner().invoke(app, ["evaluate", "scenes", str(folder), *options])
    assert isinstance(result.exception, BadInput)
    assert "says something of other, but the groups of scenes are: none" in str(result.exception)
    assert not (tmp_path / "real").exists()  # before anything is evaluated


def test_a_damaged_scene_is_named_and_the_others_are_evaluated(folder, tmp_path) -> None:
    copy_scene(folder, "broken")
    (folder / "all").mkdir()
    shutil.move(folder / "broken", folder / "all" / "broken")
    (folder / "all" / "broken" / "boxes.json").write_text("[[9, 1, 5, 7]]")
    (tmp_path / "about.md").write_text("## all\n\nAll damaged.\n")
    page = ["--out", str(tmp_path / "real"), "--about", str(tmp_path / "about.md")]
    out = tmp_path / "numbers.json"
    result = CliRunner().invoke(app, ["evaluate", "scenes", str(folder), "--json", str(out), *page])
    assert result.exit_code == 1
    assert "all/broken could not be evaluated" in result.output
    said = json.loads(out.read_text())
    assert [scene["name"] for scene in said["scenes"]] == ["glass"]
    assert "boxes.json has the box" in said["damaged"]["all/broken"]
    assert "- all/broken could not be evaluated: " in (tmp_path / "real.md").read_text()
    assert isinstance(CliRunner().invoke(app, ["evaluate", "scenes", str(tmp_path / "no")]).exception, BadInput)
