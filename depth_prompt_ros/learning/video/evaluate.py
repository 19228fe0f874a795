"""Depth and masks of a network learned from video, beside the truth of any video that has one."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from depth_prompt_ros.data.sets.video import VideoSource
from depth_prompt_ros.errors import BadInput
from depth_prompt_ros.evaluation.mask_counts import MaskCounts
from depth_prompt_ros.evaluation.video.errors import (
    LITERATURE,
    PAPER,
    DepthErrors,
    depth_errors,
    mean_errors,
    median_scaled,
)
from depth_prompt_ros.graph.weights import read_weights
from depth_prompt_ros.learning.trainer import pick_device
from depth_prompt_ros.learning.video.look import disparity_of, network_inputs
from depth_prompt_ros.learning.video.static import StaticRule, whole_static_mask
from depth_prompt_ros.networks import catalogue

_PROTOCOLS = {"1 to 80 m": PAPER, "1e-3 to 80 m, Garg's crop": LITERATURE}


def listed(path: Path) -> set[tuple[str, str]]:
    """Drive and picture of each line, ``DATE/DRIVE NUMBER l`` or ``DATE/DRIVE/image_02/data/NUMBER.png``.

    Raises:
        BadInput: a file that cannot be read or has another layout.
    """
    found = set()
    try:
        lines = path.read_text().splitlines()
    except OSError as error:
        raise BadInput(f"cannot read {path}: {error.strerror}") from error
    for line in lines:
        words = line.split()
        if not words:
            continue
        drive, _, rest = words[0].partition("/image_0")
        number = Path(rest).stem if rest else (words[1] if len(words) > 1 else "")
        if not number:
            raise BadInput(f"{path} has the line {line!r}: expected a drive and the number of a picture")
        found.add((Path(drive).name, number))
    return found


def evaluate_video(
    sources: Sequence[VideoSource],
    weights: Path,
    wanted: Collection[tuple[str, str]] | None = None,
    every: int = 1,
    rule: StaticRule | None = None,
) -> dict[str, Any]:
    """Mean errors over frames with a true depth, and masks over frames with true ones; figures by name.

    Args:
        weights: of the network.
        wanted: names of a source's folder and of a frame; None: all.
        every: look at every so many of the frames.
        rule: of SPIMO masks.

    Raises:
        BadInput: no frame with anything to compare.
        BadModel: weights of another network.
    """
    device, network = pick_device(), catalogue.load_video(weights)
    network.to(device)
    look = int(read_weights(weights)[1]["look"])
    errors: dict[str, list[DepthErrors]] = {}
    counts, frames, masks = MaskCounts(), 0, 0
    for source in sources:
        for number, frame in enumerate(source):
            chosen = wanted is None or (Path(source.name).name, frame.name) in wanted
            if number % every or not chosen or frame.camera is None or (frame.depth is None and frame.moving is None):
                continue
            frames += 1
            intrinsics = frame.camera.intrinsics
            if frame.depth is not None:
                depth = np.float32(1) / disparity_of(network, frame.image, intrinsics, look, device)
                for name, limits in _PROTOCOLS.items():
                    known = limits.known(frame.depth)
                    if not known.any():
                        continue
                    scaled = median_scaled(depth, frame.depth, known)
                    for kind, each in (("metric", depth), ("median-scaled", scaled)):
                        errors.setdefault(f"{kind}, {name}", []).append(depth_errors(each, frame.depth, known, limits))
            if frame.moving is not None:
                masks += 1
                inputs = network_inputs(frame.image, intrinsics, look, device)
                static = whole_static_mask(network, inputs, rule or StaticRule(), frame.image.shape[:2])
                counts += MaskCounts.of(~static, frame.moving)
    if not frames:
        raise BadInput("nothing to compare with: no frame has a true depth or a mask of what moves")
    figures: dict[str, Any] = {"frames": frames}
    for name, rows in errors.items():
        figures[name] = {key: round(value, 4) for key, value in mean_errors(rows)._asdict().items()}
    if masks:
        figures["moving"] = {"iou": counts.iou, "precision": counts.precision, "recall": counts.recall}
    return figures
