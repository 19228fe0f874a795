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


def preset_or_file(path: Path) -> Path:
    """The parameter file at ``path``; where there is none, the shipped one of that name, as the launch files take it.

    Raises:
        BadInput: a bare name that is neither.
    """
    found = named_file(path)
    if found.exists() or path.name != str(path):
        return found
    names = (path.name,) if path.suffix else (path.name, f"{path.name}.yaml")
    shipped = next(filter(None, (_shipped(f"config/{name}") for name in names)), None)
    if shipped is None:
        raise BadInput(f"cannot read parameters from {path}: there is no such file; shipped are {_presets()}")
    logger.info("%s is not here: the shipped %s is taken", path, shipped)
    return shipped


def below(folder: Path, path: Path) -> Path:
    """A path that a file in ``folder`` names; ``models/X`` that is not below it stays as it is, it may be shipped."""
    path = path.expanduser()
    inside = folder / path
    return path if path.is_absolute() or (not inside.exists() and path.parts[0] in _SHIPPED_IN) else inside


def _presets() -> str:
    folder = resource_path("config/object_depth.yaml").parent
    return ", ".join(sorted(file.name for file in folder.glob("*.yaml")))


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
