"""A video that a command is given, whatever it is recorded as."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from depth_prompt_ros.bag.video import VideoTopics
    from depth_prompt_ros.data.readers.video_folder import Part
    from depth_prompt_ros.data.sets.video import VideoSource


def open_video(path: Path, topics: VideoTopics, part: Part, poses: bool, pair: bool = False) -> VideoSource:
    """What is at ``path``: a recording, a drive of KITTI raw, a city of Cityscapes, or a folder of pictures."""
    from depth_prompt_ros.bag.video import RecordedVideo
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
