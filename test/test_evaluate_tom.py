"""The evaluation on rendered pairs, end to end: its numbers are those of the pipeline's answers."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from graphs import constant, node, write_graph
from typer.testing import CliRunner

pytest.importorskip("PIL")
pytest.importorskip("matplotlib")

from depth_prompt_ros.camera import CameraModel
from depth_prompt_ros.cli.main import app
from depth_prompt_ros.data.stereo_set import StereoSet
from depth_prompt_ros.errors import BadInput
from depth_prompt_ros.evaluation.tom_methods import (
    BASE,
    BELIEVED,
    EVIDENCE,
    MERGED,
    RING,
    ROW_FILLED,
    STEREO,
    TUNED,
    UPRIGHT,
    Mono,
    Pipelines,
    frame_of,
    network_free,
)
from depth_prompt_ros.evaluation.tom_set import ALL_KINDS, Regions, SetScores, TrapScores, evaluate_set, evaluate_traps
from depth_prompt_ros.evaluation.tom_tables import set_checks, trap_checks
from depth_prompt_ros.parameters import Parameters
from depth_prompt_ros.pipeline import ObjectDepthPipeline

PARAMETERS = Parameters.checked({"stereo": {"num_disparities": 48}}, "test")


@pytest.fixture(scope="session")
def folders(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("pairs")
    for kind, count in (("tom-unseen", 2), ("tom-traps", 5)):
        settings = {"kind": kind, "count": count, "size": [96, 128], "seed": 3}
        StereoSet.open_or_make(folder / kind, settings, count, (96, 128), lambda aside, kind=kind: fill(aside, kind))
    return folder / "tom-unseen", folder / "tom-traps"


def fill(folder: Path, kind: str) -> None:
    """Ground with a box and a pane that stand on it; through the pane the ground is seen, on traps a picture."""
    pairs = StereoSet.open(folder, mode="r+")
    columns, rows = np.meshgrid(np.arange(128, dtype=np.float32), np.arange(96, dtype=np.float32))
    ground = 2 + rows / 8
    for index in range(len(pairs)):
        rng = np.random.default_rng(index)
        left = cv2.resize(rng.integers(0, 255, (64, 128, 3), np.uint8), (160, 96))
        right = cv2.remap(left, columns + ground, rows, cv2.INTER_LINEAR)
        labels = np.zeros((96, 128), np.uint8)
        labels[40:80, 70:110], labels[32:72, 20:60] = 2, 1
        if kind == "tom-traps":
            labels[labels == 2] = 0
        disparity = np.select([labels == 2, labels == 1], [12.0, 11.0], ground)
        for thing in ((labels == 2), (labels == 1) & (kind == "tom-traps")):
            for row, column in np.argwhere(thing):
                right[row, column - int(disparity[row, column])] = left[row, column]
        pairs.lefts[index], pairs.rights[index], pairs.labels[index] = left[:, :128], right, labels
        pairs.cameras[index] = 120, 120, 63.5, 47.5, 0.06
        pairs.depths[index] = 120 * 0.06 / disparity
        pairs.tom[index] = (labels == 1) & (kind != "tom-traps")


@pytest.fixture(scope="session")
def mono(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A described network that takes brightness for nearness."""
    folder = tmp_path_factory.mktemp("mono")
    write_graph(
        folder / "mono.onnx", [node("ReduceMean", ["picture", "axis"], ["disparity"])],
        {"picture": ["n", 3, 32, 32]}, {"disparity": ["n", 1, 32, 32]}, [constant("axis", [1], [1], integer=True)],
    )  # fmt: skip
    text = "graph: mono.onnx\ninputs: {picture: image}\nwhite: 1\noutput: {meaning: relative disparity}\n"
    (folder / "mono.yaml").write_text(text)
    return folder / "mono.yaml"


def rmse_mm(answer: np.ndarray, truth: np.ndarray, where: np.ndarray) -> float:
    with np.errstate(invalid="ignore"):
        both = where & np.isfinite(answer) & (truth <= 10)
    error = np.minimum(answer, 10)[both].astype(np.float64) - truth[both]
    return float(1000 * np.sqrt(np.mean(error**2)))


