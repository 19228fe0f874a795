"""One sheet a network: prompts as rows, objects as columns, each prompted picture above the depth and normals it gives.

These are figures 5 and 6 of 2306.05428: normals beside depth, and the network's depth of the prompt alone.
"""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from depth_prompt_ros.data.sets.picture_set import PictureSet
from depth_prompt_ros.data.titles import caption, text_row
from depth_prompt_ros.graph.prompt import load_prompt
from depth_prompt_ros.learning import losses
from depth_prompt_ros.learning.background.errors import Compose, DepthNetwork, on_white
from depth_prompt_ros.learning.background.learn import composer
from depth_prompt_ros.learning.background.study.plan import Run
from depth_prompt_ros.learning.trainer import Batch, load_batch
from depth_prompt_ros.written_aside import write_picture

_OBJECTS = 6
_LABEL = 110


@torch.no_grad()
def write_prompt_sheet(
    path: Path, network: DepthNetwork, folder: Path, own: list[Run], test: PictureSet, device: torch.device
) -> None:
    """Original, white, first seeds of what has been learned, all on the same test objects; truth in the last row.

    The first column is the prompt without an object, and the network's depth of it over the whole picture. Prompts of
    other sides or from fewer objects are left out.
    """
    batch = load_batch(test, np.linspace(0, len(test) - 1, _OBJECTS).astype(int), device)
    nothing = batch._replace(image=torch.zeros_like(batch.image[:1]), mask=torch.zeros_like(batch.mask[:1]))
    rows: dict[str, Compose] = {"original": lambda each: each.image, "white": on_white}
    for run in own:
        learned = folder / run.folder / "learned.safetensors"
        usual = run.schedule.seed == 0 and not (run.side or run.objects)
        if run.settings and usual and learned.exists():
            prompt = load_prompt(learned, network.name).to(device)
            rows[run.row] = composer(prompt, run.settings)
    blank = torch.ones_like(batch.image[:1])
    bands = []
    for name, compose in rows.items():
        picture = compose(batch)
        depth = network(picture)
        alone = below = blank
        if name != "original":  # there is no such picture without its object
            alone = compose(nothing)
            below = _shade_whole(network(alone))
        bands += [
            _band(name, alone, picture),
            _band("", below, shade(depth, batch)),
            _band("", blank, _normals(depth, batch)),
        ]
    bands += [_band("truth", blank, shade(batch.depth, batch)), _band("", blank, _normals(batch.depth, batch))]
    said = (
        "Each prompted picture above its depth, near bright, on the truth's range, and its normals: red to the right, "
        "green down, blue towards the camera. First column: the prompt without an object, and its depth."
    )
    write_picture(path, caption(said, np.vstack(bands)), 80)


def shade(depth: Tensor, batch: Batch) -> Tensor:
    """(N, 3, S, S) RGB of relative depth inside the masks, near bright, on the truth's range; white outside."""
    target = losses.scale_to_mean(batch.depth, batch.mask)
    p, t = batch.mask * depth, batch.mask * target
    fitted = depth * ((p * t).sum((1, 2, 3), True) / (p * p).sum((1, 2, 3), True).clamp(min=1e-6))
    colours = []
    for one, truth, mask in zip(fitted, target, batch.mask > 0, strict=True):
        low, high = truth[mask].quantile(0.02), truth[mask].quantile(0.98)
        colours.append(_coloured(one[0], low, (high - low).clamp(min=0.05) + low, mask[0]))
    return torch.cat(colours)


def _coloured(depth: Tensor, low: Tensor, high: Tensor, mask: Tensor) -> Tensor:
    """(1, 3, S, S) RGB of (S, S) depth, ``low`` bright and ``high`` dark; white outside the mask."""
    grey = (255 * (1 - (depth - low) / (high - low).clamp(min=1e-6))).clamp(0, 255).byte().cpu().numpy()
    colour = cv2.applyColorMap(grey, cv2.COLORMAP_VIRIDIS)[..., ::-1].astype(np.float32) / 255
    return torch.from_numpy(np.where(mask.cpu().numpy()[..., None], colour, 1)).permute(2, 0, 1)[None].float()


def _shade_whole(depth: Tensor) -> Tensor:
    """(1, 3, S, S) RGB of a whole picture's depth up to scale, near bright, from its 2nd to its 98th percentile."""
    return _coloured(depth[0, 0], depth.quantile(0.02), depth.quantile(0.98), torch.ones_like(depth[0, 0]))


def _normals(depth: Tensor, batch: Batch) -> Tensor:
    """(N, 3, S, S) RGB of normals inside the masks, x, y and -z from -1 to 1 as red, green, blue; white outside."""
    found = functional.pad(losses.normals(depth, batch.intrinsics), (1, 0, 1, 0))
    colours = (found * found.new_tensor([1, 1, -1]).view(1, 3, 1, 1) + 1) / 2
    return torch.where(batch.mask > 0, colours, torch.ones_like(colours))


def _band(name: str, alone: Tensor, pictures: Tensor) -> NDArray[np.uint8]:
    row = torch.cat([alone, pictures]).clamp(0, 1).permute(2, 0, 3, 1).flatten(1, 2).cpu().numpy()
    label = np.full((row.shape[0], _LABEL, 3), 255, np.uint8)
    words = text_row([name], _LABEL)[: len(label)]
    label[: len(words)] = words
    return np.hstack([label, (255 * row + 0.5).astype(np.uint8)])
