"""A video that a command is given, whatever it is recorded as."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from depth_prompt_ros.bag.sources.video import VideoTopics
    from depth_prompt_ros.data.readers.video_folder import Part
    from depth_prompt_ros.data.sets.video import SpanRules, VideoSource
    from depth_prompt_ros.data.structure.spans import Placed

_PLACED_AT = 640
"""Pictures are at most so wide while the camera is placed, pixels."""


def open_video(path: Path, topics: VideoTopics, part: Part, poses: bool, pair: bool = False) -> VideoSource:
    """What is at ``path``: a recording, a drive of KITTI raw, a city of Cityscapes, or a folder of pictures."""
    from depth_prompt_ros.bag.sources.video import RecordedVideo
    from depth_prompt_ros.data.readers.driving import CityscapesSequences, KittiDrive
    from depth_prompt_ros.data.readers.video_folder import VideoFolder

    bags = (".mcap", ".db3")
    if path.suffix in bags or (path.is_dir() and any(file.suffix in bags for file in path.iterdir())):
        return RecordedVideo(path, topics)
    if (path / "image_02").is_dir():
        return KittiDrive(path, pair)
    if path.is_dir() and any(path.glob("*_leftImg8bit.png")):
        return CityscapesSequences(path, pair)
    return VideoFolder(path, part, poses)


def placed_video(
    sources: Sequence[VideoSource],
    rules: SpanRules,
    width: int,
    own: Path | None,
    every: int,
    report: Callable[[int, int], None],
) -> Placed:
    """Frames whose places their own pictures tell, shrunk to ``width``; arguments as of ``gather``.

    Args:
        rules: gaps do not matter; the least parallax is that to a chosen neighbour.
        every: frames in a row, the sharpest of which is placed.
        report: told how many are placed, of how many.
    """
    from depth_prompt_ros.data.sets.video import gather
    from depth_prompt_ros.data.structure.neighbours import Near
    from depth_prompt_ros.data.structure.spans import with_motion

    spans, left_out = gather(sources, replace(rules, gap=math.inf, parallax=0.0), max(width, _PLACED_AT), own)
    placed = with_motion(spans, width, every, Near(parallax=rules.parallax), report)
    return placed._replace(left_out=[*left_out, *placed.left_out])
