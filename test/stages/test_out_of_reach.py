from __future__ import annotations

import numpy as np
import pytest
from standing import CAMERA, measured

from depth_prompt_ros.stages.boxes import targets_in
from depth_prompt_ros.stages.tom.out_of_reach import out_of_reach

LABELS = np.zeros((120, 160), np.uint16)
LABELS[30:60, 20:80] = 3  # 60 of 150 pixels' focal length wide: 0.4 m at 1 m
MONO = np.where(LABELS > 0, np.float32(1), np.float32(np.nan))


@pytest.mark.parametrize(("depth", "far"), [(1.5, False), (1.65, True), (0.45, False), (0.35, True), (np.nan, False)])
@pytest.mark.parametrize("zoom", [0.1, 1, 10])
def test_farther_than_one_and_a_half_times_the_size(depth: float, far: bool, zoom: float) -> None:
    seen = np.full(LABELS.shape, depth * zoom, np.float32)
    found = out_of_reach(CAMERA, targets_in(LABELS), measured(seen), MONO * np.float32(zoom))
    assert (found == ((LABELS > 0) & far)).all()


def test_without_a_shape_there_is_no_verdict() -> None:
    seen = np.full(LABELS.shape, 9, np.float32)
    assert not out_of_reach(CAMERA, targets_in(LABELS), measured(seen), np.full_like(MONO, np.nan)).any()
