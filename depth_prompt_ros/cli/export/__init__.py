"""depth-prompt export: networks as ONNX graphs, checked against PyTorch."""

from __future__ import annotations

import typer

from depth_prompt_ros.cli.export import mono, prompted, stereo, video

app = typer.Typer(no_args_is_help=True, help="Export networks as ONNX graphs, checked against PyTorch.")
app.command("prompted")(prompted.prompted)
app.command("mono")(mono.mono)
app.command("stereo")(stereo.stereo)
app.command("video")(video.video)
