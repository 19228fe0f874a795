"""depth-prompt study background: what a learned background gains on frozen networks (arXiv 2306.05428)."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Optional

import typer

from depth_prompt_ros.cli.learn.options import Cache
from depth_prompt_ros.cli.progress import stoppable
from depth_prompt_ros.cli.study.options import Out, PageOnly, Results


def background(
    out: Out = Path("study-background"),
    results: Results = None,
    cache: Cache = Path("rendered"),
    networks: Annotated[
        Optional[list[str]],  # noqa: UP045 (typer evaluates it)
        typer.Option(
            "--network",
            help="Frozen network, again for each; ablations go through the first. Else scene-net, scene-vit.",
        ),
    ] = None,
    meshes: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option("--meshes", help="Folder of scanned objects, a third test set."),
    ] = None,
    data: Annotated[
        Optional[list[str]],  # noqa: UP045
        typer.Option(
            "--data",
            help="Prepared set, again for each, in place of rendered ones: parts 'train' are learned from, the others "
            "reported on; learn=FOLDER and test=FOLDER say so themselves. The page has the paper's tables.",
        ),
    ] = None,
    given: Annotated[
        Optional[list[str]],  # noqa: UP045
        typer.Option("--given", help="With --data, ROW=FILE: a prompt or fine-tuned weights to test, not to learn."),
    ] = None,
    seeds: Annotated[int, typer.Option("--seeds", min=1, help="Runs of every learned method.")] = 3,
    ablation_seeds: Annotated[
        int, typer.Option("--ablation-seeds", min=0, help="Runs of every ablation; 0 = without ablations.")
    ] = 1,
    steps: Annotated[
        Optional[int],  # noqa: UP045
        typer.Option("--steps", min=1, help="Of every learned run, in place of the schedules'."),
    ] = None,
    batch: Annotated[
        Optional[int],  # noqa: UP045
        typer.Option("--batch", min=1, help="Pictures a step of every learned run, in place of the schedules'."),
    ] = None,
    validation: Annotated[
        Optional[int],  # noqa: UP045
        typer.Option("--validation", min=1, help="Pictures to choose the best state with."),
    ] = None,
    pictures: Annotated[
        Optional[int],  # noqa: UP045
        typer.Option("--pictures", min=4, help="To learn from; as many more to validate and to test on, at most 200."),
    ] = None,
    objects: Annotated[
        Optional[list[int]],  # noqa: UP045
        typer.Option("--objects", min=1, help="Also from so many objects, again for each: data efficiency."),
    ] = None,
    sides: Annotated[
        Optional[list[int]],  # noqa: UP045
        typer.Option("--side", min=16, help="Also prompts learned at that picture side, again for each."),
    ] = None,
    masks: Annotated[
        bool, typer.Option("--masks", help="Also masks that are worse than the truth: moved borders, rembg's.")
    ] = False,
    jobs: Annotated[int, typer.Option("--jobs", min=0, help="Runs at a time; 0 = one a core, or one on a GPU.")] = 0,
    paper_schedule: Annotated[
        bool, typer.Option("--paper-schedule", help="The paper's full schedule, for a GPU.")
    ] = False,
    page_only: PageOnly = False,
) -> None:
    """None, Original, Random, Photo, Fine-tuned, 1-BG and PNet, with ablations, in and out of distribution."""
    from dataclasses import replace

    from depth_prompt_ros.errors import BadInput
    from depth_prompt_ros.learning.background.study.background import study_background
    from depth_prompt_ros.learning.background.study.more import More
    from depth_prompt_ros.learning.background.study.plan import PAPER_EFFORT, Effort, StudiedNetwork
    from depth_prompt_ros.learning.background.study.prepared import study_prepared

    names = networks or ["scene-net", "scene-vit"]
    studied = [StudiedNetwork(name, ablations=name == names[0]) for name in names]
    effort = replace(PAPER_EFFORT if paper_schedule else Effort(), seeds=seeds, ablation_seeds=ablation_seeds)
    effort = effort.shrunk(steps, pictures, batch, validation)
    page = results or out / "background.md"
    by_row, more = _by_row(given or []), More(tuple(objects or ()), tuple(sides or ()), masks)
    if data and more != More():
        raise BadInput("--objects, --side and --masks are of rendered sets: leave --data out")

    def say(line: str) -> None:
        typer.echo(line, err=True)

    with stoppable():
        if data:
            study_prepared(studied, effort, data, out, page, by_row, jobs, say, not page_only)
        else:
            study_background(studied, effort, cache, out, page, meshes, jobs, more, say, not page_only)
    typer.echo(page)


def _by_row(given: list[str]) -> dict[str, Path]:
    """ROW=FILE each; raises BadInput for anything else."""
    from depth_prompt_ros.errors import BadInput

    pairs = [each.rpartition("=") for each in given]
    for row, _, file in pairs:
        if not row or not Path(file).is_file():
            raise BadInput(f"--given {row}={file} is not ROW=FILE with a file that is there")
    return {row: Path(file) for row, _, file in pairs}
