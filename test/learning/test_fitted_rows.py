"""Rows with scale and shift fitted: a wrong shift is gone, a wrong shape stays."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from depth_prompt_ros.data.sets.picture_set import PictureSet
from depth_prompt_ros.learning.background.errors import FITTED, fitted, plain_and_fitted
from depth_prompt_ros.learning.trainer import load_batch

CPU, SIZE = torch.device("cpu"), 24


@pytest.fixture
def bumps() -> PictureSet:
    """Three half spheres before a wall, far enough from each other in size; brightness is inverse depth."""
    y, x = np.mgrid[:SIZE, :SIZE] / SIZE - 0.5
    inside = np.stack([x**2 + y**2 < radius for radius in (0.05, 0.09, 0.16)])
    depths = np.stack([1.5 - np.sqrt(np.maximum(0.2 - x**2 - y**2, 0))] * 3).astype(np.float32)
    images = np.repeat((200 / depths)[..., None], 3, 3).astype(np.uint8)
    intrinsics = np.tile(np.array([1.5 * SIZE, 1.5 * SIZE, SIZE / 2, SIZE / 2], np.float32), (3, 1))
    return PictureSet(images, depths, inside, intrinsics)


class Says:
    """A network of disparity that says what ``of`` makes of the pictures' brightness."""

    kind = "disparity"

    def __init__(self, of) -> None:
        self._of = of

    def output(self, picture):
        return self._of(picture[:, :1] * 255 / 200)

    def as_depth(self, output):
        return 1 / output.clamp(min=0.05)

    def as_disparity(self, output):
        return output


def errors(of, bumps) -> tuple[np.ndarray, np.ndarray]:
    rows = plain_and_fitted("row", Says(of), lambda batch: batch.image, bumps, CPU)
    assert list(rows) == ["row", f"row{FITTED}"]
    return rows["row"][:, 0], rows[f"row{FITTED}"][:, 0]


def test_a_wrong_shift_is_gone_and_a_wrong_shape_stays(bumps) -> None:
    right, right_fitted = errors(lambda inverse: inverse, bumps)
    shifted, shifted_fitted = errors(lambda inverse: 3 * inverse + 2, bumps)
    assert (right < 0.05).all() and (right_fitted < 0.05).all()
    assert (shifted > 3 * right).all()
    np.testing.assert_allclose(shifted_fitted, right_fitted, atol=1e-3)
    noise = torch.rand((3, 1, SIZE, SIZE), generator=torch.Generator().manual_seed(0))
    wrong, wrong_fitted = errors(lambda _: noise, bumps)
    assert (wrong_fitted > 5 * right_fitted).all() and (wrong_fitted < wrong).all()


def test_the_fit_is_numpys_over_the_mask_and_bounded_below(bumps) -> None:
    batch = load_batch(bumps, np.arange(3), CPU)
    noise = torch.rand(batch.depth.shape, generator=torch.Generator().manual_seed(1))
    found = fitted(noise, batch)
    for one, answer, depth, mask in zip(noise, found, batch.depth, batch.mask > 0, strict=True):
        truth = 1 / (depth[mask] * 5 / depth[mask].mean()).numpy()
        slope, offset = np.polyfit(one[mask].numpy(), truth, 1)
        expected = np.maximum(slope * one.numpy() + offset, 0.1 * truth.mean())
        np.testing.assert_allclose(answer.numpy(), expected, rtol=1e-3)
    steep = fitted(torch.where(batch.mask > 0, 1 / batch.depth, -100.0), batch)
    assert float(steep.min()) > 0
