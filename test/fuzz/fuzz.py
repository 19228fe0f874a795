"""Seeded damage to messages, bags, parameters and weights: each is used or refused, never a crash, a hang or gigabytes.

``python test/fuzz/fuzz.py --messages 100000 --bags 5000 --files 2000`` prints the counts; exit code 1 =
something escaped, with the seed that does it again. What is found becomes a test of its own.
"""

from __future__ import annotations

import argparse
import faulthandler
import logging
import resource
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

sys.path[:0] = [str(Path(__file__).parents[1]), str(Path(__file__).parents[2])]

import bags
import cv2
import numpy as np
from detection_arrays import array_message

from depth_prompt_ros.bag.detections import detections_of
from depth_prompt_ros.bag.frames import FrameBuilder
from depth_prompt_ros.bag.messages import camera_info_message, compressed_image_message, image_message, typestore
from depth_prompt_ros.bag.reader import FrameReader
from depth_prompt_ros.errors import DepthPromptError
from depth_prompt_ros.frame import DepthMeasurement, Frame
from depth_prompt_ros.parameters import Parameters, SegmentationParameters
from depth_prompt_ros.runtime.picture_graph import Description
from depth_prompt_ros.stages.segmentation import find_targets, make_segmenter

Rng = np.random.Generator

NUMBERS = [0, 1, 2, 3, 7, 16, 12, 255, 65535, 2**31 - 1, 2**32 - 1]
REALS = [0.0, -1.0, 1.0, 20.0, 1e-9, 1e8, 1e200, float("nan"), float("inf"), -float("inf")]
ENCODINGS = [
    "rgb8", "bgr8", "rgba8", "mono8", "mono16", "16UC1", "32FC1", "8UC1", "8UC3", "64FC1", "nv12", "nv21", "nv24", "",
    "bayer_rggb8", "bayer_gbrg16", "yuv422", "yuv422_yuy2", "uyvy", "rgb16", "\0", "rgb8; jpeg compressed bgr8",
]  # fmt: skip
FORMATS = [
    "png", "jpeg", "", "rgb8; png compressed rgb8", "16UC1; compressedDepth png", "16UC1; compressedDepth rvl", "h264",
    "32FC1; compressedDepth png", "32FC1; compressedDepth rvl", "; compressedDepth", "bayer_rggb8; png compressed ",
]  # fmt: skip
MODELS = ["plumb_bob", "rational_polynomial", "equidistant", "", "thin_prism"]


def damaged(content: bytes, rng: Rng, head: int = 400) -> bytes:
    """Bytes changed, cut out, doubled, or the end cut off; half of it near the beginning."""
    data = bytearray(content)
    for _ in range(int(rng.integers(1, 4))):
        if not data:
            break
        place = int(rng.integers(min(head, len(data)) if rng.random() < 0.5 else len(data)))
        kind = int(rng.integers(5))
        if kind < 2:
            data[place] = int(rng.integers(256))
        elif kind == 2:
            del data[place : place + int(rng.integers(1, 9))]
        elif kind == 3:
            data[place:place] = data[place : place + 16]
        else:
            del data[place:]
    return bytes(data)


def picked(rng: Rng, values: list[Any]) -> Any:
    return values[int(rng.integers(len(values)))]


def odd_info(rng: Rng, right: bool = False) -> Any:
    """A camera_info with some fields out of order."""
    info = camera_info_message(bags.CAMERA, 1, "left", right=right)
    for name in ("k", "p", "r"):
        values = getattr(info, name).copy()
        if rng.random() < 0.02:
            values[int(rng.integers(len(values)))] = picked(rng, REALS)
        info = replace(info, **{name: values})
    if rng.random() < 0.3:
        d = np.array(
            [picked(rng, REALS if rng.random() < 0.02 else [0.1, -0.3, 0.01]) for _ in range(int(rng.integers(0, 15)))],
            np.float64,
        )
        info = replace(info, d=d, distortion_model=picked(rng, MODELS))
    for name in ("width", "height", "binning_x", "binning_y"):
        if rng.random() < 0.02:
            info = replace(info, **{name: picked(rng, NUMBERS)})
    if rng.random() < 0.1:
        roi = {name: picked(rng, NUMBERS) for name in ("x_offset", "y_offset", "width", "height")}
        info = replace(info, roi=replace(info.roi, **roi))
    return info


