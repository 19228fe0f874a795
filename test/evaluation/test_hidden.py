"""Things of real scenes that are hidden: their masks, which are left out, and the command end to end."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace

import cv2
import numpy as np
import pytest
from hidden_scenes import ball
from standing import CAMERA, StandingBlock
from typer.testing import CliRunner

from depth_prompt_ros.cli.main import app
from depth_prompt_ros.data.readers.scenes import RealScene, read_scene
from depth_prompt_ros.errors import BadInput
from depth_prompt_ros.evaluation.hidden.box_masks import masks_in_boxes
from depth_prompt_ros.evaluation.hidden.holes import BLOBS, CASES, GLASS, SIDE, WHOLE
from depth_prompt_ros.evaluation.hidden.rows import ROWS
from depth_prompt_ros.evaluation.hidden.things import things_of

WOOD, RED = (120, 110, 100), (150, 60, 40)


def picture(mask, thing=RED):
    """The thing on wood, with a little noise."""
    plain = np.where(mask[..., None], thing, WOOD)
    return np.clip(plain + np.random.default_rng(0).normal(0, 4, plain.shape), 0, 255).astype(np.uint8)


def box_around(mask):
    rows, columns = np.nonzero(mask)
    return [int(columns.min()) - 2, int(rows.min()) - 2, int(columns.max()) + 3, int(rows.max()) + 3]


def overlap(one, other):
    return (one & other).sum() / (one | other).sum()


def write(path, depth, mask, **files):
    """A scene in the plain layout; ``files`` are JSON by stem, or pictures."""
    path.mkdir(parents=True)
    cv2.imwrite(str(path / "image.png"), picture(mask)[..., ::-1])
    (path / "camera.json").write_text(json.dumps({"fx": CAMERA.fx, "fy": CAMERA.fy, "cx": CAMERA.cx, "cy": CAMERA.cy}))
    np.save(path / "depth.npy", depth)
    for name, content in files.items():
        if isinstance(content, np.ndarray):
            cv2.imwrite(str(path / f"{name}.png"), content.astype(np.uint8))
        else:
            (path / f"{name}.json").write_text(json.dumps(content))


@pytest.fixture
def folder(tmp_path):
    """A ball in a box, a block with a label, and the block as glass: three scenes in two folders."""
    depth, mask = ball()
    block = StandingBlock(width=0.2)
    write(tmp_path / "scenes/opaque/ball", depth, mask, boxes=[box_around(mask)], classes={"1": "ball"})
    write(tmp_path / "scenes/opaque/block", block.depth, block.mask, labels=7 * block.mask, classes={"7": "box"})
    write(tmp_path / "scenes/clear/glass", block.background, block.mask, tom=255 * block.mask)
    np.save(tmp_path / "scenes/clear/glass/truth.npy", block.depth)
    return tmp_path / "scenes"


def test_what_stands_in_a_box_is_cut_out() -> None:
    block = StandingBlock(width=0.2)
    boxes = np.array([box_around(block.mask)], np.float32)
    ((number, mask),) = masks_in_boxes(picture(block.mask), CAMERA, block.depth, boxes)
    assert number == 1
    assert overlap(mask, block.mask) > 0.95


def test_what_lies_on_the_level_of_the_table_is_cut_out_by_its_colour() -> None:
    """A plate that depth cannot tell from the table."""
    plate = cv2.ellipse(np.zeros((120, 160), np.uint8), (80, 80), (30, 16), 0, 0, 360, 1, cv2.FILLED) > 0
    boxes = np.array([box_around(plate)], np.float32)
    ((_, mask),) = masks_in_boxes(picture(plate, (235, 235, 230)), CAMERA, StandingBlock().background, boxes)
    assert overlap(mask, plate) > 0.9


def test_of_two_things_in_a_box_the_one_that_goes_on_outside_is_another() -> None:
    """Both are red: where the ball ends only depth knows. What lies in both masks is the smaller one's."""
    near, mask = ball(radius=0.06, near=0.5)
    block = StandingBlock(width=0.3, near=0.8)
    visible = block.mask & ~mask
    depth = np.where(mask, near, block.depth)
    boxes = np.array([box_around(block.mask), box_around(mask)], np.float32)
    found = dict(masks_in_boxes(picture(mask | block.mask), CAMERA, depth, boxes))
    assert overlap(found[2], mask) > 0.85
    assert overlap(found[1], visible) > 0.85
    assert not (found[1] & found[2]).any()


def test_a_box_in_which_nothing_can_be_is_left_out() -> None:
    boxes = np.array([[300, 10, 320, 40], [10, 10, 11, 40]], np.float32)  # outside, and too narrow
    assert list(masks_in_boxes(picture(np.zeros((120, 160), np.bool_)), CAMERA, StandingBlock().depth, boxes)) == []


