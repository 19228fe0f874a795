"""Stereo matching: a rectified pair in, disparity, depth and confidence out."""

from __future__ import annotations

from typing import Protocol

from depth_prompt_ros.frame import DepthMeasurement, Frame
from depth_prompt_ros.parameters import StereoParameters
from depth_prompt_ros.stages.stereo.sgbm import SgbmMatcher


class StereoMatcher(Protocol):
    """Anything that measures depth from a rectified pair."""

    def __call__(self, frame: Frame) -> DepthMeasurement:
        """Match ``frame.image`` and ``frame.right``.

        Raises:
            BadFrame: the pictures cannot be a rectified pair.
        """
        ...


_MATCHERS = {"sgbm": SgbmMatcher}


def make_stereo_matcher(parameters: StereoParameters) -> StereoMatcher:
    """The matcher that ``parameters.matcher`` names."""
    return _MATCHERS[parameters.matcher](parameters)
