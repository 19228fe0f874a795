"""Pictures with what is known of them into a recording on the default topics."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from depth_prompt_ros.bag.messages import camera_info_message, image_message
from depth_prompt_ros.bag.storage.writer import BagWriter, Storage
from depth_prompt_ros.data.picture_file import read_png16
from depth_prompt_ros.errors import BadInput
from depth_prompt_ros.frame import Frame
from depth_prompt_ros.written_aside import folder_aside, write_text

FRAME_ID, RIGHT_FRAME_ID = "left_camera_optical_frame", "right_camera_optical_frame"
SECOND = 1_000_000_000
"""Nanoseconds; frames of sets without stamps are so far apart."""

DEPTH, LABELS, TRUE_DEPTH, TRUE_TOM = "/depth/image_rect", "/labels", "/truth/depth", "/truth/tom_mask"


@dataclass(frozen=True, eq=False)
class LayoutFrame:
    """One moment of a data set.

    Attributes:
        frame: picture, camera and the right picture or depth; its labels and ToM mask are what the data set knows.
        truth: (H, W) float32 metres, NaN = not known; None: the data set has none.
        source: file or scene that it was read from, for messages.
    """

    frame: Frame
    truth: NDArray[np.float32] | None = None
    source: str = ""

    def check(self) -> None:
        """Compare sizes.

        Raises:
            BadInput: something is of another size than the picture.
        """
        frame, (height, width) = self.frame, self.frame.image.shape[:2]
        planes = {
            "right picture": frame.right, "depth": frame.depth, "labels": frame.labels, "mask": frame.tom,
            "true depth": self.truth,
        }  # fmt: skip
        for name, plane in planes.items():
            if plane is not None and plane.shape[:2] != (height, width):
                raise BadInput(
                    f"{self.source}: {name} of {plane.shape[1]}x{plane.shape[0]} with a picture of {width}x{height}"
                )


@dataclass(frozen=True)
class Written:
    """What a recording holds.

    Attributes:
        frames: how many.
        topics: of all its messages.
    """

    frames: int
    topics: list[str]

    def options(self) -> str:
        """Of ``depth-prompt evaluate bag`` for the truth that is in it."""
        options = {"--truth-topic": TRUE_DEPTH, "--tom-topic": TRUE_TOM, "--labels-topic": LABELS}
        return " ".join(f"{option} {topic}" for option, topic in options.items() if topic in self.topics)


def write_layout(path: Path, frames: Iterable[LayoutFrame], storage: Storage = "mcap") -> Written:
    """Write a recording aside and rename it; beside one with depth lies ``PATH.yaml``, the parameters to read it with.

    Args:
        path: folder to make.
        frames: read one after the other; all are pairs, or all have depth.
        storage: ``mcap`` or ``sqlite3``.

    Raises:
        BadInput: ``path`` exists or cannot be written, no frame, pairs mixed with depth, or a frame cannot be read or
            has parts of several sizes.
    """
    if path.exists():
        raise BadInput(f"output {path} exists already: give another name or remove it")
    count, topics = 0, dict[str, None]()
    try:
        with folder_aside(path) as aside:
            with BagWriter(aside / path.name, storage) as bag:
                for each in frames:
                    each.check()
                    for topic, message in _messages(each):
                        bag.write(topic, message, each.frame.stamp_ns)
                        topics[topic] = None
                    count += 1
                    if {DEPTH, "/right/image_rect"} <= topics.keys():
                        raise BadInput("some of it are stereo pairs and some have depth: one recording holds one kind")
            if not count:
                raise BadInput("no frame was found")
            (aside / path.name).replace(path)
    except OSError as error:
        raise BadInput(f"cannot write to {path}: {error.strerror}") from error
    if DEPTH in topics:
        write_text(
            path.with_name(f"{path.name}.yaml"),
            f"object_depth:\n  ros__parameters:\n    topics:\n      depth_image: {DEPTH}\n",
        )
    return Written(count, list(topics))


def read_depth(path: Path, counts: float) -> NDArray[np.float32]:
    """(H, W) float32 metres, NaN = nothing, of a 16-bit picture with so many counts a metre, 0 = nothing.

    Raises:
        BadInput: missing, damaged, or no 16-bit picture of one channel.
    """
    found = read_png16(path)
    return np.where(found > 0, found / np.float32(counts), np.float32(np.nan)).astype(np.float32)


def _messages(each: LayoutFrame) -> Iterator[tuple[str, object]]:
    frame = each.frame
    stamp, camera = frame.stamp_ns, frame.camera
    yield "/left/camera_info", camera_info_message(camera, stamp, FRAME_ID)
    yield "/left/image_rect", image_message(frame.image, "rgb8", stamp, FRAME_ID)
    if frame.right is not None:
        yield "/right/camera_info", camera_info_message(camera, stamp, RIGHT_FRAME_ID, right=True)
        yield "/right/image_rect", image_message(frame.right, "rgb8", stamp, RIGHT_FRAME_ID)
    if frame.depth is not None:
        yield DEPTH, image_message(frame.depth, "32FC1", stamp, FRAME_ID)
    if frame.labels is not None:
        yield LABELS, image_message(frame.labels, "mono16", stamp, FRAME_ID)
    if frame.tom is not None:
        yield TRUE_TOM, image_message(frame.tom, "mono8", stamp, FRAME_ID)
    if each.truth is not None:
        yield TRUE_DEPTH, image_message(each.truth, "32FC1", stamp, FRAME_ID)
