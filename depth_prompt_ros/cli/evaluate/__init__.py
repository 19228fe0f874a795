"""depth-prompt evaluate: the pipeline and its networks against the truth of data sets."""

from __future__ import annotations

import typer

from depth_prompt_ros.cli.evaluate import (
    background,
    bag,
    booster,
    cleargrasp,
    grasps,
    hidden,
    scenes,
    stereo,
    tom,
    tom_masks,
    video,
)

app = typer.Typer(no_args_is_help=True, help="Evaluate on rendered and published data sets.")
app.command("background")(background.background)
app.command("bag")(bag.bag)
app.command("cleargrasp")(cleargrasp.cleargrasp)
app.command("booster")(booster.booster)
app.command("grasps")(grasps.grasps)
app.command("hidden")(hidden.hidden)
app.command("scenes")(scenes.scenes)
app.command("stereo")(stereo.stereo)
app.command("tom")(tom.tom)
app.command("tom-masks")(tom_masks.tom_masks)
app.command("video")(video.video)
