"""What can be shown: a recording, what a replay wrote of one, and what ``run`` wrote."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from depth_prompt_ros.bag.encodings.images import depth_metres, disparity_metres, label_image
from depth_prompt_ros.bag.failures import made_or_skipped
from depth_prompt_ros.bag.messages import stamp_of, typestore
from depth_prompt_ros.bag.outputs import NAMESPACE
from depth_prompt_ros.bag.reader import FrameReader, SkippedFrame
from depth_prompt_ros.bag.storage.recording import Recording
from depth_prompt_ros.camera import CameraModel
from depth_prompt_ros.data.readers.sample import read_arrays
from depth_prompt_ros.errors import BadInput
from depth_prompt_ros.frame import Frame
from depth_prompt_ros.parameters import Parameters
from depth_prompt_ros.view.shown import Shown, line_of

ANSWER, TARGETS = "answer.npz", "targets.json"
_INFO = f"{NAMESPACE}/depth/camera_info"
_ANCHORS = f"{NAMESPACE}/anchors"
_WRITTEN: dict[str, tuple[str, Callable[[Any], NDArray[Any]]]] = {
    f"{NAMESPACE}/disparity": ("measured", disparity_metres),
    f"{NAMESPACE}/depth": ("merged", depth_metres),
    f"{NAMESPACE}/labels": ("labels", label_image),
    f"{NAMESPACE}/tom_mask": ("tom", lambda message: label_image(message) > 0),
    f"{NAMESPACE}/provenance": ("provenance", label_image),
    f"{NAMESPACE}/belief": ("belief", label_image),
}


def frames_of(path: Path, parameters: Parameters) -> Iterator[Shown]:
    """The frames at ``path``: of a replay's bag as they are there, of a camera's bag through the pipeline.

    Raises:
        BadInput: nothing that can be shown.
    """
    answers = [path / ANSWER] if (path / ANSWER).is_file() else sorted(path.glob(f"*/{ANSWER}"))
    if answers:
        yield from map(_of_answer, answers)
        return
    recording = Recording(path)
    if _INFO in recording.types:
        yield from _of_replay(recording)
    else:
        yield from _of_camera(path, parameters)


def _of_answer(path: Path) -> Shown:
    names = ("picture", "measured", "merged", "labels", "tom", "provenance", "belief")
    *arrays, K = read_arrays(path, ("image", "measured", "depth", *names[3:], "K"))
    height, width = arrays[1].shape
    camera = CameraModel(width, height, K[0, 0], K[1, 1], K[0, 2], K[1, 2])
    lines = []
    with suppress(OSError, ValueError, KeyError):  # beside the pictures, and no condition of theirs
        said = json.loads((path.parent / TARGETS).read_text())
        lines = [f"no target: {said['reason']}"] if said["reason"] else []
        lines += [line_of(each["label"], each["anchor"], each["reason"]) for each in said["targets"] + said["surfaces"]]
    return Shown(None, camera, dict(zip(names, arrays, strict=True)), lines, path.parent.name)


def _of_replay(recording: Recording) -> Iterator[Shown]:
    """Messages of one stamp are one frame; they were written one after the other."""
    messages = (
        (raw.topic, typestore().deserialize_cdr(raw.data, raw.msgtype))
        for raw in recording.messages({*_WRITTEN, _INFO, _ANCHORS})
    )
    for stamp, group in groupby(messages, key=lambda found: stamp_of(found[1])):
        frame = dict(group)
        if _INFO not in frame:
            continue
        images = {
            name: np.array(convert(frame[topic])) for topic, (name, convert) in _WRITTEN.items() if topic in frame
        }
        said = frame[_ANCHORS].status if _ANCHORS in frame else ()
        lines = list(map(_line, said))
        yield Shown(stamp, CameraModel.from_camera_info(frame[_INFO]), images, lines)


def _line(status: Any) -> str:
    """Of what :func:`depth_prompt_ros.bag.outputs.anchors_message` says of one target."""
    values = {pair.key: pair.value for pair in status.values}
    if "anchor" not in values:
        return f"no target: {status.message}"
    return line_of(int(values["label"]), values["anchor"], status.message)


def _of_camera(path: Path, parameters: Parameters) -> Iterator[Shown]:
    from depth_prompt_ros.pipeline import ObjectDepthPipeline

    reader, pipeline, reason = FrameReader(path, parameters), ObjectDepthPipeline(parameters), ""
    count = 0
    for recorded in reader.read():
        if isinstance(recorded.content, Frame):
            result = made_or_skipped(pipeline, recorded.content)
            if not isinstance(result, SkippedFrame):
                count += 1
                yield Shown.of(result)
                continue
            reason = result.reason
        elif isinstance(recorded.content, SkippedFrame):
            reason = recorded.content.reason
    if not count:
        raise BadInput(f"no frame of {path} can be shown: {reason}; depth-prompt doctor {path} says more")
