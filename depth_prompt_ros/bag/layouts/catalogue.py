"""The data sets that become recordings, by name."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from depth_prompt_ros.bag.layouts.drives import read_kitti
from depth_prompt_ros.bag.layouts.folders import read_cleargrasp_frames, read_scene_frames
from depth_prompt_ros.bag.layouts.nyu import read_nyu
from depth_prompt_ros.bag.layouts.pairs import read_booster_pairs, read_middlebury
from depth_prompt_ros.bag.layouts.rgbd import read_graspnet, read_hammer, read_transcg
from depth_prompt_ros.bag.layouts.tum import read_tum
from depth_prompt_ros.bag.layouts.write import LayoutFrame

READERS: dict[str, Callable[[Path], Iterator[LayoutFrame]]] = {
    "booster": read_booster_pairs,
    "cleargrasp": read_cleargrasp_frames,
    "graspnet": partial(read_graspnet, camera="realsense"),
    "graspnet-kinect": partial(read_graspnet, camera="kinect"),
    "hammer": partial(read_hammer, camera="d435"),
    "hammer-l515": partial(read_hammer, camera="l515"),
    "hammer-tof": partial(read_hammer, camera="tof"),
    "kitti": read_kitti,
    "middlebury": read_middlebury,
    "nyu": read_nyu,
    "scenes": read_scene_frames,
    "transcg": partial(read_transcg, camera="D435"),
    "transcg-l515": partial(read_transcg, camera="L515"),
    "tum": read_tum,
}
"""From a folder to its frames, in order; each raises BadInput for a folder of something else and for damaged files."""
