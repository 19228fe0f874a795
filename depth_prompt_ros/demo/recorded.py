"""Reads a replayed bag's answers and pairs them with the truth that its input bag holds."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from depth_prompt_ros.bag.encodings.images import depth_metres, disparity_metres, label_image, picture, view
from depth_prompt_ros.bag.messages import stamp_of, typestore
from depth_prompt_ros.bag.storage.recording import Recording
from depth_prompt_ros.camera import CameraModel
from depth_prompt_ros.demo.input_bag import LABELS_TOPIC, TRUE_DEPTH_TOPIC, TRUE_TOM_TOPIC
from depth_prompt_ros.errors import BadInput
from depth_prompt_ros.evaluation.outcome import AnchorReport, Outcome
from depth_prompt_ros.stages.cloud import CLOUD_DTYPE

RESULT_TOPICS = ("depth", "labels", "tom_mask", "disparity", "mono_depth", "provenance", "prompted_image", "anchors")
"""What a replay has to write for :func:`read_outcomes`."""

_NAMESPACE = "/object_depth/"
_INPUT_TOPICS = (
    "/left/image_rect", "/left/camera_info", "/right/camera_info", TRUE_DEPTH_TOPIC, LABELS_TOPIC, TRUE_TOM_TOPIC
)  # fmt: skip


def read_outcomes(input_bag: Path, result_bag: Path) -> Iterator[Outcome]:
    """Every frame of the result bag with its truth, in order; both bags are ordered by stamp.

    Raises:
        BadInput: a bag cannot be read.
    """
    inputs = _by_stamp(input_bag, _INPUT_TOPICS)
    for stamp_ns, result in _by_stamp(result_bag, [_NAMESPACE + name for name in RESULT_TOPICS]):
        given = next(messages for stamp, messages in inputs if stamp == stamp_ns)
        yield _outcome(stamp_ns, given, {topic.removeprefix(_NAMESPACE): found for topic, found in result.items()})


def read_cloud(result_bag: Path, topic: str, stamp_ns: int) -> NDArray[Any]:
    """(N,) points of one frame, as :data:`depth_prompt_ros.stages.cloud.CLOUD_DTYPE`.

    Args:
        topic: ``points`` or ``object_points``.
        stamp_ns: the frame's stamp.
    """
    for stamp, messages in _by_stamp(result_bag, [_NAMESPACE + topic]):
        if stamp == stamp_ns:
            return np.frombuffer(messages[_NAMESPACE + topic].data, CLOUD_DTYPE)
    raise BadInput(f"{result_bag} has no {_NAMESPACE}{topic} with stamp {stamp_ns}")


def _outcome(stamp_ns: int, given: dict[str, Any], result: dict[str, Any]) -> Outcome:
    image = picture(given["/left/image_rect"])
    return Outcome(
        stamp_ns=stamp_ns,
        image=image,
        camera=CameraModel.from_camera_info(given["/left/camera_info"], given["/right/camera_info"]),
        true_depth=depth_metres(given[TRUE_DEPTH_TOPIC]),
        true_labels=label_image(given[LABELS_TOPIC]) if LABELS_TOPIC in given else None,
        true_tom=view(given[TRUE_TOM_TOPIC]) > 0 if TRUE_TOM_TOPIC in given else None,
        labels=label_image(result["labels"]),
        tom=view(result["tom_mask"]) > 0,
        stereo=disparity_metres(result["disparity"]),
        mono=depth_metres(result["mono_depth"]),
        merged=depth_metres(result["depth"]),
        provenance=view(result["provenance"]),
        prompted_image=picture(result["prompted_image"]) if "prompted_image" in result else image[:0],
        anchors=_anchors(result["anchors"]),
    )


def _anchors(message: Any) -> dict[int, AnchorReport]:
    anchors = {}
    for status in message.status:
        values = {pair.key: pair.value for pair in status.values}
        anchors[int(values["label"])] = AnchorReport(
            values["anchor"], int(values["inliers"]), float(values["residual"])
        )
    return anchors


def _by_stamp(bag: Path, topics: Collection[str]) -> Iterator[tuple[int, dict[str, Any]]]:
    """Messages that share a header stamp, by topic."""
    store = typestore()
    messages = ((raw.topic, store.deserialize_cdr(raw.data, raw.msgtype)) for raw in Recording(bag).messages(topics))
    for stamp_ns, group in groupby(messages, key=lambda found: stamp_of(found[1])):
        yield stamp_ns, dict(group)