def test_which_things_are_hidden(folder) -> None:
    scene = read_scene(folder / "opaque" / "block")
    (thing,) = things_of(scene, scene.depth)
    assert (thing.number, thing.kind, thing.glass) == (7, "box", False)
    assert things_of(replace(scene, classes={7: None}), scene.depth) == []  # its mask is no good
    rows = np.indices(scene.depth.shape)[0]
    most = np.where(thing.mask & (rows > np.quantile(rows[thing.mask], 0.45)), np.float32(np.nan), scene.depth)
    assert things_of(scene, most.astype(np.float32)) == []  # measured on less than half
    small = np.zeros_like(scene.labels)
    small[5:12, 5:12] = 1
    assert things_of(replace(scene, labels=small), scene.depth) == []


def test_glass_needs_a_truth_and_is_whole(folder) -> None:
    scene = read_scene(folder / "clear" / "glass")
    (thing,) = things_of(scene, scene.depth)
    assert thing.glass
    np.testing.assert_array_equal(thing.truth, scene.truth)
    assert things_of(replace(scene, truth=None), scene.depth) == []
    left = scene.tom.copy()
    left[:, :80] = False
    assert things_of(replace(scene, labels=scene.tom.astype(np.uint16), tom=left), scene.depth) == []  # half of it


def test_parts_of_the_tom_mask_are_numbered_after_the_boxes(folder) -> None:
    scene = read_scene(folder / "opaque" / "ball")
    tom = np.zeros(scene.depth.shape, np.bool_)
    tom[90:110, 5:30] = True
    both: RealScene = replace(scene, tom=tom, truth=scene.depth)
    assert [(thing.number, thing.glass) for thing in things_of(both, scene.depth)] == [(1, False), (2, True)]


def test_the_command_prints_tables_and_writes_numbers_and_the_page(folder, tmp_path) -> None:
    write(tmp_path / "scenes/opaque/bare", StandingBlock().background, np.zeros((120, 160), np.bool_))
    about, out = tmp_path / "about.md", tmp_path / "numbers.json"
    about.write_text("Made by formula.\n")
    options = ["--json", str(out), "--out", str(tmp_path / "page"), "--about", str(about)]
    result = CliRunner().invoke(app, ["evaluate", "hidden", str(folder), *options])
    assert result.exit_code == 0, result.output
    assert "nothing to hide in opaque/bare" in " ".join(result.output.split())
    said = json.loads(out.read_text())
    hidden = {(thing["scene"], thing["number"], thing["hidden"]) for thing in said["things"]}
    ways = {
        (scene, number, way)
        for scene, number in (("opaque/ball", 1), ("opaque/block", 7))
        for way in (WHOLE, SIDE, BLOBS)
    }
    assert hidden == ways | {("clear/glass", 1, GLASS)}
    rows = {(thing["scene"], thing["hidden"]): thing["rows"] for thing in said["things"]}
    assert all(set(each) == set(ROWS) for each in rows.values())
    assert set(said["checks"]) == set(CASES)
    assert said["tables"][WHOLE]["rows"]["block"]["things"] == 2
    # The outline is a ball's, and of what is seen through the block nothing is nearer than the block on its foot.
    assert rows["opaque/ball", BLOBS]["outline in the network's place"]["rmse"] < 5
    assert rows["opaque/ball", BLOBS]["own plane"]["rmse"] > 15
    glass = rows["clear/glass", GLASS]
    assert glass["block"]["rmse"] < 0.5 * glass["filled along the row"]["rmse"]
    assert glass["learned background"]["answered"] == glass["learned background"]["known"]
    page = (tmp_path / "page.md").read_text()
    assert "depth-prompt evaluate hidden scenes --about about.md --out page" in page
    assert page.index("Made by formula.") < page.index("## Wholly hidden: 2 things") < page.index("(page/whole.jpg)")
    for case in CASES:
        assert cv2.imread(str(tmp_path / "page" / f"{case}.jpg")).shape[1] > 700


def test_what_cannot_be_used_is_one_clear_error_and_a_damaged_scene_is_named(folder, tmp_path) -> None:
    missing = CliRunner().invoke(app, ["evaluate", "hidden", str(tmp_path / "no")])
    assert isinstance(missing.exception, BadInput)
    shutil.rmtree(folder / "clear")
    (folder / "opaque" / "ball" / "boxes.json").unlink()
    shutil.move(folder / "opaque" / "ball", tmp_path / "bare" / "ball")
    bare = CliRunner().invoke(app, ["evaluate", "hidden", str(tmp_path / "bare"), "--out", str(tmp_path / "page")])
    assert isinstance(bare.exception, BadInput)
    assert "none of 1 scenes has a thing that can be hidden" in str(bare.exception)
    assert not (tmp_path / "page.md").exists()
    shutil.copytree(folder / "opaque" / "block", folder / "opaque" / "broken")
    (folder / "opaque" / "broken" / "classes.json").write_text("[]")
    result = CliRunner().invoke(app, ["evaluate", "hidden", str(folder), "--json", str(tmp_path / "numbers.json")])
    assert result.exit_code == 1
    assert "opaque/broken could not be evaluated" in result.output
    said = json.loads((tmp_path / "numbers.json").read_text())
    assert "classes.json does not say" in said["damaged"]["opaque/broken"]
    assert {thing["scene"] for thing in said["things"]} == {"opaque/block"}
