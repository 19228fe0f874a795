"""TomNet: the small network that says which pixels of a picture are transparent or mirror (ToM)."""

from __future__ import annotations

from depth_prompt_ros.networks.scene_net import SceneNet


class TomNet(SceneNet):
    """Picture to the log-odds that a pixel is ToM: a narrower SceneNet, 0.6 M parameters, 0.5 GMAC at 256x320.

    What is seen in glass and in mirrors looks like any other thing; their rims and highlights and what is around them
    tell. So an answer sees 311 pixels around it, and the mean of the whole picture.

    Input (N, 3, H, W) normalised RGB, H and W multiples of 32; output (N, 1, H, W).
    """

    NAME = "tom-net"
    SIZE = (256, 320)
    """Height and width of the pictures that it is learned at, pixels."""
    MEAN, STD = (0.5, 0.5, 0.5), (0.25, 0.25, 0.25)
    """Normalisation of RGB in [0, 1]."""

    WIDTHS = (16, 24, 48, 80, 96)
    DECODED = (48, 32, 24, 16)
