from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from standing import CAMERA, StandingBlock

from depth_prompt_ros.stages.anchor.choose import Anchor
from depth_prompt_ros.stages.anchor.tilt import correct_tilt
from depth_prompt_ros.stages.prompted_depth import Shape

SCENE = StandingBlock()
TRUTH = np.where(SCENE.mask, CAMERA.rays @ np.array([0.1, 0.3, 1.8], np.float32), np.float32(0))


def leaning(lean: tuple[float, float, float], inliers: int = 100, zoom: float = 1.0) -> Shape:
    inverse = (TRUTH + np.where(SCENE.mask, CAMERA.rays @ np.array(lean, np.float32), 0)) / zoom
    return Shape(inverse.astype(np.float32), 1.5, 0.0, inliers, 0.1)


@settings(max_examples=25, deadline=None)
@given(lean=st.tuples(*[st.floats(-0.2, 0.2)] * 3), zoom=st.floats(0.05, 20))
def test_a_leaning_shape_goes_half_way_to_its_anchor(lean: tuple[float, float, float], zoom: float) -> None:
    anchor = Anchor("support", (TRUTH / np.float32(zoom)).astype(np.float32), False, "")
    before = leaning(lean, zoom=zoom)
    after = correct_tilt(CAMERA, before, SCENE.mask, anchor)
    factor = after.scale / before.scale
    assert np.median(factor * before.inverse_depth[SCENE.mask] * zoom / TRUTH[SCENE.mask]) == pytest.approx(1, rel=1e-4)
    assert np.allclose(after.inverse_depth * zoom, (factor * before.inverse_depth * zoom + TRUTH) / 2, atol=1e-3)


def test_a_shape_that_agrees_stays() -> None:
    after = correct_tilt(CAMERA, leaning((0, 0, 0)), SCENE.mask, Anchor("support", TRUTH, False, ""))
    assert np.allclose(after.inverse_depth, TRUTH, rtol=1e-5)
    assert after.residual < 1e-5
    assert after.inliers == SCENE.mask.sum()
    assert after.scale == pytest.approx(1.5)


def test_relief_that_the_anchor_lacks_is_kept() -> None:
    waves = np.where(SCENE.mask, 0.02 * np.sin(np.arange(160) * 2.0), 0).astype(np.float32)
    shape = Shape(TRUTH + waves, 1.0, 0.0, 100, 0.0)
    upright = correct_tilt(CAMERA, shape, SCENE.mask, Anchor("support", TRUTH, False, ""))
    assert np.abs(upright.inverse_depth - TRUTH - waves).max() < 0.005


def test_outliers_among_measured_pixels_do_not_tilt_it() -> None:
    trusted = TRUTH.copy()
    through = SCENE.mask & (np.random.default_rng(0).random(SCENE.mask.shape) < 0.3)
    through[: np.nonzero(SCENE.mask)[0].min() + 20] = False
    trusted[through] *= 0.7
    after = correct_tilt(CAMERA, leaning((0, 0, 0)), SCENE.mask, Anchor("inside", trusted, False, ""))
    assert np.allclose(after.inverse_depth, TRUTH, rtol=2e-3)


@pytest.mark.parametrize("case", ["free shift", "one corner", "one row", "no fit"])
def test_no_tilt_where_it_cannot_be_known(case: str) -> None:
    trusted, shape = TRUTH.copy(), leaning((0.1, 0.1, 0.1), inliers=0 if case == "no fit" else 100)
    y = np.nonzero(SCENE.mask)[0]
    if case == "one corner":
        trusted[y.min() + 10 :] = 0
    if case == "one row":
        trusted[: y.max()] = 0
    anchor = Anchor("inside", trusted, case == "free shift", "")
    assert correct_tilt(CAMERA, shape, SCENE.mask, anchor) is shape


def test_a_shape_that_is_empty_stays_empty() -> None:
    nothing = Shape(np.zeros_like(TRUTH), 1.0, 0.0, 5, 0.0)
    assert correct_tilt(CAMERA, nothing, SCENE.mask, Anchor("support", TRUTH, False, "")) is nothing
