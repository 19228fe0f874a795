"""depth-prompt replay: a bag in, a bag with metric object depth out, without ROS."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Optional

import typer

from depth_prompt_ros.cli.target_options import Box, Point, Text
from depth_prompt_ros.cli.workers import Cores, Jobs, Ray, Retries, where

if TYPE_CHECKING:
    from depth_prompt_ros.parameters import Parameters
    from depth_prompt_ros.work.run import Where


class StorageName(str, Enum):
    """Storage of the output bag."""

    mcap = "mcap"
    sqlite3 = "sqlite3"


def replay(
    bags: Annotated[
        list[str], typer.Argument(help="rosbag2 folder, a lone .mcap or .db3 file, or a ROS 1 .bag; several, or URLs.")
    ],
    out: Annotated[
        Path,
        typer.Option(
            "--out", "-o", help="Folder of the bag to write; it must not exist. Of several: folder for one each."
        ),
    ],
    params: Annotated[
        Optional[Path],  # noqa: UP045 (typer evaluates it)
        typer.Option(
            "--params", help="ROS parameter file: input topics, targets, everything the pipeline can be told."
        ),
    ] = None,
    topics: Annotated[
        str,
        typer.Option("--topics", help="Outputs below /object_depth, comma-separated, or all. Default: all but points."),
    ] = "",
    storage: Annotated[
        StorageName,
        typer.Option(
            "--storage", help="Of the output. If the program is killed, mcap keeps what was written; sqlite3 does not."
        ),
    ] = StorageName.mcap,
    tolerance: Annotated[
        Optional[float],  # noqa: UP045
        typer.Option("--tolerance", min=0.0, help="Stamps closer than this belong together, seconds."),
    ] = None,
    box: Box = "",
    point: Point = "",
    labels: Annotated[str, typer.Option("--labels", metavar="TOPIC", help="Label images that name the targets.")] = "",
    text: Text = "",
    tom: Annotated[str, typer.Option("--tom", metavar="TOPIC", help="Masks of transparent and mirror pixels.")] = "",
    jobs: Jobs = None,
    ray: Ray = "",
    cores: Cores = 1,
    retries: Retries = 2,
) -> None:
    """Run every frame of a bag through the pipeline and write the results as a bag for RViz and Foxglove.

    Ctrl-C and SIGTERM end it with a valid bag. Exit code 2: the input is damaged, lacks a topic or has no usable frame.
    With several bags, URLs, --jobs or --ray a bag each is written into the folder --out; one that is done is not done
    again, one that fails is named, the others go on, and the exit code is 1.
    """
    from depth_prompt_ros.api.targets import numbers_of, with_targets
    from depth_prompt_ros.parameters import Parameters
    from depth_prompt_ros.work.places import is_url

    parameters = Parameters() if params is None else Parameters.from_yaml(params)
    if tolerance is not None:
        pairing = parameters.sync.model_copy(update={"tolerance": tolerance})
        parameters = parameters.model_copy(update={"sync": pairing})
    parameters = with_targets(
        parameters, numbers_of(box, "--box") if box else None, numbers_of(point, "--point") if point else None,
        bool(labels), text, bool(tom),
    )  # fmt: skip
    named = {role: topic for role, topic in (("labels", labels), ("tom_labels", tom)) if topic}
    parameters = parameters.model_copy(update={"topics": parameters.topics.model_copy(update=named)})
    names = [name.strip() for name in topics.split(",") if name.strip()] or None
    if len(bags) == 1 and not is_url(bags[0]) and jobs is None and not ray:
        _one(Path(bags[0]), out, parameters, storage, names)
    else:
        _list(bags, out, parameters, storage, names, where(jobs, ray, cores, retries))


def _one(bag: Path, out: Path, parameters: Parameters, storage: StorageName, names: list[str] | None) -> None:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    from depth_prompt_ros.bag.replay import replay as run
    from depth_prompt_ros.errors import BadInput

    console = Console(stderr=True)
    rate = TextColumn("{task.fields[rate]}")
    columns = (TextColumn("replay"), BarColumn(), MofNCompleteColumn(), rate, TimeRemainingColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal) as bar:
        task = bar.add_task("replay", total=None, rate="")

        def show(done: int, total: int) -> None:
            speed = bar.tasks[task].speed
            bar.update(task, completed=done, total=total, rate=f"{speed:.1f} frames/s" if speed else "")

        try:
            report = run(bag, out, parameters, storage.value, names, progress=show)
        except (KeyboardInterrupt, SystemExit) as stop:
            code = 130 if isinstance(stop, KeyboardInterrupt) else stop.code
            if code not in (130, 143):
                raise
            bar.stop()
            kept = f"the frames done so far are in {out}" if out.exists() else "nothing was written"
            typer.echo(f"interrupted: {kept}", err=True)
            raise typer.Exit(code) from None
    typer.echo(report.summary())
    if report.damage:
        raise BadInput(f"{report.damage}; the results up to there are in {out}")
    if not report.frames:
        raise BadInput(f"no frame of {bag} could be used: the lines above say why")


def _list(
    bags: list[str], out: Path, parameters: Parameters, storage: StorageName, names: list[str] | None, workers: Where
) -> None:
    from depth_prompt_ros.bag.replay_list import replay_list
    from depth_prompt_ros.cli.progress import items_or_steps, progress

    failed = {}
    with progress("replay") as show:
        shown = items_or_steps(show, len(bags))
        for item, outcome in replay_list(bags, out, parameters, storage.value, names, workers, shown):
            if outcome.problem:
                failed[item.name] = outcome.problem
            else:
                typer.echo(f"{out / item.name}{' (done before)' if outcome.kept else ''}: {outcome.said}")
    for name, reason in failed.items():
        typer.secho(f"{name} could not be replayed: {reason}", fg=typer.colors.RED, err=True)
    if failed:
        raise typer.Exit(1)
