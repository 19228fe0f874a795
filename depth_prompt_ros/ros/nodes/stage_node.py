"""What all nodes share: lifecycle, parameters, synchronised inputs, the worker, outputs and diagnostics."""

from __future__ import annotations

import threading
import time
from abc import abstractmethod
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any, ClassVar

import rclpy
from rcl_interfaces.msg import SetParametersResult
from rclpy.clock import JumpThreshold
from rclpy.duration import Duration
from rclpy.lifecycle import LifecycleNode, LifecycleState, TransitionCallbackReturn
from rclpy.qos import DurabilityPolicy, HistoryPolicy, QoSProfile, ReliabilityPolicy
from rclpy.qos_overriding_options import QoSOverridingOptions

from depth_prompt_ros.bag.messages import stamp_of
from depth_prompt_ros.errors import BadInput, DepthPromptError, in_one_line
from depth_prompt_ros.parameter_listing import entries
from depth_prompt_ros.parameters import Parameters
from depth_prompt_ros.rectification import said_rectified
from depth_prompt_ros.ros import parameters
from depth_prompt_ros.ros.convert import message_class
from depth_prompt_ros.ros.inputs.problems import problems
from depth_prompt_ros.ros.inputs.subscribed import Inputs
from depth_prompt_ros.ros.inputs.topics import Topic
from depth_prompt_ros.ros.pacing.capture import Capture
from depth_prompt_ros.ros.pacing.pace import Pace
from depth_prompt_ros.ros.pacing.worker import LatestWorker
from depth_prompt_ros.ros.reports import diagnostics, log
from depth_prompt_ros.ros.reports.console import Console

_WATCH_S = 0.2


def output_qos(mode: str) -> QoSProfile:
    """Reliable, or a reliable RViz sees nothing; one for each output, for rclpy writes overrides into it.

    Args:
        mode: of a capture the latest message stays, for those who come later.
    """
    stays = mode == "capture"
    return QoSProfile(
        depth=1 if stays else 5, reliability=ReliabilityPolicy.RELIABLE, history=HistoryPolicy.KEEP_LAST,
        durability=DurabilityPolicy.TRANSIENT_LOCAL if stays else DurabilityPolicy.VOLATILE,
    )  # fmt: skip


