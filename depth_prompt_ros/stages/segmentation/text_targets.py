"""Targets that are named in words."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from depth_prompt_ros.errors import NoTarget
from depth_prompt_ros.frame import DepthMeasurement, Frame
from depth_prompt_ros.parameters import RuntimeParameters, SegmentationParameters
from depth_prompt_ros.stages.segmentation.components import components, labels_from_masks
from depth_prompt_ros.stages.text.finder import open_text_finder
from depth_prompt_ros.stages.text.phrases import phrases_in


class TextTargets:
    """Connected pixels that are of a phrase of ``text``, the largest first; each phrase has pixels of its own.

    Attributes:
        phrases: that are looked for.
    """

    def __init__(self, parameters: SegmentationParameters, runtime: RuntimeParameters) -> None:
        """Load the network and turn the phrases into vectors.

        Raises:
            BadInput: no network is named, an empty phrase, or one of too many tokens.
            BadModel: the network is missing or damaged.
        """
        self.phrases = phrases_in(parameters.text)
        self._parameters = parameters
        self._finder = open_text_finder(parameters.text_network, "segmentation", runtime)
        self._finder.vectors(self.phrases)

    def __call__(self, frame: Frame, measurement: DepthMeasurement) -> NDArray[np.uint16]:  # noqa: ARG002
        """(H, W) uint16 labels.

        Raises:
            NoTarget: no pixel is likely enough of any phrase, or too few are.
        """
        found = self._finder.probabilities(frame.image, self.phrases)
        best = found.argmax(0)
        parts = [
            part
            for number, probability in enumerate(found)
            for part in components(
                np.ascontiguousarray((probability >= self._parameters.text_threshold) & (best == number)),
                self._parameters.min_area,
            )
        ]
        if not parts:
            most = ", ".join(f"{phrase!r} {each.max():.2f}" for phrase, each in zip(self.phrases, found, strict=True))
            raise NoTarget(
                f"no target found by its name (likeliest pixel: {most}): name it otherwise, or lower "
                "segmentation.text_threshold or min_area"
            )
        return labels_from_masks(parts, self._parameters)
