"""Colours, missing values, and the view of a cloud from a second place."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

pytest.importorskip("PIL")

from depth_prompt_ros.camera import CameraModel
from depth_prompt_ros.evaluation.pictures import (
    MISSING,
    PAPER,
    PROVENANCE_COLOURS,
    Scale,
    Viewpoint,
    category_panel,
    cloud_view,
    depth_scale,
    error_scale,
    jpeg,
    overlay,
    png,
    side_by_side,
)

CAMERA = CameraModel(64, 48, 60.0, 60.0, 31.5, 23.5)
IMAGE = np.full((48, 64, 3), (200, 40, 40), np.uint8)


def test_missing_values_are_grey_and_ends_are_clipped() -> None:
    scale = error_scale(10, "mm")
    colours = scale.colour(np.array([[0, 10, 25, np.nan, np.inf, -3]], np.float32))[0]
    assert (colours[3] == MISSING).all()
    assert (colours[4] == MISSING).all()
    assert (colours[1] == colours[2]).all()
    assert (colours[0] == colours[5]).all()
    assert colours[1].sum() > colours[0].sum(), "wrong is brighter than right"


def test_same_value_has_the_same_colour_in_every_picture() -> None:
    scale = Scale(0, 2, "m")
    left = scale.panel(np.full((40, 100), 1.5, np.float32))
    right = scale.panel(np.linspace(0, 1.5, 4000, dtype=np.float32).reshape(40, 100))
    assert (left[0, 0] == right[39, 99]).all()


def test_panel_is_the_picture_above_its_colour_bar() -> None:
    values = np.linspace(0, 2, 100 * 300, dtype=np.float32).reshape(100, 300)
    panel = Scale(0, 2, "m").panel(values)
    np.testing.assert_array_equal(panel[:100], Scale(0, 2, "m").colour(values))
    bar = panel[100:]
    assert bar.shape[1:] == (300, 3)
    assert (bar == MISSING).all(-1).any(), "the colour of missing values is explained"
    difference = np.abs(bar.reshape(-1, 3).astype(int) - panel[99, 299].astype(int)).sum(-1)
    assert difference.min() < 12, "the bar ends in the colour of the highest value"


def test_depth_scale_ignores_missing_values_and_takes_a_margin() -> None:
    depth = np.array([[np.nan, 1.0, 2.0, np.inf]], np.float32)
    assert depth_scale([depth]).low == pytest.approx(1.0, abs=0.06)
    assert depth_scale([depth]).high == pytest.approx(2.0, abs=0.06)
    assert depth_scale([depth], margin=0.5).high == pytest.approx(2.5, abs=0.06)
    assert depth_scale([np.full((2, 2), np.nan)]).high > depth_scale([np.full((2, 2), np.nan)]).low


def test_categories_have_their_colours() -> None:
    panel = category_panel(np.array([[0, 1, 7]]).repeat(100, 1), {1: ("one", (1, 2, 3))})
    assert (panel[0, 150] == (1, 2, 3)).all()
    assert (panel[0, 0] == MISSING).all()
    assert (panel[0, 299] == MISSING).all()


@pytest.mark.parametrize("width", [320, 640, 741])
def test_a_legend_is_whole(width) -> None:
    """Every swatch is there, to a column, and no name is cut at the right edge, whatever the picture's width."""
    legend = category_panel(np.full((1, width), 99), PROVENANCE_COLOURS)[1:]
    swatches = [int((legend == colour).all(-1).sum()) for _, colour in PROVENANCE_COLOURS.values()]
    assert 80 < max(swatches) < 1.15 * min(swatches)
    assert (legend[:, -2:] == 255).all()


def test_overlay_tints_targets_and_fades_the_rest() -> None:
    labels = np.zeros((48, 64), np.uint16)
    labels[10:40, 10:40] = 3
    shown = overlay(IMAGE, labels)
    assert not (shown[25, 25] == IMAGE[25, 25]).all()
    assert shown[2, 2].astype(int).sum() > IMAGE[2, 2].astype(int).sum()
    tom = np.zeros_like(labels, bool)
    tom[20:30, 20:30] = True
    hatched = (overlay(IMAGE, labels, tom) != shown).any(-1)
    assert hatched[20:30, 20:30].any()
    assert not hatched[~tom].any()


def test_cloud_from_the_camera_itself_is_the_picture() -> None:
    labels = np.ones((48, 64), np.uint16)
    image = np.zeros((48, 64, 3), np.uint8)
    image[:, :32] = (250, 0, 0)
    image[:, 32:] = (0, 250, 0)
    view = cloud_view(CAMERA, np.full((48, 64), 2.0, np.float32), image, labels, Viewpoint(yaw=0, pitch=0))
    assert (view[24, 8] == (250, 0, 0)).all()
    assert (view[24, 56] == (0, 250, 0)).all()


def test_nearer_point_hides_the_farther_one() -> None:
    depth = np.full((48, 64), 2.0, np.float32)
    depth[16:32, 24:40] = 1.0
    labels = np.zeros((48, 64), np.uint16)
    labels[16:32, 24:40] = 1
    image = np.full((48, 64, 3), 10, np.uint8)
    image[labels > 0] = (250, 0, 0)
    view = cloud_view(CAMERA, depth, image, labels, Viewpoint(yaw=25, pitch=0))
    assert (view[24, 32] == (250, 0, 0)).all()
    moved = cloud_view(CAMERA, depth, image, labels, Viewpoint(yaw=-25, pitch=0))
    assert not (view == moved).all()


@pytest.mark.parametrize(("yaw", "pitch", "axis", "side"), [(20, 0, 1, 1), (-20, 0, 1, -1), (0, 20, 0, -1)])
def test_camera_moves_right_and_up(yaw: float, pitch: float, axis: int, side: int) -> None:
    """What lies behind the target is then seen to the right of it, and above it."""
    depth = np.full((48, 64), np.nan, np.float32)
    depth[24, 32], depth[24, 33] = 1.0, 1.5
    labels = np.zeros((48, 64), np.uint16)
    labels[24, 32] = 1
    view = cloud_view(CAMERA, depth, np.zeros_like(IMAGE), labels, Viewpoint(yaw, pitch)).astype(int).sum(-1)
    near = np.argwhere(view == view.min()).mean(0)
    far = np.argwhere((view > 250) & (view < 500)).mean(0)
    assert np.sign(far[axis] - near[axis]) == side


def test_view_without_a_point_is_paper() -> None:
    labels = np.ones((48, 64), np.uint16)
    view = cloud_view(CAMERA, np.full((48, 64), np.nan, np.float32), IMAGE, labels, Viewpoint())
    assert (view == PAPER).all()


def test_encodings_keep_channel_order() -> None:
    picture = np.zeros((16, 16, 3), np.uint8)
    picture[..., 0] = 200
    for content in (png(picture), jpeg(picture)):
        decoded = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR)
        assert decoded[8, 8, 2] > 180
        assert decoded[8, 8, 0] < 20


def test_side_by_side_keeps_sizes() -> None:
    assert side_by_side([IMAGE, IMAGE, IMAGE], gap=4).shape == (48, 3 * 64 + 2 * 4, 3)
