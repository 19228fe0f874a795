"""ToM regions that another program has found."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from depth_prompt_ros.errors import BadFrame
from depth_prompt_ros.frame import Frame


def outside_tom(frame: Frame) -> NDArray[np.bool_]:
    """(H, W) bool: ``frame.tom``; any value but 0 counts, so that 0/1 and 0/255 masks mean the same.

    Raises:
        BadFrame: no ToM image came with the frame, or it has another size.
    """
    if frame.tom is None:
        raise BadFrame(
            "tom.method is labels, but no ToM image came with this frame: set topics.tom_labels, "
            "or choose another tom.method"
        )
    if frame.tom.shape != frame.image.shape[:2]:
        found, wanted = ("x".join(map(str, shape[::-1])) for shape in (frame.tom.shape, frame.image.shape[:2]))
        raise BadFrame(f"the ToM image is {found} but the left picture is {wanted}: publish it at the picture's size")
    return frame.tom != 0
