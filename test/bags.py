"""Messages of tiny recordings, and what a recording holds as other programs see it."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

from depth_prompt_ros.bag.messages import camera_info_message, image_message, message, typestore
from depth_prompt_ros.bag.storage.writer import BagWriter, Storage
from depth_prompt_ros.camera import CameraModel
from depth_prompt_ros.frame import DepthMeasurement

CAMERA = CameraModel(width=16, height=12, fx=20.0, fy=20.0, cx=7.5, cy=5.5, baseline=0.1)
START = 1_700_000_000_000_000_000
PERIOD = 100_000_000
LOG_DELAY = 3_000_000

Record = tuple[str, Any, int]


def stamp(number: int) -> int:
    return START + number * PERIOD


def picture(number: int, side: int = 0) -> np.ndarray:
    return np.random.default_rng([number, side]).integers(0, 255, (CAMERA.height, CAMERA.width, 3), np.uint8)


def stereo_records(frames: int = 4) -> list[Record]:
    """Topic, message and time of recording of a stereo pair's four topics."""
    records = []
    for number in range(frames):
        t = stamp(number)
        records += [
            ("/left/camera_info", camera_info_message(CAMERA, t, "left"), t + LOG_DELAY),
            ("/left/image_rect", image_message(picture(number), "rgb8", t, "left"), t + LOG_DELAY + 1),
            ("/right/image_rect", image_message(picture(number, 1), "rgb8", t, "right"), t + LOG_DELAY + 2),
            ("/right/camera_info", camera_info_message(CAMERA, t, "right", right=True), t + LOG_DELAY + 3),
        ]
    return records


def rgbd_records(depths: list[np.ndarray], encoding: str) -> list[Record]:
    """Topic, message and time of recording of an RGB-D camera without a right picture."""
    records = [record for record in stereo_records(len(depths)) if record[0].startswith("/left")]
    for number, depth in enumerate(depths):
        t = stamp(number)
        records.append(("/depth/image_rect", image_message(depth, encoding, t, "left"), t + LOG_DELAY + 2))
    return records


def transform_record(topic: str, number: int, log_ns: int) -> Record:
    types = typestore().types
    pose = message(
        "geometry_msgs/msg/Transform",
        translation=types["geometry_msgs/msg/Vector3"](x=float(number), y=0.0, z=0.0),
        rotation=types["geometry_msgs/msg/Quaternion"](x=0.0, y=0.0, z=0.0, w=1.0),
    )
    head = image_message(np.zeros((1, 1), np.uint8), "mono8", stamp(number), "map").header
    stamped = message("geometry_msgs/msg/TransformStamped", header=head, child_frame_id="left", transform=pose)
    return topic, message("tf2_msgs/msg/TFMessage", transforms=[stamped]), log_ns


def write(path: Path, records: list[Record], storage: Storage = "mcap") -> Path:
    with BagWriter(path, storage) as bag:
        for topic, content, log_ns in records:
            bag.write(topic, content, log_ns)
            bag.flush()
    return path


def read_with_rosbags(path: Path) -> list[tuple[str, int, Any]]:
    """Topic, time of recording and message of everything in a bag."""
    from rosbags.highlevel import AnyReader

    with AnyReader([path]) as reader:
        return [
            (connection.topic, log_ns, reader.deserialize(raw, connection.msgtype))
            for connection, log_ns, raw in reader.messages()
        ]


def fake_pipeline(frame):
    """A result with every field of FrameDepth, made from the frame alone."""
    height, width = frame.image.shape[:2]
    depth = np.full((height, width), 1 + frame.image[0, 0, 0] / 255, np.float32)
    depth[0, 0] = np.nan
    labels = np.zeros((height, width), np.uint16)
    labels[2:6, 3:9] = 1
    return SimpleNamespace(
        frame=frame,
        measurement=DepthMeasurement(
            depth, np.ones_like(depth), None if frame.right is None else frame.camera.disparity_from_depth(depth)
        ),
        depth=depth,
        confidence=np.where(np.isnan(depth), 0, 1).astype(np.float32),
        labels=labels,
        tom=labels > 0,
        belief=(labels > 0).astype(np.uint8),
        provenance=labels.astype(np.uint8),
        mono_depth=np.where(labels > 0, depth, np.nan).astype(np.float32),
        uncertainty=np.where(labels > 0, 0.01, np.nan).astype(np.float32),
        prompted_image=np.repeat(np.repeat(frame.image[:1, :1], 8, 0), 16, 1),
        surfaces=[],
        reason="",
        moving=np.where(labels > 0, 255, 0).astype(np.uint8),
        targets=[
            SimpleNamespace(
                label=1,
                anchor="inside",
                inliers=20,
                residual=0.01,
                scale=2.0,
                shift=0.1,
                reason="",
                pixels={},
                detection=None,
            ),
            SimpleNamespace(
                label=2,
                anchor="refused",
                inliers=0,
                residual=float("nan"),
                scale=1.0,
                shift=0.0,
                reason="no support",
                pixels={},
                detection=None,
            ),
        ],
        seconds={"stereo": 0.01},
    )


def die(*_):
    """As the kernel ends a process that takes too much memory."""
    os.kill(os.getpid(), signal.SIGKILL)


def write_with_damage(path: Path, records: list[Record], topic: str, number: int) -> Path:
    """A whole bag in which the message of that number on a topic is cut to a few bytes."""
    seen = 0
    with BagWriter(path) as bag:
        for name, content, log_ns in records:
            raw = bytes(typestore().serialize_cdr(content, content.__msgtype__))
            if name == topic:
                raw = raw[:9] if seen == number else raw
                seen += 1
            bag.write_raw(name, content.__msgtype__, raw, log_ns)
    return path
