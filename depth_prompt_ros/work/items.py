"""What a work list consists of, and what is said of each item."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from depth_prompt_ros.errors import BadModel, DepthPromptError, in_one_line


@dataclass(frozen=True)
class Item:
    """One piece of work; picklable.

    Attributes:
        name: of its folder below the output, one of its kind in the list.
        what: for the job.
    """

    name: str
    what: Any


@dataclass(frozen=True)
class Outcome:
    """What became of an item; picklable.

    Attributes:
        problem: why it could not be done, in one line; empty: it was.
        kept: an earlier run had done it.
        fatal: all others would fail for the same reason.
        said: whatever the job has to say of it.
    """

    problem: str = ""
    kept: bool = False
    fatal: bool = False
    said: Any = None


@dataclass(frozen=True)
class Lost:
    """The worker of an item ended while it worked: killed, out of memory, its machine gone.

    Attributes:
        reason: in one line.
        started: the worker had got as far as to take the item, which so may be the cause.
    """

    reason: str
    started: bool = True


Progress = Callable[[int, int], None]
"""Called with the steps of an item that are done, and their number."""

Worker = Callable[[Item, Path, Any, Progress], Outcome]
"""Does one item after the other: gets the item, the folder to make, whole or not at all, what :meth:`Job.before` found
there, and where to say how far it is."""


class Job(Protocol):
    """What is to be done with every item; picklable."""

    def before(self, folder: Path) -> Any:
        """What an earlier run left in an item's folder, for the worker to compare; None: nothing."""

    def worker(self) -> Worker:
        """Made once in each process; what is slow to load is loaded at the first item that needs it."""


def silent(_done: int, _total: int) -> None:
    """Say nothing of an item's steps: whoever began this process is told of items."""


def attempt(worker: Worker, item: Item, folder: Path, before: Any, progress: Progress = silent) -> Outcome:
    """Let a worker do an item; whatever it raises is said of that item."""
    try:
        return worker(item, folder, before, progress)
    except BadModel as error:
        return Outcome(" ".join(str(error).splitlines()), fatal=True)
    except DepthPromptError as error:
        return Outcome(" ".join(str(error).splitlines()))
    except Exception as error:  # noqa: BLE001 (one item never stops the others)
        return Outcome(in_one_line(error))
