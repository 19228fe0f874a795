"""First weights of a small CLIP's image encoder, from which shapes are learned in fewer steps than from random ones."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from depth_prompt_ros.networks.clip_mirror.clip import Clip

_STRENGTH = 0.5
"""Of the places' embeddings beside the patches', whose deviation is then about 0.7."""
_KEPT = 64
"""Principal components of a patch that come to nearly one deviation; what varies less stays less."""


@torch.no_grad()
def begin_with_places_and_whitened_patches(network: Clip, pictures: Tensor) -> None:
    """Replace the first weights of patch and position embedding; both are learned on.

    Positions begin as sines and cosines of row and column (2205.01580) as strong as the patches' own embeddings: where
    a patch lies is a tenth of what it looks like in the library's first weights, and a shape is where its patches lie.
    The patch embedding begins as the principal components of patches, divided by their deviation: what a patch looks
    like is nearly all its mean colour in random weights, and edges are what shapes are made of.

    Args:
        network: with random weights.
        pictures: (N, 3, S, S), normalised, to take patches from; at least as many patches as the embedding is wide.
    """
    sizes, embeddings = network.sizes, network.model.vision_model.embeddings
    places = sines_and_cosines(sizes.grid, sizes.image_width)
    embeddings.position_embedding.weight[1:] = _STRENGTH * places.to(pictures.device)
    patches = functional.unfold(pictures, sizes.patch, stride=sizes.patch).transpose(1, 2).flatten(0, 1)
    whitening = whitening_of(patches, sizes.image_width)
    embeddings.patch_embedding.weight.copy_(0.7 * whitening.view(embeddings.patch_embedding.weight.shape))


def sines_and_cosines(grid: int, width: int) -> Tensor:
    """(grid * grid, width) of the places row by row, half of the row, half of the column; a multiple of 4 wide."""
    place = torch.arange(grid, dtype=torch.float32)
    waves = 1.5 / 10000 ** (torch.arange(width // 4) / (width // 4))
    rows, columns = (each.flatten()[:, None] * waves for each in torch.meshgrid(place, place, indexing="ij"))
    return torch.cat([rows.sin(), columns.sin(), rows.cos(), columns.cos()], 1)


def whitening_of(samples: Tensor, width: int) -> Tensor:
    """(width, D): the first principal directions of (M, D) samples, each over the deviation along it.

    To the variances is added that of direction number 64, or a ten-thousandth of the first where that is more.
    """
    centred = samples - samples.mean(0)
    variances, directions = torch.linalg.eigh(centred.T @ centred / len(samples))
    variances, directions = variances.flip(0)[:width], directions.flip(1)[:, :width]
    floor = torch.maximum(variances[min(_KEPT, width - 1)], 1e-4 * variances[0])
    return (directions / (variances.clamp(min=0) + floor).sqrt()).T
