"""Which pixels show things that move: static, moving or not known."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from depth_prompt_ros.errors import BadInput
from depth_prompt_ros.frame import DepthMeasurement, Frame
from depth_prompt_ros.parameters import RUNTIME_DEFAULTS, MovingParameters, RuntimeParameters
from depth_prompt_ros.stages.moving.geometric import GeometricMask
from depth_prompt_ros.stages.moving.marks import MOVING, UNKNOWN
from depth_prompt_ros.stages.moving.spimo import SpimoMask


class Moving:
    """The chosen masks, joined: moving is what one of them calls so; not known is what none of them knows."""

    def __init__(self, parameters: MovingParameters, runtime: RuntimeParameters = RUNTIME_DEFAULTS) -> None:
        """Load the network, if one is asked for.

        Raises:
            BadInput: a parameter that the method needs is missing.
            BadModel: a network that cannot be used.
        """
        self._geometric: GeometricMask | None = None
        self._spimo: SpimoMask | None = None
        if parameters.method in ("geometric", "both"):
            if not parameters.fixed_frame:
                raise BadInput(f"moving.method {parameters.method} needs moving.fixed_frame, a frame that tf knows")
            self._geometric = GeometricMask(parameters)
        if parameters.method in ("spimo", "both"):
            if not parameters.graph:
                raise BadInput(
                    f"moving.method {parameters.method} needs moving.graph, the ONNX file of depth-prompt export video"
                )
            self._spimo = SpimoMask(parameters, runtime)

    def reset(self) -> None:
        """Forget the last frame: time has jumped."""
        if self._geometric is not None:
            self._geometric.reset()

    def __call__(self, frame: Frame, measurement: DepthMeasurement) -> NDArray[np.uint8]:
        """(H, W) uint8: 0 static, 255 moving, 128 not known."""
        masks = [mask(frame, measurement) for mask in (self._spimo, self._geometric) if mask is not None]
        joined = masks[0]
        for mask in masks[1:]:
            joined = np.where(joined == UNKNOWN, mask, np.where(mask == MOVING, np.uint8(MOVING), joined))
        return joined


def make_moving(parameters: MovingParameters, runtime: RuntimeParameters = RUNTIME_DEFAULTS) -> Moving | None:
    """What ``parameters.method`` asks for; None where that is none.

    Raises:
        BadInput, BadModel: see :class:`Moving`.
    """
    return None if parameters.method == "none" else Moving(parameters, runtime)
