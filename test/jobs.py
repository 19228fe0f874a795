"""A job whose items do what their name says, in this process, in others and on a cluster."""

from __future__ import annotations

import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from depth_prompt_ros.data.sets.picture_set import PictureSet
from depth_prompt_ros.errors import BadInput, BadModel
from depth_prompt_ros.work.items import Item, Outcome, Progress, Worker


@dataclass(frozen=True)
class ScriptedJob:
    """Writes ``done.txt``; every item that is begun is noted in ``log``."""

    log: Path
    seconds: float = 0.0

    def before(self, folder: Path) -> Any:
        return (folder / "done.txt").read_text() if folder.exists() else None

    def worker(self) -> Worker:
        return self._do

    def _do(self, item: Item, folder: Path, before: Any, progress: Progress) -> Outcome:
        if before == str(item.what):
            return Outcome(kept=True)
        begun = self.begun().count(item.name)
        with self.log.open("a") as log:
            log.write(f"{item.name}\n")
        time.sleep(self.seconds)
        if item.name.startswith("poisoned") or (item.name.startswith("unlucky") and not begun):
            os.kill(os.getpid(), signal.SIGKILL)
        if item.name.startswith("bad"):
            raise BadInput("nothing\nof use")
        if item.name.startswith("odd"):
            raise ZeroDivisionError("by nothing")
        if item.name.startswith("model"):
            raise BadModel("no such network")
        aside = folder.with_name(f".{folder.name}~")
        aside.mkdir(exist_ok=True)
        (aside / "done.txt").write_text(str(item.what))
        aside.replace(folder)
        return Outcome(said=item.what)

    def begun(self) -> list[str]:
        return self.log.read_text().splitlines() if self.log.exists() else []


def items(*names: str) -> list[Item]:
    return [Item(name, number) for number, name in enumerate(names)]


def plain(count: int) -> list[Item]:
    return items(*(f"item{number}" for number in range(count)))


def draw_number(log: Path, stop_at: int, pictures: PictureSet, row: int, index: int) -> None:
    """Sample ``index`` is made of its number; processes know this module, but not those of tests."""
    if index == stop_at:
        raise ValueError("enough")
    with log.open("a") as drawn:
        drawn.write(f"{index}\n")
    pictures.images[row] = index
    pictures.depths[row] = index / 2
    pictures.masks[row] = index % 2
    pictures.intrinsics[row] = index
