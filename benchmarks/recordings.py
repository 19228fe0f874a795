"""How fast recordings are read, and what evaluating a long one takes: python benchmarks/recordings.py [FRAMES].

Reading: frames as the replay gets them, without a pipeline, beside rosbags alone, which reads and deserialises every
message; in turns, the median of 25. Memory: a stereo recording of so many frames of 64x48 pixels (or 20,000) is
evaluated with semi-global matching and no network; peak memory of the process after each fifth of it.
"""

from __future__ import annotations

import resource
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from rosbags.highlevel import AnyReader

from depth_prompt_ros.bag.evaluation.many import evaluate_bags
from depth_prompt_ros.bag.messages import camera_info_message, image_message
from depth_prompt_ros.bag.reader import read_frames
from depth_prompt_ros.bag.storage.writer import BagWriter
from depth_prompt_ros.bag.truth.source import TruthSource
from depth_prompt_ros.camera import CameraModel
from depth_prompt_ros.frame import Frame
from depth_prompt_ros.parameters import Parameters
from depth_prompt_ros.result import FrameDepth
from depth_prompt_ros.stages.stereo import make_stereo_matcher

PERIOD = 33_333_333
TRUTH = "/truth/depth"


def write(path: Path, frames: int, width: int, height: int) -> Path:
    camera = CameraModel(width, height, width, width, width / 2, height / 2, 0.06)
    picture = np.random.default_rng(0).integers(0, 255, (height, width + 4, 3), np.uint8)
    left, right = np.ascontiguousarray(picture[:, 4:]), np.ascontiguousarray(picture[:, :-4])
    truth = np.full((height, width), 1.0, np.float32)
    with BagWriter(path) as bag:
        for number in range(frames):
            stamp = 10**18 + number * PERIOD
            bag.write("/left/image_rect", image_message(left, "rgb8", stamp, "left"), stamp)
            bag.write("/left/camera_info", camera_info_message(camera, stamp, "left"), stamp)
            bag.write("/right/image_rect", image_message(right, "rgb8", stamp, "right"), stamp)
            bag.write("/right/camera_info", camera_info_message(camera, stamp, "right", right=True), stamp)
            bag.write(TRUTH, image_message(truth, "32FC1", stamp, "left"), stamp)
    return path


def rosbags_alone(path: Path) -> float:
    began = time.perf_counter()
    with AnyReader([path]) as reader:
        wanted = [connection for connection in reader.connections if connection.topic != TRUTH]
        for connection, _, raw in reader.messages(wanted):
            reader.deserialize(raw, connection.msgtype)
    return time.perf_counter() - began


def frames_alone(path: Path) -> float:
    began = time.perf_counter()
    assert all(isinstance(frame, Frame) for frame in read_frames(path, Parameters()))
    return time.perf_counter() - began


def peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main(frames: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = write(Path(folder) / "vga", 200, 640, 480)
        times = [(rosbags_alone(path), frames_alone(path)) for _ in range(25)]
        alone, ours = np.median(times, axis=0)
        print(
            f"200 stereo frames of 640x480: rosbags alone {200 / alone:.0f} frames/s, frames {200 / ours:.0f} frames/s,"
        )
        shares = np.percentile([100 * one / two for one, two in times], (0, 50, 100))
        print("{:.0f} to {:.0f} % of its rate, median {:.0f} %".format(*shares[[0, 2, 1]]))
        long = write(Path(folder) / "long", frames, 64, 48)
        match = make_stereo_matcher(Parameters().stereo, Parameters())

        def pipeline(frame: Frame) -> FrameDepth:
            measured, size = match(frame), frame.image.shape[:2]
            labels, nothing = np.zeros(size, np.uint16), np.zeros(size, np.uint8)
            return FrameDepth(
                frame, measured, measured.depth, measured.confidence, labels, labels > 0, nothing, nothing,
                np.full(size, np.nan, np.float32), np.zeros((0, 3, 8, 8), np.float32), [], [],
            )  # fmt: skip

        def report(_: str, done: int, total: int) -> None:
            if done % (total // 5) == 0:
                print(f"{done} of {total} frames: peak memory {peak():.0f} MiB", flush=True)

        out = Path(folder) / "out"
        began = time.perf_counter()
        evaluate_bags([long], out, Parameters(), TruthSource(TRUTH), pipeline=pipeline, report=report)
        print(f"{frames / (time.perf_counter() - began):.0f} frames/s with scoring")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 20_000)
