"""Options that several export commands share."""

from __future__ import annotations

from enum import Enum
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
