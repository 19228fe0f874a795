"""What a learning run needs to go on where it stopped."""

from __future__ import annotations

import hashlib
import io
from pathlib import Path
from typing import Any

import torch

from depth_prompt_ros.errors import BadInput
from depth_prompt_ros.written_aside import written_aside

SUFFIX = ".checkpoint"
_MAGIC = b"depth_prompt_ros checkpoint\n"
_DIGEST = hashlib.sha256().digest_size


class Checkpoint:
    """One file beside the result: written aside, then renamed; removed when the result has been written.

    It begins with the SHA-256 of what follows, so that damage is told from a state to go on with.

    Attributes:
        path: of the file.
        settings: numbers and names that make two runs the same.
    """

    def __init__(self, out: Path, settings: dict[str, Any]) -> None:
        """Name the file; nothing is read or written yet.

        Args:
            out: the run's result.
            settings: numbers and names that make two runs the same.
        """
        self.path, self.settings = checkpoint_path(out), settings

    def load(self) -> dict[str, Any] | None:
        """The saved state, or None where there is none. Nothing in the file is executed.

        Raises:
            BadInput: it is damaged, or of a run with other settings.
        """
        if not self.path.exists():
            return None
        try:
            content = torch.load(io.BytesIO(self._verified()), weights_only=True)
            settings, state = content["settings"], dict(content["state"])
        except BadInput:
            raise
        except Exception as error:  # whatever PyTorch and pickle meet in damaged data
            raise BadInput(f"checkpoint {self.path} cannot be read: delete it to learn from the start") from error
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
        return state

    def save(self, state: dict[str, Any]) -> None:
        """Replace the file.

        Raises:
            BadInput: the disk is full or the folder cannot be written; the last checkpoint is kept.
        """
        packed = io.BytesIO()
        torch.save({"settings": self.settings, "state": state}, packed)
        content = packed.getbuffer()
        more = "; the last checkpoint is kept, repeat the command to go on" if self.path.exists() else ""
        with written_aside(self.path, more=more) as aside, aside.open("wb") as file:
            file.write(_MAGIC + hashlib.sha256(content).digest())
            file.write(content)

    def _verified(self) -> bytes:
        """What follows the checksum, which must be its own; a file without one is of an older version."""
        content = self.path.read_bytes()
        if not content.startswith(_MAGIC):
            return content
        start = len(_MAGIC) + _DIGEST
        if hashlib.sha256(content[start:]).digest() != content[len(_MAGIC) : start]:
            raise BadInput(
                f"checkpoint {self.path} has changed since it was written (its checksum is another): delete it to "
                "learn from the start"
            )
        return content[start:]


def checkpoint_path(out: Path) -> Path:
    """Where the checkpoint of a run with this result is."""
    return out.with_suffix(SUFFIX)
