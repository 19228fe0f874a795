"""What a study can ask beyond its usual rows: fewer objects to learn from, prompts of other sides, worse masks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from depth_prompt_ros.camera import CameraModel
from depth_prompt_ros.data.sets.picture_set import PictureSet
from depth_prompt_ros.data.worse_masks import AMOUNTS, CHANGES, worse
from depth_prompt_ros.errors import BadFrame
from depth_prompt_ros.frame import DepthMeasurement, Frame
from depth_prompt_ros.graph.prompt import PromptSettings
from depth_prompt_ros.learning.background.errors import Compose, DepthNetwork, batches, shape_errors
from depth_prompt_ros.learning.background.study.plan import OURS, TUNED, Effort, Run, StudiedNetwork
from depth_prompt_ros.networks import catalogue
from depth_prompt_ros.parameters import SegmentationParameters
from depth_prompt_ros.stages.segmentation.rembg_masks import RembgSegmenter

Masks = Callable[[PictureSet, int], NDArray[np.bool_]]
"""From a set and an index to the mask that is used in place of the true one."""


@dataclass(frozen=True)
class More:
    """What is asked beyond the usual rows.

    Attributes:
        objects: numbers of objects to learn from, each a row for the single background and two for fine-tuning.
        sides: of single backgrounds that are learned, and of the pictures that the network then sees.
        masks: whether to look at masks that are worse than the truth.
    """

    objects: tuple[int, ...] = ()
    sides: tuple[int, ...] = ()
    masks: bool = False


def more_runs(networks: list[StudiedNetwork], effort: Effort, more: More) -> Iterator[Run]:
    """Every seed of every row that is asked for; sides through those networks that take them."""
    for seed in range(effort.seeds):
        for network in networks:
            for objects in more.objects:
                named = f", {objects} objects"
                single = replace(effort.single, seed=seed)
                yield Run(network, f"1-BG{named}", "1-BG", single, PromptSettings(), objects=objects)
                for row, schedule in ((TUNED, effort.tuned), (OURS, effort.our_tuned)):
                    yield Run(network, row + named, "fine-tuned", replace(schedule, seed=seed), objects=objects)
            for side in sides_of(network, more):
                schedule = replace(effort.single, seed=seed)
                yield Run(network, f"1-BG, {side} pixels", "1-BG", schedule, PromptSettings(), side=side)


def sides_of(network: StudiedNetwork, more: More) -> list[int]:
    """Those of the asked sides at which a network can be run and is not run anyway."""
    entry = catalogue.find(network.name)
    fits = entry.multiple < entry.size
    return [side for side in more.sides if fits and side % entry.multiple == 0 and side != entry.size]


def true_mask(pictures: PictureSet, index: int) -> NDArray[np.bool_]:
    """The set's own."""
    return np.asarray(pictures.masks[index])


def worse_masks() -> dict[str, Masks]:
    """By name: true masks eroded, dilated and shifted by shares of the square root of their area."""

    def changed(change: str, amount: float) -> Masks:
        def mask(pictures: PictureSet, index: int) -> NDArray[np.bool_]:
            true = true_mask(pictures, index)
            angle = np.random.default_rng(index).uniform(0, 2 * np.pi)
            found = worse(true, change, amount * float(np.sqrt(true.sum())), angle)
            return found if found.any() else true

        return mask

    return {f"{change} by {100 * amount:g} %": changed(change, amount) for change in CHANGES for amount in AMOUNTS}


def rembg_masks(parameters: SegmentationParameters) -> Masks:
    """What rembg finds in the pictures with their own background; the whole picture where it finds nothing.

    Raises:
        BadInput, BadModel: rembg or its weights are not there.
    """
    segmenter = RembgSegmenter(parameters)

    def mask(pictures: PictureSet, index: int) -> NDArray[np.bool_]:
        image, depth = np.asarray(pictures.images[index]), np.asarray(pictures.depths[index])
        camera = CameraModel(pictures.size, pictures.size, *(float(each) for each in pictures.intrinsics[index]))
        try:
            labels = segmenter(Frame(index, "", image, camera, depth=depth), DepthMeasurement(depth, depth * 0))
        except BadFrame:
            return np.ones(image.shape[:2], bool)
        return np.asarray(labels > 0)

    return mask


@torch.no_grad()
def errors_with(
    masks: Masks, network: DepthNetwork, composes: dict[str, Compose], test: PictureSet, device: torch.device
) -> tuple[dict[str, NDArray[np.float32]], float]:
    """(N, 2) errors of prompted pictures whose masks are others, scored on the true ones, and the masks' mean IoU."""
    rows: dict[str, list[Tensor]] = {name: [] for name in composes}
    overlaps: list[float] = []
    for batch in batches(test, device):
        indices = range(len(overlaps), len(overlaps) + len(batch.mask))
        used, true = (
            torch.from_numpy(np.stack([of(test, index) for index in indices])).to(batch.mask)[:, None]
            for of in (masks, true_mask)
        )
        both, either = (part.sum((1, 2, 3)) for part in (used * true, torch.maximum(used, true)))
        overlaps += (both / either.clamp(min=1)).tolist()
        for name, compose in composes.items():
            rows[name].append(shape_errors(network(compose(batch._replace(mask=used))), batch))
    return {name: torch.cat(found).cpu().numpy() for name, found in rows.items()}, float(np.mean(overlaps))
