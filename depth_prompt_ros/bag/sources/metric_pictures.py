"""Pictures with metric depth out of a recording: a picture topic and a depth topic, no camera_info needed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from depth_prompt_ros.bag.encodings.images import depth_metres, picture
from depth_prompt_ros.bag.sources.paired_images import PairedImages
from depth_prompt_ros.data.readers.metric_layouts import MetricSample
from depth_prompt_ros.errors import BadFrame


class RecordedMetricPictures(PairedImages[MetricSample]):
    """Every picture of a recording that has a depth image of nearly its stamp and of its size."""

    def __init__(self, bag: Path, image_topic: str, depth_topic: str, tolerance: float = 0.02) -> None:
        """Open the bag and pair the stamps, the closest first.

        Args:
            bag: rosbag2 folder, or a lone ``.mcap`` or ``.db3`` file.
            image_topic: ``sensor_msgs/Image`` or ``CompressedImage``.
            depth_topic: the same, 32FC1 metres or 16UC1 millimetres, aligned to the picture.
            tolerance: seconds between the stamps of a picture and its depth.

        Raises:
            BadInput: no readable bag, a topic that is missing or of the wrong type, or no picture.
        """
        super().__init__(bag, (image_topic, depth_topic), ("--image", "--depth"), _read, tolerance, "depth")


def _read(image: Any, depth: Any) -> MetricSample:
    pixels, metres = picture(image), depth_metres(depth)
    (height, width), (rows, columns) = pixels.shape[:2], metres.shape
    if (rows, columns) != (height, width):
        raise BadFrame(f"its depth is {columns}x{rows} but the picture is {width}x{height}: give depth of its size")
    if not bool(np.isfinite(metres).any()):
        raise BadFrame("no pixel of its depth is known")
    return MetricSample(pixels, metres)
