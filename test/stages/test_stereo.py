"""Stereo matching on a made pair with known disparity, on the real motorcycle pair, and on what is no pair."""

from __future__ import annotations

import logging
from dataclasses import replace
from itertools import pairwise

import cv2
import numpy as np
import pytest

from depth_prompt_ros.camera import CameraModel
from depth_prompt_ros.errors import BadFrame
from depth_prompt_ros.evaluation import metrics
from depth_prompt_ros.frame import Frame
from depth_prompt_ros.parameters import StereoParameters
from depth_prompt_ros.stages.stereo import make_stereo_matcher
from depth_prompt_ros.stages.stereo.confidence import match_confidence
from depth_prompt_ros.stages.stereo.pair import vertical_disparity
from depth_prompt_ros.stages.stereo.texture import likeness, texture

WIDTH, HEIGHT = 320, 240
FAR, NEAR = 8.25, 24.0
BOX = np.s_[60:180, 130:230]
FLAT = np.s_[90:150, 150:210]
PARAMETERS = StereoParameters(num_disparities=48)


def made_pair(baseline: float = 0.1, flat: bool = False) -> tuple[Frame, np.ndarray]:
    """A near square before a far wall, and the true disparity of the left picture."""
    rng = np.random.default_rng(3)
    wall, square = (
        cv2.GaussianBlur(rng.uniform(0, 255, (HEIGHT, 2 * WIDTH)).astype(np.float32), (5, 5), 1.2) for _ in "ab"
    )
    if flat:
        square[FLAT] = 128
    x, y = np.meshgrid(np.arange(WIDTH, dtype=np.float32), np.arange(HEIGHT, dtype=np.float32))

    def seen(disparity_wall: float, disparity_square: float) -> np.ndarray:
        view = cv2.remap(wall, x + np.float32(disparity_wall), y, cv2.INTER_CUBIC)
        moved = slice(int(BOX[1].start - disparity_square), int(BOX[1].stop - disparity_square))
        view[BOX[0], moved] = square[BOX]
        view = view + rng.normal(scale=0.5, size=view.shape)
        return np.repeat(np.clip(view, 0, 255).astype(np.uint8)[..., None], 3, axis=2)

    truth = np.full((HEIGHT, WIDTH), FAR, np.float32)
    truth[BOX] = NEAR
    camera = CameraModel(WIDTH, HEIGHT, 300.0, 300.0, 159.5, 119.5, baseline=baseline, cx_offset=2.0)
    return Frame(1, "left", seen(0, 0), camera, seen(FAR, NEAR)), truth


def occluded() -> tuple[slice, slice]:
    return np.s_[BOX[0], BOX[1].start - 14 : BOX[1].start - 2]


def test_disparity_is_right_to_a_fraction_of_a_pixel() -> None:
    frame, truth = made_pair()
    measurement = make_stereo_matcher(PARAMETERS)(frame)
    assert measurement.disparity is not None
    assert measurement.disparity.dtype == measurement.depth.dtype == measurement.confidence.dtype == np.float32
    assert metrics.coverage(measurement.disparity) > 0.85
    assert np.nanmedian(np.abs(measurement.disparity - truth)) < 0.15
    assert metrics.bad_n(measurement.disparity, truth, np.isfinite(measurement.disparity), 1.0) < 0.01


def test_depth_is_that_of_the_disparity_with_the_principal_points_offset() -> None:
    frame, _ = made_pair()
    measurement = make_stereo_matcher(PARAMETERS)(frame)
    np.testing.assert_allclose(measurement.depth, 300 * 0.1 / (measurement.disparity + 2.0), rtol=1e-6)


def test_hidden_pixels_are_invalid_not_guessed() -> None:
    frame, _ = made_pair()
    guessing = PARAMETERS.model_copy(update={"uniqueness": 0, "min_texture": 0.0, "speckle_area": 0})
    assert metrics.coverage(make_stereo_matcher(guessing)(frame).disparity[occluded()]) < 0.1


