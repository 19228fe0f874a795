"""Error measures against sums written out by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from depth_prompt_ros.camera import CameraModel
from depth_prompt_ros.evaluation import metrics

NAN = np.nan
ANSWER = np.array([[1.0, 2.0, NAN], [4.0, 8.0, 3.0]], np.float32)
TRUTH = np.array([[1.5, 5.0, 2.0], [4.0, NAN, 2.0]], np.float32)
MASK = np.array([[True, True, True], [True, True, False]])

pictures = arrays(np.float32, (6, 7), elements=st.floats(np.float32(0.1), np.float32(10), width=32) | st.just(NAN))
masks = arrays(np.bool_, (6, 7))


def pairs(answer: np.ndarray, truth: np.ndarray, mask: np.ndarray) -> list[tuple[float, float]]:
    """Answer and truth of each pixel that has both."""
    return [
        (float(a), float(t))
        for a, t, m in zip(answer.ravel(), truth.ravel(), mask.ravel(), strict=True)
        if m and math.isfinite(a) and math.isfinite(t)
    ]


def test_by_hand() -> None:
    assert metrics.epe(ANSWER, TRUTH) == pytest.approx((0.5 + 3 + 0 + 1) / 4)
    assert metrics.epe(ANSWER, TRUTH, MASK) == pytest.approx((0.5 + 3 + 0) / 3)
    assert metrics.mae(ANSWER, TRUTH, MASK) == pytest.approx((0.5 + 3 + 0) / 3)
    assert metrics.rmse(ANSWER, TRUTH) == pytest.approx(math.sqrt((0.25 + 9 + 0 + 1) / 4))
    assert metrics.abs_rel(ANSWER, TRUTH) == pytest.approx((0.5 / 1.5 + 3 / 5 + 0 + 1 / 2) / 4)
    assert metrics.coverage(ANSWER) == pytest.approx(5 / 6)
    assert metrics.median_error(ANSWER, TRUTH) == pytest.approx((0.5 + 1) / 2)
    assert metrics.delta(ANSWER, TRUTH, None, 1.5) == pytest.approx(1 / 4), "1.5 itself is not below 1.5"
    assert metrics.delta(ANSWER, TRUTH, None, 1.6) == pytest.approx(3 / 4)
    assert math.isnan(metrics.delta(ANSWER, TRUTH, np.zeros_like(MASK), 1.25))
    assert metrics.coverage(ANSWER, np.array([[False, False, True], [True, False, False]])) == pytest.approx(1 / 2)


def test_bad_n_counts_a_missing_answer_and_not_a_missing_truth() -> None:
    assert metrics.bad_n(ANSWER, TRUTH, n=2.0) == pytest.approx(2 / 5)
    assert metrics.bad_n(ANSWER, TRUTH, n=1.0) == pytest.approx(2 / 5)
    assert metrics.bad_n(ANSWER, TRUTH, MASK, 0.4) == pytest.approx(3 / 4)


@given(pictures, pictures, masks)
def test_against_loops(answer: np.ndarray, truth: np.ndarray, mask: np.ndarray) -> None:
    both = pairs(answer, truth, mask)
    if not both:
        for measure in (metrics.epe, metrics.mae, metrics.rmse, metrics.abs_rel, metrics.si_rmse):
            assert math.isnan(measure(answer, truth, mask))
        return
    count = len(both)
    assert metrics.mae(answer, truth, mask) == pytest.approx(sum(abs(a - t) for a, t in both) / count, abs=1e-9)
    assert metrics.rmse(answer, truth, mask) == pytest.approx(
        math.sqrt(sum((a - t) ** 2 for a, t in both) / count), abs=1e-9
    )
    assert metrics.abs_rel(answer, truth, mask) == pytest.approx(sum(abs(a - t) / t for a, t in both) / count, abs=1e-9)
    mean = sum(t for _, t in both) / count
    scaled = [(a, 5 * t / mean) for a, t in both]
    s = sum(a * t for a, t in scaled) / (sum(a * a for a, _ in scaled) + 1e-6)
    expected = math.sqrt(sum((s * a - t) ** 2 for a, t in scaled) / count)
    assert metrics.si_rmse(answer, truth, mask) == pytest.approx(expected, rel=1e-6, abs=1e-6)


@given(st.floats(0.1, 10), st.floats(0.1, 10))
def test_si_rmse_ignores_the_scale_of_answer_and_truth(one: float, other: float) -> None:
    rng = np.random.default_rng(0)
    answer, truth = rng.uniform(1, 2, (2, 9, 9))
    mask = rng.random((9, 9)) < 0.7
    plain = metrics.si_rmse(answer, truth, mask)
    assert plain > 0.1
    assert metrics.si_rmse(one * answer, other * truth, mask) == pytest.approx(plain, rel=1e-4)
    assert metrics.si_rmse(one * truth, truth, mask) < 1e-5


def test_si_rmse_is_the_least_over_all_scales() -> None:
    rng = np.random.default_rng(1)
    answer, truth = rng.uniform(1, 2, (2, 8, 8))
    mask = np.ones((8, 8), bool)
    truth *= 5 / truth.mean()
    by_search = min(np.sqrt(np.mean((s * answer - truth) ** 2)) for s in np.linspace(1, 8, 7001))
    assert metrics.si_rmse(answer, truth, mask) == pytest.approx(by_search, rel=1e-5)


def plane(camera: CameraModel, normal: np.ndarray) -> np.ndarray:
    """Depth of the plane through (0, 0, 1) with this normal."""
    return (normal[2] / (camera.rays.astype(np.float64) @ normal)).astype(np.float32)


def test_normal_cosine_of_two_planes_is_that_of_their_angle() -> None:
    camera = CameraModel(64, 48, 80.0, 80.0, 31.5, 23.5)
    mask = np.ones((48, 64), bool)
    facing = plane(camera, np.array([0.0, 0.0, -1.0]))
    turned = plane(camera, np.array([math.sin(0.4), 0.0, -math.cos(0.4)]))
    assert metrics.normal_cosine(turned, facing, mask, camera) == pytest.approx(math.cos(0.4), abs=1e-4)
    assert metrics.normal_cosine(3 * turned, turned, mask, camera) == pytest.approx(1, abs=1e-4)


def test_normal_cosine_leaves_out_neighbours_beyond_the_mask() -> None:
    camera = CameraModel(64, 48, 80.0, 80.0, 31.5, 23.5)
    truth = plane(camera, np.array([0.3, 0.2, -1.0]))
    mask = np.zeros((48, 64), bool)
    mask[10:30, 10:40] = True
    answer = np.where(mask, truth, np.float32(9))  # a cliff at the mask's rim
    assert metrics.normal_cosine(answer, truth, mask, camera) == pytest.approx(1, abs=1e-4)
    assert metrics.normal_cosine(answer, truth, np.ones_like(mask), camera) < 0.999
    assert math.isnan(metrics.normal_cosine(answer, truth, np.zeros_like(mask), camera))


def test_nothing_to_measure_is_nan() -> None:
    none = np.zeros(TRUTH.shape, bool)
    assert math.isnan(metrics.bad_n(ANSWER, TRUTH, none))
    assert math.isnan(metrics.coverage(ANSWER, none))
