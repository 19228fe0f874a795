"""depth-prompt doctor: what of this machine, and of a recording, works, and what to do about what does not."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Optional

import typer

COLOURS = {"ok": "green", "note": "yellow", "wrong": "red"}


def doctor(
    bag: Annotated[
        Optional[Path],  # noqa: UP045 (typer evaluates it)
        typer.Argument(help="A recording to look at, too: rosbag2 folder, .mcap, .db3 or ROS 1 .bag."),
    ] = None,
    params: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option("--params", help="Parameter file, as replay would get it, or the name of a shipped one."),
    ] = None,
) -> None:
    """Versions, runtimes, libraries, models, ROS; of a recording topics, stamps, calibration, and a frame's run.

    Exit code 1: something is wrong.
    """
    from itertools import chain

    from rich.console import Console
    from rich.text import Text

    from depth_prompt_ros.doctor.machine import look_at_machine
    from depth_prompt_ros.doctor.recording import look_at_recording
    from depth_prompt_ros.parameters import Parameters

    parameters = Parameters() if params is None else Parameters.from_yaml(params)
    console = Console()
    count = 0
    with _only_errors_logged():  # every finding is printed once, here
        for finding in chain(look_at_machine(parameters), look_at_recording(bag, parameters) if bag else ()):
            line = Text(f"{finding.state:<5} ", style=COLOURS[finding.state]).append(finding.what, style="default")
            console.print(line, soft_wrap=True)
            if finding.advice:
                console.print(Text(f"      -> {finding.advice}"), soft_wrap=True)
            count += finding.state == "wrong"
    if count:
        typer.echo(f"{count} thing{'s' if count > 1 else ''} wrong")
        raise typer.Exit(1)


@contextmanager
def _only_errors_logged() -> Iterator[None]:
    package = logging.getLogger("depth_prompt_ros")
    before = package.level
    package.setLevel(logging.ERROR)
    try:
        yield
    finally:
        package.setLevel(before)