def test_pixels_without_texture_are_invalid_not_guessed() -> None:
    """All but a few near the rim, and those are right."""
    frame, truth = made_pair(flat=True)
    inner = np.s_[FLAT[0].start + 8 : FLAT[0].stop - 8, FLAT[1].start + 8 : FLAT[1].stop - 8]
    disparity = make_stereo_matcher(PARAMETERS)(frame).disparity
    assert metrics.coverage(disparity[inner]) < 0.2
    assert np.nanmax(np.abs(disparity - truth)[inner]) < 0.5
    guessed = make_stereo_matcher(PARAMETERS.model_copy(update={"min_texture": 0.0, "uniqueness": 0}))(frame).disparity
    assert metrics.coverage(guessed[inner]) > 0.3


def bare_wall(contrast: float, noise: float) -> Frame:
    """A wall of faint texture at disparity ``FAR``; deviations in grey levels, the noise of each picture is its own."""
    rng = np.random.default_rng(3)
    wall = cv2.GaussianBlur(rng.normal(size=(HEIGHT, 2 * WIDTH)).astype(np.float32), (0, 0), 1.5)
    x, y = np.meshgrid(np.arange(WIDTH, dtype=np.float32), np.arange(HEIGHT, dtype=np.float32))

    def seen(disparity: float) -> np.ndarray:
        view = cv2.remap(wall / wall.std(), x + np.float32(disparity), y, cv2.INTER_CUBIC)
        view = 120.5 + contrast * view + rng.normal(scale=noise, size=view.shape)
        return np.repeat(view.astype(np.uint8)[..., None], 3, axis=2)

    return replace(made_pair()[0], image=seen(0), right=seen(FAR))


def test_faint_texture_of_the_scene_is_matched() -> None:
    frame = bare_wall(contrast=1.0, noise=0.3)
    assert np.median(texture(frame.image[..., 0].copy())) < 0.5
    disparity = make_stereo_matcher(PARAMETERS)(frame).disparity
    assert metrics.coverage(disparity) > 0.9
    assert np.nanmax(np.abs(disparity - FAR)) < 0.5


def test_noise_is_not_matched_as_texture() -> None:
    frame = bare_wall(contrast=0.0, noise=1.5)
    assert np.median(texture(frame.image[..., 0].copy())) > 0.6
    assert metrics.coverage(make_stereo_matcher(PARAMETERS)(frame).disparity) < 0.01


def test_pictures_are_alike_in_what_they_show_and_not_in_their_noise() -> None:
    rng = np.random.default_rng(4)
    scene = rng.integers(40, 200, (60, 90), dtype=np.uint8)
    other = rng.integers(40, 200, (60, 90), dtype=np.uint8)
    shift = np.full(scene.shape, 7, np.float32)
    inner = np.s_[8:-8, 16:-16]
    np.testing.assert_allclose(likeness(scene, np.roll(scene, -7, axis=1), shift)[inner], 1, atol=1e-5)
    assert np.abs(likeness(scene, other, shift)[inner]).mean() < 0.15
    assert not likeness(scene, scene, np.full_like(shift, np.nan)).any()


def test_columns_left_of_the_search_range_are_matched_as_far_as_the_right_picture_goes() -> None:
    frame, truth = made_pair()
    disparity = make_stereo_matcher(PARAMETERS)(frame).disparity
    assert not np.isfinite(disparity[:, : int(FAR)]).any()
    beside = np.s_[:, 14:48]
    assert metrics.coverage(disparity[beside]) > 0.8
    assert metrics.epe(disparity[beside], truth[beside]) < 0.2


def test_negative_disparities_can_be_searched() -> None:
    frame, truth = made_pair()
    shifted = replace(frame, right=np.roll(frame.right, 16, axis=1))
    parameters = StereoParameters(min_disparity=-32, num_disparities=64)
    disparity = make_stereo_matcher(parameters)(shifted).disparity
    right_edge = np.s_[:, WIDTH - 16 - 8 :]  # the roll brought other pixels there
    disparity[right_edge] = np.nan
    assert metrics.coverage(disparity[:, 24 : WIDTH - 24]) > 0.85
    assert np.nanmedian(np.abs(disparity - (truth - 16))) < 0.15


