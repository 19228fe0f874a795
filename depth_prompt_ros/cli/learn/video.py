"""depth-prompt learn video: depth from plain video (arXiv 2205.08851)."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Optional

import typer

from depth_prompt_ros.cli.learn.options import MaskRule, Rule, Seed, WeightsOut
from depth_prompt_ros.cli.learn.video_options import Head, Masks
from depth_prompt_ros.cli.progress import print_figures, progress

if TYPE_CHECKING:
    from collections.abc import Callable


def video(
    inputs: Annotated[list[Path], typer.Argument(metavar="INPUT", help="Recordings, or folders of pictures.")],
    out: WeightsOut,
    image: Annotated[str, typer.Option("--image", help="Picture topic of a recording.")] = "/left/image_rect",
    info: Annotated[str, typer.Option("--camera-info", help="Its camera_info topic.")] = "/left/camera_info",
    right: Annotated[str, typer.Option("--right", help="Picture topic of a rectified pair's other camera.")] = "",
    right_info: Annotated[str, typer.Option("--right-camera-info", help="Its camera_info topic.")] = "",
    pair: Annotated[bool, typer.Option("--pair", help="Use the right pictures of KITTI and Cityscapes.")] = False,
    own_topic: Annotated[str, typer.Option("--own-topic", help="Mask topic: pixels of the robot itself.")] = "",
    own: Annotated[
        Optional[Path],  # noqa: UP045 (typer evaluates it)
        typer.Option("--own", help="Mask picture: pixels of the robot itself in all pictures, any value but 0."),
    ] = None,
    fixed_frame: Annotated[
        str, typer.Option("--fixed-frame", help="Take the camera's poses in this frame from tf; metric depth.")
    ] = "",
    part: Annotated[str, typer.Option("--part", help="Of each folder: START:STOP, shares of its frames.")] = "0:1",
    poses: Annotated[bool, typer.Option(help="Use poses that a folder or tf has; else they are learned.")] = True,
    find_poses: Annotated[
        bool,
        typer.Option("--find-poses", help="Place the camera by features of all pictures first; all stands still."),
    ] = False,
    sharpest_of: Annotated[
        int, typer.Option("--sharpest-of", min=1, help="With --find-poses: the sharpest of so many frames is placed.")
    ] = 3,
    follow: Annotated[
        bool, typer.Option(help="Follow corners for the camera's turns; else the pose network learns them too.")
    ] = True,
    picture_width: Annotated[int, typer.Option("--picture-width", min=32, help="Larger pictures are shrunk.")] = 640,
    step: Annotated[int, typer.Option("--step", min=1, help="Frames between neighbours.")] = 1,
    max_gap: Annotated[float, typer.Option("--max-gap", min=0.0, help="Seconds that end a span of frames.")] = 0.5,
    min_parallax: Annotated[
        float, typer.Option("--min-parallax", min=0.0, help="Spans with a smaller median are left out, pixels.")
    ] = 1.0,
    max_jump: Annotated[float, typer.Option("--max-jump", min=0.0, help="Larger steps of a pose cut, metres.")] = 0.3,
    head: Annotated[Head, typer.Option("--head", help="What the network says of a pixel.")] = Head.ADAPTIVE,
    width: Annotated[float, typer.Option("--width", min=0.01, help="Of both networks, 1 = as published.")] = 1.0,
    levels: Annotated[int, typer.Option("--levels", min=2, help="Of disparity, for heads that have levels.")] = 33,
    planes: Annotated[int, typer.Option("--planes", min=2, help="That pictures are warped with.")] = 33,
    nearest: Annotated[float, typer.Option("--nearest", help="Nearest depth, metres where poses are.")] = 1 / 0.3,
    farthest: Annotated[float, typer.Option("--farthest", help="Farthest depth.")] = 200.0,
    focal_unit: Annotated[
        float, typer.Option("--focal-unit", min=0.0, help="Pixels that are 1 to the network; 0: fx of the pictures.")
    ] = 0.0,
    proportional: Annotated[
        bool, typer.Option(help="Disparity is that of one unit of focal length, times it; else as published.")
    ] = True,
    crop_height: Annotated[int, typer.Option("--crop-height", min=16, help="Of what is learned at, pixels.")] = 192,
    crop_width: Annotated[int, typer.Option("--crop-width", min=16, help="Of what is learned at, pixels.")] = 640,
    warm_up: Annotated[
        float, typer.Option("--warm-up", min=0.0, max=1.0, help="Part of the steps that learn motion alone.")
    ] = 5 / 110,
    stages: Annotated[int, typer.Option("--stages", min=1, max=2, help="2: again, without what moves.")] = 2,
    masks: Annotated[Masks, typer.Option("--masks", help="Of the second stage.")] = Masks.SPIMO,
    rule: Rule = MaskRule.OUTLIER,
    dispersion: Annotated[
        float, typer.Option("--dispersion", min=0.0, help="Pixels below are static, variance over squared mean.")
    ] = 0.03,
    horizon: Annotated[
        float, typer.Option("--horizon", help="Rows above are static, v in [-1, 1]: -0.25 for driving.")
    ] = -1.0,
    boost: Annotated[float, typer.Option("--boost", min=0.0, help="Weight of labels of what moves.")] = 0.1,
    backward: Annotated[bool, typer.Option("--backward", help="Warp neighbours backward, not planes forward.")] = False,
    auto_mask: Annotated[bool, typer.Option("--auto-mask", help="Leave out what fits better unwarped.")] = False,
    weights: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option("--weights", help="Weights to start from: fine-tuning, one stage, with their network's sizes."),
    ] = None,
    steps: Annotated[int, typer.Option("--steps", min=1, help="Optimiser steps of each stage.")] = 20_000,
    batch: Annotated[int, typer.Option("--batch", min=1, help="Moments a step.")] = 8,
    learning_rate: Annotated[float, typer.Option("--learning-rate", min=0.0, help="Halved three times.")] = 1e-4,
    seed: Seed = 0,
) -> None:
    """Learn depth, and what moves with its place, from video without labels; the sizes are the paper's.

    Interrupted, the same command goes on where it stopped.
    """
    from typing import Literal, cast

    import numpy as np

    from depth_prompt_ros.bag.sources.video import VideoTopics
    from depth_prompt_ros.cli.learn.video_source import open_video, placed_video
    from depth_prompt_ros.data.readers.video_folder import Part
    from depth_prompt_ros.data.sets.video import SpanRules, gather
    from depth_prompt_ros.errors import BadInput
    from depth_prompt_ros.learning.trainer import Schedule
    from depth_prompt_ros.learning.video.learn import Told, learn_video
    from depth_prompt_ros.learning.video.objective import VideoLearning
    from depth_prompt_ros.learning.video.samples import Cuts, VideoSet
    from depth_prompt_ros.learning.video.static import StaticRule
    from depth_prompt_ros.networks import catalogue
    from depth_prompt_ros.networks.video.depth_net import VideoSettings

    if weights is not None and stages == 2:
        raise BadInput("the second stage learns from random weights: give --stages 1 with --weights")
    if not 0 < nearest < farthest:
        raise BadInput(f"no depth lies between --nearest {nearest:g} and --farthest {farthest:g}")
    topics = VideoTopics(image, info, right, right_info, own_topic, "", fixed_frame)
    sources = [open_video(path, topics, Part.parsed(part), poses and not find_poses, pair) for path in inputs]
    rules = SpanRules(max_gap, min_parallax, max_jump, step=step)
    if find_poses:
        with progress("placing", "frames") as report:
            placed = placed_video(sources, rules, picture_width, own, sharpest_of, report)
        spans, chosen, left_out, (nearest, farthest) = placed
    else:
        spans, left_out = gather(sources, rules, picture_width, own)
        chosen = None
    for each in left_out:
        typer.echo(each, err=True)
    data = VideoSet(spans, step, follow and not find_poses, chosen)
    unit = focal_unit or float(np.median(data.intrinsics[:, 0]))
    network = VideoSettings(head.value, width, levels, 1 / farthest, 1 / nearest, True, unit, proportional)
    if weights is not None:
        network = catalogue.load_video(weights).settings
    learning = VideoLearning(
        network, network.width, Cuts((crop_height, crop_width)), planes, warp="backward" if backward else "forward",
        auto_mask=auto_mask, given_motion=poses or find_poses, warm_up=warm_up, boost=boost,
    )  # fmt: skip
    schedule = Schedule(steps, batch, learning_rate, seed, False, "halved")
    told = Told(tuple(source.name for source in sources), tuple(left_out))
    with progress("learning", "steps") as report:

        def masking(_: str) -> Callable[[int, int], None]:
            return report

        figures = learn_video(
            data, out, schedule, learning, cast(Literal[1, 2], stages), masks.value,
            StaticRule(dispersion, horizon, rule.value), weights, told, report, masking,
        )  # fmt: skip
    print_figures(out, figures)
