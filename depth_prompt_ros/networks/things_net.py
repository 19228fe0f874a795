"""ThingsNet: the small network that finds things and glass on tables from colour and depth."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn

from depth_prompt_ros.networks.catalogue import load_frozen, load_learned
from depth_prompt_ros.networks.depth.scene_net import SceneNet
from depth_prompt_ros.stages.things.inputs import CHANNELS

CLASSES = 4
"""Else, support, thing, transparent or mirror thing."""


class ThingsNet(SceneNet):
    """Colour and depth to classes, offsets to middles and outlines: SceneNet with other ends, 1.1 M parameters.

    Input (N, 10, H, W), H and W multiples of 32; output (N, 7, H, W): four classes' scores; x and y from each pixel of
    a thing to the middle of the thing's pixels, in picture widths; log-odds of being on a thing's outline.
    """

    NAME = "things-net"
    SIZE = (192, 256)
    """Height and width that it is learned at and runs at, pixels."""

    WIDTHS = (*SceneNet.WIDTHS[:4], 96)
    DECODED = (64, 40, 32, 24)
    SHARED = ("stem", "quarter", "eighth", "sixteenth")
    """Parts that have the size of SceneNet's but for the first convolution's further inputs."""

    def __init__(self) -> None:
        super().__init__()
        self.stem[0] = nn.Conv2d(CHANNELS, self.WIDTHS[0], 3, 2, 1, bias=False)
        self.head = nn.Conv2d(self.DECODED[3], CLASSES + 3, 3, 1, 1)

    def forward(self, seen: Tensor) -> Tensor:
        """(N, 7, H, W) scores, offsets, outline."""
        return super().forward(torch.cat([4 * seen[:, :3] - 2, seen[:, 3:]], 1))


class ThingsFinding(nn.Module):
    """ThingsNet as it runs: probabilities of the classes, offsets, probability of an outline."""

    def __init__(self, network: ThingsNet) -> None:
        super().__init__()
        self.network = network

    def forward(self, seen: Tensor) -> Tensor:
        """(N, 7, H, W)."""
        answer = self.network(seen)
        scores = answer[:, :CLASSES]
        powers = torch.exp(scores - scores.amax(1, keepdim=True))  # the operator for this is slow in ONNX Runtime
        classes = powers / powers.sum(1, keepdim=True)
        return torch.cat([classes, answer[:, CLASSES : CLASSES + 2], torch.sigmoid(answer[:, CLASSES + 2 :])], 1)


def things_net_that_knows_rooms() -> ThingsNet:
    """ThingsNet to learn on: its encoder is the shipped SceneNet's, blind to depth at first; the rest is random.

    Raises:
        BadModel: SceneNet's weights are missing or corrupt.
    """
    network, known = ThingsNet(), load_frozen("scene-net").state_dict()
    own = network.state_dict()
    for key, value in known.items():
        if key.startswith(ThingsNet.SHARED):
            own[key] = torch.cat([value, 0.1 * own[key][:, 3:]], 1) if key == "stem.0.weight" else value
    network.load_state_dict(own)
    return network


def load_things_net(path: Path) -> ThingsNet:
    """ThingsNet with learned weights, in training mode.

    Raises:
        BadModel: missing or corrupt file, or weights of another network.
    """
    return load_learned(ThingsNet(), ThingsNet.NAME, path)
