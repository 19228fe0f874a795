"""depth-prompt to-bag: a data set as a recording."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import Annotated

import typer

from depth_prompt_ros.cli.replay import StorageName


class LayoutName(str, Enum):
    """Data sets that become recordings."""

    tum = "tum"
    cleargrasp = "cleargrasp"
    scenes = "scenes"


def to_bag(
    layout: Annotated[
        LayoutName,
        typer.Argument(
            help="tum: a sequence of TUM RGB-D, or rgb/, depth/ and calib.json. cleargrasp: its real scenes. scenes: "
            "SCENE/image.png, camera.json, depth.png or right.png, as for evaluate scenes."
        ),
    ],
    folder: Annotated[Path, typer.Argument(help="The data set, as it was published.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder of the recording to write; it must not exist.")],
    storage: Annotated[StorageName, typer.Option("--storage", help="Of the recording.")] = StorageName.mcap,
) -> None:
    """Write a data set as a rosbag2 on the default topics, truth on /truth/depth, /truth/tom_mask and /labels."""
    from depth_prompt_ros.bag.layouts.folders import read_cleargrasp_frames, read_scene_frames
    from depth_prompt_ros.bag.layouts.tum import read_tum
    from depth_prompt_ros.bag.layouts.write import DEPTH, write_layout

    readers = {"tum": read_tum, "cleargrasp": read_cleargrasp_frames, "scenes": read_scene_frames}
    written = write_layout(out, readers[layout.value](folder), storage.value)
    typer.echo(f"{out}: {written.frames} frames on {', '.join(written.topics)}")
    params = f" --params {out}.yaml" if DEPTH in written.topics else ""
    truth = f" {written.options()}" if written.options() else ""
    typer.echo(f"depth-prompt evaluate bag {out}{params}{truth} --out {out}-evaluation")
