"""What is learned from the beginning of the real video, in several ways."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np

from depth_prompt_ros.data.readers.video_folder import Part, VideoFolder
from depth_prompt_ros.data.sets.video import SpanRules, gather
from depth_prompt_ros.data.structure.spans import with_motion
from depth_prompt_ros.learning.trainer import Schedule
from depth_prompt_ros.learning.video.learn import Told, learn_video
from depth_prompt_ros.learning.video.objective import VideoLearning
from depth_prompt_ros.learning.video.samples import Cuts, VideoSet
from depth_prompt_ros.networks.video.depth_net import VideoSettings

_SCHEDULE = Schedule(500, 4, 2e-4, 0, False, "halved")
_FOUND_SCHEDULE = Schedule(600, 4, 1e-3, 0, False, "halved")
_WIDTH, _SMALL = 320, 160
"""Pixels of the pictures; of those that are learned from where motion is found first."""


def learn_neighbours(folder: Path, out: Path, split: float, poses: bool) -> None:
    """From neighbours in time: the pose network learns how the camera moves, or poses are given."""
    source, step = VideoFolder(folder, Part(0.0, split), poses), 2
    spans, left_out = gather([source], SpanRules(step=step), _WIDTH)
    ends = (0.15, 3.0) if poses else (0.005, 0.3)
    network = VideoSettings("adaptive", 0.25, 11, *ends)
    learning = VideoLearning(network, 0.25, Cuts((72, 96)), 17, given_motion=poses, warm_up=0.2)
    told = Told((source.name,), tuple(left_out))
    learn_video(VideoSet(spans, step), out, _SCHEDULE, learning, 1, told=told)


def learn_found(folder: Path, out: Path, split: float) -> None:
    """From frames whose places features tell, all together, with neighbours that see the same from elsewhere."""
    source = VideoFolder(folder, Part(0.0, split), poses=False)
    spans, left_out = gather([source], SpanRules(gap=math.inf, parallax=0.0), _WIDTH)
    placed = with_motion(spans, _SMALL)
    data = VideoSet(placed.spans, follows=False, chosen=placed.chosen)
    nearest, farthest = placed.depths
    unit = float(np.median(data.intrinsics[:, 0]))
    network = VideoSettings("adaptive", 0.25, 11, 1 / farthest, 1 / nearest, True, unit, True)
    learning = VideoLearning(network, 0.25, Cuts((60, 80), 0.5, 0.9), 17)
    told = Told((source.name,), (*left_out, *placed.left_out))
    learn_video(data, out, _FOUND_SCHEDULE, learning, 1, told=told)
