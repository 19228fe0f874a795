"""ROS 2 messages from NumPy arrays, in the types of ROS 2 Humble, which later distributions read too.

Each function takes ``make``, which knows how the messages of a bag, or those of a live node, are made.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from depth_prompt_ros.bag.detections import DEFINITIONS
from depth_prompt_ros.bag.encodings.images import VIEWED
from depth_prompt_ros.camera import CameraModel

Make = Callable[..., Any]
"""Makes a message of a type, ``package/msg/Name``, from all its fields: for bags or for a live node."""

_POINT_FIELD_TYPES = {"i1": 1, "u1": 2, "i2": 3, "u2": 4, "i4": 5, "u4": 6, "f4": 7, "f8": 8}
_NANOSECONDS = 1_000_000_000


@cache
def typestore() -> Any:
    """The message types of ROS 2 Humble (``rosbags.typesys.store.Typestore``), with those of detections."""
    from rosbags.typesys import Stores, get_types_from_msg, get_typestore

    store = get_typestore(Stores.ROS2_HUMBLE)
    for name, definition in DEFINITIONS.items():
        store.register(get_types_from_msg(definition, name))
    return store


def message(msgtype: str, **fields: Any) -> Any:
    """A message of type ``package/msg/Name`` with all its fields given."""
    return typestore().types[msgtype](**fields)


def header(stamp_ns: int, frame_id: str, make: Make = message) -> Any:
    """``std_msgs/Header`` with the stamp in nanoseconds."""
    seconds, nanoseconds = divmod(stamp_ns, _NANOSECONDS)
    stamp = make("builtin_interfaces/msg/Time", sec=seconds, nanosec=nanoseconds)
    return make("std_msgs/msg/Header", stamp=stamp, frame_id=frame_id)


def stamp_of(stamped: Any) -> int:
    """A message's header stamp in nanoseconds."""
    return int(stamped.header.stamp.sec) * _NANOSECONDS + int(stamped.header.stamp.nanosec)


def image_message(array: NDArray[Any], encoding: str, stamp_ns: int, frame_id: str, make: Make = message) -> Any:
    """``sensor_msgs/Image``, little endian and without padding.

    Args:
        array: (H, W) or (H, W, C) of the encoding's type; bool is written as 0 and 255 in ``mono8``.
            In ``32FC1`` a 0 becomes NaN: consumers take 0 for a valid depth.
        encoding: one of ``depth_prompt_ros.bag.encodings.images.VIEWED``.

    Raises:
        ValueError: the array does not have the encoding's type or channels.
    """
    element, channels = VIEWED[encoding]
    if array.dtype == np.bool_ and encoding == "mono8":
        array = array.astype(np.uint8) * np.uint8(255)
    if array.dtype != element or array.shape[2:] != ((channels,) if channels > 1 else ()):
        raise ValueError(f"an array {array.shape} {array.dtype} is not {encoding}")
    if encoding == "32FC1":
        array = np.where(array == 0, np.float32(np.nan), array)
    array = array.astype(element.newbyteorder("<"), order="C", copy=False)
    height, width = array.shape[:2]
    return make(
        "sensor_msgs/msg/Image", header=header(stamp_ns, frame_id, make), height=height, width=width, encoding=encoding,
        is_bigendian=0, step=width * channels * element.itemsize, data=array.reshape(-1).view(np.uint8),
    )  # fmt: skip


def compressed_image_message(data: bytes, format_: str, stamp_ns: int, frame_id: str, make: Make = message) -> Any:
    """``sensor_msgs/CompressedImage`` of encoded bytes, e.g. format ``jpeg`` or ``16UC1; compressedDepth png``."""
    return make(
        "sensor_msgs/msg/CompressedImage",
        header=header(stamp_ns, frame_id, make), format=format_, data=np.frombuffer(data, np.uint8),
    )  # fmt: skip


