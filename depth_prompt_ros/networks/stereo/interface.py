"""Stereo networks as they are used: plain RGB in, whatever a network wants inside."""

from __future__ import annotations

from pathlib import Path

from torch import Tensor, nn

from depth_prompt_ros.networks.catalogue import Normalise, find_stereo, load_frozen
from depth_prompt_ros.networks.entry import StereoEntry, StereoNetwork


class PreparedStereo(nn.Module):
    """A stereo network that takes RGB in [0, 1]."""

    def __init__(self, network: StereoNetwork, entry: StereoEntry) -> None:
        super().__init__()
        self.network, self.normalise, self.blue_first = network, Normalise(entry), entry.blue_first

    def forward(self, left: Tensor, right: Tensor) -> Tensor:
        """(N, 1, H, W) disparity of the left picture, pixels; H and W are multiples of the entry's."""
        disparity: Tensor = self.network(self._prepared(left), self._prepared(right))
        return disparity

    def steps(self, left: Tensor, right: Tensor) -> list[Tensor]:
        """The network's disparities from the first guess to the last."""
        return self.network.steps(self._prepared(left), self._prepared(right))

    def _prepared(self, picture: Tensor) -> Tensor:
        normalised: Tensor = self.normalise(picture.flip(1) if self.blue_first else picture)
        return normalised


def load_stereo(name: str, weights: Path | None = None) -> PreparedStereo:
    """A stereo network of the catalogue with its weights, frozen.

    Args:
        weights: a safetensors file of this package; the installed weights if None.

    Raises:
        BadModel: unknown name, missing or corrupt file, or weights of another network.
    """
    entry = find_stereo(name)
    network = load_frozen(name, weights)
    assert isinstance(network, StereoNetwork)
    return PreparedStereo(network, entry).eval().requires_grad_(False)
