"""Prompts: what stands around the object in the picture that the frozen network sees (2306.05428)."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor, nn

from depth_prompt_ros.errors import BadModel, in_one_line
from depth_prompt_ros.graph.prompting_network import BoxAligned, PromptingNetwork
from depth_prompt_ros.graph.weights import read_weights

# Columns: how strongly each decorrelated channel drives red, green and blue of natural pictures (Olah et al. 2017,
# "Feature Visualization"), divided by the largest column norm.
_COLOURS = ((0.26, 0.09, 0.02), (0.27, 0.0, -0.05), (0.27, -0.09, 0.03))

METRIC = "metric."
"""What names of a metric prompt's tensors begin with, beside the background's in one file."""

_LARGEST, _DEEPEST = 4096, 12
"""Side in pixels and halvings beyond which metadata are not those of a prompt."""


class FourierBackground(nn.Module):
    """Spectrum to picture: ``sigmoid(A irfft2(spectrum / f) / 0.2)``, (1, 3, size, size) in (0, 1).

    The spectrum, (1, 3, size, size // 2 + 1, 2), starts at N(0, 0.01^2); dividing by the frequency gives coarse and
    fine detail the same pace. ``A`` is the identity; with ``decorrelate`` it is the colour decorrelation of Olah et
    al. 2017, which is in the published code, too, but never reached there.
    """

    weight: Tensor
    colours: Tensor

    def __init__(self, size: int, decorrelate: bool = False, generator: torch.Generator | None = None) -> None:
        super().__init__()
        self.size = size
        start = torch.randn((1, 3, size, size // 2 + 1, 2), generator=generator)
        self.spectrum = nn.Parameter(0.01 * start)
        frequency = torch.hypot(torch.fft.fftfreq(size)[:, None], torch.fft.rfftfreq(size)[None])
        self.register_buffer("weight", 1 / frequency.clamp(min=1 / size)[..., None], persistent=False)
        colours = torch.tensor(_COLOURS)
        colours = colours / colours.norm(dim=0).max() if decorrelate else torch.eye(3)
        self.register_buffer("colours", colours, persistent=False)

    def forward(self, *_: Tensor) -> Tensor:
        """(1, 3, size, size) RGB in (0, 1), the same for every picture."""
        spectrum = torch.view_as_complex((self.spectrum * self.weight).contiguous())
        planes = torch.fft.irfft2(spectrum, s=(self.size, self.size), norm="ortho") / 0.2
        return torch.sigmoid(torch.einsum("ij,njhw->nihw", self.colours, planes))


class PixelBackground(nn.Module):
    """The ablation in image space: ``sigmoid(3 x)`` of free pixels x that start at N(0, 0.3^2)."""

    def __init__(self, size: int, generator: torch.Generator | None = None) -> None:
        super().__init__()
        self.pixels = nn.Parameter(0.3 * torch.randn((1, 3, size, size), generator=generator))

    def forward(self, *_: Tensor) -> Tensor:
        """(1, 3, size, size) RGB in (0, 1), the same for every picture."""
        return torch.sigmoid(3 * self.pixels)


class FixedBackground(nn.Module):
    """A background that is a constant of the graph, (1, 3, S, S) in [0, 1]."""

    picture: Tensor

    def __init__(self, picture: Tensor) -> None:
        super().__init__()
        self.register_buffer("picture", picture)

    def forward(self, *_: Tensor) -> Tensor:
        """(1, 3, S, S) RGB in [0, 1]."""
        return self.picture


class BiasedNetwork(nn.Module):
    """Half the prompting network's background, half a learned bias that is the same for every picture."""

    def __init__(self, network: nn.Module, bias: nn.Module) -> None:
        super().__init__()
        self.network, self.bias = network, bias

    def forward(self, image: Tensor, mask: Tensor) -> Tensor:
        """(N, 3, S, S) RGB in (0, 1)."""
        background: Tensor = 0.5 * (self.network(image, mask) + self.bias(image, mask))
        return background


@dataclass(frozen=True)
class PromptSettings:
    """Which prompt is learned; the defaults are the paper's single background.

    Attributes:
        kind: one background for all pictures, or a network that makes one for each ("pnet").
        space: parameters are a spectrum or pixels.
        additive: the prompt is added to the picture on white instead of replacing what surrounds the object.
        decorrelate: learn the spectrum in decorrelated colours (Olah et al. 2017) [ours].
        sees: what the prompting network looks at: the mask, the object on white, or the mask with its box moved and
            stretched to the middle of the picture [ours].
        bias: the prompting network's picture is averaged with a learned background.
        width, downs: of the prompting network; the paper's has 64 and 7.
        side: of the square pictures that the prompting network works on; the paper's has 384 whatever the network's.
    """

    kind: Literal["single", "pnet"] = "single"
    space: Literal["fourier", "image"] = "fourier"
    additive: bool = False
    decorrelate: bool = False
    sees: Literal["mask", "image", "box"] = "mask"
    bias: bool = True
    width: int = 64
    downs: int = 7
    side: int = 384


def make_prompt(settings: PromptSettings, size: int, generator: torch.Generator | None = None) -> nn.Module:
    """A prompt with random weights; called with image (N, 3, S, S) and mask (N, 1, S, S) it gives the background."""

    def single() -> nn.Module:
        if settings.space == "image":
            return PixelBackground(size, generator)
        return FourierBackground(size, settings.decorrelate, generator)

    if settings.kind == "single":
        return single()
    sees: Literal["mask", "image"] = "image" if settings.sees == "image" else "mask"
    network: nn.Module = PromptingNetwork(
        size, settings.space, sees, settings.width, settings.downs, generator, settings.side
    )
    if settings.sees == "box":
        network = BoxAligned(network)
    return BiasedNetwork(network, single()) if settings.bias else network


def composite(image: Tensor, mask: Tensor, background: Tensor) -> Tensor:
    """The object on the background, hard mask, no feathering (2306.05428, eq. 1); all in RGB [0, 1].

    Composing before the network's normalisation gives the same picture as after it, since the mask is 0 or 1.
    """
    return background + mask * (image - background)


def add(image: Tensor, mask: Tensor, background: Tensor) -> Tensor:
    """The ablation: the object on white, plus the background moved to [-0.5, 0.5], over all pixels; in [-0.5, 1.5].

    The published code adds [-1, 1] to the normalised picture: half of that in RGB where, as for DPT, the deviation is
    0.5. Here it is the same for every network.
    """
    return composite(image, mask, torch.ones_like(image)) + background - 0.5


def load_prompt(path: Path, network: str) -> nn.Module:
    """A learned prompt: a constant background, or a prompting network in eval mode.

    Raises:
        BadModel: missing or corrupt file, one that is not a prompt, or a prompt made for another network.
    """
    tensors, metadata = read_weights(path)
    tensors = {key: value for key, value in tensors.items() if not key.startswith(METRIC)}
    if "prompt" not in metadata:
        raise BadModel(f"{path} holds no prompt: give a file that depth-prompt learn background wrote")
    if metadata.get("network") != network:
        raise BadModel(f"{path} is a prompt for network {metadata.get('network')!r}, not {network!r}: learn one for it")
    if "picture" in tensors:
        picture = tensors["picture"]
        if picture.ndim != 4 or picture.shape[:2] != (1, 3) or not picture.is_floating_point():
            raise BadModel(f"{path} holds a picture of shape {tuple(picture.shape)}, not (1, 3, S, S): learn it again")
        return FixedBackground(picture)
    try:
        settings, size = _settings(metadata), int(metadata["size"])
        if not (0 < size <= _LARGEST and 0 < settings.side <= _LARGEST and 0 < settings.downs <= _DEEPEST):
            raise ValueError(f"size {size}, side {settings.side}, {settings.downs} halvings")
        with torch.device("meta"):  # takes no memory
            shapes = {name: value.shape for name, value in make_prompt(settings, size).state_dict().items()}
        if shapes != {name: value.shape for name, value in tensors.items()}:
            raise ValueError("tensors of other names or shapes than its metadata say")
        prompt = make_prompt(settings, size)
        prompt.load_state_dict(tensors)
    except Exception as error:  # whatever PyTorch makes of metadata that are not ours
        raise BadModel(f"{path} holds no prompt of this version ({in_one_line(error)}): learn it again") from error
    return prompt.eval().requires_grad_(False)


def _settings(metadata: dict[str, str]) -> PromptSettings:
    values: dict[str, Any] = {}
    for name, default in asdict(PromptSettings()).items():
        text = metadata[name]
        values[name] = text == "True" if isinstance(default, bool) else type(default)(text)
    return PromptSettings(**values)
