"""depth-prompt to-bag: a data set as a recording."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import Annotated

import typer

from depth_prompt_ros.cli.replay import StorageName


class LayoutName(str, Enum):
    """Data sets that become recordings: those of :data:`depth_prompt_ros.bag.layouts.catalogue.READERS`."""

    booster = "booster"
    cleargrasp = "cleargrasp"
    graspnet = "graspnet"
    graspnet_kinect = "graspnet-kinect"
    hammer = "hammer"
    hammer_l515 = "hammer-l515"
    hammer_tof = "hammer-tof"
    kitti = "kitti"
    middlebury = "middlebury"
    nyu = "nyu"
    scenes = "scenes"
    transcg = "transcg"
    transcg_l515 = "transcg-l515"
    tum = "tum"


def to_bag(
    layout: Annotated[
        LayoutName,
        typer.Argument(
            help="A published data set; tum also reads rgb/, depth/ and calib.json; scenes: SCENE/image.png, "
            "camera.json, depth.png or right.png, as for evaluate scenes. docs/evaluation.md says what each reads."
        ),
    ],
    folder: Annotated[Path, typer.Argument(help="The data set, as it was published.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder of the recording to write; it must not exist.")],
    storage: Annotated[StorageName, typer.Option("--storage", help="Of the recording.")] = StorageName.mcap,
) -> None:
    """Write a data set as a rosbag2 on the default topics, truth on /truth/depth, /truth/tom_mask and /labels."""
    from depth_prompt_ros.bag.layouts.catalogue import READERS
    from depth_prompt_ros.bag.layouts.write import DEPTH, write_layout

    written = write_layout(out, READERS[layout.value](folder), storage.value)
    typer.echo(f"{out}: {written.frames} frames on {', '.join(written.topics)}")
    params = f" --params {out}.yaml" if DEPTH in written.topics else ""
    truth = f" {written.options()}" if written.options() else ""
    typer.echo(f"depth-prompt replay {out}{params} --out {out}-depth")
    typer.echo(f"depth-prompt evaluate bag {out}{params}{truth} --out {out}-evaluation")
