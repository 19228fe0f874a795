"""Where files are that a live node's parameters name: beside the parameter files that it was started with."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

_OURS, _END, _FILE = "--ros-args", "--", "--params-file"


def parameter_folders(arguments: Sequence[str] | None = None) -> list[Path]:
    """Folders of the ``--params-file`` among a process's ROS arguments, the last one, which counts most, first.

    Args:
        arguments: of the process; those of this one if not given.
    """
    folders, ours, named = [], False, False
    for word in sys.argv if arguments is None else arguments:
        if named:
            folders.append(Path(word).expanduser().resolve().parent)
        named = ours and word == _FILE
        ours = word == _OURS or (ours and word != _END)
    return list(dict.fromkeys(reversed(folders)))


def beside(folders: Sequence[Path], path: Path) -> Path:
    """The file that a relative path names below the first of the folders that has it; else the path as it is."""
    path = path.expanduser()
    return path if path.is_absolute() else next((each / path for each in folders if (each / path).exists()), path)
