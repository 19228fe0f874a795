"""Sums of recordings' frames agree with the measures of one frame, with scikit-image and with closed form."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from skimage.metrics import mean_squared_error, normalized_root_mse

from depth_prompt_ros.camera import CameraModel
from depth_prompt_ros.evaluation import metrics
from depth_prompt_ros.evaluation.bags.flying import flying_pixels
from depth_prompt_ros.evaluation.bags.latency import Latency
from depth_prompt_ros.evaluation.bags.regions import depth_jumps, label_borders, regions_of
from depth_prompt_ros.evaluation.bags.steadiness import Steadiness
from depth_prompt_ros.evaluation.bags.sums import METRICS, RegionSums, score_regions

CAMERA = CameraModel(width=40, height=30, fx=60.0, fy=60.0, cx=19.5, cy=14.5, baseline=0.1)
RNG = np.random.default_rng(4)
TRUTH = (1 + 0.02 * np.arange(40) + 0.01 * np.arange(30)[:, None]).astype(np.float32)
ANSWER = (TRUTH * RNG.normal(1, 0.05, TRUTH.shape)).astype(np.float32)
ALL = {"all": np.ones(TRUTH.shape, bool)}
NAN = np.float32(np.nan)


def figures(answer, truth, where=None, camera=CAMERA):
    return score_regions(answer, truth, ALL if where is None else {"all": where}, camera)["all"].figures()


def test_full_pictures_agree_with_scikit_image():
    found, true, answer = figures(ANSWER, TRUTH), TRUTH.astype(float), ANSWER.astype(float)
    assert found["rmse"] == pytest.approx(1000 * np.sqrt(mean_squared_error(true, answer)), rel=1e-6)
    norm = np.sqrt((true**2).mean())
    assert found["rmse"] == pytest.approx(1000 * norm * normalized_root_mse(true, answer), rel=1e-6)
    assert found["coverage"] == 100


def test_holes_and_regions_agree_with_plain_python():
    answer, truth, where = ANSWER.copy(), TRUTH.copy(), np.zeros(TRUTH.shape, bool)
    answer[3:6, 4:20], truth[10:12, 2:9], where[2:25, 3:30] = NAN, NAN, True
    known = [(float(a), float(t)) for a, t in zip(answer[where], truth[where], strict=True) if t == t]
    pairs = [(a, t) for a, t in known if a == a]
    found = figures(answer, truth, where)
    assert found["mae"] == pytest.approx(1000 * sum(abs(a - t) for a, t in pairs) / len(pairs), rel=1e-6)
    assert found["abs_rel"] == pytest.approx(100 * sum(abs(a - t) / t for a, t in pairs) / len(pairs), rel=1e-6)
    assert found["coverage"] == pytest.approx(100 * len(pairs) / len(known), rel=1e-6)
    bars = {"delta_1_05": 1.05, "delta_1_10": 1.1, "delta_1_25": 1.25, "delta_1_25_2": 1.5625, "delta_1_25_3": 1.953125}
    for key, bar in bars.items():
        near = sum(max(a / t, t / a) < bar for a, t in pairs)
        assert found[key] == pytest.approx(100 * near / len(pairs), rel=1e-6)
    wrong = [abs(6 / a - 6 / t) for a, t in pairs]
    assert found["epe"] == pytest.approx(sum(wrong) / len(wrong), rel=1e-6)
    for key, bar in (("bad_1", 1), ("bad_2", 2), ("bad_4", 4)):
        bad = sum(w > bar for w in wrong) + len(known) - len(pairs)
        assert found[key] == pytest.approx(100 * bad / len(known), rel=1e-6)


def test_shape_with_holes_agrees_with_least_squares_and_with_cross_products_by_hand():
    answer, where = ANSWER.copy(), np.zeros(TRUTH.shape, bool)
    answer[3:6, 4:20], where[2:25, 3:30] = NAN, True
    found = figures(answer, TRUTH, where)
    p, g = (each[where & np.isfinite(answer)].astype(float) for each in (answer, TRUTH))
    g *= 5 / g.mean()
    (scale,), *_ = np.linalg.lstsq(p[:, None], g, rcond=None)
    assert found["si_rmse"] == pytest.approx(np.sqrt(mean_squared_error(g, scale * p)), rel=1e-6)
    cosines = []
    for row, column in np.argwhere(where):
        normals = []
        for depth in (answer, TRUTH):
            here, left, above = (
                np.array([(u - 19.5) / 60, (v - 14.5) / 60, 1]) * float(depth[v, u])
                for v, u in ((row, column), (row, column - 1), (row - 1, column))
            )
            normal = np.cross(here - above, here - left)
            normals.append(normal / np.linalg.norm(normal))
        cosines.append(normals[0] @ normals[1])
    assert found["normal_cosine"] == pytest.approx(np.nanmean(cosines), rel=1e-6)


def test_one_frame_agrees_with_the_measures_that_the_other_evaluations_use():
    answer = ANSWER.copy()
    answer[5:9, 5:15] = NAN
    found, every = figures(answer, TRUTH), ALL["all"]
    expected = {
        "rmse": 1000 * metrics.rmse(answer, TRUTH),
        "mae": 1000 * metrics.mae(answer, TRUTH),
        "abs_rel": 100 * metrics.abs_rel(answer, TRUTH),
        "si_rmse": metrics.si_rmse(answer, TRUTH, every),
        "normal_cosine": metrics.normal_cosine(answer, TRUTH, every, CAMERA),
        "delta_1_05": 100 * metrics.delta(answer, TRUTH, None, 1.05),
        "epe": metrics.epe(CAMERA.disparity_from_depth(answer), CAMERA.disparity_from_depth(TRUTH)),
        "bad_2": 100 * metrics.bad_n(CAMERA.disparity_from_depth(answer), CAMERA.disparity_from_depth(TRUTH), n=2),
    }
    assert {key: found[key] for key in expected} == pytest.approx(expected, rel=1e-6)


def test_shape_in_closed_form():
    """A scale is no scale-invariant error; two planes meet at one angle everywhere."""
    rays = CAMERA.rays.astype(np.float64)
    flat = np.full(TRUTH.shape, 2, np.float32)
    tilted = (2 / (rays[..., 2] + 0.5 * rays[..., 0])).astype(np.float32)
    assert figures(3 * TRUTH, TRUTH)["si_rmse"] == pytest.approx(0, abs=1e-6)
    assert figures(tilted, flat)["normal_cosine"] == pytest.approx(1 / np.sqrt(1.25), abs=1e-6)
    assert figures(flat + np.float32(0.25), flat)["rmse"] == pytest.approx(250, rel=1e-6)


def test_sums_of_two_frames_are_those_of_both_pictures_as_one():
    halves = [score_regions(ANSWER, TRUTH, {"all": half}, CAMERA)["all"] for half in (TRUTH < 1.4, TRUTH >= 1.4)]
    added, whole = (halves[0] + halves[1]).figures(), figures(ANSWER, TRUTH)
    same = [column.key for column in METRICS if column.key != "si_rmse"]  # that one is a mean of frames
    assert {key: added[key] for key in same} == pytest.approx({key: whole[key] for key in same}, rel=1e-9)


def test_without_truth_only_the_answered_pixels_are_counted():
    answer = ANSWER.copy()
    answer[:3] = NAN
    found = figures(answer, None)
    assert found["coverage"] == 90
    assert [key for key, value in found.items() if value is not None] == ["coverage"]


def test_a_depth_camera_has_no_disparities():
    assert figures(ANSWER, TRUTH, camera=replace(CAMERA, baseline=0.0))["epe"] is None


def test_nothing_to_compare_is_no_number():
    assert set(RegionSums().figures().values()) == {None}


def test_pixels_between_two_surfaces_fly_and_those_on_one_do_not():
    truth = np.full((20, 30), 1.0, np.float32)
    truth[:, 15:] = 2.0
    answer = truth.copy()
    answer[4, 14], answer[5, 15], answer[6, 3], answer[7, 14] = 1.5, 1.5, 1.5, 2.0
    assert np.argwhere(flying_pixels(answer, truth)).tolist() == [[4, 14], [5, 15]]


def test_regions():
    truth = np.full((20, 30), 1.0, np.float32)
    truth[:, 15:] = 1.2
    labels = np.zeros((20, 30), np.uint16)
    labels[8:12, 2:6] = 3
    assert np.flatnonzero(depth_jumps(truth)[0]).tolist() == list(range(12, 18))
    assert np.flatnonzero(label_borders(labels)[9]).tolist() == list(range(9))
    tom = truth > 1.1
    found = regions_of(truth, tom, labels)
    assert found["edges"].sum() == (depth_jumps(truth) | label_borders(labels)).sum()
    assert (found["tom"].sum(), found["other"].sum(), found["targets"].sum()) == (300, 300, 16)
    truth[:, 15:] = 1.04
    assert not depth_jumps(truth).any()


def test_a_still_scene_has_noise_in_time_and_a_moving_one_has_none():
    steady, picture = Steadiness(), np.full((40, 50, 3), 90, np.uint8)
    depths = RNG.normal(1, 0.004, (30, 40, 50)).astype(np.float32)
    total = None
    for number, depth in enumerate(depths):
        depth[:4] = NAN if number % 2 else 1
        found = steady(picture, {"ours": depth})
        if found is not None:
            total = found["ours"] if total is None else total + found["ours"]
    assert total.figures()["noise"] == pytest.approx(4, rel=0.02)
    assert total.figures()["flicker"] == pytest.approx(10)
    assert steady(picture + np.uint8(50), {"ours": depths[0]}) is None


def test_percentiles():
    latency = Latency()
    for number in range(101):
        latency.add({"stereo": number / 1000})
    found = latency.milliseconds()["stereo"]
    assert found == pytest.approx({"mean": 50, "p50": 50, "p90": 90, "p95": 95, "p99": 99, "max": 100})
