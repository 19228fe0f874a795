"""From an ONNX file to a TensorRT engine (10 or 11), strongly typed: precision is the graph's own.

Float32 may be computed as TF32, as TensorRT does by default.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from pathlib import Path
from typing import SupportsInt

import tensorrt as trt

from depth_prompt_ros.errors import BadModel

logger = logging.getLogger(__name__)

_EVERY_S = 3.0


class Log(trt.ILogger):  # type: ignore[misc]
    """TensorRT's messages in Python's log; the errors are kept for an exception's text."""

    def __init__(self) -> None:
        trt.ILogger.__init__(self)
        self.errors: list[str] = []

    def log(self, severity: trt.ILogger.Severity, msg: str) -> None:
        """See ``tensorrt.IProgressMonitor`` and ``tensorrt.ILogger``; called by TensorRT."""
        if severity in (trt.ILogger.ERROR, trt.ILogger.INTERNAL_ERROR):
            self.errors.append(msg)
            logger.error("TensorRT: %s", msg)
        elif severity == trt.ILogger.WARNING:
            logger.debug("TensorRT: %s", msg)

    def reason(self) -> str:
        """The latest error, and what to do if memory ran out."""
        text = self.errors[-1] if self.errors else "no reason given"
        if any("memory" in error.lower() for error in self.errors):
            text += "; the GPU is out of memory: close other programs that use it, or build for fewer targets"
        return text


LOG = Log()
"""TensorRT keeps one logger for the whole process, the first that it is given."""


class _Progress(trt.IProgressMonitor):  # type: ignore[misc]
    """Reports the progress of a build every few seconds."""

    def __init__(self, report: Callable[[str], None]) -> None:
        trt.IProgressMonitor.__init__(self)
        self._report, self._began, self._said = report, time.monotonic(), time.monotonic()
        self._steps: dict[str, int] = {}

    def phase_start(self, phase_name: str, parent_phase: str | None, num_steps: SupportsInt) -> None:
        """See ``tensorrt.IProgressMonitor`` and ``tensorrt.ILogger``; called by TensorRT."""
        del parent_phase
        self._steps[phase_name] = int(num_steps)

    def step_complete(self, phase_name: str, step: SupportsInt) -> bool:
        """Called by TensorRT; True: go on."""
        now = time.monotonic()
        if now - self._said >= _EVERY_S:
            self._said = now
            done = f"step {int(step) + 1} of {self._steps.get(phase_name, 0)}"
            self._report(f"building for {now - self._began:.0f} s: {phase_name}, {done}")
        return True

    def phase_finish(self, phase_name: str) -> None:
        """See ``tensorrt.IProgressMonitor`` and ``tensorrt.ILogger``; called by TensorRT."""
        self._steps.pop(phase_name, None)


def build_engine(
    graph: Path, most_targets: int, timing_cache: bytes, report: Callable[[str], None]
) -> tuple[bytes, bytes]:
    """Build.

    Args:
        graph: ONNX file; a free first side becomes 1 to ``most_targets``.
        most_targets: largest batch, if it is free.
        timing_cache: of earlier builds on this GPU, or empty.
        report: gets a line every few seconds.

    Returns:
        The engine and the timing cache, which has grown.

    Raises:
        BadModel: TensorRT cannot read the graph or build it, or runs out of memory.
    """
    LOG.errors.clear()
    try:
        builder = trt.Builder(LOG)
    except (TypeError, RuntimeError) as error:
        raise BadModel(f"TensorRT {trt.__version__} cannot start: {LOG.reason()}") from error
    network = builder.create_network(1 << int(trt.NetworkDefinitionCreationFlag.STRONGLY_TYPED))
    parser = trt.OnnxParser(network, LOG)
    if not parser.parse_from_file(str(graph)):
        problems = [parser.get_error(index) for index in range(parser.num_errors)]
        text = "; ".join(f"{problem.node_operator()} {problem.node_name()}: {problem.desc()}" for problem in problems)
        raise BadModel(f"TensorRT {trt.__version__} cannot read {graph}: {text or 'no reason given'}")
    config = builder.create_builder_config()
    config.progress_monitor = _Progress(report)
    for content in (timing_cache, b""):  # one that TensorRT does not take is begun anew
        cache = config.create_timing_cache(content)
        if cache is not None and config.set_timing_cache(cache, False):
            break
    profile = builder.create_optimization_profile()
    free = False
    for index in range(network.num_inputs):
        tensor = network.get_input(index)
        least, most = (_with_targets(sides(tensor.shape), count) for count in (1, most_targets))
        free = free or least != most
        profile.set_shape(tensor.name, trt.Dims(least), trt.Dims(least), trt.Dims(most))
    if free:
        config.add_optimization_profile(profile)
    engine = builder.build_serialized_network(network, config)
    if engine is None:
        raise BadModel(f"TensorRT {trt.__version__} cannot build {graph}: {LOG.reason()}")
    return bytes(memoryview(engine)), bytes(memoryview(config.get_timing_cache().serialize()))


def sides(dims: trt.Dims) -> tuple[int, ...]:
    """A shape as numbers, -1 where a side is free."""
    return tuple(dims[index] for index in range(len(dims)))


def _with_targets(shape: tuple[int, ...], targets: int) -> tuple[int, ...]:
    if any(side < 0 for side in shape[1:]):
        raise BadModel(f"an input has free sides besides the number of targets, {shape}: export it with fixed sides")
    return (targets if shape[0] < 0 else shape[0], *shape[1:])
