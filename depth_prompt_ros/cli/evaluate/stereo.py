"""depth-prompt evaluate stereo: stereo networks beside semi-global matching, alone and with the merge on top."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Optional

import typer


def stereo(
    folder: Annotated[
        Path, typer.Argument(help="Set of stereo pairs, as depth-prompt render --kind tom-unseen makes.")
    ],
    networks: Annotated[
        Optional[list[Path]],  # noqa: UP045 (typer evaluates it)
        typer.Option(
            "--onnx", help="Described stereo network, .yaml; several are compared, the last with the one before it."
        ),
    ] = None,
    params: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option("--params", help="ROS parameter file, for everything but the matcher."),
    ] = None,
    every: Annotated[int, typer.Option("--every", min=1, help="Only every so-many-th pair.")] = 1,
    out: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option("--out", "-o", help="Write the tables here too, Markdown."),
    ] = None,
) -> None:
    """Score matchers on a rendered set: end-point error and bad-2, 4, 6, 8 over All, ToM and Other.

    Networks answer everywhere: the mirrored pair is not matched.
    """
    from depth_prompt_ros.cli.progress import progress
    from depth_prompt_ros.data.sets.stereo_set import StereoSet
    from depth_prompt_ros.evaluation.stereo.matchers import Matcher, matcher_tables, score_matchers, tuning_checks
    from depth_prompt_ros.evaluation.table import print_checks, table_markdown, table_text, wide_console
    from depth_prompt_ros.parameters import Parameters
    from depth_prompt_ros.written_aside import write_text

    base = Parameters() if params is None else Parameters.from_yaml(params)
    pairs = StereoSet.open(folder)
    matchers = [Matcher("SGBM", base.stereo.model_copy(update={"matcher": "sgbm"}))]
    for path in networks or []:
        dense = {"matcher": "onnx", "onnx": str(path), "left_right_check": False}
        matchers.append(Matcher(path.stem, base.stereo.model_copy(update=dense)))
    with progress(f"matching {-(-len(pairs) // every)} pairs") as report:
        means = score_matchers(pairs, matchers, base, every, report)
    tables = matcher_tables(means, -(-len(pairs) // every))
    checks = tuning_checks(means, *list(means)[-2:]) if len(matchers) > 2 else []
    console = wide_console()
    for table in tables:
        console.print(table_text(table))
    print_checks(checks, console)
    if out is not None:
        parts = [f"### {table.title}\n\n{table_markdown(table)}\n{table.caption}\n" for table in tables]
        lines = "".join(f"- {check.word}: {check.claim}: {check.found}\n" for check in checks)
        write_text(out, "\n".join([*parts, lines] if lines else parts))
        typer.echo(out)
