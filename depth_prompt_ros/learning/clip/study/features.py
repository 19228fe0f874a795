"""What the frozen image encoder says of every picture, computed once: a run then costs the decoder alone."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from depth_prompt_ros.data.sets.captioned_set import CaptionedSet
from depth_prompt_ros.networks import catalogue
from depth_prompt_ros.networks.clip_mirror.clip import Clip
from depth_prompt_ros.networks.clip_mirror.entries import SMALL_NAME
from depth_prompt_ros.written_aside import written_aside

_CHUNK = 32


class Features(NamedTuple):
    """Of N pictures, each as it is and flipped.

    Attributes:
        states: (2, N, 3, tokens, width) float16.
        vectors: (2, N, projection) float32, the pictures' own.
        patches: (2, N, patches, projection) float16, the patches'.
    """

    states: NDArray[np.float16]
    vectors: NDArray[np.float32]
    patches: NDArray[np.float16]


@torch.no_grad()
def open_or_compute(path: Path, clip: Clip, data: CaptionedSet, device: torch.device) -> Features:
    """Those in the file ``path`` (.npz), computed first if it is not there: written aside, then renamed."""
    if not path.is_file():
        normalise = catalogue.Normalise(catalogue.find_clip(SMALL_NAME)).to(device)
        parts: list[list[NDArray[np.generic]]] = [[], [], []]
        for start in range(0, len(data), _CHUNK):
            image = torch.from_numpy(np.array(data.images[start : start + _CHUNK])).to(device)
            image = image.permute(0, 3, 1, 2).float() / 255
            both = normalise(torch.cat([image, image.flip(3)]))
            tapped, tokens = clip.everything(both)
            found = (torch.stack(tapped, 1), tokens[:, 0], tokens[:, 1:])
            for part, values, kind in zip(parts, found, (np.float16, np.float32, np.float16), strict=True):
                part.append(values.view(2, len(image), *values.shape[1:]).cpu().numpy().astype(kind))
        states, vectors, patches = (np.concatenate(part, 1) for part in parts)
        with written_aside(path) as aside, aside.open("wb") as file:
            np.savez(file, states=states, vectors=vectors, patches=patches)
    with np.load(path) as stored:
        return Features(*(stored[name] for name in Features._fields))


class FeatureBatch(NamedTuple):
    """N pictures by their features, float32; see :class:`Features`.

    Attributes:
        states: (N, 3, tokens, width).
        vectors: (N, projection).
        patches: (N, patches, projection).
        depth: (N, 1, S, S) metres, 1 where it is unknown.
        mask: (N, 1, S, S) in {0, 1}.
        image: (N, 3, S, S) RGB in [0, 1], for encoders that are learned on.
    """

    states: Tensor
    vectors: Tensor
    patches: Tensor
    depth: Tensor
    mask: Tensor
    image: Tensor


def load(
    features: Features, data: CaptionedSet, places: NDArray[np.int64], flips: NDArray[np.bool_], device: torch.device
) -> FeatureBatch:
    """Those pictures, some of them flipped."""
    which = flips.astype(np.int64)
    states, vectors, patches = (torch.from_numpy(part[which, places]).float().to(device) for part in features)
    turned = torch.from_numpy(flips).view(-1, 1, 1, 1).to(device)
    depth = torch.from_numpy(np.asarray(data.depths[places])).to(device)[:, None]
    image = torch.from_numpy(np.asarray(data.images[places])).to(device).permute(0, 3, 1, 2).float() / 255
    depth, image = (torch.where(turned, each.flip(3), each) for each in (depth, image))
    mask = torch.isfinite(depth) & (depth > 0)
    return FeatureBatch(states, vectors, patches, torch.where(mask, depth, 1.0), mask.float(), image)
