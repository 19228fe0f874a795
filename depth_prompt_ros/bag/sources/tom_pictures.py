"""Pictures with ToM masks out of a recording: two image topics, no camera_info needed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from depth_prompt_ros.bag.encodings.images import label_image, picture
from depth_prompt_ros.bag.messages import stamp_of
from depth_prompt_ros.bag.sources.paired_images import PairedImages
from depth_prompt_ros.data.sets.tom_pictures import TomPicture
from depth_prompt_ros.errors import BadFrame


class RecordedTomPictures(PairedImages[TomPicture]):
    """Every picture of a recording that has a mask of nearly its stamp; its name is its stamp in nanoseconds."""

    def __init__(self, bag: Path, image_topic: str, mask_topic: str, tolerance: float = 0.02) -> None:
        """Open the bag and pair the stamps, the closest first.

        Args:
            bag: rosbag2 folder, or a lone ``.mcap`` or ``.db3`` file.
            image_topic: ``sensor_msgs/Image`` or ``CompressedImage``.
            mask_topic: the same, one channel, lossless; any value but 0 is ToM.
            tolerance: seconds between the stamps of a picture and its mask.

        Raises:
            BadInput: no readable bag, a topic that is missing or of the wrong type, or no picture.
        """
        super().__init__(bag, (image_topic, mask_topic), ("--image", "--mask"), _read, tolerance, "mask")


def _read(image: Any, mask: Any) -> TomPicture:
    pixels, tom = picture(image), label_image(mask) > 0
    (height, width), (rows, columns) = pixels.shape[:2], tom.shape
    if (rows, columns) != (height, width):
        raise BadFrame(f"its mask is {columns}x{rows} but the picture is {width}x{height}: give masks of its size")
    return TomPicture(str(stamp_of(image)), pixels, tom)
