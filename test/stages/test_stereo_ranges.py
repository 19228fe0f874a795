"""Every stereo parameter at both ends of its range: OpenCV takes it, and the process lives on."""

from __future__ import annotations

import subprocess
import sys

import pytest

from depth_prompt_ros.errors import BadInput
from depth_prompt_ros.parameter_listing import entries
from depth_prompt_ros.parameters import Parameters, StereoParameters

NUMBERS = [entry for entry in entries() if entry.path[0] == "stereo" and entry.type in ("int", "float")]
ENDS = [(entry.path[1], end) for entry in NUMBERS for end in (entry.minimum, entry.maximum)]

RUN = """
import sys
import numpy as np
from depth_prompt_ros.camera import CameraModel
from depth_prompt_ros.frame import Frame
from depth_prompt_ros.parameters import StereoParameters
from depth_prompt_ros.stages.stereo.sgbm import SgbmMatcher

wall = np.random.default_rng(0).integers(0, 255, (48, 120, 3), np.uint8)
camera = CameraModel(96, 48, 60.0, 60.0, 47.5, 23.5, baseline=0.1)
frame = Frame(1, "left", np.ascontiguousarray(wall[:, :96]), camera, right=np.ascontiguousarray(wall[:, 8:104]))
for setting in sys.argv[1:]:
    name, value = setting.split("=")
    print(setting, flush=True)
    matched = SgbmMatcher(StereoParameters.model_validate({name: float(value)}))(frame)
    assert matched.depth.shape == (48, 96)
print("done")
"""


def inside(name: str, end: float, other: bool) -> float:
    """The end itself, or where it is excluded the nearest number inside."""
    try:
        StereoParameters.model_validate({name: end})
    except ValueError:
        return end - 1e-6 if other else end + 1e-6
    return end


def test_every_number_has_two_ends() -> None:
    assert all(end is not None for _, end in ENDS)
    assert {name for name, _ in ENDS} >= {
        "uniqueness",
        "block_size",
        "min_disparity",
        "num_disparities",
        "speckle_area",
    }


def test_opencv_takes_both_ends_of_every_range() -> None:
    """In a process of its own: what OpenCV does not take may end it (a uniqueness of 100 is a division by zero)."""
    settings = [f"{name}={inside(name, end, place % 2 == 1)}" for place, (name, end) in enumerate(ENDS)]
    done = subprocess.run([sys.executable, "-c", RUN, *settings], capture_output=True, text=True, check=False)
    assert done.returncode == 0, (done.stdout.splitlines()[-1:], done.stderr[-500:])
    assert done.stdout.splitlines() == [*settings, "done"]


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        ("uniqueness", 100, "less than or equal to 99"),
        ("block_size", 4, "4 is even, it must be odd"),
        ("block_size", 0, "greater than or equal to 1"),
        ("num_disparities", 100, "multiple of 16"),
        ("speckle_area", 2**40, "less than or equal to"),
    ],
)
def test_what_opencv_does_not_take_is_refused_by_name(name, value, text) -> None:
    with pytest.raises(BadInput, match=rf"stereo\.{name}: .*{text}"):
        Parameters.checked({"stereo": {name: value}}, "a test")
