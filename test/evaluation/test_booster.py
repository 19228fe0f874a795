"""The Booster protocol against the same protocol in plain Python, pixel by pixel, on a tiny set in Booster's layout."""

from __future__ import annotations

import json
import math
from pathlib import Path

import cv2
import numpy as np
import pytest
from booster_scenes import BASELINE_MM, FX, HEIGHT, WIDTH, write_booster
from typer.testing import CliRunner

from depth_prompt_ros.cli.main import app
from depth_prompt_ros.data.readers.booster import list_booster
from depth_prompt_ros.errors import BadInput
from depth_prompt_ros.evaluation.tom.booster import (
    evaluate_booster,
    fitted_depth_mm,
    match_pairs,
    mean_scores,
    mono_scores,
    quarter_truth,
    read_predictions,
    stereo_scores,
)
from depth_prompt_ros.frame import DepthMeasurement, Frame

ROWS, COLUMNS = HEIGHT // 4, WIDTH // 4


@pytest.fixture
def booster(tmp_path: Path) -> Path:
    return write_booster(tmp_path / "booster")


@pytest.fixture
def predictions(booster: Path, tmp_path: Path) -> Path:
    """Inverse depth up to scale and shift, of another size than the truth, wrong on the glass and with noise."""
    rng = np.random.default_rng(5)
    for scene in list_booster(booster):
        answer = np.nan_to_num(scene.disparity, nan=8.0)
        answer[12:32, 20:44] = 9.0
        for left in scene.lefts:
            noisy = (answer + rng.normal(scale=0.4, size=answer.shape))[:40:2, ::2] * 0.013 - 4
            path = tmp_path / "answers" / scene.name / "camera_00" / f"{left.stem}.npy"
            path.parent.mkdir(parents=True, exist_ok=True)
            np.save(path, noisy.astype(np.float32))
    return tmp_path / "answers"


def by_hand(booster: Path, name: str) -> tuple[list[list[float]], list[list[int]]]:
    """Quarter disparity, 0 = does not count, and categories, by loops over the files."""
    scene = booster / "train" / "balanced" / name
    full, mask = np.load(scene / "disp_00.npy"), cv2.imread(str(scene / "mask_cat.png"), cv2.IMREAD_UNCHANGED)
    truth, categories = [], []
    for row in range(ROWS):
        line = []
        for column in range(COLUMNS):
            disparity = float(full[4 * row, 4 * column]) * 0.25
            depth = BASELINE_MM * FX * 0.25 / disparity if disparity > 0 else math.inf
            line.append(disparity if 1 <= depth <= 10000 else 0.0)
        truth.append(line)
        categories.append([int(mask[4 * row, 4 * column]) for column in range(COLUMNS)])
    return truth, categories


def bilinear(picture: np.ndarray, row: int, column: int) -> float:
    """The value of a picture enlarged or shrunk to the quarter size, at one of its pixels (half-pixel centres)."""
    found = 0.0
    ends = []
    for index, target, source in ((row, ROWS, picture.shape[0]), (column, COLUMNS, picture.shape[1])):
        where = (index + 0.5) * source / target - 0.5
        first = math.floor(where)
        share = where - first
        ends.append([(min(max(first + k, 0), source - 1), share if k else 1 - share) for k in (0, 1)])
    for y, along_y in ends[0]:
        for x, along_x in ends[1]:
            found += along_y * along_x * float(picture[y, x])
    return found


def mono_by_hand(answer: np.ndarray, truth: list[list[float]], categories: list[list[int]]) -> dict[str, dict]:
    pixels = [(row, column) for row in range(ROWS) for column in range(COLUMNS) if truth[row][column] > 0]
    values = {pixel: bilinear(answer, *pixel) for pixel in pixels}
    low, high = min(values.values()), max(values.values())
    unit = {pixel: (value - low) / (high - low) for pixel, value in values.items()}
    n, p, pp = len(pixels), sum(unit.values()), sum(value**2 for value in unit.values())
    g = sum(truth[y][x] for y, x in pixels)
    pg = sum(unit[y, x] * truth[y][x] for y, x in pixels)
    scale, shift = (n * pg - p * g) / (n * pp - p * p), (pp * g - p * pg) / (n * pp - p * p)
    found: dict[str, dict] = {}
    for region, wanted in (("All", (0, 1, 2, 3)), ("ToM", (2, 3)), ("Other", (0, 1))):
        chosen = [(y, x) for y, x in pixels if categories[y][x] in wanted]
        if not chosen:
            continue
        errors, ratios, relative = [], [], []
        for y, x in chosen:
            right = BASELINE_MM * FX * 0.25 / truth[y][x]
            depth = min(max(BASELINE_MM * FX * 0.25 / (scale * unit[y, x] + shift), 1), 10000)
            errors.append(abs(depth - right))
            relative.append(abs(depth - right) / right)
            ratios.append(max(depth / right, right / depth))
        found[region] = {
            "mae": sum(errors) / len(errors),
            "rmse": math.sqrt(sum(error**2 for error in errors) / len(errors)),
            "abs_rel": sum(relative) / len(relative),
        } | {
            f"delta_{limit:.2f}": 100 * sum(ratio < limit for ratio in ratios) / len(ratios)
            for limit in (1.25, 1.2, 1.15, 1.1, 1.05)
        }
    return found


