"""depth-prompt evaluate bag: recordings against their truth, or without any."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Optional

import typer

from depth_prompt_ros.cli.workers import Cores, Jobs, Ray, Retries, where


def bag(
    bags: Annotated[list[str], typer.Argument(help="rosbag2 folders, lone .mcap or .db3 files, or URLs of such.")],
    out: Annotated[
        Path,
        typer.Option("--out", "-o", help="Folder for evaluation.json and evaluation.html; what is done in it is kept."),
    ],
    params: Annotated[
        Optional[Path],  # noqa: UP045 (typer evaluates it)
        typer.Option("--params", help="ROS parameter file: input topics, targets, everything for the pipeline."),
    ] = None,
    truth_topic: Annotated[
        str, typer.Option("--truth-topic", help="True depth: an image, compressed or not, or a DisparityImage.")
    ] = "",
    truth_bag: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option("--truth-bag", help="Recording of the truth's topics, or a folder with one for each by its name."),
    ] = None,
    truth_folder: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option(
            "--truth-folder", help="Files named by stamp, .png .npy .exr .pfm .tif; or a folder of such by bag's name."
        ),
    ] = None,
    truth_meshes: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option(
            "--truth-meshes", help="YAML file of meshes with poses, from tf, topics or files; or a folder of BAG.yaml."
        ),
    ] = None,
    truth_unit: Annotated[
        float, typer.Option("--truth-unit", min=1e-9, help="Metres of one count of 16-bit true depth.")
    ] = 0.001,
    truth_disparity: Annotated[
        bool, typer.Option("--truth-disparity", help="The files hold disparity: pixels, in 16 bits 256ths of one.")
    ] = False,
    tom_topic: Annotated[
        str, typer.Option("--tom-topic", help="True mask of transparent or mirror pixels, beside the truth.")
    ] = "",
    labels_topic: Annotated[
        str, typer.Option("--labels-topic", help="True labels of things, beside the truth; else those found.")
    ] = "",
    tolerance: Annotated[
        float, typer.Option("--truth-tolerance", min=0.0, help="Seconds between a picture and its truth.")
    ] = 0.02,
    grasps_every: Annotated[
        int,
        typer.Option("--grasps-every", min=0, help="Plan grasps on every so-many-th frame with meshes; 0 = on none."),
    ] = 0,
    jobs: Jobs = None,
    ray: Ray = "",
    cores: Cores = 1,
    retries: Retries = 2,
) -> None:
    """Every frame once: accuracy by region and target, steadiness, latency; one JSON and one page.

    A recording that is done is not done again. One that fails is named, the others go on, and the exit code is 1.
    """
    from depth_prompt_ros.bag.evaluation.document import write_document
    from depth_prompt_ros.bag.evaluation.many import evaluate_bags
    from depth_prompt_ros.bag.evaluation.page import write_page
    from depth_prompt_ros.bag.truth.source import TruthSource
    from depth_prompt_ros.cli.extras import needed
    from depth_prompt_ros.cli.progress import items_or_steps, progress
    from depth_prompt_ros.evaluation.bags.tables import accuracy_table
    from depth_prompt_ros.evaluation.table import table_text, wide_console
    from depth_prompt_ros.parameters import Parameters
    from depth_prompt_ros.work.places import name_of

    needed("matplotlib")
    parameters = Parameters() if params is None else Parameters.from_yaml(params)
    source = TruthSource(
        truth_topic, tom_topic, labels_topic, truth_bag, truth_folder, truth_meshes, truth_unit, truth_disparity,
        tolerance, grasps_every,
    )  # fmt: skip
    with progress("evaluating") as show:
        workers = where(jobs, ray, cores, retries)
        evaluated = evaluate_bags(bags, out, parameters, source, workers, report=items_or_steps(show, len(bags)))
    if evaluated.kept:
        typer.echo(f"done before: {', '.join(evaluated.kept)}")
    if evaluated.folders:
        read = write_document(evaluated, out / "evaluation.json")
        options = " ".join(
            f"{option} {value}"
            for option, value in (
                ("--truth-topic", truth_topic),
                ("--truth-bag", truth_bag and name_of(truth_bag)),
                ("--truth-folder", truth_folder and name_of(truth_folder)),
                ("--truth-meshes", truth_meshes and truth_meshes.name),
                ("--grasps-every", grasps_every),
                ("--tom-topic", tom_topic),
                ("--labels-topic", labels_topic),
                ("--params", params and params.name),
            )
            if value
        )
        command = f"depth-prompt evaluate bag {' '.join(name_of(each) for each in bags)} {options} --out {out.name}"
        write_page(evaluated, read, out / "evaluation.html", command)
        wide_console().print(table_text(accuracy_table(read.together), brief=True))
        typer.echo(f"{out / 'evaluation.json'}\n{out / 'evaluation.html'}")
    for name, reason in evaluated.failed.items():
        typer.secho(f"{name} could not be evaluated: {reason}", fg=typer.colors.RED, err=True)
    if evaluated.failed:
        raise typer.Exit(1)
