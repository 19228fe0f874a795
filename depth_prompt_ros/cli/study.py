"""depth-prompt study: learn and compare, and write the page of results."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Optional

import typer

from depth_prompt_ros.cli.progress import stoppable

Results = Annotated[
    Optional[Path],  # noqa: UP045 (typer evaluates it)
    typer.Option("--results", help="Page to write, Markdown; pictures go beside it. Else in --out."),
]

app = typer.Typer(no_args_is_help=True, help="Reproduce the studies whose results are in docs/results.")


@app.callback()
def study() -> None:
    """Reproduce the studies whose results are in docs/results."""


@app.command("background")
def background(
    out: Annotated[
        Path, typer.Option("--out", "-o", help="Folder of runs; a study that stopped goes on from it.")
    ] = Path("study-background"),
    results: Results = None,
    cache: Annotated[Path, typer.Option("--cache", help="Folder of the rendered pictures; they are made once.")] = Path(
        "rendered"
    ),
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
    page_only: Annotated[
        bool, typer.Option("--page-only", help="Learn nothing: write the page of what is there.")
    ] = False,
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


@app.command("clip")
def clip(
    out: Annotated[
        Path, typer.Option("--out", "-o", help="Folder of runs; a study that stopped goes on from it.")
    ] = Path("study-clip"),
    results: Results = None,
    cache: Annotated[Path, typer.Option("--cache", help="Folder of the rendered pictures; they are made once.")] = Path(
        "rendered"
    ),
    weights: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option("--weights", help="A small CLIP that is there already; else it is learned first."),
    ] = None,
    side: Annotated[int, typer.Option(min=32, help="Of the pictures, pixels; a multiple of 16.")] = 112,
    clip_pictures: Annotated[int, typer.Option(min=8, help="That the small CLIP learns from.")] = 20000,
    clip_steps: Annotated[
        Optional[list[int]],  # noqa: UP045
        typer.Option(min=1, help="Of the small CLIP; again for each further round, on from the last. Else 6000."),
    ] = None,
    clip_batch: Annotated[int, typer.Option(min=2, help="Pictures a step of the small CLIP.")] = 128,
    tables: Annotated[int, typer.Option(min=1, help="Of three objects, that captions are also learned on.")] = 1500,
    text_steps: Annotated[int, typer.Option(min=1, help="Of the decoder that segments by captions.")] = 2000,
    pictures: Annotated[int, typer.Option(min=2, help="That depth is learned from.")] = 4000,
    test_pictures: Annotated[int, typer.Option(min=2, help="That everything is measured on.")] = 500,
    steps: Annotated[int, typer.Option(min=1, help="Of every row.")] = 4000,
    batch: Annotated[int, typer.Option(min=1, help="Pictures a step of every row.")] = 8,
    rate: Annotated[float, typer.Option(min=0.0, help="Learning rate of every row's decoder.")] = 1e-3,
    seeds: Annotated[int, typer.Option(min=1, help="Runs of every learned row.")] = 3,
    first: Annotated[int, typer.Option(min=0, help="Rows of the table that get all seeds; the others get one.")] = 15,
) -> None:
    """Mirror, free vector, sentence, similarity scores and more through a small CLIP, learned here, equal steps."""
    from depth_prompt_ros.learning.clip.study.plan import Effort
    from depth_prompt_ros.learning.clip.study.study import study_clip

    effort = Effort(
        side, clip_pictures, tuple(clip_steps or [6000]), clip_batch, tables, text_steps,
        pictures, test_pictures, steps, batch, rate, seeds, first,
    )  # fmt: skip
    page = results or out / "clip.md"
    with stoppable():
        study_clip(effort, cache, out, page, lambda line: typer.echo(line, err=True), weights)
    typer.echo(page)


@app.command("video")
def video(
    out: Annotated[
        Path, typer.Option("--out", "-o", help="Folder of runs; a study that stopped goes on from it.")
    ] = Path("study-video"),
    results: Results = None,
    real: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option("--real", help="Folder of a real video with depth to check with."),
    ] = None,
    seeds: Annotated[int, typer.Option("--seeds", min=1, help="Runs of every row.")] = 1,
    steps: Annotated[int, typer.Option("--steps", min=1, help="Of each stage of the rendered rows.")] = 200,
    width: Annotated[float, typer.Option("--width", min=0.01, help="Of the networks of the rendered rows.")] = 0.125,
    page_only: Annotated[
        bool, typer.Option("--page-only", help="Learn nothing: write the page of what is there.")
    ] = False,
) -> None:
    """Depth and masks learned from rendered workspaces with movers, and from real video, beside simple rows."""
    from depth_prompt_ros.learning.video.study.plan import Effort
    from depth_prompt_ros.learning.video.study.study import study_video

    effort = Effort(steps=steps, width=width, seeds=seeds)
    page = results or out / "video.md"
    with stoppable():
        study_video(effort, out, page, real, not page_only, lambda line: typer.echo(line, err=True))
    typer.echo(page)
