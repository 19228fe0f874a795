from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from live import START_NS

from depth_prompt_ros.data.rendering.scenes import TABLETOP_CAMERA, render_tabletop_sequence
from depth_prompt_ros.frame import Frame


@pytest.fixture(scope="package")
def frame() -> Frame:
    """Half a table-top with one labelled object."""
    view = next(iter(render_tabletop_sequence(frames=200, seed=2)))
    camera = TABLETOP_CAMERA.scaled(320, 240)
    left, right = (np.ascontiguousarray(picture[::2, ::2]) for picture in (view.left, view.right))
    labels = np.where(view.labels == 5, 5, 0).astype(np.uint16)[::2, ::2]
    return Frame(
        START_NS, "left_optical", left, replace(camera, baseline=0.06), right, labels=np.ascontiguousarray(labels)
    )
