"""Frames that fail: one is skipped with the reason, a row of them that fail in the same way ends the run."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from depth_prompt_ros.bag.reader import SkippedFrame
from depth_prompt_ros.errors import BadFrame, BadInput, DepthPromptError, in_one_line
from depth_prompt_ros.frame import Frame

_IN_A_ROW = 30
"""Frames that fail in one unexpected way, one after the other: then the next will, too."""


Made = TypeVar("Made")


def made_or_skipped(make: Callable[[Frame], Made], frame: Frame) -> Made | SkippedFrame:
    """What is made of a frame, or why it is skipped: one frame never ends a run."""
    try:
        return make(frame)
    except BadFrame as error:
        return SkippedFrame(frame.stamp_ns, str(error))
    except DepthPromptError as error:
        return SkippedFrame(frame.stamp_ns, str(error), unexpected=True)
    except Exception as error:  # noqa: BLE001 (whatever a stage meets)
        return SkippedFrame(frame.stamp_ns, in_one_line(error), unexpected=True)


class FailuresInARow:
    """Counts frames that fail in a way that nothing was prepared for."""

    def __init__(self, kept: Callable[[], str]) -> None:
        """Begin with none.

        Args:
            kept: says what becomes of the frames before, for the message.
        """
        self._kept, self._kind, self._count = kept, "", 0

    def look_at(self, content: Frame | SkippedFrame) -> None:
        """Count a frame that failed unexpectedly; any other ends the row.

        Raises:
            BadInput: 30 have failed in a row.
        """
        if not isinstance(content, SkippedFrame) or not content.unexpected:
            self._kind, self._count = "", 0
            return
        kind = content.reason.partition(":")[0]
        self._count = self._count + 1 if kind == self._kind else 1
        self._kind = kind
        if self._count == _IN_A_ROW:
            raise BadInput(f"{_IN_A_ROW} frames in a row failed with {content.reason}; {self._kept()}")
