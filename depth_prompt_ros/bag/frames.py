"""From messages to a frame, recorded or live: any objects with the fields of ``sensor_msgs`` will do."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from numpy.typing import NDArray

from depth_prompt_ros.bag.encodings.depth_alignment import DepthAlignment, FindTransform
from depth_prompt_ros.bag.encodings.images import depth_metres, image_size, label_image, picture
from depth_prompt_ros.bag.messages import stamp_of
from depth_prompt_ros.camera import CameraModel
from depth_prompt_ros.camera_info import describe_size
from depth_prompt_ros.errors import BadFrame
from depth_prompt_ros.frame import Detection, Frame
from depth_prompt_ros.parameters import Parameters
from depth_prompt_ros.rectification import rectify, rectify_box, said_rectified

CONVERT: dict[str, Callable[[Any], NDArray[Any]]] = {
    "left_image": picture,
    "right_image": picture,
    "depth_image": depth_metres,
    "labels": label_image,
    "tom_labels": label_image,
}
"""What is made of the images, by role: the names of :class:`depth_prompt_ros.parameters.Topics`."""

INFOS = ("left_camera_info", "right_camera_info", "depth_camera_info")
"""The roles of camera_info."""

_MEGAPIXEL = 1e6
logger = logging.getLogger(__name__)


def seen_rectified(messages: Mapping[str, Any], rectified: bool) -> tuple[Detection, ...] | None:
    """The boxes of role ``detections``, if there are any, where the rectified left camera sees them.

    Args:
        messages: by role, with the cameras' infos; detections as :func:`depth_prompt_ros.bag.detections.detections_of`.
        rectified: they already are, as the left pictures.
    """
    given: tuple[Detection, ...] | None = messages.get("detections")
    if given is None or rectified:
        return given
    info, pair = messages["left_camera_info"], "right_camera_info" in messages
    return tuple(replace(each, box=rectify_box(each.box, info, "left", pair)) for each in given)


class FrameBuilder:
    """Converts and checks the messages that belong together."""

    def __init__(
        self,
        topics: Mapping[str, str],
        settings: Parameters | None = None,
        find_transform: FindTransform | None = None,
        picture: Callable[[Any], NDArray[Any]] = picture,
    ) -> None:
        """Store the topics' names.

        Args:
            topics: by role, for messages to people.
            settings: whether pictures are rectified, how large they may be, how depth is read; None: the defaults.
            find_transform: for depth of another camera than the picture's; None: there is no tf.
            picture: makes RGB of an image message.
        """
        self._topics, self._settings = topics, settings or Parameters()
        depth = self._settings.depth
        self._alignment = DepthAlignment(depth, find_transform)
        self._convert = CONVERT | {"left_image": picture, "right_image": picture}
        self._convert["depth_image"] = partial(depth_metres, unit=depth.unit, float_unit=depth.float_unit)
        self._camera: CameraModel | None = None
        rectified = self._settings.rectified
        self._rectified = {role: said_rectified(rectified, topics.get(role, "")) for role in CONVERT}
        self._said: set[str] = set()

    def __call__(self, messages: Mapping[str, Any]) -> Frame:
        """The frame of messages by role: ``left_image``, ``left_camera_info`` and what else there is.

        Raises:
            BadFrame: an encoding that cannot be used, damaged data, sizes that differ, or depth of another camera that
                cannot be registered to the picture.
        """
        camera = CameraModel.from_camera_info(
            messages["left_camera_info"], messages.get("right_camera_info"), rectified=self._rectified["left_image"]
        )
        camera = self._camera = self._camera if camera == self._camera else camera  # it caches its rays
        if camera.width * camera.height > self._settings.most_megapixels * _MEGAPIXEL:
            raise BadFrame(
                f"{self._topics['left_camera_info']} says {camera.width}x{camera.height}: pictures of more than "
                f"{self._settings.most_megapixels:g} megapixels are not read (parameter most_megapixels)"
            )
        arrays = {role: self._array(role, messages, camera) for role in CONVERT if role in messages}
        return Frame(
            stamp_ns=stamp_of(messages["left_image"]),
            frame_id=messages["left_image"].header.frame_id,
            image=arrays["left_image"],
            camera=camera,
            right=arrays.get("right_image"),
            depth=arrays.get("depth_image"),
            labels=arrays.get("labels"),
            tom=arrays["tom_labels"] > 0 if "tom_labels" in arrays else None,
            detections=seen_rectified(messages, self._rectified["left_image"]),
        )

    def _array(self, role: str, messages: Mapping[str, Any], camera: CameraModel) -> NDArray[Any]:
        """One image as an array of the camera's size; sizes are compared before any pixel is read."""
        own, info = None, "left_camera_info"
        try:
            if role == "depth_image":
                own = self._alignment.other_camera(messages, camera, self._rectified[role])
            size = image_size(messages[role])
            if own:
                info = "depth_camera_info"
            expected = own or camera
            if size == (expected.width, expected.height):
                array = self._convert[role](messages[role])
                array = self._rectify(role, array, messages)
                if role == "depth_image":
                    self._alignment.look_at(array, self._topics[role])
                return self._alignment.register(array, own, messages, camera) if own else array
        except BadFrame as error:
            raise BadFrame(f"{self._topics[role]}: {error}") from error
        depth = role == "depth_image" and not own
        raise BadFrame(
            f"{self._topics[role]} is {size[0]}x{size[1]} but {self._topics[info]} says "
            f"{describe_size(messages[info])}: give pictures and camera_info of one size"
            + (", or topics.depth_camera_info for depth of another" if depth else "")
        )

    def _rectify(self, role: str, array: NDArray[Any], messages: Mapping[str, Any]) -> NDArray[Any]:
        """A raw image as its rectified camera sees it.

        Depth and labels lie on the raw left picture, unless depth has a camera_info of its own.
        """
        info = {"right_image": "right_camera_info", "depth_image": "depth_camera_info"}.get(role, "")
        if info not in messages or (role == "depth_image" and self._settings.depth.aligned == "always"):
            info = "left_camera_info"
        if self._rectified["left_image" if info == "left_camera_info" else role]:
            return array
        nearest = role not in ("left_image", "right_image")
        side = info.partition("_")[0]
        pair = info != "depth_camera_info" and "right_camera_info" in messages
        rectified = rectify(array, messages[info], side, pair, nearest)
        if rectified is not array and self._settings.rectified == "auto" and info not in self._said:
            self._said.add(info)
            logger.log(
                logging.INFO if "raw" in self._topics[role] else logging.WARNING,
                "%s says that pictures like those of %s are bent or turned: they are rectified here; if they are "
                "rectified already set rectified: true", self._topics[info], self._topics[role],
            )  # fmt: skip
        return rectified