def test_what_the_right_picture_contradicts_and_lone_regions_are_dropped() -> None:
    frame, _ = made_pair()
    left, right = frame.image.copy(), frame.right.copy()
    patch = np.random.default_rng(5).integers(0, 255, (15, 15, 1), dtype=np.uint8)
    left[20:35, 280:295], right[20:35, 240:255] = patch, patch
    near = np.random.default_rng(6).integers(0, 255, (40, 50, 1), dtype=np.uint8)  # so that 40 pixels are searched
    left[10:50, 60:110], right[10:50, 20:70] = near, near
    speckled = replace(frame, image=left, right=right)

    def found(tolerance: float, area: int) -> float:
        parameters = PARAMETERS.model_copy(update={"left_right_tolerance": tolerance, "speckle_area": area})
        disparity = make_stereo_matcher(parameters)(speckled).disparity[24:31, 284:291]
        return float(np.isclose(disparity, 40, atol=0.5).mean())

    assert found(tolerance=1e6, area=0) > 0.9
    assert found(tolerance=1.5, area=0) == 0
    assert found(tolerance=1e6, area=400) == 0


def test_confidence_is_zero_exactly_where_depth_is_invalid() -> None:
    frame, _ = made_pair(flat=True)
    measurement = make_stereo_matcher(PARAMETERS)(frame)
    np.testing.assert_array_equal(measurement.confidence > 0, np.isfinite(measurement.depth))
    assert measurement.confidence.max() <= 1


def test_depth_beyond_infinity_is_invalid() -> None:
    frame, _ = made_pair()
    parallel = replace(frame, camera=replace(frame.camera, cx_offset=-FAR - 4))
    measurement = make_stereo_matcher(PARAMETERS)(parallel)
    wall = np.s_[200:230, 60:300]
    assert not np.isfinite(measurement.depth[wall]).any()
    assert not measurement.confidence[wall].any()


def test_same_frame_same_answer_on_one_thread_or_two() -> None:
    frame, _ = made_pair()
    threads = cv2.getNumThreads()
    answers = []
    try:
        for count in (1, 2):
            cv2.setNumThreads(count)
            answers.append(make_stereo_matcher(PARAMETERS)(frame))
    finally:
        cv2.setNumThreads(threads)
    np.testing.assert_array_equal(answers[0].disparity, answers[1].disparity)
    np.testing.assert_array_equal(answers[0].confidence, answers[1].confidence)


def test_smallest_pictures_are_matched_without_an_error() -> None:
    camera = CameraModel(9, 7, 10, 10, 4, 3, baseline=0.1)
    picture = np.random.default_rng(0).integers(0, 255, (7, 9, 3), dtype=np.uint8)
    measurement = make_stereo_matcher(StereoParameters())(Frame(1, "left", picture, camera, picture))
    assert measurement.depth.shape == (7, 9)


def test_swapped_pictures_are_refused() -> None:
    frame, _ = made_pair()
    with pytest.raises(BadFrame, match="swapped"):
        make_stereo_matcher(PARAMETERS)(replace(frame, image=frame.right, right=frame.image))


def test_unrelated_pictures_are_not_called_swapped() -> None:
    frame, _ = made_pair()
    other = np.random.default_rng(9).integers(0, 255, frame.image.shape, dtype=np.uint8)
    measurement = make_stereo_matcher(PARAMETERS)(replace(frame, right=other))
    assert metrics.coverage(measurement.depth) < 0.05


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"right": None}, "no right picture"),
        ({"right": np.zeros((120, 160, 3), np.uint8)}, "left picture is 320x240 but right is 160x120"),
        ({"camera": CameraModel(640, 480, 300, 300, 320, 240, 0.1)}, "camera_info says 640x480"),
        ({"camera": CameraModel(320, 240, 300, 300, 160, 120)}, "no baseline"),
    ],
)
def test_what_cannot_be_a_pair_is_refused(change: dict, says: str) -> None:
    frame, _ = made_pair()
    with pytest.raises(BadFrame, match=says):
        make_stereo_matcher(PARAMETERS)(replace(frame, **change))


def test_misaligned_rows_are_warned_of_once(caplog: pytest.LogCaptureFixture) -> None:
    frame, _ = made_pair()
    matcher = make_stereo_matcher(PARAMETERS)
    with caplog.at_level(logging.WARNING):
        matcher(frame)
    assert not caplog.records
    matcher = make_stereo_matcher(PARAMETERS)
    with caplog.at_level(logging.WARNING):
        for _ in range(2):
            matcher(replace(frame, right=np.roll(frame.right, 4, axis=0)))
    assert [record.getMessage()[:54] for record in caplog.records] == [
        "left and right pictures are misaligned by 4.0 rows: re"
    ]


