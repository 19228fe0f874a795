"""The conditional prompting network, PNet: from an object's mask to a background for it (2306.05428)."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional


class PromptingNetwork(nn.Module):
    """A U-Net over the spectrum of the mask gives the spectrum of the background.

    Channels are real and imaginary parts, transforms are orthonormal, ``sigmoid(40 x)`` ends it. It works at ``side``
    pixels: for a frozen network of another size the mask is resized on the way in and the background on the way back,
    bilinear, as in the published code. Ablations: ``space`` "image" works on pixels (``sigmoid(10 x)``);
    ``sees`` "image" looks at the object on white instead of its mask.
    """

    def __init__(
        self,
        size: int,
        space: Literal["fourier", "image"] = "fourier",
        sees: Literal["mask", "image"] = "mask",
        width: int = 64,
        downs: int = 7,
        generator: torch.Generator | None = None,
        side: int = 384,
    ) -> None:
        super().__init__()
        self.size, self.side, self.space, self.sees = size, side, space, sees
        parts = 2 if space == "fourier" else 1
        self.unet = UNet(parts * (3 if sees == "image" else 1), parts * 3, width, downs, generator)

    def forward(self, image: Tensor, mask: Tensor) -> Tensor:
        """(N, 3, S, S) RGB in (0, 1)."""
        seen = _resized(mask if self.sees == "mask" else mask * image + (1 - mask), self.side)
        if self.space == "image":
            return _resized(torch.sigmoid(10 * self.unet(seen)), self.size)
        spectrum = torch.fft.rfft2(seen, norm="ortho")
        real, imaginary = self.unet(torch.cat([spectrum.real, spectrum.imag], 1)).chunk(2, 1)
        picture = torch.fft.irfft2(torch.complex(real, imaginary), s=(self.side, self.side), norm="ortho")
        return _resized(torch.sigmoid(40 * picture), self.size)


def _resized(picture: Tensor, side: int) -> Tensor:
    if picture.shape[-1] == side:
        return picture
    return functional.interpolate(picture, size=(side, side), mode="bilinear", align_corners=False)


class UNet(nn.Module):
    """pix2pix's U-Net (Isola et al. 2017) without normalisation, dropout and final tanh; weights start at N(0, 0.02^2).

    ``downs`` 4x4 convolutions of stride 2, LeakyReLU 0.2 before all but the first, and as many transposed ones with
    ReLU before them and skips between; the last alone has biases. Inputs of any size are padded with zeros to a square
    that halves so often.
    """

    def __init__(
        self, inputs: int, outputs: int, width: int, downs: int, generator: torch.Generator | None = None
    ) -> None:
        super().__init__()
        widths = [inputs] + [width * min(2**level, 8) for level in range(downs)]
        self.down = nn.ModuleList(nn.Conv2d(widths[i], widths[i + 1], 4, 2, 1, bias=False) for i in range(downs))
        self.up = nn.ModuleList(
            nn.ConvTranspose2d(
                widths[i + 1] * (1 if i == downs - 1 else 2), widths[i] if i else outputs, 4, 2, 1, bias=i == 0
            )
            for i in range(downs)
        )
        with torch.no_grad():
            for layer in (*self.down, *self.up):
                layer.weight.normal_(0, 0.02, generator=generator)
            for name, bias in self.named_parameters():
                if name.endswith("bias"):
                    bias.zero_()

    def forward(self, features: Tensor) -> Tensor:
        """(N, inputs, H, W) -> (N, outputs, H, W)."""
        height, width = features.shape[-2:]
        step = 2 ** len(self.down)
        side = -(-max(height, width) // step) * step
        features = functional.pad(features, (0, side - width, 0, side - height))
        skips = []
        for level, down in enumerate(self.down):
            features = down(functional.leaky_relu(features, 0.2) if level else features)
            skips.append(features)
        features = skips.pop()
        for up in reversed(self.up):
            features = up(functional.relu(features))
            if skips:
                features = torch.cat([skips.pop(), features], 1)
        return features[..., :height, :width]


class BoxAligned(nn.Module):
    """A prompting network that sees every mask at the same place and size [ours].

    The mask's bounding box is moved and stretched to the middle, ``fill`` of the side; the background that comes back
    is moved and shrunk along, and mirrored where it does not reach. The prompt then follows an object that is not in
    the middle of its picture.
    """

    def __init__(self, network: nn.Module, fill: float = 0.75) -> None:
        super().__init__()
        self.network, self.fill = network, fill

    def forward(self, image: Tensor, mask: Tensor) -> Tensor:
        """(N, 3, S, S) RGB in (0, 1)."""
        middle, half = _box(mask)
        half = half.clamp(min=0.05) / self.fill
        aligned = _resample(mask, half, middle, "zeros")
        background = self.network(_resample(image, half, middle, "border"), (aligned > 0.5).to(mask))
        return _resample(background, 1 / half, -middle / half, "reflection")


def _box(mask: Tensor) -> tuple[Tensor, Tensor]:
    """(N, 2) middle and half side (x, y) of each mask's bounding box, in [-1, 1] picture coordinates."""
    ends = []
    for axis in (2, 1):  # columns, then rows
        inside = mask[:, 0].amax(3 - axis) > 0
        count = inside.shape[1]
        place = (torch.arange(count, device=mask.device, dtype=mask.dtype) * 2 + 1) / count - 1
        low = torch.where(inside, place - 1 / count, 1.0).amin(1)
        high = torch.where(inside, place + 1 / count, -1.0).amax(1)
        ends.append((low, high))
    low, high = (torch.stack([each[i] for each in ends], 1) for i in (0, 1))
    return (low + high) / 2, (high - low) / 2


def _resample(picture: Tensor, scale: Tensor, shift: Tensor, padding: str) -> Tensor:
    """The picture looked up at ``scale * x + shift``, x in [-1, 1] picture coordinates, bilinear."""
    theta = torch.cat([torch.diag_embed(scale), shift[:, :, None]], 2)
    grid = functional.affine_grid(theta, list(picture.shape), align_corners=False)
    return functional.grid_sample(picture, grid, padding_mode=padding, align_corners=False)
