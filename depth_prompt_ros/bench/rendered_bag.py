"""A recording to measure with where there is none: neighbouring frames of the demo's rendered table-top."""

from __future__ import annotations

import multiprocessing
from itertools import islice
from pathlib import Path

FRAMES = 4


def render_bag(path: Path, width: int = 640, height: int = 480) -> Path:
    """Write it, with labels; in a process of its own, so that rendering does not count as memory.

    Args:
        path: of the recording.
        width, height: of the pictures, pixels; whatever they are, the same is seen from top to bottom.
    """
    process = multiprocessing.get_context("spawn").Process(target=_render, args=(path, width, height))
    process.start()
    process.join()
    if process.exitcode:
        raise RuntimeError(f"rendering ended with exit code {process.exitcode}")
    return path


def _render(path: Path, width: int, height: int) -> None:
    from depth_prompt_ros.camera import CameraModel
    from depth_prompt_ros.data.rendering.scenes import TABLETOP_CAMERA, render_tabletop_sequence
    from depth_prompt_ros.demo.input_bag import StereoTruth, write_input_bag

    focal = TABLETOP_CAMERA.fx * height / TABLETOP_CAMERA.height
    middle = (width - 1) / 2, (height - 1) / 2
    camera = CameraModel(width, height, focal, focal, *middle, baseline=TABLETOP_CAMERA.baseline)
    views = islice(render_tabletop_sequence(frames=200, seed=2, camera=camera), FRAMES)
    write_input_bag(
        path,
        (
            StereoTruth(view.stamp_ns, view.left, view.right, camera, view.depth, view.labels, view.tom)
            for view in views
        ),
    )
