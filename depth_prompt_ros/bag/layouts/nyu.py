"""The labelled pictures of NYU Depth v2 (Silberman et al., ECCV 2012), each a second apart."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from depth_prompt_ros.bag.layouts.write import FRAME_ID, SECOND, LayoutFrame
from depth_prompt_ros.camera import CameraModel
from depth_prompt_ros.data.readers.metric_layouts import NYU_FILE, nyu_file
from depth_prompt_ros.errors import BadInput
from depth_prompt_ros.frame import Frame

_NYU_CAMERA = (518.85790117450188, 519.46961112127485, 325.58244941119034, 253.73616633400465)
"""fx, fy, cx, cy of the colour camera in the data set's toolbox (camera_params.m); depth is given in that camera."""


def read_nyu(folder: Path) -> Iterator[LayoutFrame]:
    """NYU Depth v2, labelled (``nyu_depth_v2_labeled.mat``): ``rawDepths`` is measured, ``depths`` the truth.

    Both in metres in the colour camera; the truth's holes were filled from colours by the data set's authors.

    Raises:
        BadInput: no such file, or it is damaged.
    """
    path = folder / NYU_FILE
    if not path.is_file():
        raise BadInput(f"{folder} is no NYU v2: it has no {NYU_FILE}")
    stored = nyu_file(path)
    try:
        pictures, measured, true = stored["images"], stored["rawDepths"], stored["depths"]
        for index in range(len(pictures)):
            image = np.ascontiguousarray(pictures[index].transpose(2, 1, 0))
            depth, truth = (np.array(each[index].T, np.float32) for each in (measured, true))
            for plane in (depth, truth):
                plane[~(plane > 0)] = np.nan
            camera = CameraModel(image.shape[1], image.shape[0], *_NYU_CAMERA)
            frame = Frame((index + 1) * SECOND, FRAME_ID, image, camera, depth=depth)
            yield LayoutFrame(frame, truth, f"picture {index} of {path}")
    except (KeyError, OSError, ValueError, IndexError) as error:
        raise BadInput(f"cannot read images, rawDepths and depths of {path}: {error}") from error