class StageNode(LifecycleNode):  # type: ignore[misc]
    """A lifecycle node that makes outputs of synchronised inputs.

    Configuring loads the models, activating subscribes and works, deactivating stops. A transition that fails says why
    and leaves the node as it was; a frame that cannot be used is counted, never the end.

    Attributes:
        outputs: message type by topic, below the node's own name.
        settings: the parameters that are in use.
        frames: what became of the frames, for the diagnostics.
        console: says what goes wrong, not too often.
        serves_captures: it is the last of its chain: ``~/capture`` and ``mode`` are for it. The stages before it work
            as long as it listens.
        has_stages: it takes what other stages publish, or is the first of them.
        next_stage: the node whose pace it keeps.
        described: what it says of the latest frame's targets in the answer of ``~/capture``.
    """

    outputs: ClassVar[Mapping[str, str]]
    serves_captures: ClassVar[bool] = False
    has_stages: ClassVar[bool] = True
    next_stage: ClassVar[str] = ""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self._log = log.speak_through(self.get_logger())
        self.console = Console(self.get_logger())
        self._wrong = parameters.declare(self, () if self.has_stages else ("stages.",))
        self.settings = Parameters()
        self.frames = diagnostics.Frames()
        self._inputs: Inputs | None = None
        self._worker: LatestWorker[tuple[dict[str, Any], float]] | None = None
        self._out: dict[str, Any] = {}
        self._configured = False
        self._pending: Callable[[], None] | None = None
        self._changing = threading.Lock()
        self.add_on_set_parameters_callback(self._on_parameters)
        self._jumps = self.get_clock().create_jump_callback(
            JumpThreshold(min_forward=None, min_backward=Duration(nanoseconds=-1), on_clock_change=True),
            post_callback=lambda _: self._reset(),
        )
        self.described: dict[str, Any] = {}
        self._capture = Capture(self, self._begin_capture, self._why_no_frame) if self.serves_captures else None
        self._pace = Pace(self, self.next_stage, self._wake) if self.has_stages else None
        self._watching: Any = None
        self._updater = diagnostics.make_updater(self)
        for title, report in diagnostics.TASKS.items():
            self._updater.add(title, lambda status, report=report: diagnostics.guarded(report, self, status))
        self._answer_bad_transitions()
        if self.get_parameter("autostart").value:
            self._soon(self.trigger_configure)

    @abstractmethod
    def topics(self, settings: Parameters) -> dict[str, Topic]:
        """Name and type of each input by role; the outputs take the first one's stamp."""

    def load(self, settings: Parameters) -> None:
        """Load the models, if the stage has any.

        Raises:
            DepthPromptError: they cannot be used, and what to do.
        """

    def change(self, settings: Parameters) -> Callable[[], None]:  # noqa: ARG002 (a stage without models needs nothing)
        """Make what parameters that have changed while configured need; none of those in ``parameters.AT_CONFIGURE``.

        Returns:
            What puts it to use, between two frames.

        Raises:
            DepthPromptError: they cannot be used; nothing has changed then.
        """
        return lambda: None

    def unload(self) -> None:
        """Release the models."""

    @abstractmethod
    def process(self, messages: Mapping[str, Any], wanted: Collection[str]) -> Iterator[tuple[str, Any]]:
        """Outputs, by topic, of a set of inputs; only those that are wanted.

        Raises:
            BadFrame: the set cannot be used.
        """

    def takes_rectified(self) -> bool:
        """Whether the left pictures are taken as rectified; what they are remapped to counts."""
        return said_rectified(self.settings.rectified, self.resolve_topic_name(self.settings.topics.left_image))

    @property
    def inputs(self) -> Inputs | None:
        """While active."""
        return self._inputs

    def dropped(self) -> int:
        """Number of input sets replaced by newer ones."""
        return self._worker.dropped if self._worker else 0

    def wanted(self) -> list[str]:
        """Topics of the outputs to make: those with a subscriber, or all for a capture."""
        if self._captures_only or self._asked():
            return list(self.outputs) if self._asked() else []
        return [topic for topic, publisher in self._out.items() if publisher.get_subscription_count() > 0]

    @property
    def _captures_only(self) -> bool:
        return self.serves_captures and self.settings.mode == "capture"

    def _asked(self) -> bool:
        return self._capture is not None and self._capture.waits()

    def on_configure(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Load the models and offer the outputs."""
        try:
            if self._wrong:
                wrong = "; ".join(f"{name}: {problem}" for name, problem in self._wrong.items())
                raise BadInput(f"bad parameters given at start: {wrong}")
            settings = parameters.read(self)
            self.load(settings)
        except Exception as error:  # noqa: BLE001 (rclpy would swallow it without a word)
            why = str(error) if isinstance(error, DepthPromptError) else f"{type(error).__name__}: {error}"
            again = f"mend it (ros2 param set), then: ros2 lifecycle set {self.get_fully_qualified_name()} configure"
            self.get_logger().error(f"cannot configure: {why}; the node stays: {again}")
            return TransitionCallbackReturn.FAILURE
        self.settings, self._pending = settings, None
        try:
            self._offer()
        except Exception as error:  # noqa: BLE001 (rclpy would swallow it without a word)
            self.get_logger().error(f"cannot configure: an output cannot be offered: {error}")
            self._release()
            return TransitionCallbackReturn.FAILURE
        self._configured = True
        if settings.autostart:
            self._soon(self.trigger_activate)
        return super().on_configure(state)

    def _soon(self, transition: Callable[[], Any]) -> None:
        """Go there once the executor is free: a transition cannot begin within another one."""

        def go() -> None:
            self.destroy_timer(timer)
            try:
                transition()
            except Exception as error:  # noqa: BLE001 (someone was faster; RCLError's place differs between distributions)
                self.get_logger().info(f"autostart: {error}")

        timer = self.create_timer(0.01, go)

    def _offer(self) -> None:
        mode = "capture" if self._captures_only else "stream"
        for topic, msgtype in self.outputs.items():
            self._out[topic] = self.create_publisher(
                message_class(msgtype), f"~/{topic}", output_qos(mode),
                qos_overriding_options=QoSOverridingOptions.with_default_policies(),
            )  # fmt: skip

    def on_activate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Subscribe and work."""
        self.frames = diagnostics.Frames()
        ready = self._pace.ready if self._pace is not None else lambda: True
        self._worker = LatestWorker(self._work, f"{self.get_name()} worker", ready)
        try:
            self._inputs = Inputs(self, self.topics(self.settings), self.settings.sync, self._deliver, self._forget)
        except Exception as error:  # noqa: BLE001 (rclpy would swallow it without a word)
            self.get_logger().error(f"cannot activate: an input cannot be subscribed: {error}")
            self._stop()
            return TransitionCallbackReturn.FAILURE
        self._watching = self.create_timer(_WATCH_S, self._watch)
        self.get_logger().info(f"active: {self._what_wakes_it()}")
        return super().on_activate(state)

    def _what_wakes_it(self) -> str:
        if self._captures_only:
            return f"works when {self.get_fully_qualified_name()}/capture is called"
        return f"works while someone subscribes to an output below {self.get_fully_qualified_name()}"

    def _watch(self) -> None:
        """Called by a timer: listen to images while an output is wanted."""
        if self._capture is not None:
            self._capture.watch()
        if self._inputs is None:
            return
        wanted = self.wanted()
        if bool(wanted) != (self._inputs.since is not None):
            self.get_logger().info(f"works: {', '.join(wanted)} wanted" if wanted else "rests: no output is wanted")
            self._inputs.listen(bool(wanted))

    def _wake(self) -> None:
        if self._worker is not None:
            self._worker.wake()

    def _begin_capture(self) -> None:
        if self._inputs is not None:
            self._inputs.forget()
        if self._worker is not None:
            self._worker.clear()
        self._watch()

    def _why_no_frame(self) -> str:
        if self._inputs is None:
            return "not active"
        found = dict(problems(self._inputs, self.settings.sync, self.count_publishers))
        return "; ".join(found.values()) or "no picture has come"

    def on_deactivate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Stop working."""
        self._stop()
        return super().on_deactivate(state)

    def on_cleanup(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Give up models and outputs."""
        self._stop()
        self._release()
        return super().on_cleanup(state)

    def on_shutdown(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Stop for good."""
        self._stop()
        self._release()
        return super().on_shutdown(state)

    def close(self) -> None:
        """Stop working, whatever the state; before the node is destroyed."""
        self._stop()
        log.fall_silent(self._log)

    def _answer_bad_transitions(self) -> None:
        """A transition that the state does not have is refused; rclpy lets it end the process."""
        service = getattr(self, "_service_change_state", None)
        if service is None:
            return
        change = service.callback

        def answer(request: Any, response: Any) -> Any:
            try:
                return change(request, response)
            except Exception as error:  # noqa: BLE001 (RCLError's place differs between distributions)
                self.get_logger().warning(f"transition refused: {error}")
                response.success = False
                return response

        service.callback = answer

    def _stop(self) -> None:
        if self._watching is not None:
            self.destroy_timer(self._watching)
            self._watching = None
        if self._inputs is not None:
            self._inputs.destroy()
            self._inputs = None
        if self._worker is not None:
            self._worker.stop()
            self._worker = None
        if self._capture is not None:
            self._capture.fail("deactivated")

    def _release(self) -> None:
        for publisher in self._out.values():
            self.destroy_publisher(publisher)
        self._out, self._configured, self._pending = {}, False, None
        self.unload()

    def _deliver(self, messages: dict[str, Any]) -> None:
        if self._worker is not None:
            self._worker.put((messages, time.perf_counter()))

    def _work(self, item: tuple[dict[str, Any], float]) -> None:
        messages, arrived = item
        began = time.perf_counter()
        wanted = self.wanted()
        if not wanted:
            return
        made, first = [], next(iter(messages.values()))
        try:
            if self._pace is not None:
                self._pace.begins(first)
            with self._changing:
                change, self._pending = self._pending, None
            if change is not None:
                change()
            for topic, message in self.process(messages, wanted):
                self._out[topic].publish(message)
                made.append(topic)
        except DepthPromptError as error:
            self._skip(str(error), arrived)
        except Exception as error:  # noqa: BLE001 (a live node never dies of a frame)
            if not rclpy.ok():  # Ctrl-C while this frame was published
                return
            self._skip(f"{type(error).__name__}: {error}", arrived)
        else:
            if self._pace is not None:
                self._pace.made(stamp_of(first))
            now = self.get_clock().now().nanoseconds
            done = time.perf_counter()
            self.frames.done(done - began, done - arrived, (now - stamp_of(first)) * 1e-9)
            if self._asked() and self._capture is not None:
                stamp = {"stamp_ns": stamp_of(first), "frame_id": first.header.frame_id}
                self._capture.done({**stamp, "published": made, **self.described}, arrived)

    def _skip(self, reason: str, arrived: float) -> None:
        self.frames.skip(reason)
        self.console.event(reason, f"a frame was skipped: {reason}")
        if self._capture is not None:
            self._capture.fail(reason, arrived)

    def on_time_jump(self) -> None:
        """Reset state after a clock jump."""

    def _forget(self) -> None:
        self.on_time_jump()
        if self._pace is not None:
            self._pace.forget()
        if self._worker is not None:
            self._worker.clear()

    def _reset(self) -> None:
        if self._inputs is not None:
            self._inputs.reset()

    def _on_parameters(self, changes: list[Any]) -> SetParametersResult:
        """Check before they are set: applied, or refused with the reason, whatever goes wrong."""
        result = SetParametersResult()
        result.successful = True
        try:
            refusal = self._refusal({change.name: change.value for change in changes if change.name in _NAMES})
        except Exception as error:  # noqa: BLE001 (what escapes here ends the node)
            refusal = in_one_line(error)
        if refusal:
            result.successful, result.reason = False, refusal
            return result
        for change in changes:
            self._wrong.pop(change.name, None)
        return result

    def _refusal(self, given: dict[str, Any]) -> str:
        """Why these values cannot be set, all of them together; empty if they can, and are put to use."""
        known = parameters.changed(self, {name: value for name, value in given.items() if self.has_parameter(name)})
        if not known:
            return ""
        try:
            settings = parameters.read(self, known)
        except DepthPromptError as error:
            ours = any(name in str(error) for name in known)  # else others are wrong, and may be mended after it
            return str(error) if self._configured or ours else ""
        if not self._configured:
            return ""
        if fixed := parameters.only_at_configure(known):
            return f"{', '.join(fixed)} is read at configure: deactivate, clean up and configure the node again"
        try:
            apply = self.change(settings)
        except DepthPromptError as error:
            return str(error)

        def put_to_use() -> None:
            apply()
            self.settings = settings

        with self._changing:  # in place of one that still waits: these are all the parameters
            self._pending = put_to_use
        return ""


_NAMES = frozenset(".".join(entry.path) for entry in entries())
