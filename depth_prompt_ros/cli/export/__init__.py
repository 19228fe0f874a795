"""depth-prompt export: networks as ONNX graphs, checked against PyTorch."""

from __future__ import annotations

import typer

from depth_prompt_ros.cli.export import mirror, mono, prompted, stereo, text, video

app = typer.Typer(no_args_is_help=True, help="Export networks as ONNX graphs, checked against PyTorch.")
app.command("prompted")(prompted.prompted)
app.command("mono")(mono.mono)
app.command("mirror")(mirror.mirror)
app.command("stereo")(stereo.stereo)
app.command("text")(text.text)
app.command("video")(video.video)
