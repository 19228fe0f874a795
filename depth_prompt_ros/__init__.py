"""Metric, dense object depth for robot grasping, also on glass, chrome and mirrors."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from depth_prompt_ros.api.object_depth import ObjectDepth
    from depth_prompt_ros.camera import CameraModel
    from depth_prompt_ros.parameters import Parameters

__version__ = "0.1.0"
__all__ = ["CameraModel", "ObjectDepth", "Parameters"]

_MODULES = {"CameraModel": "camera", "ObjectDepth": "api.object_depth", "Parameters": "parameters"}


def __getattr__(name: str) -> Any:
    """Import a public name when it is asked for: OpenCV and the rest are not needed for the version alone."""
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}: there are {', '.join(__all__)}")
    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
