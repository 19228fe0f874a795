"""Render, learn, test: one result file a run; a run with a result is done."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from functools import cache
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from depth_prompt_ros.data.rendering.workspaces import CAMERA, Motion, RenderedWorkspace
from depth_prompt_ros.data.sets.video import VideoFrame
from depth_prompt_ros.evaluation.mask_counts import MaskCounts
from depth_prompt_ros.evaluation.video.errors import (
    PARTS,
    Limits,
    depth_errors,
    fitted_inverse,
    median_scaled,
    parts_of,
)
from depth_prompt_ros.frame import DepthMeasurement, Frame
from depth_prompt_ros.learning.trainer import pick_device
from depth_prompt_ros.learning.video.learn import learn_video
from depth_prompt_ros.learning.video.look import disparity_of, look_size, network_inputs
from depth_prompt_ros.learning.video.photometric import moves_less
from depth_prompt_ros.learning.video.samples import VideoSet
from depth_prompt_ros.learning.video.static import StaticRule, three_looks, whole_static_mask
from depth_prompt_ros.learning.video.study.plan import Effort, Run
from depth_prompt_ros.learning.video.warp import Seen, forward_warp
from depth_prompt_ros.networks import catalogue
from depth_prompt_ros.networks.video.depth_net import VideoDepthNet
from depth_prompt_ros.networks.video.levels import Levels
from depth_prompt_ros.parameters import MovingParameters
from depth_prompt_ros.stages.moving.disagreement import elsewhere
from depth_prompt_ros.stages.moving.geometric import GeometricMask, deviation
from depth_prompt_ros.stages.moving.marks import MOVING, UNKNOWN
from depth_prompt_ros.written_aside import write_text

Float32 = NDArray[np.float32]
Errors = dict[str, list[float]]

RESULT = "result.json"
LIMITS = Limits(0.1, 10.0)
_TEST_SEEDS = 1000
_EVERY = 2
MASKS = ("SPIMO", "SPIMO, published rule", "auto-mask", "geometric, depth camera", "all moves")


@cache
def clips(motion: Motion, first: int, count: int) -> tuple[tuple[VideoFrame, ...], ...]:
    """Rendered clips of those seeds; rendered once a process."""
    return tuple(tuple(RenderedWorkspace(seed, motion)) for seed in range(first, first + count))


def held_out(motion: Motion, effort: Effort) -> tuple[tuple[VideoFrame, ...], ...]:
    """Clips of other workspaces than any that is learned from."""
    return clips(motion, _TEST_SEEDS, effort.test)


def execute(run: Run, effort: Effort, out: Path) -> dict[str, Any]:
    """The run's result, learned if it is not there."""
    folder = out / run.folder
    result = folder / RESULT
    if result.exists():
        return dict(json.loads(result.read_text()))
    folder.mkdir(parents=True, exist_ok=True)
    data = VideoSet(clips(run.motion, 0, effort.train), follows=False)
    if run.row.masks is None:
        data.extra[:, 1] = 1  # masks are there for those who are given them
    weights = folder / "learned.safetensors"
    if run.row.masks is not None:  # the first stage is the row of that name
        _take_first_stage(out, run, weights)
    learning = effort.learning(**run.row.changes)
    stages, masks = (1, "spimo") if run.row.masks is None else (2, run.row.masks)
    if not weights.exists():
        rule = StaticRule(rule=run.row.rule)
        schedules = effort.schedule(run.seed), effort.schedule(run.seed, 2)
        learn_video(data, weights, schedules[0], learning, stages, masks, rule, second=schedules[1])  # type: ignore[arg-type]
    network = catalogue.load_video(weights).to(pick_device())
    frames = [frame for clip in held_out(run.motion, effort) for frame in clip[::_EVERY]]
    found: dict[str, Any] = {"run": run.row.name, "motion": run.motion, "seed": run.seed, "effort": asdict(effort)}
    found["errors"] = tabled(frames, lambda frame, _: np.float32(1) / look(network, frame, effort.look))
    if run.row.masks is None:
        found["growth"] = growth(network, effort, frames)
    if run.row.name == "stage 1":
        found["elsewhere"] = {name: tabled(frames, way) for name, way in _elsewhere(network, effort).items()}
        found["masks"] = mask_figures(network, effort, run.motion)
    write_text(result, json.dumps(found, indent=1) + "\n")
    return found


