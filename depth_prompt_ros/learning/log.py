"""What a learning run wrote down while it ran: a CSV file, one figure a line."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable
from contextvars import ContextVar
from pathlib import Path
from typing import Any

from depth_prompt_ros.errors import BadInput
from depth_prompt_ros.written_aside import written_aside

Listener = Callable[[int, dict[str, float]], None]
"""Called with the step and its figures, each time a line is written."""

LISTENERS: ContextVar[tuple[Listener, ...]] = ContextVar("LISTENERS", default=())
"""Of every log in this context: loggers of experiments."""

_COLUMNS = ("step", "seconds", "learning_rate", "name", "value")


class TrainingLog:
    """Losses and validation figures as they come; lines of steps that are learned again are dropped.

    Columns: step, seconds, learning_rate, name (a loss term or "validation"), value.

    Raises:
        BadInput: the disk is full or the folder cannot be written.
    """

    def __init__(self, path: Path, first_step: int) -> None:
        self.path = path
        kept: list[list[Any]] = []
        if first_step > 1 and path.exists():
            with path.open(newline="") as file:
                kept = [list(row.values()) for row in csv.DictReader(file) if int(row["step"]) < first_step]
        with written_aside(path) as aside:
            self._write(aside, "w", [_COLUMNS, *kept])

    def add(self, step: int, seconds: float, learning_rate: float, figures: dict[str, float]) -> None:
        """Append one line a figure."""
        start = (step, round(seconds, 1), f"{learning_rate:.3g}")
        self._write(self.path, "a", [(*start, name, f"{value:.5f}") for name, value in figures.items()])
        for listener in LISTENERS.get():
            listener(step, figures)

    def _write(self, path: Path, mode: str, rows: Iterable[Iterable[Any]]) -> None:
        try:
            with path.open(mode, newline="") as file:
                csv.writer(file).writerows(rows)
        except OSError as error:
            raise BadInput(
                f"cannot write the log {self.path} ({error.strerror}): free some disk, then go on"
            ) from error
