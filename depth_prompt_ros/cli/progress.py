"""A progress bar for long commands, and the figures that they end with."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import typer


@contextmanager
def progress(title: str) -> Iterator[Callable[..., None]]:
    """Show a bar on stderr with the losses and the time left; yields the function that updates it."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn(title), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[loss]}"))
    with Progress(*columns, TimeRemainingColumn(), console=Console(stderr=True)) as bar:
        task = bar.add_task(title, total=None, loss="")

        def report(done: int, total: int, losses: dict[str, float] | None = None, _: float = 0.0) -> None:
            described = " ".join(f"{name} {value:.4f}" for name, value in (losses or {}).items())
            bar.update(task, completed=done, total=total, loss=described)

        yield report


def items_or_steps(show: Callable[..., None], count: int) -> Callable[[str, int, int], None]:
    """What a list of work calls: shows the steps of a single item, and of several how many are done."""
    finished: set[str] = set()

    def report(name: str, done: int, total: int) -> None:
        if name in finished:
            return
        if done == total:
            finished.add(name)
        show(*((len(finished), count) if count > 1 else (done, total)))

    return report


def print_figures(out: Path, figures: dict[str, Any]) -> None:
    """Print the path that was written, then its figures as JSON."""
    import json

    typer.echo(f"{out}\n{json.dumps(figures, indent=1)}")
