"""Shape errors of a network under a prompt, object by object: si-RMSE and normal cosine (2306.05428)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from depth_prompt_ros.data.sets.picture_set import PictureSet
from depth_prompt_ros.graph.disparity import inverse_depth_up_to_scale
from depth_prompt_ros.graph.prompt import composite
from depth_prompt_ros.learning import losses
from depth_prompt_ros.learning.precision import in_bfloat16
from depth_prompt_ros.learning.trainer import Batch, load_batch
from depth_prompt_ros.networks import catalogue

Compose = Callable[[Batch], Tensor]
"""From a batch to the pictures that the network sees, RGB (N, 3, S, S)."""

FITTED = ", scale and shift fitted"
"""What is added to the name of a row whose disparity is fitted to the truth."""


class DepthNetwork:
    """A catalogue network with its normalisation and output kind: RGB (N, 3, S, S) to depth up to scale."""

    def __init__(self, network: nn.Module, name: str, device: torch.device, bfloat16: bool) -> None:
        entry = catalogue.find(name)
        self.name = name
        self.network, self.size, self.kind, self.bfloat16 = network.to(device), entry.size, entry.output, bfloat16
        self._normalise = catalogue.Normalise(entry).to(device)

    @classmethod
    def frozen(cls, name: str, weights: Path | None, device: torch.device, bfloat16: bool = False) -> DepthNetwork:
        """Return the network in eval mode with gradients off.

        Raises:
            BadModel: no such network, or weights that are not its own.
        """
        return cls(catalogue.load_frozen(name, weights), name, device, bfloat16)

    def __call__(self, picture: Tensor) -> Tensor:
        """(N, 1, S, S) float32; differentiable."""
        return self.as_depth(self.output(picture))

    def disparity(self, picture: Tensor) -> Tensor:
        """(N, 1, S, S) up to scale and shift, nothing clipped; differentiable."""
        return self.as_disparity(self.output(picture))

    def as_depth(self, output: Tensor) -> Tensor:
        """Depth up to scale of what the network says."""
        return 1 / inverse_depth_up_to_scale(output, self.kind)

    def as_disparity(self, output: Tensor) -> Tensor:
        """Disparity up to scale and shift of what the network says, nothing clipped."""
        return output if self.kind == "disparity" else 1 / output.clamp(min=1e-3)

    def output(self, picture: Tensor) -> Tensor:
        """(N, 1, S, S) float32 of the network's own kind; differentiable."""
        with in_bfloat16(picture.device, self.bfloat16):
            output: Tensor = self.network(self._normalise(picture))
        return output.float()


def shape_errors(depth: Tensor, batch: Batch) -> Tensor:
    """(N, 2) si-RMSE and normal cosine of depths up to scale; true depth has mean 5 over its mask."""
    target = losses.scale_to_mean(batch.depth, batch.mask)
    cosine = losses.normal_cosine(depth, target, batch.mask, batch.intrinsics, batch.normals)
    return torch.stack([losses.si_rmse(depth, target, batch.mask), cosine], 1)


@torch.no_grad()
def object_errors(
    answer: Callable[[Batch], Tensor], test: PictureSet, device: torch.device, batch: int = 32
) -> NDArray[np.float32]:
    """(N, 2) :func:`shape_errors` of every picture of a set; ``answer`` gives a batch's depth up to scale."""
    rows = [shape_errors(answer(pictures), pictures) for pictures in batches(test, device, batch)]
    return torch.cat(rows).cpu().numpy()


def batches(test: PictureSet, device: torch.device, batch: int = 32) -> Iterator[Batch]:
    """All pictures of a set in order."""
    for start in range(0, len(test), batch):
        yield load_batch(test, np.arange(start, min(start + batch, len(test))), device)


def prompted(network: DepthNetwork, compose: Compose) -> Callable[[Batch], Tensor]:
    """Predict the disparity of the pictures that ``compose`` makes."""
    return lambda batch: network(compose(batch))


@torch.no_grad()
def plain_and_fitted(
    row: str, network: DepthNetwork, compose: Compose, test: PictureSet, device: torch.device
) -> dict[str, NDArray[np.float32]]:
    """Two rows of a table, (N, 2) each: depth by eq. 2 alone, and disparity with scale *and shift* fitted to the truth.

    The fit is over the mask, least squares in disparity that nothing has clipped; what is then farther than ten times
    the truth's mean is there (2306.05428's published evaluation has it as an option). What is left after it is what no
    measured pixel can give.
    """
    rows: dict[str, list[Tensor]] = {row: [], row + FITTED: []}
    for batch in batches(test, device):
        output = network.output(compose(batch))
        disparity = fitted(network.as_disparity(output), batch)
        rows[row].append(shape_errors(network.as_depth(output), batch))
        rows[row + FITTED].append(shape_errors(1 / disparity, batch))
    return {name: torch.cat(errors).cpu().numpy() for name, errors in rows.items()}


def fitted(disparity: Tensor, batch: Batch) -> Tensor:
    """(N, 1, S, S) disparity fitted by scale and shift to the truth, at least a tenth of its mean over the mask."""
    target = 1 / losses.scale_to_mean(batch.depth, batch.mask)
    total = batch.mask.sum((1, 2, 3), keepdim=True).clamp(min=1)
    least = 0.1 * (batch.mask * target).sum((1, 2, 3), keepdim=True) / total
    return torch.maximum(losses.align_scale_shift(disparity, target, batch.mask), least)


def on_white(batch: Batch) -> Tensor:
    """Compose the objects on a white background, the paper's 'none' (2306.05428)."""
    return composite(batch.image, batch.mask, torch.ones_like(batch.image))


def compare(
    network: DepthNetwork, learned: dict[str, Compose], test: PictureSet, device: torch.device
) -> dict[str, dict[str, float]]:
    """Mean errors of a frozen network with learned and with fixed backgrounds, and of a constant depth.

    White, original and learned stand there with scale and shift fitted to the truth, too.
    """
    noise = torch.rand((1, 3, test.size, test.size), generator=torch.Generator().manual_seed(0)).to(device)
    pictures: dict[str, Compose] = {
        "white": on_white,
        "noise": lambda batch: composite(batch.image, batch.mask, noise),
        "original": lambda batch: batch.image,
        **learned,
    }
    errors = {"noise": object_errors(prompted(network, pictures.pop("noise")), test, device)}
    for name, compose in pictures.items():
        errors |= plain_and_fitted(name, network, compose, test, device)
    errors["constant depth"] = object_errors(lambda batch: torch.ones_like(batch.depth), test, device)
    means = {name: each.mean(0).tolist() for name, each in errors.items()}
    return {
        name: {"si_rmse": round(rmse, 4), "normal_cosine": round(cosine, 4)} for name, (rmse, cosine) in means.items()
    }
