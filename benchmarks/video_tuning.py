"""What fine-tuning on one workspace's recordings brings: python benchmarks/video_tuning.py WEIGHTS OUT [STEPS].

WEIGHTS were learned from rendered workspaces (``depth-prompt study video``). A workspace with large crates, as none of
them has, is written as a recording with its poses in tf, and eight that were learned from as well, so that they are not
forgotten; both are learned from as ``depth-prompt learn video --weights`` does. Errors are mean relative ones of metric
depth, on a second visit of that workspace and on workspaces that nothing was learned from.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path

import cv2
import numpy as np
import torch

from depth_prompt_ros.bag.messages import camera_info_message, header, image_message, message, typestore
from depth_prompt_ros.bag.sources.video import RecordedVideo, VideoTopics
from depth_prompt_ros.bag.storage.writer import BagWriter
from depth_prompt_ros.data.rendering.workspaces import RenderedWorkspace
from depth_prompt_ros.data.sets.video import SpanRules, VideoFrame, gather
from depth_prompt_ros.evaluation.video.errors import paired_interval
from depth_prompt_ros.learning.trainer import Schedule
from depth_prompt_ros.learning.video.learn import learn_video
from depth_prompt_ros.learning.video.samples import VideoSet
from depth_prompt_ros.learning.video.study.execute import look, tabled
from depth_prompt_ros.learning.video.study.plan import Effort
from depth_prompt_ros.networks import catalogue

_SEED, _FRAMES, _CRATES, _OLD = 3000, 30, 6, 8


def write_bag(path: Path, frames: Iterable[VideoFrame]) -> Path:
    """Pictures, camera_info and the camera's pose in ``world``."""
    types = typestore().types
    with BagWriter(path) as bag:
        for frame in frames:
            assert frame.camera is not None and frame.pose is not None
            turn = cv2.Rodrigues(frame.pose[:3, :3])[0].ravel()
            angle = max(float(np.linalg.norm(turn)), 1e-12)
            x, y, z = turn / angle * np.sin(angle / 2)
            pose = message(
                "geometry_msgs/msg/Transform",
                translation=types["geometry_msgs/msg/Vector3"](*frame.pose[:3, 3]),
                rotation=types["geometry_msgs/msg/Quaternion"](x=x, y=y, z=z, w=np.cos(angle / 2)),
            )
            stamp = frame.stamp_ns
            world = header(stamp, "world")
            moved = message("geometry_msgs/msg/TransformStamped", header=world, child_frame_id="camera", transform=pose)
            bag.write("/tf", message("tf2_msgs/msg/TFMessage", transforms=[moved]), stamp)
            bag.write("/left/camera_info", camera_info_message(frame.camera, stamp, "camera"), stamp)
            bag.write("/left/image_rect", image_message(frame.image, "rgb8", stamp, "camera"), stamp)
    return path


def main() -> None:
    """Print the figures."""
    weights, out = Path(sys.argv[1]), Path(sys.argv[2])
    steps = int(sys.argv[3]) if len(sys.argv) > 3 else 150
    torch.set_num_threads(1)
    out.mkdir(parents=True, exist_ok=True)
    here = RenderedWorkspace(_SEED, "bound", frames=_FRAMES, crates=_CRATES)
    clips = [here, *(RenderedWorkspace(seed, "bound") for seed in range(_OLD))]
    bags = [out / clip.name for clip in clips]
    for bag, clip in zip(bags, clips, strict=True):
        if not bag.exists():
            write_bag(bag, clip)
    topics = VideoTopics(fixed_frame="world")
    spans, left_out = gather([RecordedVideo(bag, topics) for bag in bags], SpanRules(), 160)
    print(f"{sum(map(len, spans))} frames of {len(spans)} spans, {len(left_out)} left out")
    effort, tuned = Effort(), out / "tuned.safetensors"
    if not tuned.exists():
        schedule = Schedule(steps, effort.batch, 3e-4, 0, False, "halved")
        learn_video(VideoSet(spans, follows=False), tuned, schedule, effort.learning(), 1, weights=weights)
    places = {
        "there": list(RenderedWorkspace(_SEED, "bound", frames=_FRAMES, crates=_CRATES, visit=1))[::2],
        "elsewhere": [frame for seed in range(1000, 1004) for frame in list(RenderedWorkspace(seed, "bound"))[::4]],
    }
    for place, frames in places.items():
        errors = []
        for path in (weights, tuned):
            network = catalogue.load_video(path)
            found = tabled(frames, lambda frame, _, net=network: np.float32(1) / look(net, frame, effort.look))
            errors.append(np.array(found["metric"]["static"]))
        apart, low, high = (100 * each / errors[0].mean() for each in paired_interval(errors[1], errors[0]))
        print(
            f"{place}: {errors[0].mean():.4f} -> {errors[1].mean():.4f}, {apart:+.1f} %, 95 % interval over frames "
            f"{low:+.1f} to {high:+.1f} %"
        )


if __name__ == "__main__":
    main()
