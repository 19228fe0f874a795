"""Scores on ToM and other pixels against the same in plain Python; baselines and worse masks against definitions."""

from __future__ import annotations

import math

import numpy as np
import pytest

from depth_prompt_ros.camera import CameraModel
from depth_prompt_ros.data.worse_masks import CHANGES
from depth_prompt_ros.evaluation.baselines import ring_plane
from depth_prompt_ros.evaluation.tom.mask_quality import degraded
from depth_prompt_ros.evaluation.tom.scores import RegionScores
from depth_prompt_ros.frame import Frame

CAMERA = CameraModel(40, 30, 50.0, 50.0, 19.5, 14.5, baseline=0.1)
NAN = np.float32(np.nan)


def made_up(seed: int) -> tuple[np.ndarray, np.ndarray, dict[str, np.ndarray]]:
    """Truth with unknown and far pixels, a region, and two answers with holes; one goes beyond 10 m."""
    rng = np.random.default_rng(seed)
    truth = rng.uniform(0.4, 3, (30, 40)).astype(np.float32)
    truth[rng.random(truth.shape) < 0.1] = NAN
    truth[:2] = 11
    region = rng.random(truth.shape) < 0.4
    answers = {}
    for name, noise in (("good", 0.03), ("bad", 0.3)):
        answer = truth * np.exp(rng.normal(scale=noise, size=truth.shape)).astype(np.float32)
        answer[rng.random(truth.shape) < 0.2] = NAN
        answers[name] = answer
    answers["bad"][5, 5:20] = 70
    return truth, region, answers


def chosen(truth: np.ndarray, region: np.ndarray, *answers: np.ndarray) -> list[tuple[float, ...]]:
    """Truth and answers, clipped, of the region's pixels that count and that all answer."""
    found = []
    for y in range(truth.shape[0]):
        for x in range(truth.shape[1]):
            known = region[y, x] and truth[y, x] <= 10
            if known and all(not math.isnan(answer[y, x]) for answer in answers):
                found.append((float(truth[y, x]), *(min(float(answer[y, x]), 10.0) for answer in answers)))
    return found


def rmse(pixels: list[tuple[float, ...]], which: int) -> float:
    return 1000 * math.sqrt(sum((pixel[which] - pixel[0]) ** 2 for pixel in pixels) / len(pixels))


