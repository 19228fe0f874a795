"""From messages to a frame, recorded or live: any objects with the fields of ``sensor_msgs`` will do."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from numpy.typing import NDArray

from depth_prompt_ros.bag.images import depth_metres, label_image, picture
from depth_prompt_ros.bag.messages import stamp_of
from depth_prompt_ros.camera import CameraModel
from depth_prompt_ros.errors import BadFrame
from depth_prompt_ros.frame import Frame

CONVERT: dict[str, Callable[[Any], NDArray[Any]]] = {
    "left_image": picture,
    "right_image": picture,
    "depth_image": depth_metres,
    "labels": label_image,
    "tom_labels": label_image,
}
"""What is made of the images, by role: the names of :class:`depth_prompt_ros.parameters.Topics`."""


class FrameBuilder:
    """Converts and checks the messages that belong together."""

    def __init__(self, topics: Mapping[str, str], rectified: bool = True) -> None:
        """Store the topics' names.

        Args:
            topics: by role, for messages to people.
            rectified: the pictures are rectified, use the camera's ``P``.
        """
        self._topics, self._rectified = topics, rectified
        self._camera: CameraModel | None = None

    def __call__(self, messages: Mapping[str, Any]) -> Frame:
        """The frame of messages by role: ``left_image``, ``left_camera_info`` and what else there is.

        Raises:
            BadFrame: an encoding that cannot be used, damaged data, or sizes that differ.
        """
        camera = CameraModel.from_camera_info(
            messages["left_camera_info"], messages.get("right_camera_info"), rectified=self._rectified
        )
        camera = self._camera = self._camera if camera == self._camera else camera  # it caches its rays
        arrays: dict[str, NDArray[Any]] = {}
        for role in [role for role in CONVERT if role in messages]:
            try:
                arrays[role] = CONVERT[role](messages[role])
            except BadFrame as error:
                raise BadFrame(f"{self._topics[role]}: {error}") from error
            height, width = arrays[role].shape[:2]
            if (width, height) != (camera.width, camera.height):
                raise BadFrame(
                    f"{self._topics[role]} is {width}x{height} but {self._topics['left_camera_info']} says "
                    f"{camera.width}x{camera.height}: give pictures and camera_info of one size"
                )
        return Frame(
            stamp_ns=stamp_of(messages["left_image"]),
            frame_id=messages["left_image"].header.frame_id,
            image=arrays["left_image"],
            camera=camera,
            right=arrays.get("right_image"),
            depth=arrays.get("depth_image"),
            labels=arrays.get("labels"),
            tom=arrays["tom_labels"] > 0 if "tom_labels" in arrays else None,
        )