def _take_first_stage(out: Path, run: Run, weights: Path) -> None:
    from depth_prompt_ros.learning.video.study.plan import ROWS

    first = out / Run(ROWS[0], run.motion, run.seed).folder / "learned.safetensors"
    if first.exists():
        for suffix in (".json", ".safetensors"):
            target = weights.with_name(f"{weights.stem}-stage1{suffix}")
            if not target.exists():
                shutil.copyfile(first.with_suffix(suffix), target)


def look(network: VideoDepthNet, frame: VideoFrame, width: int) -> Float32:
    """(H, W) metric disparity, 1/m, of a frame."""
    return disparity_of(network, frame.image, _intrinsics(frame), width, pick_device())


def _elsewhere(network: VideoDepthNet, effort: Effort) -> dict[str, Callable[[VideoFrame, NDArray[np.bool_]], Float32]]:
    """Depth as it is, but of what moves as if it stood elsewhere: by found and by true masks."""

    def depth(frame: VideoFrame, moving: NDArray[np.bool_]) -> Float32:
        inputs = network_inputs(frame.image, _intrinsics(frame), effort.look, pick_device())
        looks, u = three_looks(network, *inputs)
        width = frame.image.shape[1]
        here, there = (
            cv2.resize(each, frame.image.shape[1::-1]) * np.float32(width / each.shape[1])
            for each in (looks[0], elsewhere(looks, u))
        )
        return np.asarray(1 / np.where(moving, there, here), np.float32)

    def found(frame: VideoFrame, _: NDArray[np.bool_]) -> Float32:
        inputs = network_inputs(frame.image, _intrinsics(frame), effort.look, pick_device())
        return depth(frame, ~whole_static_mask(network, inputs, StaticRule(), frame.image.shape[:2]))

    def true(frame: VideoFrame, _: NDArray[np.bool_]) -> Float32:
        assert frame.moving is not None
        return depth(frame, frame.moving)

    return {"SPIMO masks": found, "true masks": true}


def _intrinsics(frame: VideoFrame) -> NDArray[np.float64]:
    camera = frame.camera
    assert camera is not None
    return camera.intrinsics


def tabled(frames: Sequence[VideoFrame], way: Callable[[VideoFrame, NDArray[np.bool_]], Float32]) -> dict[str, Errors]:
    """Mean relative error of each frame by part, as it is and median-scaled over what is static."""
    found: dict[str, Errors] = {kind: {part: [] for part in PARTS} for kind in ("metric", "scaled")}
    for frame in frames:
        truth = frame.depth
        assert truth is not None
        parts = parts_of(truth, frame.moving, LIMITS)
        depth = way(frame, parts["all"])
        scaled = median_scaled(depth, truth, parts["static"])
        for part, known in parts.items():
            for kind, each in (("metric", depth), ("scaled", scaled)):
                found[kind][part].append(depth_errors(each, truth, known, LIMITS).abs_rel)
    return found


def simple_rows(motion: Motion, effort: Effort) -> dict[str, dict[str, Errors]]:
    """Rows without learning from video, on the same frames."""
    from depth_prompt_ros.learning.video.study.real import shipped_look

    train = [frame for clip in clips(motion, 0, effort.train) for frame in clip[::4]]
    inverse = np.stack([1 / _truth(frame) for frame in train])
    mean, median = np.nanmean(inverse, 0), float(np.nanmedian(inverse))
    rows = np.linspace(-1, 1, mean.shape[0])[:, None].clip(0)
    low, high = np.nanpercentile(inverse, [1, 99])
    ramp = np.broadcast_to(low + (high - low) * rows, mean.shape).astype(np.float32)
    shipped = shipped_look()
    frames = [frame for clip in held_out(motion, effort) for frame in clip[::_EVERY]]
    ways: dict[str, Callable[[VideoFrame, NDArray[np.bool_]], Float32]] = {
        "constant": lambda _, known: np.full(known.shape, 1 / median, np.float32),
        "mean scene": lambda *_: (1 / mean).astype(np.float32),
        "ramp": lambda *_: np.float32(1) / ramp,
        "shipped network, scale and shift fitted": lambda frame, known: fitted_inverse(
            shipped(frame.image), _truth(frame), known
        ),
    }
    return {name: tabled(frames, way) for name, way in ways.items()}


