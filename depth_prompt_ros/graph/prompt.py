"""A single learned background in the Fourier domain (2306.05428, section 3.2)."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn

from depth_prompt_ros.errors import BadModel
from depth_prompt_ros.networks.catalogue import read_weights

# Columns: how strongly each decorrelated channel drives red, green and blue; the constants of the usual natural-image
# colour decorrelation (2306.05428, supplement), divided by the largest column norm.
_COLOURS = ((0.26, 0.09, 0.02), (0.27, 0.0, -0.05), (0.27, -0.09, 0.03))


class FourierBackground(nn.Module):
    """Spectrum to picture: ``sigmoid(A irfft2(spectrum / f) / 0.2)``, (1, 3, size, size) in (0, 1).

    The spectrum, (1, 3, size, size // 2 + 1, 2), starts at N(0, 0.01^2); dividing by the frequency gives coarse and
    fine detail the same pace.
    """

    weight: Tensor
    colours: Tensor

    def __init__(self, size: int, generator: torch.Generator | None = None) -> None:
        super().__init__()
        self.size = size
        start = torch.randn((1, 3, size, size // 2 + 1, 2), generator=generator)
        self.spectrum = nn.Parameter(0.01 * start)
        frequency = torch.hypot(torch.fft.fftfreq(size)[:, None], torch.fft.rfftfreq(size)[None])
        self.register_buffer("weight", 1 / frequency.clamp(min=1 / size)[..., None], persistent=False)
        colours = torch.tensor(_COLOURS)
        self.register_buffer("colours", colours / colours.norm(dim=0).max(), persistent=False)

    def forward(self) -> Tensor:
        """(1, 3, size, size) RGB in (0, 1)."""
        spectrum = torch.view_as_complex((self.spectrum * self.weight).contiguous())
        planes = torch.fft.irfft2(spectrum, s=(self.size, self.size), norm="ortho") / 0.2
        return torch.sigmoid(torch.einsum("ij,njhw->nihw", self.colours, planes))


class FixedBackground(nn.Module):
    """A background that is a constant of the graph, (1, 3, S, S) in [0, 1]."""

    picture: Tensor

    def __init__(self, picture: Tensor) -> None:
        super().__init__()
        self.register_buffer("picture", picture)

    def forward(self) -> Tensor:
        """(1, 3, S, S) RGB in [0, 1]."""
        return self.picture


def composite(image: Tensor, mask: Tensor, background: Tensor) -> Tensor:
    """The object on the background, hard mask, no feathering (2306.05428, eq. 1); all in RGB [0, 1].

    Composing before the network's normalisation gives the same picture as after it, since the mask is 0 or 1.
    """
    return mask * image + (1 - mask) * background


def load_background(path: Path, network: str) -> FixedBackground:
    """A learned background as a constant module.

    Raises:
        BadModel: missing or corrupt file, or a prompt made for another network.
    """
    tensors, metadata = read_weights(path)
    if metadata.get("network") != network:
        raise BadModel(f"{path} is a prompt for network {metadata.get('network')!r}, not {network!r}: learn one for it")
    if "picture" not in tensors:
        raise BadModel(f"{path} holds no background picture: it is not a prompt")
    return FixedBackground(tensors["picture"])
