"""depth-prompt evaluate booster: the Booster benchmark's protocol, monocular or stereo."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Optional

import typer


def booster(
    folder: Annotated[Path, typer.Argument(help="The data set, its train, or a folder of its scenes.")],
    predictions: Annotated[
        Optional[Path],  # noqa: UP045 (typer evaluates it)
        typer.Option(
            "--predictions",
            help="Folder of answers, SCENE/camera_00/NAME.npy or SCENE.npy: inverse depth up to scale and shift, or "
            "with --stereo disparity in pixels of its own width.",
        ),
    ] = None,
    network: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option("--network", help="Let this network of the catalogue answer (needs PyTorch)."),
    ] = None,
    weights: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option("--weights", help="Its weights, .safetensors, where they are not the catalogue's."),
    ] = None,
    stereo: Annotated[
        bool, typer.Option("--stereo", help="Score disparities; without --predictions those of the package's stereo.")
    ] = False,
    params: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option("--params", help="ROS parameter file for the package's stereo."),
    ] = None,
    json_file: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option("--json", help="Write the numbers here too, picture by picture."),
    ] = None,
) -> None:
    """Score answers to Booster's pictures at a quarter of the resolution: All, ToM and Other."""
    import json

    from depth_prompt_ros.data.readers.booster import list_booster
    from depth_prompt_ros.evaluation.table import table_text, wide_console
    from depth_prompt_ros.evaluation.tom.booster import (
        booster_table,
        evaluate_booster,
        match_pairs,
        mean_scores,
        mono_scores,
        read_predictions,
        stereo_scores,
    )
    from depth_prompt_ros.parameters import Parameters
    from depth_prompt_ros.stages.stereo import make_stereo_matcher
    from depth_prompt_ros.written_aside import write_text

    if (predictions is not None) + (network is not None) + (stereo and predictions is None) != 1:
        raise typer.BadParameter("say where the answers come from: --predictions FOLDER, --network NAME or --stereo")
    if weights is not None and network is None:
        raise typer.BadParameter("--weights are those of a --network")
    scenes = list_booster(folder)
    if predictions is not None:
        predict = read_predictions(predictions)
    elif network is not None:
        from depth_prompt_ros.learning.tom.booster_answers import network_answers

        predict = network_answers(network, weights)
    else:
        parameters = Parameters() if params is None else Parameters.from_yaml(params)
        predict = match_pairs(make_stereo_matcher(parameters.stereo, parameters))
    pictures = dict(evaluate_booster(scenes, predict, stereo_scores if stereo else mono_scores))
    table = booster_table(pictures, stereo)
    console = wide_console()
    console.print(table_text(table))
    console.print(table.caption, highlight=False)
    if json_file is not None:
        write_text(
            json_file, json.dumps({"mean": mean_scores(pictures.values()), "pictures": pictures}, indent=1) + "\n"
        )
