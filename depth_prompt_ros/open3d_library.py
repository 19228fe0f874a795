"""Open3D, imported only where something needs it: it is large and links graphics libraries of the system."""

from __future__ import annotations

from typing import Any

from depth_prompt_ros import system_libraries
from depth_prompt_ros.errors import BadInput


class NoOpen3d(BadInput):
    """Open3D is not installed, or cannot be loaded; the message says what needs it and what to do."""


def load_open3d(purpose: str) -> Any:
    """Import Open3D.

    Args:
        purpose: what needs it, the beginning of the error's message.

    Returns:
        The module ``open3d``.

    Raises:
        NoOpen3d: it is not installed, or a library that it links is missing.
    """
    try:
        import open3d
    except (ImportError, OSError) as error:
        if isinstance(error, ModuleNotFoundError) and error.name == "open3d":
            advice = "pip install 'depth_prompt_ros[tabletop]'"
            raise NoOpen3d(f"{purpose} needs Open3D, which is not installed: {advice}") from error
        reason = system_libraries.advice(system_libraries.missing()) or " ".join(str(error).splitlines())
        raise NoOpen3d(f"{purpose} needs Open3D, which does not load: {reason}") from error
    return open3d