def odd_image(rng: Rng, depth: bool) -> Any:
    """A picture or depth image, raw or compressed, with some fields out of order."""
    if depth:
        array = rng.integers(0, 65535, (12, 16)).astype(np.uint16)
        image = image_message(array, "16UC1", 1, picked(rng, ["left", "left", "depth", ""]))
    else:
        array = rng.integers(0, 255, (12, 16, 3)).astype(np.uint8)
        image = image_message(array, "rgb8", 1, "left")
    if rng.random() < 0.3:
        extension = picked(rng, [".png", ".tiff"] if depth else [".png", ".jpg", ".tiff"])
        data = cv2.imencode(extension, array)[1].tobytes()
        format_ = picked(rng, FORMATS)
        if "compressedDepth" in format_ and rng.random() < 0.8:
            data = bytes(12) + (np.array([16, 12], "<u4").tobytes() + data if "rvl" in format_ else data)
        return compressed_image_message(damaged(data, rng, 60) if rng.random() < 0.5 else data, format_, 1, "left")
    if rng.random() < 0.15:
        image = replace(image, encoding=picked(rng, ENCODINGS))
    for name in ("width", "height", "step", "is_bigendian"):
        if rng.random() < 0.03:
            image = replace(image, **{name: picked(rng, NUMBERS) & (255 if name == "is_bigendian" else 2**32 - 1)})
    if rng.random() < 0.1:
        image = replace(image, data=image.data[: int(rng.integers(len(image.data) + 1))])
    return image


def one_message_set(rng: Rng, _: Path) -> None:
    """A set of messages as a camera may send it, to a frame."""
    rgbd = rng.random() < 0.5
    messages = {"left_image": odd_image(rng, depth=False), "left_camera_info": odd_info(rng)}
    if rgbd:
        messages["depth_image"] = odd_image(rng, depth=True)
        if rng.random() < 0.5:
            messages["depth_camera_info"] = odd_info(rng)
    else:
        messages |= {"right_image": odd_image(rng, depth=False), "right_camera_info": odd_info(rng, right=True)}
    if rng.random() < 0.3:
        messages["labels"] = odd_image(rng, depth=True)
    topics = {role: f"/{role}" for role in messages}
    aligned = picked(rng, ["auto", "always"])
    rectified = picked(rng, ["auto", "true", "false"])
    settings = Parameters.model_validate({"rectified": rectified, "depth": {"aligned": aligned}})
    if rng.random() < 0.2:
        messages["detections"] = detections_of(odd_detections(rng))
    frame = FrameBuilder(topics, settings)(messages)
    assert isinstance(frame, Frame)
    if frame.detections is not None:
        segment = make_segmenter(SegmentationParameters(method="detections", min_area=1))
        measured = DepthMeasurement(np.full((12, 16), 1.0, np.float32), np.ones((12, 16), np.float32))
        labels, _ = find_targets(segment, frame, measured)
        assert labels.max() <= len(frame.detections)


def odd_detections(rng: Rng) -> Any:
    """A few boxes with numbers that no detector should send."""
    odd = [0.0, -1.0, 5.0, 16.0, 1e9, 1e300, -1e300, float("nan"), float("inf")]
    boxes = [
        (*(float(picked(rng, odd)) if rng.random() < 0.4 else float(rng.uniform(0, 16)) for _ in range(4)), "a", 0.5)
        for _ in range(int(rng.integers(4)))
    ]
    results = picked(rng, [None, None, [], [("a", float("nan")), ("b", 2.0)]])
    return array_message(boxes, 1, theta=float(picked(rng, [0.0, 0.7, *odd])), results=results)


class Bags:
    """Small recordings of both kinds to damage; made once."""

    good: ClassVar[dict[str, bytes]] = {}

    @classmethod
    def of(cls, folder: Path, storage: str, rgbd: bool) -> bytes:
        key = f"{storage}{rgbd}"
        if key not in cls.good:
            depth = np.full((12, 16), 1.5, np.float32)
            records = bags.rgbd_records([depth, depth], "32FC1") if rgbd else bags.stereo_records(2)
            bag = bags.write(folder / key, records, storage)
            cls.good[key] = next(bag.glob(f"{key}.*")).read_bytes()
        return cls.good[key]


