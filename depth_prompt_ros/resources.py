"""Finds files: those that the package ships beside its code (models/ and config/), and the user's own models."""

from __future__ import annotations

import logging
import os
from pathlib import Path

from depth_prompt_ros.errors import BadInput

logger = logging.getLogger(__name__)

_SHIPPED_IN = ("models", "config")


def resource_path(name: str) -> Path:
    """Absolute path of a shipped file, for example ``models/x.onnx``.

    A source checkout (or editable install) has it beside the package. An installed package, by pip or by colcon, has it
    in the nearest ``share/depth_prompt_ros`` above the package, where ``setup.py`` put it.

    Raises:
        BadInput: the file is in neither place.
    """
    if found := _shipped(name):
        return found
    package = Path(__file__).resolve().parent
    raise BadInput(f"{name} is not installed with {package.name} (looked beside {package}): install the package again")


def named_file(path: Path) -> Path:
    """The file at ``path``; where there is none and ``path`` is ``models/X`` or ``config/X``, the shipped file.

    So ``models/background.safetensors`` means the shipped prompt outside a checkout too, which is logged. A bare
    ``object_depth.onnx`` is the user's own, also when it is missing. A path to nothing is returned as it is: whoever
    reads it says what is missing.
    """
    path = path.expanduser()
    if path.exists() or path.parts[0] not in _SHIPPED_IN or ".." in path.parts:
        return path
    found = _shipped(path.as_posix())
    if found is None:
        return path
    logger.info("%s is not here: the shipped %s is taken", path, found)
    return found


def _shipped(name: str) -> Path | None:
    package = Path(__file__).resolve().parent
    folders = (package.parent, *(parent / "share" / package.name for parent in package.parents))
    return next((folder / name for folder in folders if (folder / name).is_file()), None)


def model_folder() -> Path:
    """Where the user's depth networks are: ``$DEPTH_PROMPT_MODELS``, or in the XDG data folder; it need not exist."""
    if chosen := os.environ.get("DEPTH_PROMPT_MODELS"):
        return Path(chosen).expanduser()
    data = os.environ.get("XDG_DATA_HOME") or "~/.local/share"
    return Path(data).expanduser() / "depth_prompt_ros" / "models"
