"""Losses against float64 oracles written another way, finite differences and invariances."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from hypothesis import given, settings
from hypothesis import strategies as st

from depth_prompt_ros.camera import CameraModel
from depth_prompt_ros.learning import losses


def batch(seed: int, count: int = 2, size: int = 12):
    generator = torch.Generator().manual_seed(seed)
    prediction = torch.rand((count, 1, size, size), generator=generator, dtype=torch.float64) + 0.5
    target = torch.rand((count, 1, size, size), generator=generator, dtype=torch.float64) + 0.5
    mask = (torch.rand((count, 1, size, size), generator=generator) < 0.7).double()
    return prediction, target, mask


def test_alignment_is_numpys_least_squares() -> None:
    prediction, target, mask = batch(0)
    fitted = losses.align_scale_shift(prediction, target, mask)
    for p, t, m, f in zip(prediction.numpy(), target.numpy(), mask.numpy(), fitted.numpy(), strict=True):
        scale, shift = np.polyfit(p[m > 0], t[m > 0], 1)
        np.testing.assert_allclose(f, scale * p + shift, rtol=1e-4)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 99), st.floats(0.1, 10), st.floats(-3, 3))
def test_scale_shift_loss_ignores_scale_and_shift(seed: int, scale: float, shift: float) -> None:
    prediction, target, mask = batch(seed)
    once = losses.scale_shift_invariant_loss(prediction, target, mask)
    again = losses.scale_shift_invariant_loss(scale * prediction + shift, target, mask)
    assert float(again) == pytest.approx(float(once), rel=1e-3)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 99), st.floats(0.1, 10))
def test_si_rmse_ignores_scale(seed: int, scale: float) -> None:
    prediction, target, mask = batch(seed)
    once, again = losses.si_rmse(prediction, target, mask), losses.si_rmse(scale * prediction, target, mask)
    torch.testing.assert_close(once, again, rtol=1e-4, atol=1e-6)


def test_si_rmse_is_the_smallest_over_a_scan_of_scales() -> None:
    prediction, target, mask = batch(3, count=1)
    p, t = prediction[mask > 0].numpy(), target[mask > 0].numpy()
    scan = min(np.sqrt(np.mean((s * p - t) ** 2)) for s in np.linspace(0.3, 2, 4001))
    assert float(losses.si_rmse(prediction, target, mask)) == pytest.approx(scan, rel=1e-4)


def test_scale_to_mean_gives_mean_5_over_the_mask() -> None:
    _, target, mask = batch(4)
    scaled = losses.scale_to_mean(target, mask)
    for s, m in zip(scaled, mask, strict=True):
        assert float(s[m > 0].mean()) == pytest.approx(5)


def test_normals_are_the_cameras() -> None:
    depth = np.random.default_rng(0).uniform(1, 1.2, (9, 9)).astype(np.float32)
    camera = CameraModel(9, 9, 14.0, 15.0, 3.0, 5.0)
    found = (
        losses.normals(torch.from_numpy(depth)[None, None], torch.tensor([[14.0, 15.0, 3.0, 5.0]]))[0]
        .permute(1, 2, 0)
        .numpy()
    )
    np.testing.assert_allclose(found, camera.normals(depth)[1:, 1:], atol=1e-4)


def test_normal_cosine_of_a_shape_with_itself_is_one_and_falls_with_tilt() -> None:
    x = torch.arange(16.0).expand(16, 16)
    flat, mask = torch.ones(1, 1, 16, 16), torch.ones(1, 1, 16, 16)
    intrinsics = torch.tensor([[24.0, 24.0, 7.5, 7.5]])
    tilted = 1 / (1 + 0.02 * (x - 7.5))[None, None]
    assert float(losses.normal_cosine(flat, flat, mask, intrinsics)) == pytest.approx(1)
    # A plane 1/z = 1 + a x f has the normal (a f, 0, 1): its angle to the flat one is atan(a f).
    assert float(losses.normal_cosine(tilted, flat, mask, intrinsics)) == pytest.approx(
        np.cos(np.arctan(0.02 * 24)), abs=1e-3
    )


def test_gradient_loss_of_a_ramp_by_hand() -> None:
    ramp = torch.arange(8.0).repeat(8, 1)[None, None]
    expected = sum((8 // 2**level - 1) * (8 // 2**level) * 2**level / (8 // 2**level) ** 2 for level in range(3))
    assert float(losses.gradient_loss(ramp, torch.ones_like(ramp), scales=3)) == pytest.approx(expected)


def test_prompting_loss_gradient_against_finite_differences() -> None:
    prediction, target, mask = batch(5, count=1, size=6)
    prediction.requires_grad_(True)
    intrinsics = torch.tensor([[9.0, 9.0, 2.5, 2.5]])
    assert torch.autograd.gradcheck(
        lambda p: sum(losses.prompting_losses(p, target, mask, intrinsics).values()), (prediction,), atol=1e-4
    )


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 99), st.floats(0.1, 10), st.floats(0.1, 10))
def test_prompting_losses_ignore_the_scale_of_prediction_and_of_truth(seed: int, one: float, other: float) -> None:
    prediction, target, mask = batch(seed)
    intrinsics = torch.tensor([[9.0, 9.0, 5.5, 5.5]] * 2)
    once = losses.prompting_losses(prediction, target, mask, intrinsics)
    again = losses.prompting_losses(one * prediction, other * target, mask, intrinsics)
    for name, value in once.items():
        assert float(again[name]) == pytest.approx(float(value), rel=1e-4, abs=1e-6)
