"""The topics a replay writes, each made from the pipeline's result only when it is chosen."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from depth_prompt_ros.bag.messages import (
    Make,
    camera_info_message,
    cloud_message,
    diagnostics_message,
    disparity_message,
    image_message,
    message,
)
from depth_prompt_ros.errors import BadInput
from depth_prompt_ros.parameters import Parameters

if TYPE_CHECKING:
    from depth_prompt_ros.result import FrameDepth, TargetReport
    from depth_prompt_ros.stages.cloud import RigidTransform

Memory = Callable[[tuple[int, int], "np.dtype[Any]"], NDArray[Any]]
"""Gives a cloud of that height, width and type of point a place."""

NAMESPACE = "/object_depth"
TOPICS = (
    "points",
    "object_points",
    "depth",
    "depth/camera_info",
    "labels",
    "tom_mask",
    "disparity",
    "prompted_image",
    "provenance",
    "belief",
    "anchors",
    "mono_depth",
    "uncertainty",
    "moving_mask",
)
"""What there is, below ``NAMESPACE``."""

DEFAULT_TOPICS = tuple(topic for topic in TOPICS if topic != "points")
"""All but the organised cloud, which takes megabytes a frame."""

_IMAGES = {
    "depth": ("depth", "32FC1"),
    "mono_depth": ("mono_depth", "32FC1"),
    "uncertainty": ("uncertainty", "32FC1"),
    "labels": ("labels", "mono16"),
    "tom_mask": ("tom", "mono8"),
    "provenance": ("provenance", "mono8"),
    "belief": ("belief", "mono8"),
    "prompted_image": ("prompted_image", "rgb8"),
    "moving_mask": ("moving", "mono8"),
}
_CLOUDS = ("points", "object_points")
_OK, _WARN = 0, 1


def chosen_topics(names: Sequence[str] | None) -> tuple[str, ...]:
    """The topics to write, in the order of ``TOPICS``.

    Args:
        names: topics with or without ``/object_depth/`` before them, or ``all``; None for ``DEFAULT_TOPICS``.

    Raises:
        BadInput: a topic that does not exist.
    """
    if names is None:
        return DEFAULT_TOPICS
    wanted = {name.removeprefix(f"{NAMESPACE}/") for name in names}
    if "all" in wanted:
        return TOPICS
    if unknown := sorted(wanted - set(TOPICS)):
        raise BadInput(f"there is no output topic {', '.join(unknown)}: choose from all, {', '.join(TOPICS)}")
    return tuple(topic for topic in TOPICS if topic in wanted)


def output_messages(
    result: FrameDepth,
    chosen: Collection[str],
    parameters: Parameters,
    make: Make = message,
    transform: RigidTransform | None = None,
    memory: Memory | None = None,
) -> Iterator[tuple[str, Any]]:
    """Name and message of each chosen output; stamp and frame_id are those of the left image.

    ``disparity`` exists for stereo only, ``moving_mask`` where motion is looked for. Clouds are in another frame if
    there is a ``transform`` to it. ``memory`` gives the organised cloud of a picture's height and width a place, of
    the type that it is told; None: a new one.
    """
    yield from _clouds(result, chosen, parameters, make, transform, memory)
    for topic in chosen:
        if topic not in _CLOUDS and (content := _message(topic, result, parameters, make)) is not None:
            yield topic, content


def _clouds(
    result: FrameDepth,
    chosen: Collection[str],
    parameters: Parameters,
    make: Make,
    transform: RigidTransform | None,
    memory: Memory | None,
) -> Iterator[tuple[str, Any]]:
    if not set(_CLOUDS) & set(chosen):
        return
    from depth_prompt_ros.stages.boxes import box_of
    from depth_prompt_ros.stages.cloud import CLOUD_DTYPE, MOVING_DTYPE, object_points, organised_cloud

    frame, frame_id = result.frame, result.frame.frame_id
    kind = CLOUD_DTYPE if result.moving is None else MOVING_DTYPE
    whole = "points" in chosen
    part = np.s_[:, :] if whole else box_of(result.labels > 0)
    out = memory((frame.camera.height, frame.camera.width), kind) if whole and memory is not None else None
    cloud = organised_cloud(
        frame.camera, result.depth, frame.image, result.labels, result.confidence, out, result.moving,
        parameters.moving.drop_points, part,
    )  # fmt: skip
    if transform is not None:
        transform.move(cloud)
        frame_id = transform.frame_id
    if "points" in chosen:
        yield "points", cloud_message(cloud, frame.stamp_ns, frame_id, make)
    if "object_points" in chosen:
        points = object_points(cloud, result.labels[part])
        yield "object_points", cloud_message(points, frame.stamp_ns, frame_id, make)


def _message(topic: str, result: FrameDepth, parameters: Parameters, make: Make) -> Any:
    stamp, frame_id, camera = result.frame.stamp_ns, result.frame.frame_id, result.frame.camera
    if topic == "depth/camera_info":
        height, width = result.depth.shape
        return camera_info_message(camera.scaled(width, height), stamp, frame_id, make=make)
    if topic == "disparity":
        if result.measurement.disparity is None:
            return None
        search = (parameters.stereo.min_disparity, parameters.stereo.num_disparities)
        return disparity_message(result.measurement.disparity, camera, search, stamp, frame_id, make)
    if topic == "anchors":
        return anchors_message([*result.targets, *result.surfaces], stamp, frame_id, make, result.reason)
    attribute, encoding = _IMAGES[topic]
    content = getattr(result, attribute)
    return None if content is None else image_message(content, encoding, stamp, frame_id, make)


def anchors_message(
    targets: Sequence[TargetReport], stamp_ns: int, frame_id: str, make: Make = message, no_target: str = ""
) -> Any:
    """``diagnostic_msgs/DiagnosticArray``: what each scale rests on, refused ones as warnings, or why there is none."""
    statuses: list[tuple[int, str, str, dict[str, str]]] = []
    if no_target:
        statuses.append((_OK, "object_depth: no target", no_target, {}))
    for target in targets:
        refused = target.anchor == "refused"
        values = {
            "label": str(target.label),
            "anchor": target.anchor,
            "inliers": str(target.inliers),
            "residual": f"{target.residual:.6g}",
            "scale": f"{target.scale:.6g}",
            "shift": f"{target.shift:.6g}",
            **({"class": found.name, "score": f"{found.score:.6g}"} if (found := target.detection) else {}),
            **{f"pixels {reason}": str(count) for reason, count in target.pixels.items()},
        }
        what = f"target {target.label}" if target.label else "transparent or mirror surface"
        name, text = f"object_depth: {what}", target.reason or f"anchored {target.anchor}"
        statuses.append((_WARN if refused else _OK, name, text, values))
    return diagnostics_message(statuses, stamp_ns, frame_id, make)
