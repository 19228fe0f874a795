"""The Middlebury 2014 Motorcycle pair with ground truth (Scharstein et al., GCPR 2014), which scikit-image carries."""

from __future__ import annotations

import numpy as np

from depth_prompt_ros.camera import CameraModel
from depth_prompt_ros.demo.input_bag import StereoTruth
from depth_prompt_ros.parameters import Parameters

CAMERA = CameraModel(
    width=741, height=500, fx=994.978, fy=994.978, cx=311.193, cy=254.877, baseline=0.193001, cx_offset=31.086
)
"""The data set's calibration at quarter size, as ``skimage.data.stereo_motorcycle`` documents it."""

TARGET_BOX = (88.0, 30.0, 600.0, 428.0)
"""Around the motorcycle: pixel x, y, width, height."""

STAMP_NS = 1_400_000_000_000_000_000


def motorcycle_pair() -> StereoTruth:
    """The pair, 741x500, with its true depth; nothing is downloaded."""
    from skimage.data import stereo_motorcycle

    left, right, disparity = stereo_motorcycle()
    known = np.where(np.isfinite(disparity), disparity, np.nan).astype(np.float32)
    return StereoTruth(STAMP_NS, left, right, CAMERA, CAMERA.depth_from_disparity(known))


def motorcycle_parameters() -> Parameters:
    """A box around the motorcycle; no masks of glass, which this workshop has none of: ToM pixels by evidence alone."""
    return Parameters.checked(
        {
            "stereo": {"num_disparities": 80},
            "segmentation": {"method": "box", "target_box": TARGET_BOX},
            "tom": {"method": "none"},
        },
        "the motorcycle demo",
    )
