"""Samples a second of prompt learning, ours beside a plain loop written from the paper: python benchmarks/learning.py.

Both learn a single background through the same frozen network with batches of 8 on the same threads, in turn, block by
block, so that what else the machine does hits both. The plain loop keeps the renders as they are (384x384), puts each
on white, resizes it on the CPU as it is drawn, computes in float32 and does one thing after the other.
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table
from torch import Tensor
from torch.nn import functional

from depth_prompt_ros.data.sets.picture_set import PictureSet
from depth_prompt_ros.data.sets.rendered import open_or_render
from depth_prompt_ros.graph.prompt import FourierBackground, composite
from depth_prompt_ros.learning import losses
from depth_prompt_ros.learning.background.learn import learn_background
from depth_prompt_ros.learning.trainer import Schedule
from depth_prompt_ros.networks import catalogue

NETWORK = "scene-net"
BLOCKS, STEPS, BATCH, RENDERED = 5, 100, 8, 384


class PlainLoop:
    """The paper's learning, written down as a researcher would for a first try."""

    def __init__(self, renders: PictureSet, seed: int) -> None:
        entry = catalogue.find(NETWORK)
        self._renders, self._size = renders, entry.size
        self._network, self._normalise = catalogue.load_frozen(NETWORK), catalogue.Normalise(entry)
        self._background = FourierBackground(entry.size, generator=torch.Generator().manual_seed(seed))
        self._optimiser = torch.optim.SGD(self._background.parameters(), lr=5e-4, momentum=0.9)
        self._rng = np.random.default_rng(seed)

    def _sample(self, index: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        image, mask = self._renders.images[index], self._renders.masks[index]
        white = np.where(mask[..., None], image, 255).astype(np.uint8)
        shape = (self._size, self._size)
        small = cv2.resize(white, shape, interpolation=cv2.INTER_AREA).astype(np.float32) / 255
        small_mask = cv2.resize(mask.astype(np.float32), shape, interpolation=cv2.INTER_NEAREST)
        depth = cv2.resize(np.nan_to_num(self._renders.depths[index]), shape, interpolation=cv2.INTER_NEAREST)
        intrinsics = self._renders.intrinsics[index] * np.float32(self._size / self._renders.size)
        return (
            torch.from_numpy(small.transpose(2, 0, 1)),
            torch.from_numpy(small_mask)[None],
            torch.from_numpy(depth)[None],
            torch.from_numpy(intrinsics),
        )

    def step(self) -> None:
        """One batch, one step of the optimiser."""
        chosen = self._rng.choice(len(self._renders), BATCH, replace=False)
        image, mask, depth, intrinsics = map(torch.stack, zip(*map(self._sample, chosen), strict=True))
        disparity = self._network(self._normalise(composite(image, mask, self._background(image, mask))))
        low, high = disparity.amin((1, 2, 3), keepdim=True), disparity.amax((1, 2, 3), keepdim=True)
        prediction = 1 / ((disparity - low) / (high - low)).clamp(min=0.05)
        loss = paper_loss(prediction, depth, mask, intrinsics)
        self._optimiser.zero_grad()
        loss.backward()
        self._optimiser.step()


def paper_loss(prediction: Tensor, depth: Tensor, mask: Tensor, intrinsics: Tensor) -> Tensor:
    """Scale-invariant RMSE plus half of one minus the normals' cosine (2306.05428, eq. 3 and 4), () float."""
    count = mask.sum((1, 2, 3), keepdim=True)
    target = 5 * depth * count / (mask * depth).sum((1, 2, 3), keepdim=True)
    scale = (mask * prediction * target).sum((1, 2, 3), keepdim=True)
    scale = scale / (mask * prediction * prediction).sum((1, 2, 3), keepdim=True)
    squares = (mask * (scale * prediction - target) ** 2).sum((1, 2, 3))
    rmse = torch.sqrt(squares / count.flatten())
    inside = mask[:, 0, 1:, 1:] * mask[:, 0, 1:, :-1] * mask[:, 0, :-1, 1:]
    cosine = (normals(prediction, intrinsics) * normals(target, intrinsics)).sum(1)
    cosine = (inside * cosine).sum((1, 2)) / inside.sum((1, 2))
    return (rmse + 0.5 * (1 - cosine)).mean()


def normals(depth: Tensor, intrinsics: Tensor) -> Tensor:
    """(N, 3, H-1, W-1) unit normals, by PyTorch's cross product of left and top differences."""
    size = depth.shape[-1]
    fx, fy, cx, cy = intrinsics[:, :, None, None].unbind(1)
    rows, columns = torch.meshgrid(torch.arange(size), torch.arange(size), indexing="ij")
    rays = torch.stack([(columns - cx) / fx, (rows - cy) / fy, torch.ones(len(depth), size, size)], 1)
    points = depth * rays
    across = points[:, :, 1:, 1:] - points[:, :, 1:, :-1]
    down = points[:, :, 1:, 1:] - points[:, :, :-1, 1:]
    return functional.normalize(torch.cross(down, across, dim=1), dim=1)


def require_same_loss() -> None:
    """Raises AssertionError if the plain loop minimises another loss than this package does."""
    generator = torch.Generator().manual_seed(0)
    prediction, depth = 1 + torch.rand((2, BATCH, 1, 32, 32), generator=generator)
    mask, intrinsics = torch.ones(BATCH, 1, 32, 32), torch.tensor([[40.0, 41, 15, 17]]).expand(BATCH, 4)
    own = losses.prompting_losses(prediction, depth, mask, intrinsics)
    torch.testing.assert_close(paper_loss(prediction, depth, mask, intrinsics), torch.stack(list(own.values())).sum())


def ours(train: PictureSet, folder: Path, seed: int) -> float:
    """Samples a second of this package's learning between its reports at half of the steps and at the end."""
    times: list[tuple[int, float]] = []
    learn_background(
        train,
        train.first(4),
        folder / "prompt.safetensors",
        Schedule(STEPS, BATCH, 1e-2, seed),
        name=NETWORK,
        report=lambda step, *_: times.append((step, time.perf_counter())),
    )
    (first, began), (last, ended) = times[0], times[-1]
    return (last - first) * BATCH / (ended - began)


def plain(renders: PictureSet, seed: int) -> float:
    """Samples a second of the plain loop, after three steps to warm up."""
    loop = PlainLoop(renders, seed)
    for _ in range(3):
        loop.step()
    began = time.perf_counter()
    for _ in range(STEPS // 2):
        loop.step()
    return STEPS // 2 * BATCH / (time.perf_counter() - began)


def quartiles(values: NDArray[np.floating]) -> str:
    """Median and range as text."""
    return f"{np.median(values):.3g} ({values.min():.3g} to {values.max():.3g})"


def main() -> None:
    """Measure and print."""
    require_same_loss()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        train = open_or_render(folder / "small", "objects", 96, catalogue.find(NETWORK).size, 0)
        renders = open_or_render(folder / "large", "objects", 96, RENDERED, 0)
        rates = np.empty((BLOCKS, 2))
        for block in range(BLOCKS):  # who begins changes from block to block
            for side in (0, 1) if block % 2 == 0 else (1, 0):
                rates[block, side] = ours(train, folder, block) if side == 0 else plain(renders, block)
    table = Table(title=f"{NETWORK}, batches of {BATCH}, {torch.get_num_threads()} threads, {BLOCKS} blocks in turn")
    for column in ("", "samples a second, median (range)"):
        table.add_column(column)
    table.add_row("depth-prompt learn background", quartiles(rates[:, 0]))
    table.add_row("plain loop", quartiles(rates[:, 1]))
    table.add_row("ratio within a block", quartiles(rates[:, 0] / rates[:, 1]))
    Console().print(table)


if __name__ == "__main__":
    main()
