"""A word where frames take long: how long, and which parameter decides it."""

from __future__ import annotations

import logging
from collections.abc import Mapping

from depth_prompt_ros.parameters import Parameters

logger = logging.getLogger(__name__)

SLOW = 2.0
"""Seconds; nobody waits for a frame that takes less."""


class SlowFrames:
    """Says once what a frame takes on this machine, where that is long."""

    def __init__(self) -> None:
        self._said = False

    def look_at(self, seconds: Mapping[str, float], parameters: Parameters) -> None:
        """Look at the ``seconds`` that one frame took, by stage."""
        total = sum(seconds.values())
        if self._said or total <= SLOW:
            return
        self._said = True
        stage = max(seconds, key=lambda name: seconds[name])
        chosen = _chosen_by(parameters).get(stage)
        logger.warning(
            "a frame takes %.1f s on this machine (%.2g frames a second), %.1f s of it %s%s",
            total, 1 / total, seconds[stage], stage, f" ({chosen})" if chosen else "",
        )  # fmt: skip


def _chosen_by(parameters: Parameters) -> dict[str, str]:
    """The parameter that decides what a stage takes, with its value."""
    stereo, segmentation, tom = parameters.stereo, parameters.segmentation, parameters.tom
    return {
        "stereo": f"stereo.matcher {stereo.matcher} {stereo.onnx}".rstrip(),
        "segmentation": f"segmentation.method {segmentation.method}",
        "tom": f"tom.method {tom.method}",
        "graph": f"prompted_depth.graph {parameters.prompted_depth.graph or 'as shipped'}",
        "surroundings": f"tom.mono {tom.mono or 'as shipped'}",
        "moving": f"moving.method {parameters.moving.method}",
    }
