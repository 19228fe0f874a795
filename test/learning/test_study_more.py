"""What a study is asked beyond its usual rows: fewer objects, other sides, worse masks."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest

torch = pytest.importorskip("torch")

from depth_prompt_ros.data.sets.picture_set import PictureSet
from depth_prompt_ros.data.sets.resized import resized_set
from depth_prompt_ros.graph.prompt import load_prompt
from depth_prompt_ros.learning.background.errors import DepthNetwork, object_errors, on_white, prompted
from depth_prompt_ros.learning.background.study import more as more_module
from depth_prompt_ros.learning.background.study.execute import execute
from depth_prompt_ros.learning.background.study.figures import Results
from depth_prompt_ros.learning.background.study.more import More, errors_with, more_runs, worse_masks
from depth_prompt_ros.learning.background.study.more_tables import more_lines
from depth_prompt_ros.learning.background.study.pictures import write_prompt_sheet
from depth_prompt_ros.learning.background.study.plan import OURS, TUNED, Effort, StudiedNetwork, runs
from depth_prompt_ros.learning.background.study.sets import StudySets
from depth_prompt_ros.learning.trainer import Schedule

TINY = Schedule(steps=1, batch=2, learning_rate=1e-2, validate_every=1)
EFFORT = Effort(
    TINY, TINY, replace(TINY, recipe="paper"), TINY, 4, 3, 32,
    seeds=1, ablation_seeds=0, train=3, validation=3, test=3,
)  # fmt: skip
CPU = torch.device("cpu")


def _balls(folder, size: int = 160) -> PictureSet:
    def fill(aside) -> None:
        pictures = PictureSet.open(aside, mode="r+")
        y, x = np.mgrid[:size, :size] / size - 0.5
        for index in range(3):
            squared = 0.09 - (x - 0.02 * index) ** 2 - y**2
            pictures.masks[index] = squared > 0
            pictures.depths[index] = 1.5 - np.sqrt(np.maximum(squared, 0))
            pictures.images[index] = (255 * np.clip(2 - pictures.depths[index], 0, 1))[..., None]
            pictures.intrinsics[index] = 1.5 * size, 1.5 * size, (size - 1) / 2, (size - 1) / 2

    return PictureSet.open_or_make(folder, {"size": size}, 3, (size, size), fill)


@pytest.fixture(scope="module")
def sets(tmp_path_factory) -> StudySets:
    folder = tmp_path_factory.mktemp("sets")
    _balls(folder / "balls")
    _balls(folder / "partial", 320)
    return StudySets(folder / "balls", folder / "balls", {"in distribution": folder / "balls"}, folder / "partial",
                     folder / "balls")  # fmt: skip


def test_every_number_of_objects_is_a_row_of_prompting_and_two_of_fine_tuning() -> None:
    networks = [StudiedNetwork("scene-net"), StudiedNetwork("scene-vit")]
    planned = list(more_runs(networks, Effort(), More(objects=(30, 100), sides=(128, 160, 100))))
    assert len({run.folder for run in planned}) == len(planned) == 3 * (2 * 2 * 3 + 1)
    assert {run.row for run in planned if run.objects == 30} == {f"{row}, 30 objects" for row in ("1-BG", TUNED, OURS)}
    at_another = {(run.network.name, run.side) for run in planned if run.side}
    assert at_another == {("scene-net", 128)}  # 160 is its own, 100 no multiple of 32; the other has one side only


def test_runs_learn_from_fewer_and_at_other_sides_and_tables_have_their_rows(sets, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(more_module, "AMOUNTS", (0.1,))
    network, more = StudiedNetwork("scene-net"), More(objects=(2,), sides=(128,), masks=True)
    planned = [*runs([network], EFFORT), *more_runs([network], EFFORT, more)]
    own = [run for run in planned if run.method in ("fixed", "1-BG")]
    for run in own:
        execute(run, sets, tmp_path)
    results = Results(tmp_path, own)
    lines = more_lines(network, own, results, sets, tmp_path, EFFORT, more)
    for start, cells in (("| 2 | ", 2), ("| 3 | ", 2), ("| 128 | ", 2), ("| 160 | ", 2), ("| true | 1.000 | ", 4),
                         ("| eroded by 10 % | 0.", 4), ("| shifted by 10 % | 0.", 4)):  # fmt: skip
        line = next(line for line in lines if line.startswith(start))
        assert len([cell for cell in line.strip("|").split("|") if cell.strip()]) == cells
    where = tmp_path / "scene-net"
    assert load_prompt(where / "1-BG-128-pixels-0" / "learned.safetensors", "scene-net").picture.shape[-1] == 128
    assert '"data": "2 objects"' in (where / "1-BG-2-objects-0" / "learned.json").read_text()
    white = results.of("none (white)", "in distribution")
    under_true = next(line for line in lines if line.startswith("| true |")).split("|")
    assert float(under_true[3].split("[")[0]) == pytest.approx(white.si_rmse.mean, abs=2e-3)
    test, frozen = PictureSet.open(sets.train), DepthNetwork.frozen("scene-net", None, CPU)
    write_prompt_sheet(tmp_path / "sheet.jpg", frozen, tmp_path, own, test, CPU)
    sheet = cv2.imread(str(tmp_path / "sheet.jpg"))[..., ::-1]
    side, rows = 160, 2 + sum(not (run.side or run.objects) and run.settings is not None for run in own)
    bands = [sheet[side * each : side * (each + 1), -side:] for each in range(3 * rows + 2)]
    assert len(sheet) // side == len(bands)  # picture, depth and normals of each, depth and normals of the truth
    top = test.depths[len(test) - 1] == test.depths[len(test) - 1][test.masks[len(test) - 1]].min()
    assert (bands[-1][top] > [110, 110, 235]).all()  # there the half sphere looks at the camera
    alone = sheet[side * (3 * rows - 3) : side * (3 * rows - 2), -7 * side : -6 * side]
    assert np.ptp(alone) > 30  # the last prompt without an object


def test_worse_masks_are_worse_by_what_they_say(sets) -> None:
    balls = PictureSet.open(sets.train)
    true = np.asarray(balls.masks[1])
    root = np.sqrt(true.sum())
    kinds = worse_masks()
    assert len(kinds) == 9
    eroded, dilated, shifted = (kinds[f"{change} by 5 %"](balls, 1) for change in ("eroded", "dilated", "shifted"))
    assert (eroded <= true).all() and (dilated >= true).all()
    radius = np.sqrt(true.sum() / np.pi)
    assert np.sqrt(eroded.sum() / np.pi) == pytest.approx(radius - 0.05 * root, abs=1)
    assert np.sqrt(dilated.sum() / np.pi) == pytest.approx(radius + 0.05 * root, abs=1)
    move = np.argwhere(shifted).mean(0) - np.argwhere(true).mean(0)
    assert np.linalg.norm(move) == pytest.approx(0.05 * root, abs=1)


def test_a_worse_mask_changes_what_is_seen_and_not_what_is_scored(sets) -> None:
    balls, network = PictureSet.open(sets.train), DepthNetwork.frozen("scene-net", None, CPU)
    true, overlap = errors_with(lambda pictures, index: pictures.masks[index], network, {"w": on_white}, balls, CPU)
    expected = object_errors(prompted(network, on_white), balls, CPU)
    np.testing.assert_allclose(true["w"], expected, rtol=1e-3, atol=1e-4)
    assert overlap == 1
    worse, overlap = errors_with(worse_masks()["eroded by 10 %"], network, {"w": on_white}, balls, CPU)
    assert 0.5 < overlap < 0.8
    assert (np.abs(worse["w"] - expected) > 1e-3).any()


def test_a_resized_set_keeps_where_points_project(sets) -> None:
    whole = PictureSet.open(sets.partial)
    small = resized_set(whole, 80)
    assert resized_set(whole, 320) is whole
    assert small.images.shape == (3, 80, 80, 3)
    for at, pictures in ((80, small), (320, whole)):
        columns = np.flatnonzero(np.asarray(pictures.masks[2])[at // 2])
        fx, _, cx, _ = pictures.intrinsics[2]
        assert (columns.mean() - cx) / fx == pytest.approx(0.04 / 1.5, abs=0.004)
    np.testing.assert_array_equal(small.depths[np.array([2])][0], small.depths[2])
    assert len(small.first(2)) == 2
    small.require_objects()
