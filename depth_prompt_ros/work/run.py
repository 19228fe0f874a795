"""The one place that runs a work list."""

from __future__ import annotations

import os
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from depth_prompt_ros.errors import BadInput, BadModel
from depth_prompt_ros.work.items import Item, Job, Lost, Outcome
from depth_prompt_ros.written_aside import write_text

Report = Callable[[str, int, int], None]
"""Called with an item's name, its steps done and their number; several workers say only the last, 1 of 1."""


@dataclass(frozen=True)
class Where:
    """Where a list is run.

    Attributes:
        jobs: items at a time; 1: in this process; 0: one a core, or as many as the cluster has room for;
            on a cluster more than that wait, and make it grow if it can.
        ray: address of a Ray cluster; empty: this machine.
        cores: of each worker on a cluster.
        retries: how often an item whose worker was lost is begun again.
    """

    jobs: int = 1
    ray: str = ""
    cores: int = 1
    retries: int = 2


class Engine(Protocol):
    """Workers, one item each at a time."""

    def room(self, busy: int) -> int:
        """How many more items can be begun now."""

    def begin(self, item: Item, before: Any) -> None:
        """Give an item to a worker."""

    def wait(self) -> list[tuple[Item, Outcome | Lost]]:
        """Items that ended since; perhaps none."""


def run_list(
    items: Sequence[Item], job: Job, out: Path, where: Where, report: Report | None = None
) -> Iterator[tuple[Item, Outcome]]:
    """Do each item into ``out/NAME`` and yield it as soon as it is done, in any order.

    An item whose worker is lost is begun again, last; after ``where.retries`` times it is given up, and not begun again
    by a later run either, as long as ``out/NAME.lost`` is there.

    Raises:
        BadInput: ``out`` cannot be written, the cluster cannot be reached, or no worker starts there.
        BadModel: a model that every item needs cannot be used.
    """
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise BadInput(f"cannot write to {out}: {error.strerror}") from error
    waiting, losses = deque[Item](), Counter[str]()
    for item in items:
        if (mark := _mark(out, item)).exists():
            yield item, Outcome(f"{mark.read_text().strip()}; remove {mark} to try again")
        else:
            waiting.append(item)
    if not waiting:
        return
    busy = starts_that_failed = 0
    with _engine(job, out, where, len(waiting), report) as engine:
        while waiting or busy:
            while waiting and engine.room(busy) > 0:
                item = waiting.popleft()
                engine.begin(item, job.before(out / item.name))
                busy += 1
            for item, ended in engine.wait():
                busy -= 1
                if isinstance(ended, Lost):
                    losses[item.name] += ended.started
                    starts_that_failed = 0 if ended.started else starts_that_failed + 1
                    if starts_that_failed > where.retries:
                        raise BadInput(f"no worker starts: {ended.reason}")
                    if losses[item.name] <= where.retries:
                        waiting.append(item)
                        continue
                outcome = _given_up(out, item, ended, losses[item.name]) if isinstance(ended, Lost) else ended
                if outcome.fatal:
                    raise BadModel(outcome.problem)
                if report is not None:
                    report(item.name, 1, 1)
                yield item, outcome


def _given_up(out: Path, item: Item, lost: Lost, times: int) -> Outcome:
    problem = f"its worker was lost {times} times, at last: {lost.reason}"
    write_text(_mark(out, item), problem + "\n")
    return Outcome(problem)


def _mark(out: Path, item: Item) -> Path:
    return out / f"{item.name}.lost"


def _engine(job: Job, out: Path, where: Where, count: int, report: Report | None) -> AbstractContextManager[Engine]:
    if where.ray:
        from depth_prompt_ros.work.cluster import RayActors

        return RayActors(job, out, where, count)
    from depth_prompt_ros.work.processes import OneByOne, Processes

    jobs = min(where.jobs or os.cpu_count() or 1, count)
    return OneByOne(job, out, report) if jobs == 1 else Processes(job, out, jobs)
