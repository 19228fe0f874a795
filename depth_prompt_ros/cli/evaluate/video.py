"""depth-prompt evaluate video: depth and masks of a network learned from video beside the truth."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Optional

import typer

from depth_prompt_ros.cli.learn.options import MaskRule, Rule


def video(
    inputs: Annotated[list[Path], typer.Argument(metavar="INPUT", help="Folders with depth/, or drives of KITTI raw.")],
    weights: Annotated[Path, typer.Option("--weights", help="What depth-prompt learn video wrote.")],
    chosen: Annotated[
        Optional[Path],  # noqa: UP045 (typer evaluates it)
        typer.Option("--list", help="Test on these alone: lines with a drive and a picture, as of Eigen's split."),
    ] = None,
    part: Annotated[str, typer.Option("--part", help="Of each folder: START:STOP, shares of its frames.")] = "0:1",
    every: Annotated[int, typer.Option("--every", min=1, help="Look at every so many frames.")] = 1,
    rule: Rule = MaskRule.OUTLIER,
    dispersion: Annotated[float, typer.Option("--dispersion", min=0.0, help="Pixels below are static.")] = 0.03,
    horizon: Annotated[float, typer.Option("--horizon", help="Rows above are static, v in [-1, 1].")] = -1.0,
) -> None:
    """Print errors as they are and median-scaled, in the paper's and the literature's limits, and of masks."""
    from depth_prompt_ros.bag.sources.video import VideoTopics
    from depth_prompt_ros.cli.learn.video_source import open_video
    from depth_prompt_ros.cli.progress import print_figures
    from depth_prompt_ros.data.readers.video_folder import Part
    from depth_prompt_ros.learning.video.evaluate import evaluate_video, listed
    from depth_prompt_ros.learning.video.static import StaticRule

    sources = [open_video(path, VideoTopics(), Part.parsed(part), False) for path in inputs]
    wanted = None if chosen is None else listed(chosen)
    figures = evaluate_video(sources, weights, wanted, every, StaticRule(dispersion, horizon, rule.value))
    print_figures(weights, figures)
