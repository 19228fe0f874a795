"""TomNet: the small network that says which pixels of a picture are transparent or mirror (ToM)."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn

from depth_prompt_ros.networks.catalogue import load_frozen, load_learned
from depth_prompt_ros.networks.depth.scene_net import SceneNet


class TomNet(SceneNet):
    """Picture to the log-odds that a pixel is ToM: SceneNet with a narrow way back, 1 M parameters, 0.7 GMAC.

    What is seen in glass and in mirrors looks like any other thing; their rims and highlights and what is around them
    tell. So an answer sees 311 pixels around it, and the mean of the whole picture.

    Input (N, 3, H, W) RGB in [0, 1], H and W multiples of 32; output (N, 1, H, W).
    """

    NAME = "tom-net"
    SIZE = (192, 256)
    """Height and width of the pictures that it is learned at, pixels: a step takes little more than half the time."""
    RUN_SIZE = (256, 320)
    """Height and width of the pictures that it is validated at and runs at."""

    WIDTHS = (*SceneNet.WIDTHS[:4], 80)
    DECODED = (40, 32, 24, 16)
    SHARED = ("stem", "quarter", "eighth", "sixteenth")
    """Parts that have the size of SceneNet's."""

    def forward(self, picture: Tensor) -> Tensor:
        """(N, 1, H, W) log-odds."""
        return super().forward(4 * picture - 2)


class TomSaliency(nn.Module):
    """TomNet as it runs: the probability that a pixel is ToM."""

    def __init__(self, network: TomNet) -> None:
        super().__init__()
        self.network = network

    def forward(self, picture: Tensor) -> Tensor:
        """(N, 1, H, W) in [0, 1]."""
        return torch.sigmoid(self.network(picture))


def tom_net_that_knows_rooms() -> TomNet:
    """TomNet to learn on: the shared parts are the shipped SceneNet's, which has seen rooms, the rest is random.

    Raises:
        BadModel: SceneNet's weights are missing or corrupt.
    """
    network, known = TomNet(), load_frozen("scene-net").state_dict()
    shared = {key: value for key, value in known.items() if key.startswith(TomNet.SHARED)}
    network.load_state_dict({**network.state_dict(), **shared})
    return network


def load_tom_net(path: Path) -> TomNet:
    """TomNet with learned weights, in training mode.

    Raises:
        BadModel: missing or corrupt file, or weights of another network.
    """
    return load_learned(TomNet(), TomNet.NAME, path)
