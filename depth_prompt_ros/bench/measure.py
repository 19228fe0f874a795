"""Run a recording through the pipeline, from the camera's messages to the cloud's, and time every segment."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from depth_prompt_ros.bag.frames import FrameBuilder
from depth_prompt_ros.bag.outputs import output_messages
from depth_prompt_ros.bag.reader import FrameReader, SkippedFrame
from depth_prompt_ros.bench.yardstick import Yardstick
from depth_prompt_ros.errors import BadFrame, BadInput
from depth_prompt_ros.frame import Frame
from depth_prompt_ros.parameters import Parameters
from depth_prompt_ros.pipeline import ObjectDepthPipeline

CLOUDS = ("points", "object_points")
SEPARATE = ("stereo", "segmentation", "tom", "surroundings", "graph")
"""What stands for itself; everything else between camera message and cloud message is ``rest``."""


@dataclass
class Measured:
    """What was measured; seconds.

    Attributes:
        load: making the pipeline, with its models.
        first: the first frame, from message to message.
        segments: of every warm frame: decode, the pipeline's stages, convert (the clouds' messages), rest, whole.
        yardstick: of one pass of semi-global matching after every warm frame.
        targets: of every warm frame.
        sent: frames given to the pipeline, the first and those that warm up among them.
        missed: frames that it could not use, by reason.
        runtimes: what runs the networks.
        resident_mib: of the process: before loading, after it, and at most.
        gpu_mib: on the GPU, by all programs, at the end; None if it is not used.
    """

    load: float = 0.0
    first: float = 0.0
    segments: dict[str, list[float]] = field(default_factory=dict)
    yardstick: list[float] = field(default_factory=list)
    targets: list[int] = field(default_factory=list)
    sent: int = 0
    missed: dict[str, int] = field(default_factory=dict)
    runtimes: list[str] = field(default_factory=list)
    resident_mib: dict[str, float] = field(default_factory=dict)
    gpu_mib: float | None = None


class _TimedBuilder:
    """Makes frames and remembers how long the latest took."""

    def __init__(self, parameters: Parameters) -> None:
        self._build, self.seconds = FrameBuilder(parameters.topics.model_dump(), parameters), 0.0

    def __call__(self, messages: Mapping[str, Any]) -> Frame:
        began = time.perf_counter()
        frame = self._build(messages)
        self.seconds = time.perf_counter() - began
        return frame


def measure(
    bag: Path,
    parameters: Parameters,
    frames: int = 100,
    warm_up: int = 5,
    progress: Callable[[int, int], None] | None = None,
) -> Measured:
    """Run ``frames`` frames after one that is cold and ``warm_up - 1`` that do not count; a short bag is repeated.

    Raises:
        BadInput: a bag that cannot be read, or without a usable frame.
    """
    measured = Measured(resident_mib={"before loading": resident_mib("VmRSS")})
    began = time.perf_counter()
    pipeline = ObjectDepthPipeline(parameters)
    measured.load = time.perf_counter() - began
    measured.resident_mib["loaded"] = resident_mib("VmRSS")
    measured.runtimes = [pipeline.prompted_depth.graph.runs_in]
    build, yardstick = _TimedBuilder(parameters), Yardstick()
    used, total = 0, warm_up + frames
    for content in _repeated(bag, parameters, build):
        measured.sent += 1
        reason = content.reason if isinstance(content, SkippedFrame) else None
        if isinstance(content, Frame):
            try:
                _one(pipeline, content, build.seconds, parameters, measured, used >= warm_up)
                used += 1
                measured.yardstick += [yardstick()] if used > warm_up else []
            except BadFrame as error:
                reason = str(error)
        if reason is not None:
            measured.missed[reason] = measured.missed.get(reason, 0) + 1
            if not used and measured.sent >= total:
                raise BadInput(f"no frame of {bag} can be used: {reason}")
        if progress is not None:
            progress(used, total)
        if used == total:
            break
    measured.resident_mib["peak"] = resident_mib("VmHWM")
    if pipeline.prompted_depth.graph.on_gpu:
        from depth_prompt_ros.runtime.tensorrt.cuda import used_memory_mib

        measured.gpu_mib = used_memory_mib()
    return measured


def _repeated(bag: Path, parameters: Parameters, build: _TimedBuilder) -> Iterator[Frame | SkippedFrame]:
    while True:
        reader = FrameReader(bag, parameters, build)
        for recorded in reader.read():
            if isinstance(recorded.content, Frame | SkippedFrame):
                yield recorded.content


def _one(
    pipeline: ObjectDepthPipeline, frame: Frame, decode: float, parameters: Parameters, measured: Measured, warm: bool
) -> None:
    began = time.perf_counter()
    result = pipeline(frame)
    computed = time.perf_counter()
    messages = list(output_messages(result, CLOUDS, parameters))
    done = time.perf_counter()
    del messages
    whole = decode + done - began
    if not measured.first:
        measured.first = whole
    if not warm:
        return
    seconds = {"decode": decode, **result.seconds, "convert": done - computed, "whole": whole}
    seconds["rest"] = whole - sum(seconds[name] for name in SEPARATE)
    for name, spent in seconds.items():
        measured.segments.setdefault(name, []).append(spent)
    measured.targets.append(len(result.targets))


def resident_mib(entry: str) -> float:
    """``VmRSS`` or ``VmHWM`` of this process (getrusage would count what ran before exec); 0 where it is not known."""
    status = Path("/proc/self/status")
    lines = status.read_text().splitlines() if status.is_file() else []
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith(entry)), 0.0)