def test_measures_are_means_over_pictures_of_those_by_hand() -> None:
    scores, expected = RegionScores(), []
    for seed in (1, 2, 3):
        truth, region, answers = made_up(seed)
        scores.add(CAMERA, truth, region, answers)
        pixels = chosen(truth, region, answers["bad"])
        errors = [abs(answer - right) for right, answer in pixels]
        apart = [abs(5 / answer - 5 / right) for right, answer in pixels]
        count = len(chosen(truth, region))
        expected.append(
            {
                "rmse": rmse(pixels, 1),
                "mae": 1000 * sum(errors) / len(errors),
                "abs_rel": 100
                * sum(error / right for error, (right, _) in zip(errors, pixels, strict=True))
                / len(errors),
                "median": 1000 * sorted(errors)[len(errors) // 2]
                if len(errors) % 2
                else 500 * sum(sorted(errors)[len(errors) // 2 - 1 : len(errors) // 2 + 1]),
                "delta_1.05": 100 * sum(max(a / r, r / a) < 1.05 for r, a in pixels) / len(pixels),
                "epe": sum(apart) / len(apart),
                "bad_2": 100 * (sum(error > 2 for error in apart) + count - len(pixels)) / count,
                "coverage": 100 * len(pixels) / count,
            }
        )
    means = {name: sum(picture[name] for picture in expected) / 3 for name in expected[0]}
    assert scores.means("bad") == pytest.approx(means, rel=1e-6)
    low, high = scores.interval("bad")
    assert min(picture["rmse"] for picture in expected) <= low < means["rmse"] < high


def test_two_methods_are_compared_where_both_answer() -> None:
    scores, expected, shares = RegionScores([("good", "bad")]), [], []
    for seed in (1, 2, 3, 4):
        truth, region, answers = made_up(seed)
        scores.add(CAMERA, truth, region, answers)
        pixels = chosen(truth, region, answers["good"], answers["bad"])
        expected.append((rmse(pixels, 1), rmse(pixels, 2)))
        shares.append(len(pixels) / len(chosen(truth, region)))
    found = scores.compare("good", "bad")
    one, other = (sum(pair[which] for pair in expected) / 4 for which in (0, 1))
    assert (found.rmse, found.other) == pytest.approx((one, other), rel=1e-6)
    assert found.change == pytest.approx(100 * (one / other - 1), rel=1e-6)
    assert found.low <= found.change <= found.high < 0
    assert found.pixels == pytest.approx(100 * sum(shares) / 4)
    assert found.pictures == 4


def test_nothing_in_common_is_no_number() -> None:
    truth, region, answers = made_up(1)
    answers["bad"] = np.where(np.isnan(answers["good"]), answers["bad"], NAN)
    scores = RegionScores([("good", "bad"), ("good", "none")])
    scores.add(CAMERA, truth, region, answers)
    found = scores.compare("good", "bad")
    assert math.isnan(found.change) and (found.pixels, found.pictures) == (0, 0)
    assert math.isnan(scores.compare("good", "none").change)
    scores.add(CAMERA, truth, np.zeros_like(region), answers)
    assert scores.compare("good", "bad").pictures == 0, "a picture without the region is passed over"


def test_the_ring_s_plane_closes_a_hole_in_a_wall() -> None:
    rng = np.random.default_rng(0)
    camera = CameraModel(160, 120, 150.0, 150.0, 79.5, 59.5)
    wall = 1 / camera.rays_dot([0.1, -0.25, 0.8])
    mask = np.zeros(wall.shape, bool)
    mask[40:80, 50:110] = True
    seen = wall.copy()
    seen[mask] = rng.uniform(2, 4, mask.sum())
    outliers = rng.random(wall.shape) < 0.2
    seen[outliers & ~mask] = 3
    np.testing.assert_allclose(ring_plane(camera, mask, seen)[mask], wall[mask], rtol=2e-3)
    assert np.isnan(ring_plane(camera, mask, seen)[~mask]).all()
    assert np.isnan(ring_plane(camera, mask, np.full_like(seen, NAN))).all()


@pytest.fixture
def frame() -> Frame:
    labels = np.zeros((120, 160), np.uint16)
    labels[30:70, 20:60], labels[50:110, 90:140] = 3, 7
    image = np.zeros((120, 160, 3), np.uint8)
    return Frame(5, "pair", image, CameraModel(160, 120, 150.0, 150.0, 79.5, 59.5), image, None, labels, labels == 3)


@pytest.mark.parametrize("change", CHANGES)
def test_masks_are_made_worse_in_step(frame: Frame, change: str) -> None:
    worse = degraded(frame, change, 0.1)
    assert frame.labels is not None and worse.labels is not None and worse.tom is not None
    assert set(np.unique(worse.labels)) == {0, 3, 7}
    assert (worse.tom == (worse.labels == 3)).all()
    before, after = frame.labels == 3, worse.labels == 3
    if change == "eroded":
        assert (after <= before).all() and after.sum() == pytest.approx(32 * 32, rel=0.05)
    elif change == "dilated":
        assert (before <= after).all() and after.sum() == pytest.approx(
            48 * 48 - 4 * 4**2 * (1 - math.pi / 4), rel=0.05
        )
    else:
        moved = np.argwhere(after).mean(0) - np.argwhere(before).mean(0)
        assert np.hypot(*moved) == pytest.approx(4, abs=0.8) and after.sum() == before.sum()


def test_masks_at_the_border_are_not_eroded_from_outside(frame: Frame) -> None:
    labels = np.zeros((120, 160), np.uint16)
    labels[60:] = 1
    at_border = Frame(0, "", frame.image, frame.camera, frame.image, None, labels, labels > 0)
    worse = degraded(at_border, "eroded", 0.05)
    assert worse.tom is not None and worse.tom[-1].all() and not worse.tom[61].any()