def one_bag(rng: Rng, folder: Path) -> None:
    """A damaged recording, read to its end."""
    storage, rgbd = picked(rng, ["mcap", "mcap", "sqlite3"]), bool(rng.random() < 0.5)
    path = folder / ("f.mcap" if storage == "mcap" else "f.db3")
    path.write_bytes(damaged(Bags.of(folder, storage, rgbd), rng, 6000))
    topics = {"depth_image": "/depth/image_rect"} if rgbd else {}
    for recorded in FrameReader(path, Parameters.model_validate({"topics": topics})).read():
        assert recorded.content is not None


def one_cdr(rng: Rng, folder: Path) -> None:
    """Whole recordings with one message of damaged bytes."""
    from depth_prompt_ros.bag.storage.writer import BagWriter

    path = folder / f"cdr{rng.integers(2**62)}"
    records = bags.stereo_records(2)
    bad = int(rng.integers(len(records)))
    with BagWriter(path) as bag:
        for number, (topic, content, log) in enumerate(records):
            raw = bytes(typestore().serialize_cdr(content, content.__msgtype__))
            bag.write_raw(topic, content.__msgtype__, damaged(raw, rng, 100) if number == bad else raw, log)
    try:
        assert sum(1 for _ in FrameReader(path, Parameters()).read()) == 2
    finally:
        for file in path.iterdir():
            file.unlink()
        path.rmdir()


GOOD_PARAMETERS = (
    b"/**:\n  ros__parameters:\n    stereo: {num_disparities: 64, block_size: 5}\n    topics.labels: '/l'\n"
)
GOOD_DESCRIPTION = b"graph: a.onnx\ninputs: {left: left, right: right}\nmean: [1, 2, 3]\noutput: {meaning: disparity}\n"


def one_file(rng: Rng, folder: Path) -> None:
    """A damaged parameter file, description of a network, or graph."""
    kind, path = int(rng.integers(3)), folder / "f.yaml"
    if kind == 0:
        path.write_bytes(damaged(GOOD_PARAMETERS, rng))
        Parameters.from_yaml(path)
    elif kind == 1:
        path.write_bytes(damaged(GOOD_DESCRIPTION, rng))
        Description.from_yaml(path)
    else:
        from depth_prompt_ros.resources import resource_path
        from depth_prompt_ros.runtime.onnxruntime_graph import OnnxRuntimeGraph

        path = folder / "f.onnx"
        path.write_bytes(damaged(resource_path("models/tom_mono.onnx").read_bytes(), rng, 2000))
        OnnxRuntimeGraph(path)


KINDS: dict[str, Callable[[Rng, Path], None]] = {
    "messages": one_message_set, "bags": one_bag, "cdr": one_cdr, "files": one_file,
}  # fmt: skip


def fuzz(kind: str, count: int, first: int, folder: Path, hang_s: float = 60.0) -> Counter[str]:
    """Try ``count`` seeds from ``first`` on; counts by outcome, ``escaped`` are the faults."""
    outcomes: Counter[str] = Counter()
    for seed in range(first, first + count):
        faulthandler.dump_traceback_later(hang_s, exit=True)
        try:
            KINDS[kind](np.random.default_rng([seed, len(kind)]), folder)
            outcomes["used"] += 1
        except DepthPromptError as error:
            outcomes["refused" if len(str(error).splitlines()) == 1 else "escaped"] += 1
            if len(str(error).splitlines()) != 1:
                sys.stderr.write(f"--- {kind}, seed {seed}: {str(error)!r}\n")
        except Exception:  # noqa: BLE001 (that is what is looked for)
            outcomes["escaped"] += 1
            sys.stderr.write(f"--- {kind}, seed {seed}\n{traceback.format_exc()}")
        finally:
            faulthandler.cancel_dump_traceback_later()
    return outcomes


def main() -> int:
    """Print the counts of every kind."""
    parser = argparse.ArgumentParser(description=__doc__)
    for kind in KINDS:
        parser.add_argument(f"--{kind}", type=int, default=0)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    logging.disable(logging.CRITICAL)
    escaped = 0
    with tempfile.TemporaryDirectory() as folder:
        for kind in KINDS:
            if count := getattr(given, kind):
                began = time.monotonic()
                outcomes = fuzz(kind, count, given.seed, Path(folder))
                peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
                said = ", ".join(f"{name} {number}" for name, number in sorted(outcomes.items()))
                sys.stdout.write(f"{kind}: {said}; {time.monotonic() - began:.0f} s, at most {peak} MiB\n")
                sys.stdout.flush()
                escaped += outcomes["escaped"]
    return int(escaped > 0)


if __name__ == "__main__":
    raise SystemExit(main())
