"""What a learning run needs to go on where it stopped."""

from __future__ import annotations

import hashlib
import io
from pathlib import Path
from typing import Any

import torch

from depth_prompt_ros.errors import BadInput
from depth_prompt_ros.learning.result_file import checkpoint_path, differences
from depth_prompt_ros.written_aside import written_aside

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
            content = torch.load(io.BytesIO(_verified(self.path)), weights_only=True)
            settings, state = content["settings"], dict(content["state"])
        except BadInput:
            raise
        except Exception as error:  # whatever PyTorch and pickle meet in damaged data
            raise BadInput(f"checkpoint {self.path} cannot be read: delete it to learn from the start") from error
        if settings != self.settings:
            raise BadInput(
                f"checkpoint {self.path} is of a run with other settings, {differences(settings, self.settings)}: "
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


def settings_of(path: Path) -> dict[str, Any]:
    """The settings of the run that a checkpoint is of; empty where there is none that can be read."""
    if not path.exists():
        return {}
    try:
        content = torch.load(io.BytesIO(_verified(path)), weights_only=True)
        return dict(content["settings"])
    except Exception:  # noqa: BLE001 (whatever PyTorch and pickle meet in damaged data)
        return {}


def _verified(path: Path) -> bytes:
    """What follows the checksum, which must be its own; a file without one is of an older version."""
    content = path.read_bytes()
    if not content.startswith(_MAGIC):
        return content
    start = len(_MAGIC) + _DIGEST
    if hashlib.sha256(content[start:]).digest() != content[len(_MAGIC) : start]:
        raise BadInput(
            f"checkpoint {path} has changed since it was written (its checksum is another): delete it to learn from "
            "the start"
        )
    return content[start:]
