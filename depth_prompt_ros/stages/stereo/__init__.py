"""Stereo matching: a rectified pair in, disparity, depth and confidence out."""

from __future__ import annotations

from typing import Protocol

from depth_prompt_ros.frame import DepthMeasurement, Frame
from depth_prompt_ros.parameters import RUNTIME_DEFAULTS, RuntimeParameters, StereoParameters
from depth_prompt_ros.stages.stereo.network import NetworkMatcher
from depth_prompt_ros.stages.stereo.sgbm import SgbmMatcher


class StereoMatcher(Protocol):
    """Anything that measures depth from a rectified pair."""

    def __call__(self, frame: Frame) -> DepthMeasurement:
        """Match ``frame.image`` and ``frame.right``.

        Raises:
            BadFrame: the pictures cannot be a rectified pair.
        """
        ...


def make_stereo_matcher(parameters: StereoParameters, runtime: RuntimeParameters = RUNTIME_DEFAULTS) -> StereoMatcher:
    """The matcher that ``parameters.matcher`` names.

    Raises:
        BadInput: a parameter that this matcher needs is missing.
        BadModel: its network is missing, corrupt or not as described.
    """
    if parameters.matcher == "onnx":
        return NetworkMatcher(parameters, runtime)
    return SgbmMatcher(parameters)
