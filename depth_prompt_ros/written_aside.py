"""Files and folders that are whole or not there: made beside their place, and renamed when nothing is missing."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from depth_prompt_ros.errors import BadInput


@contextmanager
def written_aside(
    path: Path, error: type[BadInput] = BadInput, also: type[Exception] = OSError, more: str = ""
) -> Iterator[Path]:
    """Yield a path beside ``path`` to write to, named ``NAME.part``; rename it when the block ends, else remove it.

    The folder is made if it is not there.

    Args:
        path: of the file.
        error: what to raise.
        also: what a library raises where the disk is full, besides OSError.
        more: of the message, for example where the result of hours still is.

    Raises:
        BadInput: the folder cannot be written, or its disk is full; what ``path`` held before stays.
    """
    aside = path.with_name(f"{path.name}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield aside
        aside.replace(path)
    except (OSError, also) as problem:
        reason = getattr(problem, "strerror", None) or str(problem).strip().splitlines()[0]
        raise error(f"cannot write {path} ({reason}): make room, or give another place{more}") from problem
    finally:
        with suppress(OSError):
            aside.unlink(missing_ok=True)


@contextmanager
def folder_aside(folder: Path) -> Iterator[Path]:
    """Yield an empty hidden folder beside ``folder`` to make it in, to be renamed by who made it.

    What an earlier run left there is removed first, and what is still there at the end, whatever happened.
    """
    aside = folder.with_name(f".{folder.name}~")
    shutil.rmtree(aside, ignore_errors=True)
    try:
        aside.mkdir(parents=True)
        yield aside
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def write_bytes(path: Path, content: bytes, error: type[BadInput] = BadInput) -> None:
    """Write a whole file; raises as :func:`written_aside`."""
    with written_aside(path, error) as aside:
        aside.write_bytes(content)


def write_text(path: Path, text: str, error: type[BadInput] = BadInput) -> None:
    """Write a whole file in UTF-8; raises as :func:`written_aside`."""
    write_bytes(path, text.encode(), error)


def write_picture(path: Path, picture: NDArray[np.generic], quality: int = 95) -> None:
    """Write (H, W) or (H, W, 3) RGB in the format of the name's ending; ``quality`` is of JPEG.

    ``cv2.imwrite`` does not tell a full disk from a whole file.

    Raises:
        BadInput: no such format, or as :func:`written_aside`.
    """
    try:
        bgr = picture[..., ::-1] if picture.ndim == 3 else picture
        options = [cv2.IMWRITE_JPEG_QUALITY, quality] if path.suffix.lower() in (".jpg", ".jpeg") else []
        packed = cv2.imencode(path.suffix, np.ascontiguousarray(bgr), options)[1]
    except cv2.error as problem:
        raise BadInput(f"cannot write {path}: give a name that ends in .png or .jpg") from problem
    write_bytes(path, packed.tobytes())