def means_by_hand(pictures: list[dict[str, dict]]) -> dict[str, dict]:
    found: dict[str, dict] = {}
    for region in ("All", "ToM", "Other"):
        those = [picture[region] for picture in pictures if region in picture]
        found[region] = {name: sum(picture[name] for picture in those) / len(those) for name in those[0]}
    return found


def close(found: dict[str, dict], expected: dict[str, dict]) -> bool:
    assert found.keys() == expected.keys()
    return all(found[region] == pytest.approx(expected[region], rel=2e-5) for region in expected)


@pytest.mark.parametrize("below", ["", "train", "train/balanced"])
def test_scenes_are_found_and_read(booster: Path, below: str) -> None:
    bottle, mirror = list_booster(booster / below)
    assert (bottle.name, mirror.name) == ("Bottle", "Mirror")
    assert [left.name for left in bottle.lefts] == ["im0.png", "im1.png"]
    assert (bottle.camera.fx, bottle.camera.baseline) == (FX, BASELINE_MM / 1000)
    assert (bottle.camera.width, bottle.camera.height) == (WIDTH, HEIGHT)
    assert np.isnan(bottle.disparity[:4]).all() and np.isfinite(bottle.disparity[4:]).all()
    assert bottle.tom is not None and bottle.tom.sum() == 20 * 24
    assert bottle.left(bottle.lefts[0]).shape == bottle.right(bottle.lefts[0]).shape == (HEIGHT, WIDTH, 3)


