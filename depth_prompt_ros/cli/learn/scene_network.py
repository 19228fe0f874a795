"""depth-prompt learn scene-network: a small depth network on rendered scenes."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from depth_prompt_ros.cli.learn.options import Batch, Cache, Pictures, Rate, Seed, Steps, TestPictures, WeightsOut
from depth_prompt_ros.cli.learn.rendered import SCENE_SEEDS, rendered_pictures
from depth_prompt_ros.cli.progress import print_figures, progress


def scene_network(
    out: WeightsOut,
    network: Annotated[str, typer.Option("--network", help="scene-net (convolutional) or scene-vit (transformer).")] = (
        "scene-net"
    ),
    cache: Cache = Path("rendered"),
    steps: Steps = 7400,
    pictures: Pictures = 20000,
    test_pictures: TestPictures = 400,
    batch: Batch = 32,
    learning_rate: Rate = 2e-3,
    seed: Seed = 0,
) -> None:
    """Learn a small depth network on rendered scenes; the defaults made the shipped scene-net.

    The shipped scene-vit was made with --network scene-vit --steps 5200 --learning-rate 7e-4.

    Interrupted, the same command goes on where it stopped.
    """
    from depth_prompt_ros.learning.background.scene_network import learn_scene_network
    from depth_prompt_ros.learning.trainer import Schedule
    from depth_prompt_ros.networks.catalogue import find

    size = find(network).size
    train = rendered_pictures(cache, "scenes", pictures, size, SCENE_SEEDS[0])
    test = rendered_pictures(cache, "scenes", test_pictures, size, SCENE_SEEDS[1])
    with progress("learning", "steps") as report:
        figures = learn_scene_network(
            train, test, out, Schedule(steps, batch, learning_rate, seed), network, report=report
        )
    print_figures(out, figures)