def camera_info_message(
    camera: CameraModel, stamp_ns: int, frame_id: str, right: bool = False, make: Make = message
) -> Any:
    """``sensor_msgs/CameraInfo`` of a rectified camera: zero ``D``, identity ``R``.

    Args:
        camera: intrinsics for the picture that the message goes with.
        right: the right camera of the pair, ``P[0, 3] = -fx * baseline`` and ``cx + cx_offset``.
    """
    fx, fy, cx, cy = camera.fx, camera.fy, camera.cx + (camera.cx_offset if right else 0.0), camera.cy
    tx = -fx * camera.baseline if right else 0.0
    return make(
        "sensor_msgs/msg/CameraInfo", header=header(stamp_ns, frame_id, make), height=camera.height, width=camera.width,
        distortion_model="plumb_bob", d=np.zeros(5), k=np.array([fx, 0, cx, 0, fy, cy, 0, 0, 1], np.float64),
        r=np.eye(3).reshape(-1), p=np.array([fx, 0, cx, tx, 0, fy, cy, 0, 0, 0, 1, 0], np.float64),
        binning_x=0, binning_y=0, roi=_whole_picture(0, 0, make),
    )  # fmt: skip


def cloud_message(cloud: NDArray[Any], stamp_ns: int, frame_id: str, make: Make = message) -> Any:
    """``sensor_msgs/PointCloud2`` whose fields are those of a structured array.

    Args:
        cloud: (H, W) organised, written with ``is_dense`` false, or (N,) with every point finite.
    """
    height, width = cloud.shape if cloud.ndim == 2 else (1, cloud.shape[0])
    fields = [
        make(
            "sensor_msgs/msg/PointField",
            name=name,
            offset=offset,
            datatype=_POINT_FIELD_TYPES[kind.str[1:]],
            count=1,
        )
        for name, (kind, offset, *_) in (cloud.dtype.fields or {}).items()
    ]
    step = cloud.dtype.itemsize
    return make(
        "sensor_msgs/msg/PointCloud2", header=header(stamp_ns, frame_id, make), height=height, width=width,
        fields=fields, is_bigendian=False, point_step=step, row_step=width * step,
        data=np.ascontiguousarray(cloud).reshape(-1).view(np.uint8), is_dense=cloud.ndim == 1,
    )  # fmt: skip


def disparity_message(
    disparity: NDArray[np.float32],
    camera: CameraModel,
    search: tuple[int, int],
    stamp_ns: int,
    frame_id: str,
    make: Make = message,
) -> Any:
    """``stereo_msgs/DisparityImage``: depth = f * T / d, so d carries the principal points' offset.

    Args:
        disparity: (H, W) float32 pixels between the pictures, invalid = NaN.
            Written as ``min_disparity - 1`` where invalid, as stereo_image_proc does.
        search: smallest disparity searched and number of disparities, pixels.
    """
    smallest = search[0] + camera.cx_offset
    shifted = disparity + np.float32(camera.cx_offset)
    shifted = np.where(np.isfinite(shifted), shifted, np.float32(smallest - 1))
    height, width = shifted.shape
    data = shifted.astype("<f4", order="C", copy=False).reshape(-1).view(np.uint8)
    image = make(
        "sensor_msgs/msg/Image", header=header(stamp_ns, frame_id, make), height=height, width=width, encoding="32FC1",
        is_bigendian=0, step=width * 4, data=data,
    )  # fmt: skip
    return make(
        "stereo_msgs/msg/DisparityImage",
        header=header(stamp_ns, frame_id, make), image=image, f=camera.fx, t=camera.baseline,
        valid_window=_whole_picture(width, height, make), min_disparity=smallest,
        max_disparity=smallest + search[1] - 1, delta_d=1 / 16,
    )  # fmt: skip


def diagnostics_message(
    statuses: Sequence[tuple[int, str, str, dict[str, str]]], stamp_ns: int, frame_id: str, make: Make = message
) -> Any:
    """``diagnostic_msgs/DiagnosticArray`` of (level, name, message, values); level 0 is OK, 1 a warning."""
    return make(
        "diagnostic_msgs/msg/DiagnosticArray",
        header=header(stamp_ns, frame_id, make),
        status=[
            make(
                "diagnostic_msgs/msg/DiagnosticStatus", level=level, name=name, message=text, hardware_id="",
                values=[make("diagnostic_msgs/msg/KeyValue", key=key, value=value) for key, value in values.items()],
            )
            for level, name, text, values in statuses
        ],
    )  # fmt: skip


def _whole_picture(width: int, height: int, make: Make) -> Any:
    return make(
        "sensor_msgs/msg/RegionOfInterest", x_offset=0, y_offset=0, height=height, width=width, do_rectify=False
    )
