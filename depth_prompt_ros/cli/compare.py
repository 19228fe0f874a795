"""depth-prompt compare: two evaluations of the same recordings, measure by measure."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def compare(
    first: Annotated[Path, typer.Argument(help="evaluation.json of depth-prompt evaluate bag: what was.")],
    second: Annotated[Path, typer.Argument(help="Of the same recordings with another configuration: what is.")],
    threshold: Annotated[
        float, typer.Option("--threshold", min=0.0, help="Share of the first figure by which a worse one fails.")
    ] = 0.02,
    every: Annotated[bool, typer.Option("--every", help="Also list what is the same or open.")] = False,
) -> None:
    """Differences with 95 % intervals over frames, and a verdict each; exit code 1 where a figure became worse.

    A figure is worse where the whole interval is on the bad side; past the threshold it is a regression.
    """
    from collections import Counter

    from rich.table import Table

    from depth_prompt_ros.evaluation.bags.compare import compare as differences
    from depth_prompt_ros.evaluation.bags.compare import pair_frames, read_evaluation
    from depth_prompt_ros.evaluation.bags.sums import METRICS
    from depth_prompt_ros.evaluation.table import wide_console

    paired = pair_frames(read_evaluation(first), read_evaluation(second))
    found = list(differences(paired, threshold))
    columns = {column.key: column for column in METRICS}
    table = Table(title=f"{first} against {second}: {paired.frames} frames", title_justify="left")
    for title in ("region", "measure", "first", "second", "difference, 95 %", "verdict"):
        table.add_column(title)
    for each in found:
        if each.verdict in ("same", "open") and not every:
            continue
        column = columns[each.metric]
        digits = column.digits + 1
        table.add_row(
            each.region,
            f"{column.title}, {column.unit}" if column.unit else column.title,
            f"{each.first:.{digits}f}",
            f"{each.second:.{digits}f}",
            f"{each.second - each.first:+.{digits}f} [{each.low:+.{digits}f}, {each.high:+.{digits}f}]",
            "worse, a regression" if each.regression else each.verdict,
        )
    if table.row_count:
        wide_console().print(table)
    for alone, path in zip(paired.alone, (first, second), strict=True):
        if alone:
            typer.echo(f"{alone} frames are in {path} only and were left out")
    counts = Counter(each.verdict for each in found)
    hidden = 0 if every else counts["same"] + counts["open"]
    regressions = sum(each.regression for each in found)
    listed = ", ".join(f"{name} {counts[name]}" for name in ("same", "open", "better", "worse"))
    typer.echo(f"{listed}; regressions past {100 * threshold:g} %: {regressions}")
    if hidden:
        typer.echo("open: these frames decide neither way; --every lists the figures of what is the same or open")
    if regressions:
        raise typer.Exit(1)
