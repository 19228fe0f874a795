"""A stereo bag with its truth, as the demo's two data sets are written."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from depth_prompt_ros.bag.messages import camera_info_message, disparity_message, image_message
from depth_prompt_ros.bag.storage.writer import BagWriter, Storage
from depth_prompt_ros.camera import CameraModel

FRAME_ID = "left_camera_optical_frame"
RIGHT_FRAME_ID = "right_camera_optical_frame"
LABELS_TOPIC = "/labels"
TRUE_DISPARITY_TOPIC = "/truth/disparity"
TRUE_DEPTH_TOPIC = "/truth/depth"
TRUE_TOM_TOPIC = "/truth/tom_mask"


@dataclass(frozen=True, eq=False)
class StereoTruth:
    """One rectified pair and what is really there.

    Attributes:
        stamp_ns: the pair's stamp in nanoseconds.
        left, right: (H, W, 3) uint8 RGB.
        camera: the left camera with its baseline.
        depth: (H, W) float32 metres, NaN = not known.
        labels: (H, W) uint16 objects, 0 = background; None if the data set has none.
        tom: (H, W) bool, transparent or mirror; None if the data set does not say.
    """

    stamp_ns: int
    left: NDArray[np.uint8]
    right: NDArray[np.uint8]
    camera: CameraModel
    depth: NDArray[np.float32]
    labels: NDArray[np.uint16] | None = None
    tom: NDArray[np.bool_] | None = None


def write_input_bag(path: Path, frames: Iterable[StereoTruth], storage: Storage = "mcap") -> int:
    """Write pairs on the default input topics, labels on ``/labels`` and the truth below ``/truth``.

    Returns:
        The number of frames.

    Raises:
        BadInput: ``path`` exists already or cannot be written.
    """
    count = 0
    with BagWriter(path, storage) as bag:
        for frame in frames:
            stamp, camera = frame.stamp_ns, frame.camera
            true_disparity = camera.disparity_from_depth(frame.depth)
            search = (0, int(np.ceil(np.nanmax(true_disparity, initial=0.0))) + 1)
            messages = {
                "/left/image_rect": image_message(frame.left, "rgb8", stamp, FRAME_ID),
                "/left/camera_info": camera_info_message(camera, stamp, FRAME_ID),
                "/right/image_rect": image_message(frame.right, "rgb8", stamp, RIGHT_FRAME_ID),
                "/right/camera_info": camera_info_message(camera, stamp, RIGHT_FRAME_ID, right=True),
                TRUE_DEPTH_TOPIC: image_message(frame.depth, "32FC1", stamp, FRAME_ID),
                TRUE_DISPARITY_TOPIC: disparity_message(true_disparity, camera, search, stamp, FRAME_ID),
            }
            if frame.labels is not None:
                messages[LABELS_TOPIC] = image_message(frame.labels, "mono16", stamp, FRAME_ID)
            if frame.tom is not None:
                messages[TRUE_TOM_TOPIC] = image_message(frame.tom, "mono8", stamp, FRAME_ID)
            for topic, message in messages.items():
                bag.write(topic, message, stamp)
            count += 1
    return count