def test_an_unbalanced_pair_has_a_smaller_right_picture(tmp_path: Path) -> None:
    (scene, _) = list_booster(write_booster(tmp_path, "unbalanced") / "train" / "unbalanced")
    assert scene.right(scene.lefts[0]).shape == (HEIGHT // 3, WIDTH // 3, 3)
    assert scene.camera.fx == FX


def test_mono_is_scored_as_by_hand(booster: Path, predictions: Path) -> None:
    found = dict(evaluate_booster(list_booster(booster), read_predictions(predictions), mono_scores))
    expected = []
    for name in ("Bottle", "Mirror"):
        for light in ("im0", "im1"):
            answer = np.load(predictions / name / "camera_00" / f"{light}.npy")
            expected.append(mono_by_hand(answer, *by_hand(booster, name)))
            assert close(found[f"{name}/{light}"], expected[-1])
    assert "ToM" not in found["Mirror/im0"]
    assert close(mean_scores(found.values()), means_by_hand(expected))


@pytest.mark.parametrize("enlarged", [1, 4])
def test_stereo_is_scored_as_by_hand(booster: Path, enlarged: int) -> None:
    rng = np.random.default_rng(1)
    (bottle, _) = list_booster(booster)
    truth, categories = by_hand(booster, "Bottle")
    answer = (np.array(truth) + rng.normal(scale=4, size=(ROWS, COLUMNS))).astype(np.float32)
    answer[rng.random(answer.shape) < 0.2] = np.nan
    files = np.kron(answer * enlarged, np.ones((enlarged, enlarged), np.float32))
    found = stereo_scores(files, quarter_truth(bottle))
    for region, wanted in (("All", (0, 1, 2, 3)), ("ToM", (2, 3)), ("Other", (0, 1))):
        errors = [
            abs(float(answer[y, x]) - truth[y][x])
            for y in range(ROWS)
            for x in range(COLUMNS)
            if truth[y][x] > 0 and categories[y][x] in wanted
        ]
        answered = [error for error in errors if not math.isnan(error)]
        assert found[region]["epe"] == pytest.approx(sum(answered) / len(answered), rel=1e-5)
        assert found[region]["coverage"] == pytest.approx(100 * len(answered) / len(errors))
        for n in (2, 4, 6, 8):
            bad = sum(math.isnan(error) or error > n for error in errors)
            assert found[region][f"bad_{n}"] == pytest.approx(100 * bad / len(errors))


def test_what_the_fit_makes_negative_is_clipped(booster: Path) -> None:
    """An answer that falls far below the rest at one pixel that does not count towards the fit."""
    truth = quarter_truth(list_booster(booster)[0])
    steep = np.where(np.isnan(truth.disparity), np.float32(-1e4), np.nan_to_num(truth.disparity))
    depth = fitted_depth_mm(steep, truth)
    assert (depth[np.isnan(truth.disparity)] == 1).all()
    valid = np.isfinite(truth.disparity)
    np.testing.assert_allclose(depth[valid], truth.depth_mm[valid], rtol=1e-5)


def test_the_command_prints_and_writes_the_same_numbers(booster: Path, predictions: Path, tmp_path: Path) -> None:
    out = tmp_path / "numbers.json"
    arguments = ["evaluate", "booster", str(booster), "--predictions", str(predictions), "--json", str(out)]
    result = CliRunner().invoke(app, arguments, env={"COLUMNS": "200"})
    assert result.exit_code == 0, result.output
    numbers = json.loads(out.read_text())
    assert set(numbers["mean"]) == {"All", "ToM", "Other"}
    assert set(numbers["pictures"]) == {"Bottle/im0", "Bottle/im1", "Mirror/im0", "Mirror/im1"}
    for scores in numbers["mean"].values():
        assert f"{scores['rmse']:.2f}" in result.output.replace("\u202f", "")


def test_pairs_are_matched_at_the_size_of_the_evaluation(tmp_path: Path) -> None:
    (scene, _) = list_booster(write_booster(tmp_path, "unbalanced") / "train" / "unbalanced")
    truth = quarter_truth(scene)

    def right(frame: Frame) -> DepthMeasurement:
        assert frame.right is not None and frame.image.shape == frame.right.shape == (ROWS, COLUMNS, 3)
        assert (frame.camera.fx, frame.camera.baseline) == (FX / 4, BASELINE_MM / 1000)
        depth = frame.camera.depth_from_disparity(truth.disparity)
        return DepthMeasurement(depth, np.ones_like(depth))

    scores = stereo_scores(match_pairs(right)(scene, scene.lefts[0]), truth)
    assert scores["All"]["epe"] == pytest.approx(0, abs=1e-5)
    assert scores["All"]["coverage"] == 100


def test_the_command_scores_the_package_s_own_stereo(booster: Path, tmp_path: Path) -> None:
    out = tmp_path / "numbers.json"
    result = CliRunner().invoke(app, ["evaluate", "booster", str(booster), "--stereo", "--json", str(out)])
    assert result.exit_code == 0, result.output
    assert 0 < json.loads(out.read_text())["mean"]["All"]["bad_2"] <= 100


def test_a_network_of_the_catalogue_answers(booster: Path, tmp_path: Path) -> None:
    """Its scores are those of the answers in files that the network gives here."""
    torch = pytest.importorskip("torch")
    from depth_prompt_ros.networks import catalogue

    out, answers = tmp_path / "numbers.json", tmp_path / "answers"
    arguments = ["evaluate", "booster", str(booster), "--network", "scene-net", "--json", str(out)]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0, result.output
    entry, network = catalogue.find("scene-net"), catalogue.load_frozen("scene-net")
    for scene in list_booster(booster):
        for left in scene.lefts:
            picture = torch.from_numpy(entry.resized(scene.left(left).astype(np.float32) / 255)).permute(2, 0, 1)[None]
            path = answers / scene.name / "camera_00" / f"{left.stem}.npy"
            path.parent.mkdir(parents=True, exist_ok=True)
            with torch.no_grad():
                np.save(path, network(catalogue.Normalise(entry)(picture))[0, 0].numpy())
    expected = dict(evaluate_booster(list_booster(booster), read_predictions(answers), mono_scores))
    found = json.loads(out.read_text())["pictures"]
    assert all(close(found[name], expected[name]) for name in expected)


@pytest.mark.parametrize("sources", [[], ["--stereo", "--network", "scene-net"], ["--stereo", "--weights", "w"]])
def test_one_way_to_get_answers_is_asked_for(booster: Path, sources: list[str]) -> None:
    assert CliRunner().invoke(app, ["evaluate", "booster", str(booster), *sources]).exit_code == 2


@pytest.mark.parametrize(
    ("path", "content", "says"),
    [
        ("disp_00.npy", b"no", "cannot read the disparity"),
        ("calib_00-02.xml", b"<?xml version='1.0'?><opencv_storage><a>1</a></opencv_storage>", "proj_matL"),
        ("calib_00-02.xml", b"no", "calib"),
        ("mask_cat.png", b"no", "damaged"),
        ("calib_00-02.xml", None, "has no calib"),
    ],
)
def test_a_scene_that_cannot_be_used(booster: Path, predictions: Path, path: str, content: bytes, says: str) -> None:
    file = booster / "train" / "balanced" / "Bottle" / path
    file.unlink()
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(BadInput, match=says):
        list(evaluate_booster(list_booster(booster), read_predictions(predictions), mono_scores))


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (None, "there is no answer"),
        (np.full((6, 8), np.nan, np.float32), "NaN"),
        (np.ones((6, 8), np.float32), "same value"),
        (np.ones((6, 8, 3), np.float32), "expected numbers"),
    ],
)
def test_an_answer_that_cannot_be_used(booster: Path, predictions: Path, answer: np.ndarray | None, says: str) -> None:
    file = predictions / "Mirror" / "camera_00" / "im1.npy"
    file.unlink()
    if answer is not None:
        np.save(file, answer)
    with pytest.raises(BadInput, match=says) as refused:
        list(evaluate_booster(list_booster(booster), read_predictions(predictions), mono_scores))
    assert "Mirror/im1" in str(refused.value)


def test_a_folder_without_scenes(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="no Booster scene"):
        list_booster(tmp_path)
