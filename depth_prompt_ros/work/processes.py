"""Items in this process, or in several on this machine, each with its models loaded once."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from depth_prompt_ros.work.items import Item, Job, Lost, Outcome, attempt

if TYPE_CHECKING:
    from typing_extensions import Self

    from depth_prompt_ros.work.run import Report


class OneByOne:
    """All in this process."""

    def __init__(self, job: Job, out: Path, report: Report | None) -> None:
        """Store; nothing is loaded yet."""
        self._worker, self._out, self._report = job.worker(), out, report
        self._given: list[tuple[Item, Any]] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._given.clear()

    def room(self, busy: int) -> int:
        """See :class:`depth_prompt_ros.work.run.Engine`."""
        return 1 - busy

    def begin(self, item: Item, before: Any) -> None:
        """See :class:`depth_prompt_ros.work.run.Engine`."""
        self._given.append((item, before))

    def wait(self) -> list[tuple[Item, Outcome | Lost]]:
        """Do what was begun."""
        item, before = self._given.pop()

        def progress(done: int, total: int) -> None:
            if self._report is not None:
                self._report(item.name, done, total)

        return [(item, attempt(self._worker, item, self._out / item.name, before, progress))]


class Processes:
    """A number of processes, each with one item at a time; a process that dies is replaced and takes no other along."""

    def __init__(self, job: Job, out: Path, jobs: int) -> None:
        """Store; a process is started with its first item."""
        self._job, self._out, self._jobs = job, out, jobs
        self._context = multiprocessing.get_context("spawn")
        self._threads = thread_limits(max((os.cpu_count() or 1) // jobs, 1))
        self._idle: list[tuple[SpawnProcess, Connection]] = []
        self._busy: dict[Connection, tuple[SpawnProcess, Item]] = {}
        self._starting: set[Connection] = set()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        for process in [*(each for each, _ in self._idle), *(each for each, _ in self._busy.values())]:
            process.terminate()
            process.join()

    def room(self, busy: int) -> int:
        """See :class:`depth_prompt_ros.work.run.Engine`."""
        return self._jobs - busy

    def begin(self, item: Item, before: Any) -> None:
        """See :class:`depth_prompt_ros.work.run.Engine`."""
        process, pipe = self._idle.pop() if self._idle else self._start()
        with suppress(ConnectionError):  # it died idle, or as it started: wait() finds its pipe at its end
            pipe.send((item, before))
        self._busy[pipe] = process, item

    def wait(self) -> list[tuple[Item, Outcome | Lost]]:
        """Wait for the next item to end."""
        ended: list[tuple[Item, Outcome | Lost]] = []
        for pipe in wait(list(self._busy)):
            assert isinstance(pipe, Connection)
            process, item = self._busy[pipe]
            try:
                said = pipe.recv()
                if said is None:
                    self._starting.remove(pipe)
                    continue
                self._idle.append((process, pipe))
            except (EOFError, ConnectionError):
                process.join()
                pipe.close()
                reason = f"its process ended with code {process.exitcode} and said nothing"
                said = Lost(reason, started=pipe not in self._starting)
                self._starting.discard(pipe)
            del self._busy[pipe]
            ended.append((item, said))
        return ended

    def _start(self) -> tuple[SpawnProcess, Connection]:
        ours, theirs = self._context.Pipe()
        process = self._context.Process(target=_serve, args=(self._job, self._out, theirs), daemon=True)
        with _environment(self._threads):
            process.start()
        theirs.close()
        self._starting.add(ours)
        return process, ours


def thread_limits(threads: int) -> dict[str, str]:
    """Environment of a worker with so many cores, for NumPy, ONNX Runtime and OpenCV; the user's own wins."""
    names = ("OMP_NUM_THREADS", "OPENCV_FOR_THREADS_NUM")
    return {name: os.environ.get(name, str(threads)) for name in names}


@contextmanager
def _environment(values: Mapping[str, str]) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name, None)
            os.environ.update({} if value is None else {name: value})


def _serve(job: Job, out: Path, pipe: Connection) -> None:
    """What a process does: say that it is there, then items; it ends when the process that began it does."""
    end_with_parent()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches all; the process that began this one ends it
    pipe.send(None)
    worker = job.worker()
    while True:
        try:
            item, before = pipe.recv()
        except EOFError:
            return
        pipe.send(attempt(worker, item, out / item.name, before))


def end_with_parent() -> None:
    """End this process, begun by multiprocessing, at once when the one that began it has ended, in whatever way."""
    parent = multiprocessing.parent_process()
    assert parent is not None
    sentinel = parent.sentinel

    def watch() -> None:
        wait([sentinel])
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
