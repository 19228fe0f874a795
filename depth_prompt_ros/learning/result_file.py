"""Where a learning run's result and its checkpoint are, and whether a run may write there; needs no PyTorch."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from depth_prompt_ros.errors import BadInput

SUFFIX, WEIGHTS = ".checkpoint", ".safetensors"


def checkpoint_path(out: Path) -> Path:
    """Where the checkpoint of a run with this result is."""
    return out.with_suffix(SUFFIX)


def require_new(out: Path, settings: dict[str, Any] | None = None) -> None:
    """Refuse a result that is there already; one beside a checkpoint is of a run that goes on.

    Args:
        out: of the run.
        settings: numbers and names that make two runs the same, for the message.

    Raises:
        BadInput: what to do, and what was different.
    """
    if not out.exists() or checkpoint_path(out).exists():
        return
    try:
        before = json.loads(out.with_suffix(".json").read_text()).get("run") or {}
    except (OSError, ValueError, AttributeError):
        before = {}
    other = differences(before, settings) if before and settings is not None else ""
    with_other = f" with other options, {other}" if other else ""
    raise BadInput(f"{out} is of a finished run{with_other}: give another --out, or remove it to learn it again")


def require_weights_name(out: Path) -> None:
    """Raise BadInput unless the result is named as weights are."""
    if out.suffix != WEIGHTS:
        raise BadInput(f"--out {out} is to be weights: give it the ending {WEIGHTS}")


def differences(before: dict[str, Any], now: dict[str, Any]) -> str:
    """What is different of two runs' settings, in words; empty if nothing is."""
    names = sorted(before.keys() | now.keys())
    changed = [name for name in names if before.get(name) != now.get(name)]
    return ", ".join(f"{name} {before.get(name)} (now {now.get(name)})" for name in changed)
