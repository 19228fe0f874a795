"""Depth in OpenEXR files, which OpenCV 5 does not read."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from depth_prompt_ros.errors import BadInput


def read_exr(path: Path) -> NDArray[np.float32]:
    """(H, W) float32, NaN where it is not positive, from the first channel that is not alpha.

    Raises:
        BadInput: missing, damaged, or the OpenEXR library is not installed.
    """
    try:
        import OpenEXR
    except ModuleNotFoundError as error:
        raise BadInput("depth is in EXR files here: pip install OpenEXR") from error
    if not path.is_file():
        raise BadInput(f"no file {path}")
    try:
        with OpenEXR.File(str(path)) as file:
            channels = {name: channel.pixels for name, channel in file.channels().items() if name != "A"}
            pixels = next(iter(channels.values()))
    except (RuntimeError, ValueError, TypeError, StopIteration) as error:
        raise BadInput(f"cannot read {path}: {error}") from error
    depth = np.array(pixels[..., 0] if pixels.ndim == 3 else pixels, np.float32)
    depth[~(depth > 0)] = np.nan
    return depth
