"""One sheet a network: prompts as rows, objects as columns, each prompted picture above the depth it gives."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

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

    Prompts of other sides or from fewer objects are left out.
    """
    batch = load_batch(test, np.linspace(0, len(test) - 1, _OBJECTS).astype(int), device)
    rows: dict[str, Compose] = {"original": lambda each: each.image, "white": on_white}
    for run in own:
        learned = folder / run.folder / "learned.safetensors"
        usual = run.schedule.seed == 0 and not (run.side or run.objects)
        if run.settings and usual and learned.exists():
            prompt = load_prompt(learned, network.name).to(device)
            rows[run.row] = composer(prompt, run.settings)
    bands = []
    for name, compose in rows.items():
        picture = compose(batch)
        bands += [_band(name, picture), _band("", shade(network(picture), batch))]
    bands.append(_band("truth", shade(batch.depth, batch)))
    said = "Each prompted picture above the depth that it gives: near bright, on the truth's range."
    write_picture(path, caption(said, np.vstack(bands)), 80)


def shade(depth: Tensor, batch: Batch) -> Tensor:
    """(N, 3, S, S) RGB of relative depth inside the masks, near bright, on the truth's range; white outside."""
    target = losses.scale_to_mean(batch.depth, batch.mask)
    p, t = batch.mask * depth, batch.mask * target
    fitted = depth * ((p * t).sum((1, 2, 3), True) / (p * p).sum((1, 2, 3), True).clamp(min=1e-6))
    colours = []
    for one, truth, mask in zip(fitted, target, batch.mask > 0, strict=True):
        low, high = truth[mask].quantile(0.02), truth[mask].quantile(0.98)
        grey = (255 * (1 - (one[0] - low) / (high - low).clamp(min=0.05))).clamp(0, 255).byte().cpu().numpy()
        colour = cv2.applyColorMap(grey, cv2.COLORMAP_VIRIDIS)[..., ::-1].astype(np.float32) / 255
        colours.append(np.where(mask[0].cpu().numpy()[..., None], colour, 1))
    return torch.from_numpy(np.stack(colours)).permute(0, 3, 1, 2)


def _band(name: str, pictures: Tensor) -> NDArray[np.uint8]:
    row = pictures.clamp(0, 1).permute(2, 0, 3, 1).flatten(1, 2).cpu().numpy()
    label = np.full((row.shape[0], _LABEL, 3), 255, np.uint8)
    words = text_row([name], _LABEL)[: len(label)]
    label[: len(words)] = words
    return np.hstack([label, (255 * row + 0.5).astype(np.uint8)])