def _truth(frame: VideoFrame) -> Float32:
    assert frame.depth is not None
    return frame.depth


def growth(network: VideoDepthNet, effort: Effort, frames: Sequence[VideoFrame]) -> dict[str, float]:
    """How many times larger static disparity is, where a picture is as many times larger as while learning.

    Returns:
        ``enlarged``: ratio of the widths that it is looked at; ``disparity``: mean over frames of the median ratio.
    """
    low, high = effort.learning().cuts.factors((CAMERA.height, CAMERA.width))
    widths = [look_size(CAMERA.height, CAMERA.width, round(CAMERA.width * factor))[1] for factor in (low, high)]
    ratios = []
    for frame in frames:
        small, large = (look(network, frame, width) * np.float32(width / CAMERA.width) for width in widths)
        still = np.ones(small.shape, np.bool_) if frame.moving is None else ~frame.moving
        ratios.append(float(np.median((large / small)[still])))
    return {"enlarged": widths[1] / widths[0], "disparity": float(np.mean(ratios))}


def mask_figures(network: VideoDepthNet, effort: Effort, motion: Motion) -> dict[str, dict[str, float]]:
    """IoU, precision and recall of masks on the test clips; auto-mask and SPIMO by the network of stage 1."""
    counts = {name: MaskCounts() for name in MASKS}
    for clip in held_out(motion, effort):
        for name, number, found, known in _masks(network, effort, clip):
            truth = clip[number].moving
            assert truth is not None
            counts[name] += MaskCounts.of(found & known, truth & known)
    return {
        name: {"iou": each.iou, "precision": each.precision, "recall": each.recall} for name, each in counts.items()
    }  # fmt: skip


def _masks(
    network: VideoDepthNet, effort: Effort, clip: Sequence[VideoFrame]
) -> Iterator[tuple[str, int, NDArray[np.bool_], NDArray[np.bool_]]]:
    """Name, frame, what is called moving and where that is known."""
    geometric = GeometricMask(MovingParameters(method="geometric", fixed_frame="world"))
    rng = np.random.default_rng(0)
    for number, frame in enumerate(clip):
        depth, camera = _truth(frame), frame.camera
        assert camera is not None
        everywhere = np.ones(depth.shape, np.bool_)
        noisy = (depth + rng.normal(size=depth.shape) * deviation(depth, camera)).astype(np.float32)
        seen = Frame(frame.stamp_ns, "camera", frame.image, camera, depth=noisy, pose=frame.pose)
        mask = geometric(seen, DepthMeasurement(noisy, np.ones_like(noisy)))
        if number % _EVERY:
            continue
        if number:
            yield "geometric, depth camera", number, mask == MOVING, mask != UNKNOWN
        inputs = network_inputs(frame.image, _intrinsics(frame), effort.look, pick_device())
        for name, rule in (("SPIMO", "outlier"), ("SPIMO, published rule", "dispersion")):
            static = whole_static_mask(network, inputs, StaticRule(rule=rule), depth.shape)  # type: ignore[arg-type]
            yield name, number, ~static, everywhere
        yield "all moves", number, everywhere, everywhere
        if number:
            found, known = _auto_mask(network, effort, clip[number - 1], frame)
            yield "auto-mask", number, found, known


def _auto_mask(
    network: VideoDepthNet, effort: Effort, before: VideoFrame, frame: VideoFrame
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Pixels of ``frame`` that the frame before fits better unwarped, and those that it sees at all."""
    settings = network.settings
    planes = Levels(settings.farthest, settings.nearest, effort.planes)
    disparity = torch.from_numpy(look(network, before, effort.look))[None, None]
    pictures = [torch.from_numpy(each.image).permute(2, 0, 1)[None] / 255 for each in (before, frame)]
    assert before.pose is not None and frame.pose is not None
    motion = torch.from_numpy(np.linalg.inv(frame.pose) @ before.pose).float()[None]
    camera = torch.from_numpy(_intrinsics(frame)).float()[None]
    layers = planes.layers(disparity, torch.ones_like(disparity))
    seen = forward_warp(pictures[0], layers, planes.values(), motion, camera, camera)
    fits = moves_less(Seen(seen.picture, seen.arrived), *pictures)
    return (fits[0, 0] < 0.5).numpy(), (seen.arrived[0, 0] > 0.5).numpy()
