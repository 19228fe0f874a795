"""Batches of pictures with metric depth, from one set or several, at one size."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from depth_prompt_ros.data.sets.metric_set import MetricSet, resized
from depth_prompt_ros.errors import BadInput


class MetricBatch(NamedTuple):
    """N pictures, float32.

    Attributes:
        image: (N, 3, H, W) RGB in [0, 1].
        depth: (N, 1, H, W) metres, 1 where it is unknown.
        mask: (N, 1, H, W) in {0, 1}, where depth is known and not beyond the cap.
    """

    image: Tensor
    depth: Tensor
    mask: Tensor

    def flipped(self, which: Tensor) -> MetricBatch:
        """Left and right exchanged in those pictures, (N,) bool."""
        chosen = which.view(-1, 1, 1, 1).to(self.image.device)
        return MetricBatch(*(torch.where(chosen, part.flip(3), part) for part in self))


class MetricPictures:
    """Several sets as one.

    Attributes:
        size: height and width of the batches' pictures.
    """

    def __init__(self, sets: Sequence[MetricSet], size: tuple[int, int], cap: float) -> None:
        """Take the sets.

        Raises:
            BadInput: no picture among them.
        """
        self._sets, self.size, self._cap = sets, size, cap
        self._ends = np.cumsum([len(each) for each in sets])
        if not sets or not self._ends[-1]:
            raise BadInput("there is no picture to learn from: give a set with some")

    def __len__(self) -> int:
        return int(self._ends[-1])

    def arrays(self, place: int) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
        """Picture and depth at this place, counted through all sets, at their own size."""
        which = int(np.searchsorted(self._ends, place, side="right"))
        index = place - (int(self._ends[which - 1]) if which else 0)
        return np.asarray(self._sets[which].images[index]), np.asarray(self._sets[which].depths[index])

    def load(self, places: NDArray[np.int64], device: torch.device) -> MetricBatch:
        """Those pictures, resized."""
        pairs = [resized(*self.arrays(int(place)), self.size) for place in places]
        image = torch.from_numpy(np.stack([pair[0] for pair in pairs])).to(device).permute(0, 3, 1, 2).float() / 255
        depth = torch.from_numpy(np.stack([pair[1] for pair in pairs])).to(device)[:, None]
        mask = torch.isfinite(depth) & (depth > 0) & (depth <= self._cap)
        return MetricBatch(image.contiguous(), torch.where(mask, depth, 1.0), mask.float())

    def require_depth(self, what: str) -> None:
        """Raises BadInput unless a picture has known depth within the cap; looks at up to 64 of them."""
        for place in np.unique(np.linspace(0, len(self) - 1, 64).astype(int)):
            depth = self.arrays(int(place))[1]
            if bool((np.isfinite(depth) & (depth > 0) & (depth <= self._cap)).any()):
                return
        raise BadInput(f"no picture to {what} has depth of at most {self._cap:g} m: look at its unit, or at --cap")
