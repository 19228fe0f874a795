"""Square pictures with their truth on disk: a folder of NumPy arrays, written once and memory-mapped after."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from depth_prompt_ros.errors import BadInput

_NOTE = "set.json"
_NAMES = ("images", "depths", "masks", "intrinsics")


@dataclass(frozen=True, eq=False)
class PictureSet:
    """N square pictures of side S with their truth.

    Attributes:
        images: (N, S, S, 3) uint8 RGB.
        depths: (N, S, S) float32 metres, NaN = unknown.
        masks: (N, S, S) bool, the object (all true for scenes).
        intrinsics: (N, 4) float32 fx, fy, cx, cy in pixels of these pictures.
    """

    images: NDArray[np.uint8]
    depths: NDArray[np.float32]
    masks: NDArray[np.bool_]
    intrinsics: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.images)

    @property
    def size(self) -> int:
        """Side of the pictures in pixels."""
        return int(self.images.shape[1])

    def first(self, count: int) -> PictureSet:
        """The first ``count`` pictures."""
        return PictureSet(self.images[:count], self.depths[:count], self.masks[:count], self.intrinsics[:count])

    def require_objects(self) -> None:
        """Raises BadInput where a picture has no object, or one without any known depth; the message says which."""
        for start in range(0, len(self), 256):
            masks = np.asarray(self.masks[start : start + 256])
            depths = np.asarray(self.depths[start : start + 256])
            known = masks & np.isfinite(depths) & (np.nan_to_num(depths) > 0)
            empty = np.flatnonzero(~known.any((1, 2)))
            if len(empty):
                missing = "known depth on its object" if masks[empty[0]].any() else "object in its mask"
                raise BadInput(f"picture {start + empty[0]} of {len(self)} in the set has no {missing}: leave it out")

    @classmethod
    def open(cls, folder: Path, mode: Literal["r", "r+"] = "r") -> PictureSet:
        """The set in ``folder``, memory-mapped.

        Raises:
            BadInput: the folder is not such a set, or it is damaged.
        """
        try:
            arrays = {name: np.load(folder / f"{name}.npy", mmap_mode=mode) for name in _NAMES}
        except FileNotFoundError as error:
            raise BadInput(f"{folder} is no picture set: it has no {Path(error.filename).name}") from error
        except (OSError, ValueError) as error:
            raise BadInput(f"{folder} is a damaged picture set ({error}): delete it and make it again") from error
        found = cls(**arrays)
        expected = _shapes(len(found), found.images.shape[1] if found.images.ndim == 4 else 0)
        for name in _NAMES:
            array, (shape, dtype) = arrays[name], expected[name]
            if array.shape != shape or array.dtype != dtype:
                raise BadInput(
                    f"{folder / name}.npy is {array.dtype} {array.shape}, expected {np.dtype(dtype)} {shape}: "
                    "delete the set and make it again"
                )
        return found


def open_or_make(
    folder: Path, settings: dict[str, Any], count: int, size: int, fill: Callable[[Path], None]
) -> PictureSet:
    """The set in ``folder``; where there is none, ``fill`` writes it into empty arrays in a folder aside, then renamed.

    Args:
        settings: what the set is made of; a set made of anything else is refused.
        fill: gets the folder aside, opens it with mode "r+" (in any number of processes), writes every picture.

    Raises:
        BadInput: the folder holds a set made with other settings, or a damaged one, or it cannot be written.
    """
    note = folder / _NOTE
    if folder.exists():
        try:
            found = json.loads(note.read_text())
        except (OSError, ValueError) as error:
            raise BadInput(f"{folder} is no picture set: give another folder") from error
        if found != settings:
            raise BadInput(f"{folder} holds a set made with {found}, not {settings}: give another folder")
        return PictureSet.open(folder)
    aside = folder.with_name(folder.name + ".part")
    shutil.rmtree(aside, ignore_errors=True)
    try:
        aside.mkdir(parents=True)
        for name, (shape, dtype) in _shapes(count, size).items():
            np.lib.format.open_memmap(aside / f"{name}.npy", mode="w+", dtype=dtype, shape=shape).flush()
        fill(aside)
        (aside / _NOTE).write_text(json.dumps(settings))
    except BadInput:
        shutil.rmtree(aside, ignore_errors=True)
        raise
    except OSError as error:
        shutil.rmtree(aside, ignore_errors=True)
        raise BadInput(f"cannot write the picture set {folder} ({error.strerror or error})") from error
    aside.rename(folder)
    return PictureSet.open(folder)


def _shapes(count: int, size: int) -> dict[str, tuple[tuple[int, ...], Any]]:
    return {
        "images": ((count, size, size, 3), np.uint8),
        "depths": ((count, size, size), np.float32),
        "masks": ((count, size, size), np.bool_),
        "intrinsics": ((count, 4), np.float32),
    }
