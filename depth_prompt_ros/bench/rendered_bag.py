"""A recording to measure with where there is none: neighbouring frames of the demo's rendered table-top."""

from __future__ import annotations

import multiprocessing
from itertools import islice
from pathlib import Path

FRAMES = 4


def render_bag(path: Path) -> Path:
    """Write it, with labels; in a process of its own, so that rendering does not count as memory."""
    process = multiprocessing.get_context("spawn").Process(target=_render, args=(path,))
    process.start()
    process.join()
    if process.exitcode:
        raise RuntimeError(f"rendering ended with exit code {process.exitcode}")
    return path


def _render(path: Path) -> None:
    from depth_prompt_ros.data.rendering.scenes import TABLETOP_CAMERA, render_tabletop_sequence
    from depth_prompt_ros.demo.input_bag import StereoTruth, write_input_bag

    views = islice(render_tabletop_sequence(frames=200, seed=2), FRAMES)
    write_input_bag(
        path,
        (
            StereoTruth(view.stamp_ns, view.left, view.right, TABLETOP_CAMERA, view.depth, view.labels, view.tom)
            for view in views
        ),
    )
