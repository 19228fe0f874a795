"""What a metric prompt gets: block, measurement and support in the crop, without the rim of what is wholly hidden."""

from __future__ import annotations

import numpy as np
import pytest

from depth_prompt_ros.camera import CameraModel, VirtualCamera
from depth_prompt_ros.stages.anchor.choose import Anchor
from depth_prompt_ros.stages.anchor.support_plane import Plane
from depth_prompt_ros.stages.metric_inputs import Around, metric_inputs

CAMERA = CameraModel(160, 120, 150.0, 150.0, 79.5, 59.5)
TARGET = np.zeros((120, 160), bool)
TARGET[40:80, 60:100] = True
VIEW = VirtualCamera.looking_at(CAMERA, TARGET, 160)
WALL = Plane(np.array([0.0, 0.0, -1.0]), 2.0)


def inputs(kind: str) -> dict[str, np.ndarray]:
    block = np.where(TARGET, np.float32(1.25), np.float32(0))
    anchor = Anchor(kind, block, False, "", block)
    around = Around([WALL], np.full(TARGET.shape, 0.5, np.float32))
    return {name: value[0, 0] for name, value in metric_inputs([VIEW], [anchor], around).items()}


def test_planes_are_those_of_the_crop() -> None:
    found = inputs("inside")
    middle = np.s_[60:100, 60:100]
    np.testing.assert_allclose(found["block"][middle], 1.25, rtol=0.05)
    np.testing.assert_allclose(found["support"][middle], 0.5, rtol=0.05)
    np.testing.assert_allclose(found["measured"], 0.5, rtol=0.1)


@pytest.mark.parametrize(("kind", "left_out"), [("inside", False), ("support", True)])
def test_the_rim_is_left_out_where_nothing_is_trusted_inside(kind: str, left_out: bool) -> None:
    found = inputs(kind)
    rows, columns = np.nonzero(found["block"] > 0)
    beside = found["measured"][rows.mean().astype(int), columns.max() + 1 : columns.max() + 7]
    assert (beside == 0).all() == left_out
    assert found["measured"][rows.mean().astype(int), columns.max() + 10] > 0
    assert (found["measured"][rows, columns] > 0).all()
