"""depth-prompt bench: what the pipeline costs on this machine."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Optional

import typer


def bench(
    bag: Annotated[
        Optional[Path],  # noqa: UP045 (typer evaluates it)
        typer.Argument(help="rosbag2 folder, or a lone .mcap or .db3 file; a rendered table-top if not given."),
    ] = None,
    params: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option("--params", help="ROS parameter file: input topics, targets, runtime, everything."),
    ] = None,
    frames: Annotated[int, typer.Option("--frames", help="Warm frames that count.", min=2)] = 100,
    json_file: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option("--json", help="Write everything here, in the shape of ros2_benchmark's reports."),
    ] = None,
    base: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option("--base", help="What --json wrote before: end with 1 where a segment is 15 % slower, over R."),
    ] = None,
) -> None:
    """Time every segment from the camera's messages to the clouds', cold and warm, and the memory it takes.

    Each is also given over R, one pass of OpenCV's SGBM that takes turns with the frames: that can be compared with
    another day's run. One frame after the other in one process: a live node adds its middleware, see
    docs/results/performance.md.
    """
    import json
    import tempfile

    from rich.console import Console
    from rich.progress import Progress

    from depth_prompt_ros.bench import report
    from depth_prompt_ros.bench.base import read_base, regressions
    from depth_prompt_ros.bench.measure import measure
    from depth_prompt_ros.errors import BadInput
    from depth_prompt_ros.parameters import Parameters
    from depth_prompt_ros.written_aside import write_text

    if json_file is not None and not json_file.parent.is_dir():
        raise BadInput(f"no folder {json_file.parent} for --json: make it first")
    before = None if base is None else read_base(base)
    parameters = Parameters() if params is None else Parameters.from_yaml(params)
    console = Console(stderr=True)
    with tempfile.TemporaryDirectory() as folder, Progress(console=console, transient=True) as progress:
        if bag is None:
            from depth_prompt_ros.bench.rendered_bag import render_bag

            progress.add_task("rendering a table-top", total=None)
            bag = render_bag(Path(folder) / "tabletop")
        task = progress.add_task("frames", total=None)
        measured = measure(
            bag, parameters, frames, progress=lambda done, total: progress.update(task, completed=done, total=total)
        )
        content = report.as_json(measured, bag, parameters)
    out = Console()
    out.print(report.as_table(measured))
    for line in report.summary(measured):
        out.print(line, highlight=False)
    grown = [] if before is None else regressions(report.over_yardstick(measured), before)
    for line in grown:
        out.print(f"slower: {line}", highlight=False)
    if json_file is not None:  # after the table, which a full disk then does not cost
        write_text(json_file, json.dumps(content, indent=2) + "\n")
    if grown:
        raise typer.Exit(1)
