"""Pictures with their truth, compressed in one file: a fifteenth of the room that arrays take."""

from __future__ import annotations

import os
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from depth_prompt_ros.errors import BadInput

SAMPLES, _OFFSETS, _RANGES, _INTRINSICS = "samples.bin", "offsets.npy", "depth_ranges.npy", "intrinsics.npy"
_STEPS = 65534
"""Of depth between a picture's nearest and farthest; 0 is unknown."""
_JPEG = [cv2.IMWRITE_JPEG_QUALITY, 95, cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444]
_CHANNELS: tuple[tuple[int, ...], ...] = ((3,), (), (), (3,))
_TYPES = (np.uint8, np.float32, np.bool_, np.float32)
"""Of pictures, depth, masks and normals."""


@dataclass(frozen=True, eq=False)
class Packed:
    """One picture to write; as in a :class:`PictureSet`, whose fields say more.

    Attributes:
        image: (S, S, 3) uint8 RGB.
        depth: (S, S) float32 metres, NaN = unknown.
        mask: (S, S) bool.
        intrinsics: (4,) fx, fy, cx, cy.
        normals: (S, S, 3) float32 of length 1, 0 = unknown; None where depth alone says what they are.
    """

    image: NDArray[np.uint8]
    depth: NDArray[np.float32]
    mask: NDArray[np.bool_]
    intrinsics: NDArray[np.floating]
    normals: NDArray[np.float32] | None = None


class PackedArray:
    """One of the arrays of a packed set, unpacked where it is looked at; a slice of it is one, too."""

    def __init__(
        self, folder: Path, part: int, offsets: NDArray[np.int64], ranges: NDArray[np.float32], side: int = 0
    ) -> None:
        self._folder, self._part, self._offsets, self._ranges = folder, part, offsets, ranges
        self._bytes = np.memmap(folder / SAMPLES, np.uint8, "r")
        self._side = side or len(self._unpack(offsets[0], ranges[0]))
        self.shape: tuple[int, ...] = (len(offsets), self._side, self._side, *_CHANNELS[part])
        self.dtype = np.dtype(_TYPES[part])

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, key: Any) -> Any:
        """One picture's, those of an array of indices, or a slice, which is unpacked later."""
        offsets, ranges = self._offsets[key], self._ranges[key]
        if isinstance(key, slice):
            return PackedArray(self._folder, self._part, offsets, ranges, self._side)
        if offsets.ndim == 1:
            return self._unpack(offsets, ranges)
        with ThreadPoolExecutor(os.cpu_count()) as threads:  # OpenCV lets go of the interpreter
            return np.stack(list(threads.map(self._unpack, offsets, ranges)))

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        whole = self[np.arange(len(self))]
        return np.asarray(whole, dtype)

    def _unpack(self, offsets: NDArray[np.int64], depths: NDArray[np.float32]) -> NDArray[Any]:
        begin, end = offsets[self._part : self._part + 2]
        found = cv2.imdecode(np.asarray(self._bytes[begin:end]), cv2.IMREAD_UNCHANGED) if end > begin else None
        if found is None:
            raise BadInput(f"{self._folder / SAMPLES} is damaged: delete the set and make it again")
        if self._part == 0:
            return np.ascontiguousarray(found[..., ::-1])
        if self._part == 1:
            depth = depths[0] + (found - np.float32(1)) * ((depths[1] - depths[0]) / np.float32(_STEPS))
            return np.where(found > 0, depth, np.float32(np.nan))
        if self._part == 2:
            return np.asarray(found > 0)
        normals = found[..., ::-1].astype(np.float32) / 127.5 - 1
        length = np.linalg.norm(normals, axis=2, keepdims=True)
        return np.where(found.any(2, keepdims=True), normals / np.maximum(length, 1e-6), np.float32(0))


def is_packed(folder: Path) -> bool:
    """Whether a folder holds a packed set."""
    return (folder / SAMPLES).is_file()


def write_packed(folder: Path, pictures: Iterable[Packed]) -> int:
    """Write pictures as they come into a folder that is there; returns how many. All have normals, or none has.

    Pictures become JPEG of quality 95, depth 16 bits between a picture's nearest and farthest, masks bits, normals
    three bytes.

    Raises:
        OSError: the disk is full or the folder cannot be written.
    """
    offsets, ranges, intrinsics, place = [], [], [], 0
    with (folder / SAMPLES).open("wb") as file:
        for picture in pictures:
            parts, nearest_and_farthest = _packed(picture)
            bounds = [place]
            for part in parts:
                file.write(part)
                bounds.append(bounds[-1] + len(part))
            place = bounds[-1]
            offsets.append(bounds)
            ranges.append(nearest_and_farthest)
            intrinsics.append(np.asarray(picture.intrinsics, np.float32))
    np.save(folder / _OFFSETS, np.array(offsets, np.int64))
    np.save(folder / _RANGES, np.array(ranges, np.float32).reshape(-1, 2))
    np.save(folder / _INTRINSICS, np.array(intrinsics, np.float32).reshape(-1, 4))
    return len(offsets)


def open_packed(folder: Path) -> tuple[Any, Any, Any, NDArray[np.float32], Any]:
    """Pictures, depth, masks, intrinsics, and normals or None.

    Raises:
        BadInput: it is damaged.
    """
    try:
        offsets, ranges, intrinsics = (np.load(folder / name) for name in (_OFFSETS, _RANGES, _INTRINSICS))
        arrays = [PackedArray(folder, part, offsets, ranges) for part in range(offsets.shape[1] - 1)]
    except (OSError, ValueError, IndexError) as error:
        raise BadInput(f"{folder} is a damaged picture set ({error}): delete it and make it again") from error
    images, depths, masks = arrays[:3]
    return images, depths, masks, intrinsics, arrays[3] if len(arrays) > 3 else None


def _packed(picture: Packed) -> tuple[list[bytes], tuple[float, float]]:
    known = np.isfinite(picture.depth)
    inside = picture.depth[known] if known.any() else np.zeros(1)
    nearest, farthest = float(inside.min()), float(inside.max())
    share = (np.nan_to_num(picture.depth) - nearest) / max(farthest - nearest, 1e-9)
    steps = np.where(known, 1 + np.round(_STEPS * share), 0).astype(np.uint16)
    parts = [
        _encoded(".jpg", picture.image[..., ::-1], _JPEG),
        _encoded(".png", steps),
        _encoded(".png", picture.mask.astype(np.uint8) * 255, [cv2.IMWRITE_PNG_BILEVEL, 1]),
    ]
    if picture.normals is not None:
        there = picture.normals.any(2, keepdims=True)
        bytes_of = np.where(there, np.clip(np.round(127.5 * (picture.normals + 1)), 1, 255), 0).astype(np.uint8)
        parts.append(_encoded(".png", bytes_of[..., ::-1]))
    return parts, (nearest, farthest)


def _encoded(ending: str, picture: NDArray[Any], options: list[int] | None = None) -> bytes:
    done, encoded = cv2.imencode(ending, np.ascontiguousarray(picture), options or [])
    if not done:
        raise BadInput(f"OpenCV cannot write {ending} of {picture.dtype} {picture.shape}")
    return bytes(encoded)
