"""How depth-prompt replay goes through one recording, shown in Rerun if that is wanted, or through a list of them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from depth_prompt_ros.bag.replay import ReplayReport, replay
from depth_prompt_ros.bag.replay_list import replay_list
from depth_prompt_ros.bag.storage.writer import Storage
from depth_prompt_ros.cli.progress import items_or_steps, progress
from depth_prompt_ros.errors import BadInput
from depth_prompt_ros.parameters import Parameters
from depth_prompt_ros.result import FrameDepth
from depth_prompt_ros.work.run import Where


def replay_one(bag: Path, out: Path, parameters: Parameters, storage: Storage, names: list[str] | None) -> None:
    """Replay with a bar, and say what came out."""
    _tell(bag, _with_a_bar(bag, out, parameters, storage, names))


def replay_in_view(
    bag: Path, out: Path, parameters: Parameters, storage: Storage, names: list[str] | None, save: Path | None
) -> None:
    """The same; every frame is seen in Rerun as it comes, or written into the file ``save`` for it."""
    from depth_prompt_ros.cli.view import said
    from depth_prompt_ros.view.shown import Shown
    from depth_prompt_ros.view.viewer import viewer

    with viewer(bag.resolve().name, save) as shows:
        report = _with_a_bar(bag, out, parameters, storage, names, lambda result: shows.show(Shown.of(result)))
    if shows.frames:
        typer.echo(said(shows.frames, save))
    _tell(bag, report)


def replay_many(
    bags: list[str], out: Path, parameters: Parameters, storage: Storage, names: list[str] | None, workers: Where
) -> None:
    """Replay each into a bag of its own; those that fail are named at the end, with exit code 1."""
    failed = {}
    with progress("replay") as show:
        shown = items_or_steps(show, len(bags))
        for item, outcome in replay_list(bags, out, parameters, storage, names, workers, shown):
            if outcome.problem:
                failed[item.name] = outcome.problem
            else:
                typer.echo(f"{out / item.name}{' (done before)' if outcome.kept else ''}: {outcome.said}")
    for name, reason in failed.items():
        typer.secho(f"{name} could not be replayed: {reason}", fg=typer.colors.RED, err=True)
    if failed:
        raise typer.Exit(1)


def _with_a_bar(
    bag: Path,
    out: Path,
    parameters: Parameters,
    storage: Storage,
    names: list[str] | None,
    look: Callable[[FrameDepth], None] | None = None,
) -> ReplayReport:
    console = Console(stderr=True)
    rate = TextColumn("{task.fields[rate]}")
    columns = (TextColumn("replay"), BarColumn(), MofNCompleteColumn(), rate, TimeRemainingColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal) as bar:
        task = bar.add_task("replay", total=None, rate="")

        def show(done: int, total: int) -> None:
            speed = bar.tasks[task].speed
            bar.update(task, completed=done, total=total, rate=f"{speed:.1f} frames/s" if speed else "")

        try:
            return replay(bag, out, parameters, storage, names, progress=show, look=look)
        except (KeyboardInterrupt, SystemExit) as stop:
            code = 130 if isinstance(stop, KeyboardInterrupt) else stop.code
            if code not in (130, 143):
                raise
            bar.stop()
            kept = f"the frames done so far are in {out}" if out.exists() else "nothing was written"
            typer.echo(f"interrupted: {kept}", err=True)
            raise typer.Exit(code) from None


def _tell(bag: Path, report: ReplayReport) -> None:
    typer.echo(report.summary())
    if report.damage:
        raise BadInput(f"{report.damage}; the results up to there are in {report.out}")
    if not report.frames:
        raise BadInput(f"no frame of {bag} could be used: the lines above say why")
