"""Learn depth from plain video, in one stage or two (2205.08851)."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from depth_prompt_ros.data.sets.video import LeftOut
from depth_prompt_ros.data.titles import title_row
from depth_prompt_ros.learning.run_state import Report
from depth_prompt_ros.learning.trainer import Losses, Schedule, fit, pick_device, write_weights
from depth_prompt_ros.learning.video.look import disparity_of, network_inputs
from depth_prompt_ros.learning.video.masks import mask_moving
from depth_prompt_ros.learning.video.objective import VideoLearning, VideoModel
from depth_prompt_ros.learning.video.samples import Channel, Moments, VideoSet, cut
from depth_prompt_ros.learning.video.static import StaticRule, whole_static_mask
from depth_prompt_ros.networks import catalogue
from depth_prompt_ros.written_aside import write_picture

_SHOWN, _PICTURES = 4, 10
"""Pictures on a sheet; sheets of a run."""


@dataclass(frozen=True)
class Told:
    """What a set is, for the card.

    Attributes:
        names: where its frames come from.
        left_out: what was not used, with the reasons.
    """

    names: tuple[str, ...] = ()
    left_out: tuple[LeftOut, ...] = ()


def learn_video(
    data: VideoSet,
    out: Path,
    schedule: Schedule,
    settings: VideoLearning,
    stages: Literal[1, 2] = 1,
    masks: Literal["spimo", "given"] = "spimo",
    rule: StaticRule | None = None,
    weights: Path | None = None,
    told: Told | None = None,
    report: Report | None = None,
    progress: Callable[[str], Callable[[int, int], None] | None] = lambda _: None,
    second: Schedule | None = None,
) -> dict[str, Any]:
    """Learn, and write weights, card, log, and pictures as it goes; returns the card's figures.

    With two stages the first one's weights go to ``out`` with "-stage1" at the end of its name, and the second starts
    from random weights and learns from what the first one's masks call static. A stage whose weights are there is done.

    Args:
        data: frames; the second stage writes masks and labels into it.
        masks: of the second stage: found by the first one's network, or given with the frames.
        rule: of the masks that are found.
        weights: of a network learned before, to start the first stage from: fine-tuning. Without warm-up.
        told: for the card.
        progress: makes, of a title, what is told how many pictures are masked.
        second: schedule of the second stage; None: that of the first.

    Raises:
        BadInput: what :func:`depth_prompt_ros.learning.trainer.fit` refuses.
        BadModel: ``weights`` that are not of such a network.
    """
    device, told = pick_device(), told or Told()
    if stages == 1:
        return _stage(data, out, schedule, settings, "", weights, told, report, device)
    rule = rule or StaticRule()
    given = data.extra[:, Channel.STATIC].copy()
    first = out.with_name(f"{out.stem}-stage1{out.suffix}")
    if not first.exists():
        data.extra[:, Channel.STATIC] = 1
        _stage(data, first, schedule, replace(settings, boost=0.0), "", weights, told, report, device)
        data.extra[:, Channel.STATIC] = given
    network = catalogue.load_video(first).to(device)
    look = settings.cuts.look(data.size)
    moved = mask_moving(
        data, network, look, rule if masks == "spimo" else None, settings.boost > 0, device, progress("masking")
    )
    described = f"{masks} masks, {100 * moved:.2f} % of the pixels move"
    return _stage(data, out, second or schedule, settings, described, None, told, report, device)


def _stage(
    data: VideoSet,
    out: Path,
    schedule: Schedule,
    settings: VideoLearning,
    masks: str,
    weights: Path | None,
    told: Told,
    report: Report | None,
    device: torch.device,
) -> dict[str, Any]:
    torch.manual_seed(schedule.seed)
    model = VideoModel(settings)
    if weights is not None:
        _start_from(model, weights)
    model.to(device)
    every = max(1, schedule.steps // _PICTURES)
    look = settings.cuts.look(data.size)

    def on_step(step: int) -> None:
        model.progress = (step - 1) / schedule.steps
        if step % every == 0:
            _write_sheet(out.with_name(f"{out.stem}-growth") / f"{step:06d}.png", model, data, look, device)

    def loss_of(moments: Moments, generator: torch.Generator) -> Losses:
        return model.losses(cut(moments, settings.cuts, generator))

    figures: dict[str, Any] = {"frames": len(data.images), "moments": len(data), "masks": masks or "none"}

    seconds = fit(
        model,
        lambda indices: data.load(indices, device),
        loss_of,
        len(data),
        schedule,
        out,
        report,
        settings={
            "learning": asdict(settings),
            "start": str(weights or ""),
            "masks": masks,
            "frames": len(data.images),
        },
        on_step=on_step,
    )
    network = settings.network
    metadata = {
        "network": f"video-{network.head}",
        "names": catalogue.OWN_NAMES,
        "settings": json.dumps(asdict(network)),
        "look": str(look),
        "focal": f"{_largest_focal(data, settings):.1f}",
        "licence": catalogue.find_video(f"video-{network.head}").licence,
    }
    figures["seconds"] = round(seconds)
    card = {
        "data": list(told.names),
        "left_out": [str(each) for each in told.left_out],
        "learning": asdict(settings),
        "schedule": asdict(schedule),
        "start": weights.name if weights else "random weights",
        **figures,
    }
    pose = {"network": "video-pose", "names": catalogue.OWN_NAMES, "width": f"{settings.pose_width:g}"}
    write_weights(pose_path(out), model.pose.state_dict(), pose, {"with": out.name})
    _write_sheet(out.with_suffix(".png"), model, data, look, device)
    write_weights(out, model.depth.state_dict(), metadata, card)
    return figures


def _largest_focal(data: VideoSet, settings: VideoLearning) -> float:
    """Pixels: the focal length of pictures enlarged as far as they were while learning."""
    return float(np.median(data.intrinsics[:, 0])) * settings.cuts.factors(data.size)[1]


def pose_path(depth: Path) -> Path:
    """Where the pose network is whose depth network is at ``depth``."""
    return depth.with_name(f"{depth.stem}-pose{depth.suffix}")


def _start_from(model: VideoModel, weights: Path) -> None:
    """Put learned weights into a model, those of the pose network too where they are beside."""
    network = catalogue.load_video(weights)
    catalogue.load_learned(model.depth, f"video-{network.settings.head}", weights)
    if (pose := pose_path(weights)).exists():
        catalogue.load_learned(model.pose, "video-pose", pose)
    model.warms_up = False


def _write_sheet(path: Path, model: VideoModel, data: VideoSet, look: int, device: torch.device) -> None:
    """Rows of picture, disparity and what its network calls moving, of pictures of the whole set."""
    model.eval()
    rows = []
    for number in np.unique(np.linspace(0, len(data.images) - 1, _SHOWN).astype(int)):
        image, intrinsics = data.images[number], data.intrinsics[number]
        disparity = disparity_of(model.depth, image, intrinsics, look, device)
        inputs = network_inputs(image, intrinsics, look, device)
        static = whole_static_mask(model.depth, inputs, StaticRule(), image.shape[:2])
        moving = (~static).astype(np.uint8) * 255
        rows.append(np.hstack([image[..., ::-1], coloured(disparity), cv2.cvtColor(moving, cv2.COLOR_GRAY2BGR)]))
    model.train()
    titles = title_row(["picture", "disparity: red near", "moving: white"], rows[0].shape[1] // 3)
    write_picture(path, np.vstack([titles, np.vstack(rows)[..., ::-1]]))


def coloured(disparity: NDArray[np.float32]) -> NDArray[np.uint8]:
    """(H, W, 3) uint8 BGR from blue, far, to red, near, between the 1st and the 99th hundredth."""
    low, high = np.percentile(disparity, [1, 99])
    level = (255 * np.clip((disparity - low) / max(high - low, 1e-9), 0, 1)).astype(np.uint8)
    return np.asarray(cv2.applyColorMap(level, cv2.COLORMAP_TURBO), np.uint8)
