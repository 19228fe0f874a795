"""ClearGrasp's real scenes and plain folders of scenes, each scene a frame, a second apart."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from depth_prompt_ros.bag.layouts.write import FRAME_ID, SECOND, LayoutFrame
from depth_prompt_ros.data.readers.cleargrasp import read_cleargrasp
from depth_prompt_ros.data.readers.scenes import list_scenes, read_scene


def read_cleargrasp_frames(folder: Path) -> Iterator[LayoutFrame]:
    """See :func:`depth_prompt_ros.data.readers.cleargrasp.read_cleargrasp`; the painted objects' depth is the truth."""
    for number, scene in enumerate(read_cleargrasp(folder), 1):
        yield LayoutFrame(replace(scene.frame, stamp_ns=number * SECOND, frame_id=FRAME_ID), scene.true_depth)


def read_scene_frames(folder: Path) -> Iterator[LayoutFrame]:
    """See :mod:`depth_prompt_ros.data.readers.scenes`; scenes may be of several sizes.

    A scene without labels or ``tom.png`` among others that have them gets none of either, all 0.
    """
    folders = list_scenes(folder)
    masked = any((path / "tom.png").is_file() for path in folders)
    labelled = masked or any((path / "labels.png").is_file() for path in folders)
    for number, path in enumerate(folders, 1):
        scene = read_scene(path)
        frame = scene.frame(labels=True, tom=True)
        size = frame.image.shape[:2]
        labels = np.zeros(size, np.uint16) if labelled and frame.labels is None else frame.labels
        tom = np.zeros(size, np.bool_) if masked and frame.tom is None else frame.tom
        yield LayoutFrame(
            replace(frame, stamp_ns=number * SECOND, frame_id=FRAME_ID, labels=labels, tom=tom), scene.truth, str(path)
        )
