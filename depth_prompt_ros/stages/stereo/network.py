"""Any stereo network in ONNX: RAFT-Stereo, CREStereo, FoundationStereo and their like."""

from __future__ import annotations

import logging
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from depth_prompt_ros.errors import BadInput
from depth_prompt_ros.frame import DepthMeasurement, Frame
from depth_prompt_ros.parameters import RuntimeParameters, StereoParameters
from depth_prompt_ros.runtime.picture_graph import Picture, PictureGraph
from depth_prompt_ros.stages.stereo.confidence import disagreement, match_confidence
from depth_prompt_ros.stages.stereo.pair import VerticalDisparityCheck, check_pair

Float32 = NDArray[np.float32]

logger = logging.getLogger(__name__)

_MOSTLY = 0.9


class NetworkMatcher:
    """Dense disparity of the left picture, as a described network sees it.

    With ``left_right_check`` the mirrored pair is matched too, and a pixel is invalid when the two answers differ by
    more than ``left_right_tolerance``. Without it every pixel whose match lies in the right picture is valid.
    """

    def __init__(self, parameters: StereoParameters, runtime: RuntimeParameters) -> None:
        """Load the network.

        Raises:
            BadInput: no description, or one that does not fit.
            BadModel: missing or corrupt network, or one that is not as described.
        """
        if not parameters.onnx:
            raise BadInput("stereo.matcher onnx needs stereo.onnx, the YAML file that describes a stereo network")
        path = Path(parameters.onnx)
        self._network = PictureGraph(path, {"left", "right"}, {"disparity"}, runtime)
        self._parameters = parameters
        self._vertical = VerticalDisparityCheck()
        self._warned = False

    def __call__(self, frame: Frame) -> DepthMeasurement:
        """Match a rectified pair; rows that are not aligned are warned of once, in the log.

        Raises:
            BadFrame: no right picture, sizes that differ, no baseline, or a size that the network cannot take.
        """
        check_pair(frame)
        assert frame.right is not None
        self._vertical(*(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY) for picture in (frame.image, frame.right)))
        disparity = self._match(frame.image, frame.right)
        if not self._warned and np.mean(disparity < 0) > _MOSTLY:
            self._warned = True
            logger.warning("%s gives negative disparity: say factor: -1 in its description", self._parameters.onnx)
        apart = np.zeros_like(disparity)
        if self._parameters.left_right_check:
            mirrored = self._match(_flipped(frame.right), _flipped(frame.image))
            apart = disagreement(disparity, mirrored[:, ::-1])
        there = np.arange(disparity.shape[1], dtype=np.float32) - disparity
        confirmed = (there >= 0) & (there <= disparity.shape[1] - 1) & (apart <= self._parameters.left_right_tolerance)
        disparity = np.where(confirmed, disparity, np.float32(np.nan))
        depth = frame.camera.depth_from_disparity(disparity)
        confidence = match_confidence(disparity, apart, confirmed)
        confidence[~(depth > 0)] = 0
        return DepthMeasurement(depth, confidence, disparity)

    def _match(self, left: Picture, right: Picture) -> Float32:
        """(H, W) float32 pixels."""
        output = self._network.description.output
        answer = self._network(left=left, right=right)[output.channel] * np.float32(output.factor)
        height, width = left.shape[:2]
        if answer.shape != (height, width):
            answer = cv2.resize(answer, (width, height)) * np.float32(width / answer.shape[1])
        return np.asarray(answer, np.float32)


def _flipped(picture: Picture) -> Picture:
    return np.asarray(cv2.flip(picture, 1), np.uint8)
