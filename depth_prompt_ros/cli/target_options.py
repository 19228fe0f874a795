"""Options that say what to grasp, for single pictures and for recordings."""

from __future__ import annotations

from typing import Annotated

import typer

Box = Annotated[str, typer.Option("--box", metavar="X,Y,W,H", help="Pixels around one target.")]
Point = Annotated[str, typer.Option("--point", metavar="X,Y", help="Pixel on one target.")]
Text = Annotated[
    str, typer.Option("--text", help="Names of what to grasp, commas between; needs segmentation.text_network.")
]
