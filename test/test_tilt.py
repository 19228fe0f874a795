from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from standing import CAMERA, StandingBlock

from depth_prompt_ros.stages.anchor import Anchor
from depth_prompt_ros.stages.prompted_depth import Shape
from depth_prompt_ros.stages.tilt import correct_tilt

SCENE = StandingBlock()
TRUTH = np.where(SCENE.mask, 1 / SCENE.depth, np.float32(0))


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
    lean_before = factor * before.inverse_depth * zoom - TRUTH
    rays = CAMERA.rays[SCENE.mask] / TRUTH[SCENE.mask][:, None]
    plane = np.linalg.lstsq(rays, (lean_before / np.where(SCENE.mask, TRUTH, 1))[SCENE.mask], rcond=None)[0]
    wanted = factor * before.inverse_depth * zoom - 0.5 * np.where(SCENE.mask, CAMERA.rays @ plane, 0)
    assert np.allclose(after.inverse_depth * zoom, wanted, rtol=1e-3, atol=1e-4)


def test_a_shape_that_agrees_stays() -> None:
    after = correct_tilt(CAMERA, leaning((0, 0, 0)), SCENE.mask, Anchor("support", TRUTH, False, ""))
    assert np.allclose(after.inverse_depth, TRUTH, rtol=1e-5)
    assert after.residual < 1e-5
    assert after.inliers == SCENE.mask.sum()
    assert after.scale == pytest.approx(1.5)


def test_relief_that_the_anchor_lacks_is_kept() -> None:
    flat = StandingBlock(height=0.3, thickness=0.01)
    plane = np.where(flat.mask, 1 / flat.depth, np.float32(0))
    waves = np.where(flat.mask, 0.02 * np.sin(np.arange(160) * 2.0), 0).astype(np.float32)
    shape = Shape(plane + waves, 1.0, 0.0, 100, 0.0)
    upright = correct_tilt(CAMERA, shape, flat.mask, Anchor("support", plane, False, ""))
    assert np.abs(upright.inverse_depth - plane - waves)[flat.mask].max() < 0.002


@pytest.mark.parametrize("kind", ["inside", "refused"])
def test_only_a_support_anchor_knows_the_tilt(kind: str) -> None:
    shape = leaning((0.1, 0.1, 0.1))
    assert correct_tilt(CAMERA, shape, SCENE.mask, Anchor(kind, TRUTH, False, "")) is shape


def test_a_shape_without_a_fit_stays_without() -> None:
    shape = leaning((0.1, 0.1, 0.1), inliers=0)
    assert correct_tilt(CAMERA, shape, SCENE.mask, Anchor("support", TRUTH, False, "")) is shape
    nothing = Shape(np.zeros_like(TRUTH), 1.0, 0.0, 5, 0.0)
    assert correct_tilt(CAMERA, nothing, SCENE.mask, Anchor("support", TRUTH, False, "")) is nothing
