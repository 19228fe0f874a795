"""Glass that nobody found as a thing: it becomes a target if it stands on something."""

from __future__ import annotations

import numpy as np
import pytest
from standing import CAMERA, StandingBlock, measured

from depth_prompt_ros.frame import Frame
from depth_prompt_ros.parameters import Parameters
from depth_prompt_ros.stages.tom.standing_glass import with_standing_glass

SCENE = StandingBlock(wall=2.0, tilt=0.3, above=0.3, height=0.3)
SHAPE = SCENE.mask.shape
THROUGH = np.where(SCENE.mask, SCENE.background, SCENE.depth)


def labels_with(tom, labels=None, method="things", stamp=1, **parameters):
    labels = np.zeros(SHAPE, np.uint16) if labels is None else labels
    frame = Frame(stamp, "camera", np.zeros((*SHAPE, 3), np.uint8), CAMERA, depth=THROUGH)
    content = {"segmentation": {"method": method, **parameters.pop("segmentation", {})}, "tom": parameters}
    return with_standing_glass(frame, measured(THROUGH), labels, tom, Parameters.model_validate(content))


def test_glass_on_a_table_becomes_a_target_where_every_thing_is_looked_for() -> None:
    np.testing.assert_array_equal(labels_with(SCENE.mask) == 1, SCENE.mask)
    np.testing.assert_array_equal(labels_with(SCENE.mask, method="tabletop") == 1, SCENE.mask)
    assert not labels_with(SCENE.mask, method="labels").any()
    assert not labels_with(SCENE.mask, evidence=False).any()


def test_a_pane_on_the_wall_does_not() -> None:
    """Whatever three points a plane is drawn through, and however a processor rounds."""
    pane = np.zeros(SHAPE, np.bool_)
    pane[2:20, 10:60] = True
    assert not any(labels_with(pane, stamp=stamp).any() for stamp in range(40))


@pytest.mark.parametrize(("most", "added"), [(1, False), (2, True)])
def test_targets_that_were_found_stay_and_count(most, added) -> None:
    labels = np.zeros(SHAPE, np.uint16)
    labels[100:110, 10:30] = 1
    found = labels_with(SCENE.mask, labels, segmentation={"max_targets": most})
    assert (found == 1).sum() == 200
    assert (found == 2).any() == added
    assert not (labels == 2).any()