def test_rows_that_come_apart_later_are_noticed(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("depth_prompt_ros.stages.stereo.pair._EVERY", 3)
    frame, _ = made_pair()
    matcher = make_stereo_matcher(PARAMETERS)
    with caplog.at_level(logging.WARNING):
        for misaligned in (False, True, True):
            matcher(replace(frame, right=np.roll(frame.right, 5 * misaligned, axis=0)))
        assert not caplog.records
        matcher(replace(frame, right=np.roll(frame.right, 5, axis=0)))
    assert len(caplog.records) == 1


def test_vertical_disparity_of_an_empty_picture_is_not_known() -> None:
    empty = np.full((120, 160), 100, np.uint8)
    assert vertical_disparity(empty, empty) is None


def test_texture_of_a_ramp_is_its_slope() -> None:
    ramp = np.tile(np.arange(0, 240, 3, dtype=np.uint8), (40, 1))
    np.testing.assert_allclose(texture(ramp)[10:-10, 10:-10], 3.0, rtol=1e-6)
    assert texture(ramp.T.copy())[10:-10, 10:-10].max() == 0


def test_confidence_does_not_punish_slant_but_does_punish_doubt() -> None:
    x, y = np.meshgrid(np.arange(80, dtype=np.float32), np.arange(60, dtype=np.float32))
    flat = np.full_like(x, 20)
    none, all_ = np.zeros_like(x), np.ones(x.shape, bool)
    inner = np.s_[12:-12, 12:-12]
    sure = match_confidence(flat, none, all_)[inner]
    np.testing.assert_allclose(match_confidence(20 + 0.2 * x + 0.3 * y, none, all_)[inner], sure, atol=1e-3)
    assert sure.min() > 0.95
    assert match_confidence(flat, none + 1, all_)[inner].max() < sure.min()
    rough = flat + np.random.default_rng(0).normal(scale=1, size=flat.shape).astype(np.float32)
    assert match_confidence(rough, none, all_)[inner].max() < sure.min()
    few = np.random.default_rng(1).random(x.shape) < 0.5
    assert match_confidence(flat, none, few)[inner].max() < sure.min()
    assert match_confidence(flat, none, few)[~few].max() == 0


@pytest.fixture(scope="module")
def motorcycle() -> tuple[Frame, np.ndarray]:
    data = pytest.importorskip("skimage.data")
    left, right, truth = data.stereo_motorcycle()
    camera = CameraModel(741, 500, 994.978, 994.978, 311.193, 254.877, 0.193001, 31.086)
    return Frame(1, "left", left, camera, right), np.where(np.isfinite(truth), truth, np.nan).astype(np.float32)


def test_motorcycle_is_right_where_it_is_valid(motorcycle: tuple[Frame, np.ndarray]) -> None:
    frame, truth = motorcycle
    disparity = make_stereo_matcher(StereoParameters(num_disparities=80))(frame).disparity
    assert metrics.epe(disparity, truth) < 0.95
    assert metrics.bad_n(disparity, truth, np.isfinite(disparity), 2.0) < 0.06
    assert metrics.coverage(disparity, np.isfinite(truth)) > 0.82


def test_motorcycle_confidence_is_the_probability_of_being_right(motorcycle: tuple[Frame, np.ndarray]) -> None:
    frame, truth = motorcycle
    measurement = make_stereo_matcher(StereoParameters(num_disparities=80))(frame)
    error = np.abs(measurement.disparity - truth)
    known = np.isfinite(error)
    edges = (0.0, 0.5, 0.7, 0.8, 0.9, 0.95, 1.0)
    bins = [known & (measurement.confidence > low) & (measurement.confidence <= high) for low, high in pairwise(edges)]
    bad = [float(np.mean(error[chosen] > 2)) for chosen in bins]
    assert all(surer < doubtful for doubtful, surer in pairwise(bad)), bad
    assert bad[0] > 10 * bad[-1]
    right = float(np.mean(error[known] <= 1))
    assert measurement.confidence[known].mean() == pytest.approx(right, abs=0.04)
