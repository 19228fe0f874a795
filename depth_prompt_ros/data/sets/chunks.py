"""Sets of arrays made chunk by chunk by a work list: in processes or on a cluster, and resumable."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

from depth_prompt_ros.data.sets.array_folder import ArraySet, settings_of
from depth_prompt_ros.errors import BadInput
from depth_prompt_ros.work.items import Item, Outcome, Progress, Worker
from depth_prompt_ros.work.run import Where, run_list

Set = TypeVar("Set", bound=ArraySet)

ALL_CORES = Where(0)


@dataclass(frozen=True)
class ChunkJob(Generic[Set]):
    """Makes samples ``start`` to ``stop`` as a set of their own.

    Attributes:
        kind: of the set.
        settings: of the whole set.
        size: height and width, pixels.
        draw: writes sample ``index`` into row ``row`` of a set; picklable.
    """

    kind: type[Set]
    settings: dict[str, Any]
    size: tuple[int, int]
    draw: Callable[[Set, int, int], None]

    def before(self, folder: Path) -> Any:
        """See :class:`depth_prompt_ros.work.items.Job`."""
        return settings_of(folder) or None

    def worker(self) -> Worker:
        """See :class:`depth_prompt_ros.work.items.Job`."""
        return self._make

    def _make(self, item: Item, folder: Path, before: Any, progress: Progress) -> Outcome:
        start, stop = item.what
        settings = {**self.settings, "start": start, "stop": stop}
        if before == settings:
            return Outcome(kept=True)

        def fill(aside: Path) -> None:
            samples = self.kind.open(aside, mode="r+")
            for index in range(start, stop):
                self.draw(samples, index - start, index)
                progress(index - start + 1, stop - start)

        shutil.rmtree(folder, ignore_errors=True)
        self.kind.open_or_make(folder, settings, stop - start, self.size, fill)
        return Outcome()


def open_or_draw(
    folder: Path,
    kind: type[Set],
    settings: dict[str, Any],
    count: int,
    size: tuple[int, int],
    draw: Callable[[Set, int, int], None],
    chunk: int,
    where: Where = ALL_CORES,
    done: Callable[[int], None] | None = None,
) -> Set:
    """The set in ``folder``; where there is none, it is drawn first.

    Finished chunks lie in ``FOLDER.chunks`` until all are done: killed and begun again, they are not drawn again.

    Args:
        kind: of the set.
        settings: what sample ``i`` depends on besides ``i``.
        count: samples.
        size: height and width, pixels.
        draw: gets a set, the row to write and the sample's number; picklable.
        chunk: samples of a piece of work.
        where: processes or cluster.
        done: called with the number of samples finished so far.

    Raises:
        BadInput: the folder holds a set made with other settings, or a chunk cannot be drawn.
    """
    chunks = folder.with_name(f"{folder.name}.chunks")
    spans = [(start, min(start + chunk, count)) for start in range(0, count, chunk)]
    items = [Item(f"{start:08d}", (start, stop)) for start, stop in spans]

    def fill(aside: Path) -> None:
        whole, finished = kind.open(aside, mode="r+"), 0
        for item, outcome in run_list(items, ChunkJob(kind, settings, size, draw), chunks, where):
            start, stop = item.what
            if outcome.problem:
                raise BadInput(f"cannot draw samples {start} to {stop - 1} of {folder}: {outcome.problem}")
            part = kind.open(chunks / item.name)
            for name in kind.arrays(count, size):
                getattr(whole, name)[start:stop] = getattr(part, name)
            finished += stop - start
            if done is not None:
                done(finished)

    made = kind.open_or_make(folder, settings, count, size, fill)
    shutil.rmtree(chunks, ignore_errors=True)
    return made
