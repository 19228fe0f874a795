"""depth-prompt learn: prompts, depth networks, stereo networks, segmenters."""

from __future__ import annotations

import typer

from depth_prompt_ros.cli.learn import (
    background,
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
app.command("background")(background.background)
app.command("scene-network")(scene_network.scene_network)
app.command("mirror")(mirror.mirror)
app.command("tom-labels")(tom_labels.tom_labels)
app.command("tom-mono")(tom_mono.tom_mono)
app.command("tom-masks")(tom_masks.tom_masks)
app.command("things")(things.things)
app.command("stereo")(stereo.stereo)
app.command("tom-stereo")(tom_stereo.tom_stereo)
app.command("video")(video.video)