def test_the_scores_are_those_of_the_pipeline_s_own_answers(folders: tuple[Path, Path], mono: Path) -> None:
    pairs = StereoSet.open(folders[0])
    pipelines = Pipelines((MERGED, BELIEVED), PARAMETERS)
    scores = evaluate_set(pairs, pipelines, {BASE: Mono(mono, PARAMETERS)}, sweep_every=2, show=1)
    alone = ObjectDepthPipeline(MERGED.parameters(PARAMETERS))
    found, stereo = [], []
    for index in range(len(pairs)):
        frame, truth = frame_of(pairs, index), np.asarray(pairs.depths[index])
        found.append(rmse_mm(alone(frame).depth, truth, pairs.tom[index]))
        stereo.append(rmse_mm(alone.measure(frame).depth, truth, ~pairs.tom[index]))
    assert scores.methods.inside.means(MERGED.name)["rmse"] == pytest.approx(np.nanmean(found), rel=1e-5)
    assert scores.methods.outside.means(STEREO)["rmse"] == pytest.approx(np.nanmean(stereo), rel=1e-5)
    assert scores.methods.outside.compare(BELIEVED.name, STEREO).change == 0, "what was measured is never moved"
    assert scores.methods.inside.means(BASE)["coverage"] == 100
    assert (scores.pictures, scores.swept, len(scores.shown)) == (2, 1, 1)


def test_network_free_answers_keep_stereo_outside_the_masks(folders: tuple[Path, Path]) -> None:
    pairs = StereoSet.open(folders[0])
    frame = frame_of(pairs, 0)
    measured = Pipelines((MERGED,), PARAMETERS).measure(frame)
    answers = network_free(frame, measured)
    outside = ~pairs.tom[0] & np.isfinite(measured.depth)
    for answer in answers.values():
        np.testing.assert_allclose(answer[outside], measured.depth[outside], rtol=1e-6)
    assert np.isfinite(answers[ROW_FILLED][pairs.tom[0]]).mean() > 0.9
    assert np.isfinite(answers[RING][pairs.tom[0]]).any()
    assert not np.array_equal(answers[UPRIGHT], answers[RING], equal_nan=True)


def test_traps_are_told_apart_by_kind(folders: tuple[Path, Path]) -> None:
    found = evaluate_traps(folders[1], StereoSet.open(folders[1]), Pipelines((EVIDENCE,), PARAMETERS), show=2)
    assert (
        set(found.grasped)
        == set(found.beside)
        == {"poster", "card", "empty frame", "shiny things", "photograph", ALL_KINDS}
    )
    each = [part.inside.compare(EVIDENCE.name, STEREO) for kind, part in found.grasped.items() if kind != ALL_KINDS]
    known = [comparison.rmse for comparison in each if comparison.pictures]
    assert len(known) == 5
    assert found.grasped[ALL_KINDS].inside.compare(EVIDENCE.name, STEREO).rmse == pytest.approx(np.mean(known))
    assert len(found.shown) == 2
    assert not (found.shown[0].labels != found.shown[0].tom).any(), "the trap is the target"
    assert found.beside[ALL_KINDS].inside.compare(EVIDENCE.name, STEREO).change == 0, "no mask, no target, no change"


def test_a_mono_network_that_answers_nothing_is_named(folders: tuple[Path, Path], tmp_path: Path) -> None:
    write_graph(
        tmp_path / "flat.onnx", [node("Mul", ["picture", "zero"], ["disparity"])],
        {"picture": [1, 3, 32, 32]}, {"disparity": [1, 3, 32, 32]}, [constant("zero", [1], [0])],
    )  # fmt: skip
    (tmp_path / "flat.yaml").write_text(
        "graph: flat.onnx\ninputs: {picture: image}\noutput: {meaning: relative disparity}\n"
    )
    pairs = StereoSet.open(folders[0])
    with pytest.raises(BadInput, match=r"flat\.yaml on pair_0.*same value"):
        Mono(tmp_path / "flat.yaml", PARAMETERS)(frame_of(pairs, 0), np.asarray(pairs.depths[0]))


