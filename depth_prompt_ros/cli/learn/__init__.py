"""depth-prompt learn: prompts, depth networks, stereo networks, segmenters."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Optional

import typer

from depth_prompt_ros.cli.learn import (
    background,
    metric,
    mirror,
    scene_network,
    stereo,
    things,
    tom_labels,
    tom_masks,
    tom_mono,
    tom_stereo,
    video,
)

app = typer.Typer(no_args_is_help=True, help="Learn prompts and networks.")


@app.callback()
def learn(
    context: typer.Context,
    tensorboard: Annotated[
        Optional[Path],  # noqa: UP045 (typer evaluates it)
        typer.Option("--tensorboard", help="Folder for TensorBoard's curves; given before what is learned."),
    ] = None,
) -> None:
    """Learn prompts and networks. Interrupted, the same command goes on where it stopped."""
    if tensorboard is None:
        return
    from tensorboardX import SummaryWriter

    from depth_prompt_ros.learning.log import LISTENERS

    writer = context.with_resource(SummaryWriter(str(tensorboard)))

    def write(step: int, figures: dict[str, float]) -> None:
        for name, value in figures.items():
            writer.add_scalar(name, value, step)
        writer.flush()

    token = LISTENERS.set((*LISTENERS.get(), write))
    context.call_on_close(lambda: LISTENERS.reset(token))


app.command("background")(background.background)
app.command("scene-network")(scene_network.scene_network)
app.command("metric")(metric.metric)
app.command("mirror")(mirror.mirror)
app.command("tom-labels")(tom_labels.tom_labels)
app.command("tom-mono")(tom_mono.tom_mono)
app.command("tom-masks")(tom_masks.tom_masks)
app.command("things")(things.things)
app.command("stereo")(stereo.stereo)
app.command("tom-stereo")(tom_stereo.tom_stereo)
app.command("video")(video.video)
