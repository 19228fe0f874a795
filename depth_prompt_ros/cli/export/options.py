"""Options that several export commands share."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import Annotated

import typer


class Precision(str, Enum):
    """Floating-point precision of the network in an exported graph."""

    FP32 = "fp32"
    FP16 = "fp16"


PrecisionOption = Annotated[
    Precision,
    typer.Option(
        "--precision",
        help="fp16: the network in half precision, except sums, powers and softmax; the rest of the graph stays fp32.",
    ),
]


def say_cost(graph: Path) -> None:
    """Print how often a second the graph runs here."""
    from depth_prompt_ros.runtime.cost import describe_graph

    typer.echo(describe_graph(graph))
