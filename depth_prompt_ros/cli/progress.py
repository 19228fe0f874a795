"""A progress bar for long commands, and the figures that they end with."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    from rich.table import Table


@contextmanager
def progress(title: str, unit: str = "") -> Iterator[Callable[..., None]]:
    """Show a bar on stderr with the losses, the rate and the time left; yields the function that updates it.

    Ctrl-C and SIGTERM end the command with one line, which says what a learning run has kept.

    Args:
        title: of the bar.
        unit: what is counted, for the rate: "steps"; empty: no rate.
    """
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    fields = [TextColumn("{task.fields[" + name + "]}") for name in ("count", "rate", "loss")]
    with (
        stoppable(),
        Progress(TextColumn(title), BarColumn(), *fields, TimeRemainingColumn(), console=Console(stderr=True)) as bar,
    ):
        task = bar.add_task(title, total=None, loss="", count="", rate="")

        def report(done: int, total: int, losses: dict[str, float] | None = None, left: float = 0.0) -> None:
            described = " ".join(f"{name} {value:.4f}" for name, value in (losses or {}).items())
            rate = f"{(total - done) / left:.3g} {unit}/s" if unit and left > 0 else ""
            bar.update(task, completed=done, total=total, loss=described, count=f"{done}/{total}", rate=rate)

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


@contextmanager
def stoppable() -> Iterator[None]:
    """End the command with exit code 130 or 143 and one line where Ctrl-C or SIGTERM stops it."""
    from depth_prompt_ros.errors import Interrupted

    try:
        yield
    except KeyboardInterrupt as stop:
        said = str(stop) or "stopped"
        code = stop.code if isinstance(stop, Interrupted) else 130
        typer.secho(said, fg=typer.colors.YELLOW, err=True)
        raise typer.Exit(code) from None


def print_figures(out: Path, figures: dict[str, Any]) -> None:
    """Print the path that was written, then its figures as a table: a row each, or a row a method."""
    from rich.console import Console

    typer.echo(out)
    console = Console()
    if not console.is_terminal:
        console.width = 150
    flat = {name: value for name, value in figures.items() if not isinstance(value, dict)}
    nested = {name: value for name, value in figures.items() if isinstance(value, dict)}
    for table in ([_columns(flat)] if flat else []) + ([_rows(nested)] if nested else []):
        console.print(table, highlight=False)


def _columns(figures: dict[str, Any]) -> Table:
    from rich.table import Table

    table = Table("figure", box=None, pad_edge=False)
    table.add_column("value", justify="right")
    for name, value in figures.items():
        table.add_row(name, _text(value))
    return table


def _rows(figures: dict[str, dict[str, Any]]) -> Table:
    from rich.table import Table

    names = list(dict.fromkeys(name for row in figures.values() for name in row))
    table = Table("", box=None, pad_edge=False)
    for name in names:
        table.add_column(name, justify="right")
    for title, row in figures.items():
        table.add_row(title, *(_text(row.get(name, "")) for name in names))
    return table


def _text(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
