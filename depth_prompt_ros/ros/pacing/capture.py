"""``~/capture``: the next frame is worked on, whoever listens, and described in the answer."""

from __future__ import annotations

import json
import math
import threading
import time
from collections.abc import Callable
from typing import Any

from rclpy.callback_groups import MutuallyExclusiveCallbackGroup
from rclpy.task import Future
from std_srvs.srv import Trigger

_PATIENCE_S = 10.0


class Capture:
    """The service of a node, and whether someone waits for a frame.

    A frame counts whose pictures come after the call. The answer's message is JSON: stamp, frame_id, the outputs that
    were published, and what the node says of its targets; without success it says why there is no frame.
    """

    def __init__(self, node: Any, begin: Callable[[], None], missing: Callable[[], str]) -> None:
        """Offer the service.

        Args:
            node: to offer it with.
            begin: drops pictures that came before the call, and listens; called when someone waits.
            missing: why no frame comes.
        """
        self._node, self._begin, self._missing = node, begin, missing
        self._lock = threading.Lock()
        self._asked: list[tuple[Any, float]] = []
        # Of its own group: this callback waits, and those that bring its frame go on meanwhile.
        node.create_service(Trigger, "~/capture", self._capture, callback_group=MutuallyExclusiveCallbackGroup())

    def waits(self) -> bool:
        """Someone waits for a frame."""
        return bool(self._asked)

    def watch(self) -> None:
        """Answer those who have waited in vain; called from time to time."""
        overdue = time.perf_counter() - _PATIENCE_S
        if any(since < overdue for _, since in self._asked):
            self.fail(f"no frame within {_PATIENCE_S:g} s: {self._missing()}", overdue)

    def done(self, description: dict[str, Any], arrived: float) -> None:
        """A frame was published whose pictures came then, ``time.perf_counter()``."""
        self._answer(True, json.dumps(description), arrived)

    def fail(self, reason: str, arrived: float = math.inf) -> None:
        """There is no frame, or it cannot be used; for those who asked before it came."""
        self._answer(False, reason, arrived)

    def _answer(self, success: bool, text: str, arrived: float) -> None:
        with self._lock:
            asked = [each for each in self._asked if each[1] < arrived]
            self._asked = [each for each in self._asked if each[1] >= arrived]
        for future, _ in asked:
            future.set_result((success, text))
        if asked and (executor := self._node.executor) is not None:
            executor.wake()

    async def _capture(self, request: Any, response: Any) -> Any:
        del request
        if self._node.inputs is None:
            response.success, response.message = False, "not active: ros2 lifecycle set NODE activate"
            return response
        future = Future()
        with self._lock:
            self._asked.append((future, time.perf_counter()))
        self._begin()
        response.success, response.message = await future
        return response
