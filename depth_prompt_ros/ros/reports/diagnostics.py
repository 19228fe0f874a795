"""Diagnostics of a node on /diagnostics, including why it publishes no points."""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from diagnostic_updater import Updater

from depth_prompt_ros.errors import DepthPromptError
from depth_prompt_ros.parameters import Parameters
from depth_prompt_ros.ros.inputs.problems import LATE_S, problems
from depth_prompt_ros.ros.inputs.subscribed import Inputs
from depth_prompt_ros.ros.reports.console import Console
from depth_prompt_ros.runtime.choose import loaded_graphs

OK, WARN, ERROR = b"\x00", b"\x01", b"\x02"
_WHOLE_NAME = "diagnostic_updater.use_fqn"
_REMEMBERED = 100
_REASONS = 50


@dataclass
class Frames:
    """Counts of published, skipped and dropped frames.

    Attributes:
        finished: that were published.
        skipped: that could not be used, by reason.
        compute, inside, latency: seconds of the latest frames: in the pipeline, from the last input to the last output,
            and from the stamp to the last output.
        segments: seconds of each stage of the latest frame.
        notes: more of the latest frame.
    """

    finished: int = 0
    skipped: Counter[str] = field(default_factory=Counter)
    compute: deque[float] = field(default_factory=lambda: deque(maxlen=_REMEMBERED))
    inside: deque[float] = field(default_factory=lambda: deque(maxlen=_REMEMBERED))
    latency: deque[float] = field(default_factory=lambda: deque(maxlen=_REMEMBERED))
    segments: dict[str, float] = field(default_factory=dict)
    notes: dict[str, str] = field(default_factory=dict)
    last_problem: str = ""
    last_problem_at: float = 0.0

    def done(self, compute: float, inside: float, latency: float) -> None:
        """Count a frame."""
        self.finished += 1
        self.compute.append(compute)
        self.inside.append(inside)
        self.latency.append(latency)

    def skip(self, reason: str) -> None:
        """Count a frame that could not be used."""
        known = reason if reason in self.skipped or len(self.skipped) < _REASONS else "other reasons"
        self.skipped[known] += 1
        self.last_problem, self.last_problem_at = reason, time.monotonic()


class Reported(Protocol):
    """What the reports read of a node; :class:`depth_prompt_ros.ros.nodes.stage_node.StageNode` has it.

    Attributes:
        settings: the parameters that are in use.
        frames: what became of the frames.
        console: what goes wrong is said there, too.
    """

    settings: Parameters
    frames: Frames
    console: Console

    @property
    def inputs(self) -> Inputs | None:
        """The subscriptions; None while the node is not active."""

    def dropped(self) -> int:
        """Number of sets of inputs that a newer one replaced."""

    def wanted(self) -> list[str]:
        """Outputs with a subscriber."""

    def count_publishers(self, topic_name: str) -> int:
        """Of rclpy's node."""


def inputs(node: Reported, status: Any) -> Any:
    """Missing, late or starving topics by name, stamps that do not meet, publishers that offer another QoS."""
    subscribed = node.inputs
    if subscribed is None:
        node.console.forget()
        status.summary(OK, "not active")
        return status
    now, waiting = time.monotonic(), subscribed.waiting
    for arrived in subscribed.arrived.values():
        came = f"{arrived.count} messages" + (f", the last {now - arrived.at:.1f} s ago" if arrived.count else "")
        status.add(arrived.topic, came + (f", {arrived.lost} lost on their way" if arrived.lost else ""))
    status.add("sets", str(subscribed.sets))
    status.add("images that wait for their partners", f"{len(waiting)}, {waiting.size / 1e6:.1f} MB")
    status.add("sets dropped for sync.most_megabytes", str(waiting.dropped))
    status.add("times that time jumped back", str(subscribed.resets))
    found = dict(problems(subscribed, node.settings.sync, node.count_publishers))
    if subscribed.since is None:
        node.console.forget()
    else:
        node.console.standing(found, "all topics arrive again")
    idle = "images are not subscribed: no output is wanted"
    well = "all topics arrive" if subscribed.since is not None else idle
    status.summary(WARN if found else OK, "; ".join(found.values()) or well)
    return status


def frames(node: Reported, status: Any) -> Any:
    """Published, skipped with the reason, dropped for newer ones; idle."""
    done = node.frames
    status.add("published", str(done.finished))
    status.add("dropped for newer ones", str(node.dropped()))
    for reason, count in Counter(dict(done.skipped)).most_common(5):
        status.add(f"skipped: {reason}", str(count))
    for name, value in list(done.notes.items()):
        status.add(name, value)
    if node.inputs is None:
        status.summary(OK, "not active")
    elif not node.wanted():
        status.summary(OK, "idle: no output is wanted")
    elif time.monotonic() - done.last_problem_at < LATE_S and done.last_problem:
        status.summary(WARN, f"frames are skipped: {done.last_problem}")
    else:
        status.summary(OK, f"{done.finished} frames published")
    return status


def timing(node: Reported, status: Any) -> Any:
    """From stamp to output, split by segment."""
    done = node.frames
    for title, seconds in (
        ("in the pipeline", done.compute), ("from the last input to the last output", done.inside),
        ("from the stamp to the last output", done.latency),
    ):  # fmt: skip
        if seconds:
            p50, p95 = 1000 * np.percentile(list(seconds), (50, 95))
            status.add(f"{title}, ms p50 / p95", f"{p50:.1f} / {p95:.1f}")
    for name, spent in list(done.segments.items()):
        status.add(f"{name}, ms", f"{1000 * spent:.1f}")
    graphs = loaded_graphs()
    for graph in graphs:
        status.add(f"network {graph.path.name}", graph.runs_in)
    if any(graph.on_gpu for graph in graphs):
        status.add("GPU memory in use by all programs, MiB", _gpu_memory())
    status.summary(OK, "; ".join(f"{graph.path.name}: {graph.runs_in}" for graph in graphs) or "no network")
    return status


def guarded(report: Callable[[Reported, Any], Any], node: Reported, status: Any) -> Any:
    """A report that fails says so; it must not end the node."""
    try:
        return report(node, status)
    except Exception as error:  # noqa: BLE001 (called by a timer)
        status.summary(ERROR, f"this report failed: {type(error).__name__}: {error}")
        return status


def _gpu_memory() -> str:
    from depth_prompt_ros.runtime.tensorrt.cuda import used_memory_mib

    try:
        return f"{used_memory_mib():.0f}"
    except (ImportError, DepthPromptError) as error:
        return f"unknown ({error})"


def make_updater(node: Any) -> Updater:
    """The updater of a node's tasks; with its namespace in names and hardware id, or two robots' would be one."""
    if not node.has_parameter(_WHOLE_NAME):
        node.declare_parameter(_WHOLE_NAME, True)
    updater = Updater(node)
    if node.get_parameter(_WHOLE_NAME).value:
        updater.node_name = node.get_fully_qualified_name()  # its own is //NODE where there is no namespace
    updater.setHardwareID(node.get_fully_qualified_name())
    return updater


TASKS: dict[str, Callable[[Reported, Any], Any]] = {"inputs": inputs, "frames": frames, "timing": timing}
