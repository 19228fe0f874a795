"""What can be shown: a recording, what a replay wrote of one, and what ``run`` wrote."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from depth_prompt_ros.bag.failures import made_or_skipped
from depth_prompt_ros.bag.images import depth_metres, label_image
from depth_prompt_ros.bag.messages import stamp_of, typestore
from depth_prompt_ros.bag.outputs import NAMESPACE
from depth_prompt_ros.bag.reader import FrameReader, SkippedFrame
from depth_prompt_ros.bag.recording import Recording
from depth_prompt_ros.camera import CameraModel
from depth_prompt_ros.data.readers.sample import read_arrays
from depth_prompt_ros.errors import BadInput
from depth_prompt_ros.frame import Frame
from depth_prompt_ros.parameters import Parameters
from depth_prompt_ros.view.shown import Shown

ANSWER = "answer.npz"
_INFO = f"{NAMESPACE}/depth/camera_info"
_WRITTEN: dict[str, tuple[str, Callable[[Any], NDArray[Any]]]] = {
    f"{NAMESPACE}/depth": ("depth", depth_metres),
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
        for second, answer in enumerate(answers):
            yield _of_answer(answer, second * 10**9)
        return
    recording = Recording(path)
    if _INFO in recording.types:
        yield from _of_replay(recording)
    else:
        yield from _of_camera(path, parameters)


def _of_answer(path: Path, stamp_ns: int) -> Shown:
    names = ("picture", "depth", "measured", "labels", "tom", "provenance", "belief")
    *arrays, K = read_arrays(path, ("image", *names[1:], "K"))
    height, width = arrays[1].shape
    camera = CameraModel(width, height, K[0, 0], K[1, 1], K[0, 2], K[1, 2])
    return Shown(stamp_ns, camera, dict(zip(names, arrays, strict=True)))


def _of_replay(recording: Recording) -> Iterator[Shown]:
    """Messages of one stamp are one frame; they were written one after the other."""
    images: dict[str, NDArray[Any]] = {}
    camera, stamp = None, None
    for raw in recording.messages({*_WRITTEN, _INFO}):
        message = typestore().deserialize_cdr(raw.data, raw.msgtype)
        if stamp is not None and stamp_of(message) != stamp and camera is not None:
            yield Shown(stamp, camera, images)
            images, camera = {}, None
        stamp = stamp_of(message)
        if raw.topic == _INFO:
            camera = CameraModel.from_camera_info(message)
        else:
            name, convert = _WRITTEN[raw.topic]
            images[name] = np.array(convert(message))
    if stamp is not None and camera is not None:
        yield Shown(stamp, camera, images)


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
