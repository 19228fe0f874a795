from __future__ import annotations

import json
import os
from pathlib import Path

import cv2
import numpy as np
import pytest
from standing import CAMERA, StandingBlock
from typer.testing import CliRunner

from depth_prompt_ros.cli.evaluate import app
from depth_prompt_ros.data.readers.cleargrasp import label_objects, read_cleargrasp
from depth_prompt_ros.errors import BadInput
from depth_prompt_ros.evaluation.tom.cleargrasp import MethodResult, SceneResult, evaluate_cleargrasp, scene_checks
from depth_prompt_ros.evaluation.tom.masks import evaluate_tom_masks
from depth_prompt_ros.evaluation.tom.pairs import Shown
from depth_prompt_ros.parameters import Parameters

NAME = "000000007"
SCENE = StandingBlock()


def write_depth(path: Path, depth: np.ndarray) -> None:
    openexr = pytest.importorskip("OpenEXR")
    pixels = np.repeat(np.nan_to_num(depth)[..., None], 3, 2).astype(np.float16)
    header = {"compression": openexr.ZIP_COMPRESSION, "type": openexr.scanlineimage}
    openexr.File(header, {"RGB": pixels}).write(str(path))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A block of glass, through which the camera sees the table or nothing, and the same block painted."""
    seen = np.where(SCENE.mask & (np.indices(SCENE.mask.shape)[1] % 3 == 0), np.nan, SCENE.background)
    rng = np.random.default_rng(0)
    cv2.imwrite(str(tmp_path / f"{NAME}-transparent-rgb-img.jpg"), rng.integers(0, 255, (120, 160, 3), np.uint8))
    cv2.imwrite(str(tmp_path / f"{NAME}-mask.png"), SCENE.mask.astype(np.uint8) * 255)
    write_depth(tmp_path / f"{NAME}-transparent-depth-img.exr", seen)
    write_depth(tmp_path / f"{NAME}-opaque-depth-img.exr", SCENE.depth)
    names = {"xres": "width", "yres": "height", "fx": "fx", "fy": "fy", "cx": "cx", "cy": "cy"}
    lines = [f"{theirs}: {getattr(CAMERA, ours)}  # pixels" for theirs, ours in names.items()]
    (tmp_path / "camera_intrinsics.yaml").write_text("\n".join(lines))
    return tmp_path


@pytest.mark.parametrize("white", [255, 1])
def test_a_scene_is_read(folder: Path, white: int) -> None:
    cv2.imwrite(str(folder / f"{NAME}-mask.png"), SCENE.mask.astype(np.uint8) * white)
    (scene,) = read_cleargrasp(folder)
    assert scene.name == NAME
    assert scene.frame.camera == CAMERA
    assert (scene.mask == SCENE.mask).all()
    assert scene.frame.labels is not None and (scene.frame.labels == SCENE.mask).all()
    assert np.allclose(scene.true_depth, SCENE.depth, rtol=2e-3)
    assert scene.frame.depth is not None
    assert np.isnan(scene.frame.depth).sum() == (SCENE.mask & (np.indices((120, 160))[1] % 3 == 0)).sum()


def test_found_masks_are_counted_scene_by_scene(folder: Path) -> None:
    half = SCENE.mask & (np.cumsum(SCENE.mask).reshape(SCENE.mask.shape) <= SCENE.mask.sum() // 2)
    (result,) = evaluate_tom_masks(folder, lambda picture: half)
    assert result.name == NAME
    assert result.counts.precision == 1
    assert result.counts.iou == pytest.approx(0.5, abs=0.01)


def test_parts_are_objects_and_fragments_belong_to_the_nearest() -> None:
    mask = np.zeros((60, 100), bool)
    mask[10:50, 60:90] = mask[10:50, 5:35] = True
    mask[52:54, 70:72] = True
    labels = label_objects(mask)
    assert (labels[10:50, 5:35] == 1).all() and (labels[10:50, 60:90] == 2).all()
    assert (labels[52:54, 70:72] == 2).all()
    assert ((labels > 0) == mask).all()


@pytest.mark.parametrize(
    ("suffix", "content", "says"),
    [
        ("-transparent-rgb-img.jpg", None, "no ClearGrasp scene"),
        ("-mask.png", None, "cannot read the mask .*mask.png"),
        ("-opaque-depth-img.exr", None, "no file"),
        ("-opaque-depth-img.exr", b"not EXR", "cannot read"),
        ("-mask.png", np.ones((10, 10), np.uint8), "differ in size"),
        ("-mask.png", np.zeros((120, 160), np.uint8), "mask is empty"),
    ],
)
def test_a_scene_that_cannot_be_used(folder: Path, suffix: str, content: bytes | np.ndarray | None, says: str) -> None:
    path = folder / f"{NAME}{suffix}"
    if content is None:
        path.unlink()
    elif isinstance(content, bytes):
        path.write_bytes(content)
    else:
        cv2.imwrite(str(path), content)
    with pytest.raises(BadInput, match=says):
        list(read_cleargrasp(folder))


@pytest.mark.parametrize("content", ["fx: 3", "[", "xres: a", "5"])
def test_intrinsics_that_cannot_be_used(folder: Path, content: str) -> None:
    (folder / "camera_intrinsics.yaml").write_text(content)
    with pytest.raises(BadInput, match=r"camera_intrinsics\.yaml"):
        list(read_cleargrasp(folder))


def test_the_command_prints_and_writes_the_same_numbers(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "numbers.json"
    result = CliRunner().invoke(app, ["cleargrasp", str(folder), "--json", str(out)], env={"COLUMNS": "160"})
    assert result.exit_code == 0, result.output
    (scene,) = json.loads(out.read_text())["scenes"]
    rows = {row["method"]: row for row in scene["methods"]}
    assert rows["raw sensor"]["coverage"] == pytest.approx(2 / 3, abs=0.03)
    assert rows["ours"]["coverage"] == 1.0
    assert rows["ours"]["median_mm"] < 0.5 * rows["raw sensor"]["median_mm"]
    assert rows["upright plane"]["median_mm"] < 20
    assert rows["ours"]["moved_outside"] == 0
    assert [target["anchor"] for target in scene["targets"]] == ["support"]
    for row in rows.values():
        assert f"{row['median_mm']:.1f}" in result.output


def test_bars_of_a_published_scene_follow_its_numbers() -> None:
    def verdicts(scene: str, shared: float, rmse: float, coverage: float) -> list[bool]:
        methods = [
            MethodResult("upright plane", 1.0, 7.0, 10.0, 10.0, 20.0),
            MethodResult("ours", 1.0, 5.0, 9.0, 7.0, 20.0, 0),
            MethodResult("ours, own masks", coverage, 5.0, rmse, shared, 20.0, 0),
        ]
        nothing = np.zeros((2, 2))
        shown = Shown(nothing.astype(np.uint8), nothing.astype(np.uint16), nothing > 0, nothing, {}, [])
        return [check.met for check in scene_checks(SceneResult(scene, 9, 9, methods, [], shown))]

    assert verdicts("000000123", 14.0, 10.0, 1.0) == [True] * 6, (
        "30 % below the sensor, as good as the plane, all of it"
    )
    assert verdicts("000000123", 14.1, 10.1, 0.99) == [True] * 3 + [False] * 3
    assert verdicts("000000080", 8.1, 9.0, 1.0) == [True] * 3 + [False, True, True], "60 % there"
    assert verdicts(NAME, 1.0, 1.0, 1.0) == []


@pytest.mark.skipif("DEPTH_PROMPT_DATA" not in os.environ, reason="needs the real ClearGrasp scenes")
def test_real_clear_objects() -> None:
    folder = Path(os.environ["DEPTH_PROMPT_DATA"]) / "transparent" / "cleargrasp"
    for scene, bar in zip(evaluate_cleargrasp(folder, Parameters()), (15, 11), strict=True):
        rows = {row.method: row for row in scene.methods}
        assert rows["ours"].coverage >= 0.99
        assert rows["ours"].median_mm < bar
        assert rows["ours"].median_mm < rows["upright plane"].median_mm
        assert rows["ours"].rmse_mm < rows["upright plane"].rmse_mm
        assert rows["ours"].moved_outside == 0
