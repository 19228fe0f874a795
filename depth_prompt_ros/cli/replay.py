"""depth-prompt replay: a bag in, a bag with metric object depth out, without ROS."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import Annotated, Optional

import typer

from depth_prompt_ros.cli.target_options import Box, Point, Text
from depth_prompt_ros.cli.workers import Cores, Jobs, Ray, Retries, where


class StorageName(str, Enum):
    """Storage of the output bag."""

    mcap = "mcap"
    sqlite3 = "sqlite3"


def replay(
    bags: Annotated[
        list[str], typer.Argument(help="rosbag2 folder, a lone .mcap or .db3 file, or a ROS 1 .bag; several, or URLs.")
    ],
    out: Annotated[
        Path,
        typer.Option(
            "--out", "-o", help="Folder of the bag to write; it must not exist. Of several: folder for one each."
        ),
    ],
    params: Annotated[
        Optional[Path],  # noqa: UP045 (typer evaluates it)
        typer.Option(
            "--params", help="ROS parameter file: input topics, targets, everything the pipeline can be told."
        ),
    ] = None,
    topics: Annotated[
        str,
        typer.Option("--topics", help="Outputs below /object_depth, comma-separated, or all. Default: all but points."),
    ] = "",
    storage: Annotated[
        StorageName,
        typer.Option(
            "--storage", help="Of the output. If the program is killed, mcap keeps what was written; sqlite3 does not."
        ),
    ] = StorageName.mcap,
    tolerance: Annotated[
        Optional[float],  # noqa: UP045
        typer.Option("--tolerance", min=0.0, help="Stamps closer than this belong together, seconds."),
    ] = None,
    box: Box = "",
    point: Point = "",
    labels: Annotated[str, typer.Option("--labels", metavar="TOPIC", help="Label images that name the targets.")] = "",
    text: Text = "",
    tom: Annotated[str, typer.Option("--tom", metavar="TOPIC", help="Masks of transparent and mirror pixels.")] = "",
    jobs: Jobs = None,
    ray: Ray = "",
    cores: Cores = 1,
    retries: Retries = 2,
    view: Annotated[bool, typer.Option("--view", help="Show what comes out in Rerun (extra view).")] = False,
    save: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option("--save", help="Rerun's recording to write, .rrd, where there is no display for --view."),
    ] = None,
) -> None:
    """Run every frame of a bag through the pipeline and write the results as a bag for RViz and Foxglove.

    Ctrl-C and SIGTERM end it with a valid bag. Exit code 2: the input is damaged, lacks a topic or has no usable frame.
    With several bags, URLs, --jobs or --ray a bag each is written into the folder --out; one that is done is not done
    again, one that fails is named, the others go on, and the exit code is 1.
    """
    from depth_prompt_ros.api.targets import numbers_of, with_targets
    from depth_prompt_ros.cli.replaying import replay_in_view, replay_many, replay_one
    from depth_prompt_ros.errors import BadInput
    from depth_prompt_ros.parameters import Parameters
    from depth_prompt_ros.work.places import is_url

    parameters = Parameters() if params is None else Parameters.from_yaml(params)
    if tolerance is not None:
        pairing = parameters.sync.model_copy(update={"tolerance": tolerance})
        parameters = parameters.model_copy(update={"sync": pairing})
    parameters = with_targets(
        parameters, numbers_of(box, "--box") if box else None, numbers_of(point, "--point") if point else None,
        bool(labels), text, bool(tom),
    )  # fmt: skip
    named = {role: topic for role, topic in (("labels", labels), ("tom_labels", tom)) if topic}
    parameters = parameters.model_copy(update={"topics": parameters.topics.model_copy(update=named)})
    names = [name.strip() for name in topics.split(",") if name.strip()] or None
    if len(bags) == 1 and not is_url(bags[0]) and jobs is None and not ray:
        if view or save:
            replay_in_view(Path(bags[0]), out, parameters, storage.value, names, save)
        else:
            replay_one(Path(bags[0]), out, parameters, storage.value, names)
    elif view or save:
        raise BadInput("--view shows one recording while it is replayed: give one, without --jobs and --ray")
    else:
        replay_many(bags, out, parameters, storage.value, names, where(jobs, ray, cores, retries))
