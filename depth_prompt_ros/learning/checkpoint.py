"""What a learning run needs to go on where it stopped."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import torch

from depth_prompt_ros.errors import BadInput


class Checkpoint:
    """One file beside the result: written aside, then renamed; removed when the run is complete.

    Attributes:
        path: of the file.
        settings: numbers and names that make two runs the same.
    """

    def __init__(self, path: Path, settings: dict[str, Any]) -> None:
        self.path, self.settings = path, settings

    def load(self) -> dict[str, Any] | None:
        """The saved state, or None where there is none. Nothing in the file is executed.

        Raises:
            BadInput: it is corrupt, or of a run with other settings.
        """
        if not self.path.exists():
            return None
        try:
            content = torch.load(self.path, weights_only=True)
            settings, state = content["settings"], content["state"]
        except (RuntimeError, pickle.UnpicklingError, EOFError, KeyError, TypeError, OSError) as error:
            raise BadInput(f"checkpoint {self.path} is corrupt: delete it to learn from the start") from error
        if settings != self.settings:
            names = sorted(settings.keys() | self.settings.keys())
            other = [
                f"{name} {settings.get(name)} (now {self.settings.get(name)})"
                for name in names
                if settings.get(name) != self.settings.get(name)
            ]
            raise BadInput(
                f"checkpoint {self.path} is of a run with other settings, {', '.join(other)}: "
                "repeat them to go on, or delete it to learn from the start"
            )
        return dict(state)

    def save(self, state: dict[str, Any]) -> None:
        """Replace the file.

        Raises:
            BadInput: the disk is full or the folder cannot be written; the last checkpoint is kept.
        """
        aside = self.path.with_name(self.path.name + ".part")
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            torch.save({"settings": self.settings, "state": state}, aside)
            aside.replace(self.path)
        except (OSError, RuntimeError) as error:  # PyTorch reports a full disk as a RuntimeError
            aside.unlink(missing_ok=True)
            reason = str(error).splitlines()[0]
            raise BadInput(f"cannot write checkpoint {self.path} ({reason}): free some disk, then go on") from error

    def remove(self) -> None:
        """Delete the checkpoint of a completed run."""
        self.path.unlink(missing_ok=True)
