"""Whether a run has become slower than one that was kept."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from depth_prompt_ros.errors import BadInput

TOLERATED = 1.15
"""A ratio to the yardstick may be so many times what it was."""

_COUNTS = 0.1
"""Of passes of the yardstick: shorter segments vary by more than what is tolerated."""

Ratios = Mapping[str, Mapping[str, float]]


def read_base(path: Path) -> Ratios:
    """What ``depth-prompt bench --json`` wrote of each segment over the yardstick.

    Raises:
        BadInput: no such file, or none of these.
    """
    try:
        content: Any = json.loads(path.read_text())
        ratios: Ratios = content["custom"]["segments_over_yardstick"]
        if not all(float(each["p50"]) > 0 for each in ratios.values()):
            raise ValueError
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise BadInput(
            f"{path} is not what depth-prompt bench --json wrote ({type(error).__name__}): write one of a run to "
            "compare with"
        ) from error
    return ratios


def regressions(now: Ratios, base: Ratios) -> list[str]:
    """A line for each segment, the whole among them, whose median over the yardstick grew by more than 15 %."""
    grown = []
    for name, ratios in now.items():
        before, after = base[name]["p50"] if name in base else 0.0, ratios["p50"]
        if before > 0 and after >= _COUNTS and after > TOLERATED * before:
            grown.append(
                f"{name}: {after:.2f} passes of the yardstick, {before:.2f} before ({after / before - 1:+.0%})"
            )
    return grown