def test_bars_follow_the_numbers() -> None:
    camera = CameraModel(20, 20, 30.0, 30.0, 9.5, 9.5, baseline=0.1)
    truth = np.full((20, 20), 1.0, np.float32)
    tom = np.zeros((20, 20), bool)
    tom[:, :10] = True

    def verdicts(merged: float, tuned: float, tuned_outside: float) -> dict[str, bool]:
        errors = {STEREO: 0.2, UPRIGHT: 0.12, RING: 0.12, BASE: 0.1, MERGED.name: merged, TUNED: tuned}
        names = list(errors)
        pairs = [(one, other) for one in names for other in names]
        scores = SetScores(1, Regions.comparing(pairs), Regions.comparing([]))
        answers = {name: truth + np.float32(error) for name, error in errors.items()}
        scores.methods.inside.add(camera, truth, tom, answers)
        outside = {name: truth + np.float32(0.1) for name in names} | {TUNED: truth + np.float32(tuned_outside)}
        scores.methods.outside.add(camera, truth, ~tom, outside)
        return {check.key: check.met for check in set_checks(scores)}

    good = verdicts(0.09, 0.069, 0.1029)
    bars = {f"weighed{end}" for end in ("", "_other", "_upright", "_ring")}
    assert set(good) == {"tuned", "tuned_other", *bars} and all(good.values())
    assert not verdicts(0.101, 0.069, 0.1)["weighed"]
    assert verdicts(0.13, 0.069, 0.1) == good | {"weighed": False, "weighed_upright": False, "weighed_ring": False}
    assert not verdicts(0.09, 0.071, 0.1)["tuned"]
    assert not verdicts(0.09, 0.069, 0.104)["tuned_other"]
    traps = TrapScores(*({ALL_KINDS: Regions.comparing([(EVIDENCE.name, STEREO)])} for _ in range(2)))
    answers = {STEREO: truth + np.float32(0.1), EVIDENCE.name: truth + np.float32(0.1)}
    traps.beside[ALL_KINDS].inside.add(camera, truth, tom, answers)
    (check,) = trap_checks(traps)
    assert check.met, "as good is no worse"
    traps.beside[ALL_KINDS].inside.add(camera, truth, tom, answers | {EVIDENCE.name: truth + np.float32(0.11)})
    (check,) = trap_checks(traps)
    assert not check.met


def test_the_command_writes_a_page_with_its_numbers(folders: tuple[Path, Path], mono: Path, tmp_path: Path) -> None:
    params = tmp_path / "params.yaml"
    params.write_text("stereo: {num_disparities: 48}\n")
    out, numbers = tmp_path / "results" / "tom", tmp_path / "numbers.json"
    arguments = ["evaluate", "tom", str(folders[0]), "--traps", str(folders[1]), "--base-mono", str(mono)]
    arguments += ["--params", str(params), "--sweep-every", "2", "--out", str(out), "--json", str(numbers)]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0, result.output
    page = (tmp_path / "results" / "tom.md").read_text()
    for picture in ("scenes.jpg", "traps.jpg", "masks.png"):
        assert f"(tom/{picture})" in page and (out / picture).stat().st_size > 1000
    assert "depth-prompt render tom-traps --kind tom-traps --count 5 --size 128 --height 96 --seed 3" in page
    assert str(tmp_path) not in page
    found = json.loads(numbers.read_text())
    ends = ("", "_other", "_upright", "_ring")
    bars = {f"{way}{end}" for way in ("merged", "weighed") for end in ends}
    assert set(found["checks"]) == {
        *bars,
        *(f"traps_{asked}_{how}" for asked in ("beside", "grasped") for how in ("own", "alone", "fooled")),
    }
    assert set(found["tables"]) == {
        "region_tom",
        "region_other",
        "duels_tom",
        "duels_other",
        "masks",
        "traps_beside",
        "traps_grasped",
    }
    lines = [[cell.strip() for cell in line.split("|")[1:-1]] for line in page.splitlines() if line.startswith("|")]
    cells = [(line[0].split(" (")[0].strip("*"), [number(cell) for cell in line[1:]]) for line in lines]
    for table in found["tables"].values():
        for name, row in table["rows"].items():
            assert (name, list(row.values())) in cells


def number(cell: str) -> float | None:
    try:
        return float(cell.replace("\u202f", ""))
    except ValueError:
        return None
