"""Diagnostics of a node on /diagnostics, including why it publishes no points."""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

from depth_prompt_ros.errors import DepthPromptError
from depth_prompt_ros.parameters import Parameters
from depth_prompt_ros.ros.inputs import Inputs
from depth_prompt_ros.runtime.graph import Graph

OK, WARN, ERROR = b"\x00", b"\x01", b"\x02"
_LATE_S = 2.0
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
    """

    settings: Parameters
    frames: Frames

    @property
    def inputs(self) -> Inputs | None:
        """The subscriptions; None while the node is not active."""

    def graphs(self) -> list[Graph]:
        """The loaded networks."""

    def dropped(self) -> int:
        """Number of sets of inputs that a newer one replaced."""

    def wanted(self) -> list[str]:
        """Outputs with a subscriber."""

    def count_publishers(self, topic_name: str) -> int:
        """Of rclpy's node."""

    def resolve_topic_name(self, topic: str) -> str:
        """Of rclpy's node."""


def inputs(node: Reported, status: Any) -> Any:
    """Missing or late topics by name, stamps that do not meet, publishers that offer another QoS."""
    subscribed = node.inputs
    if subscribed is None:
        status.summary(OK, "not active")
        return status
    now = time.monotonic()
    problems = []
    for arrived in subscribed.arrived.values():
        age = now - arrived.at if arrived.count else float("inf")
        status.add(
            arrived.topic, f"{arrived.count} messages" + (f", the last {age:.1f} s ago" if arrived.count else "")
        )
        publishers = node.count_publishers(node.resolve_topic_name(arrived.topic))
        if arrived.incompatible and not arrived.count:
            problems.append(f"{arrived.topic}: {arrived.incompatible}")
        elif not arrived.count:
            others = subscribed.published_as(arrived.topic) if publishers else set()
            why = f": its publishers send {', '.join(sorted(others))}" if others else ""
            problems.append(f"no message on {arrived.topic}" + (why if publishers else ": nobody publishes it"))
        elif age > _LATE_S and not arrived.holds:
            problems.append(f"{arrived.topic} is late: its last message came {age:.1f} s ago")
    newest = max(arrived.at for arrived in subscribed.arrived.values() if not arrived.holds)
    if not problems and newest - subscribed.last_set_at > _LATE_S / 2:
        role, gap = subscribed.gap()
        problems.append(
            f"stamps do not meet: {subscribed.arrived[role].topic} is {gap:.3f} s away from the left image, "
            f"sync.tolerance is {node.settings.sync.tolerance:g} s"
        )
    status.add("sets", str(subscribed.sets))
    status.add("times that time jumped back", str(subscribed.resets))
    status.summary(WARN if problems else OK, "; ".join(problems) or "all topics arrive")
    return status


def frames(node: Reported, status: Any) -> Any:
    """Published, skipped with the reason, dropped for newer ones; idle."""
    done = node.frames
    status.add("published", str(done.finished))
    status.add("dropped for newer ones", str(node.dropped()))
    for reason, count in Counter(dict(done.skipped)).most_common(5):
        status.add(f"skipped: {reason}", str(count))
    for name, value in done.notes.items():
        status.add(name, value)
    if node.inputs is None:
        status.summary(OK, "not active")
    elif not node.wanted():
        status.summary(OK, "idle: nobody subscribes to an output")
    elif time.monotonic() - done.last_problem_at < _LATE_S and done.last_problem:
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
    graphs = node.graphs()
    for place, graph in enumerate(graphs):
        status.add(f"network {place + 1}", graph.runs_in)
    if any(graph.on_gpu for graph in graphs):
        status.add("GPU memory in use by all programs, MiB", _gpu_memory())
    status.summary(OK, "; ".join(graph.runs_in for graph in graphs) or "no network")
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


TASKS: dict[str, Callable[[Reported, Any], Any]] = {"inputs": inputs, "frames": frames, "timing": timing}
