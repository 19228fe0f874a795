"""What `segmentation.method: tabletop` makes of rooms around tables: level and upright rectangles, by formula."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

from depth_prompt_ros.camera import CameraModel
from depth_prompt_ros.frame import DepthMeasurement, Frame
from depth_prompt_ros.parameters import SegmentationParameters
from depth_prompt_ros.stages.segmentation import make_segmenter
from depth_prompt_ros.stages.segmentation.table_planes import find_tables

pytest.importorskip("open3d")

CAMERA = CameraModel(320, 240, 300.0, 300.0, 159.5, 119.5, baseline=0.06)
UP = np.array([0.0, -np.cos(np.radians(40)), -np.sin(np.radians(40))])
AHEAD = np.array([0.0, -np.sin(np.radians(40)), np.cos(np.radians(40))])


@dataclass
class Level:
    """A level rectangle: height below (negative) the camera, x and distance ahead, all in metres."""

    height: float
    x: tuple[float, float] = (-9, 9)
    ahead: tuple[float, float] = (0, 99)

    def depth(self, rays: np.ndarray) -> np.ndarray:
        with np.errstate(divide="ignore"):
            depth = np.where(rays @ UP < 0, self.height / (rays @ UP), np.inf)
        point = rays * np.where(np.isfinite(depth), depth, 0)[..., None]
        inside = (self.x[0] < point[..., 0]) & (point[..., 0] < self.x[1])
        inside &= (self.ahead[0] < point @ AHEAD) & (point @ AHEAD < self.ahead[1])
        return np.where(inside, depth, np.inf)


@dataclass
class Upright:
    """An upright rectangle across the view: distance ahead, x and height, all in metres; ``hole`` is cut out of it."""

    ahead: float
    x: tuple[float, float]
    height: tuple[float, float]
    hole: tuple[float, float, float, float] = (0, 0, 0, 0)

    def depth(self, rays: np.ndarray) -> np.ndarray:
        depth = self.ahead / (rays @ AHEAD)
        x, height = depth * rays[..., 0], depth * (rays @ UP)
        inside = (self.x[0] < x) & (x < self.x[1]) & (self.height[0] < height) & (height < self.height[1])
        left, right, low, high = self.hole
        return np.where(inside & ~((left < x) & (x < right) & (low < height) & (height < high)), depth, np.inf)


def room(*surfaces: Level | Upright) -> tuple[Frame, DepthMeasurement, np.ndarray]:
    """Picture, depth with 0.5 mm of noise, and the number of the surface that each pixel shows, from 1."""
    rays = CAMERA.rays.astype(np.float64)
    depths = np.stack([np.full(rays.shape[:2], 50.0), *(surface.depth(rays) for surface in surfaces)])
    shown = depths.argmin(0)
    depth = depths.min(0)
    rng = np.random.default_rng(0)
    depth = np.where(shown > 0, depth + rng.normal(scale=5e-4, size=depth.shape), np.nan).astype(np.float32)
    colours = np.random.default_rng(3).integers(30, 220, (len(depths), 3))
    image = np.clip(colours[shown] + rng.integers(0, 20, (*shown.shape, 3)), 0, 255).astype(np.uint8)
    measurement = DepthMeasurement(depth, np.isfinite(depth).astype(np.float32))
    return Frame(7_000_000_001, "left", image, CAMERA), measurement, shown


def targets(frame: Frame, measurement: DepthMeasurement, most: int = 16) -> np.ndarray:
    return make_segmenter(SegmentationParameters(method="tabletop", max_targets=most))(frame, measurement)


def overlap(found: np.ndarray, truth: np.ndarray) -> float:
    return float((found & truth).sum() / (found | truth).sum())


TABLE = Level(-0.4, (-0.35, 0.35), (0.2, 0.72))
WALL = Upright(2.5, (-9, 9), (-9, 9))


def test_what_is_seen_past_the_edge_of_the_table_is_background() -> None:
    tall = Upright(0.68, (-0.06, 0.06), (-0.4, -0.18))
    frame, measurement, shown = room(TABLE, WALL, tall)
    found = targets(frame, measurement)
    assert overlap(found > 0, shown == 3) > 0.9
    assert not found[shown == 2].any()


def test_a_room_without_depth_is_not_given_to_what_stands_at_the_edge_of_the_table() -> None:
    frame, measurement, shown = room(TABLE, Upright(0.68, (-0.06, 0.06), (-0.4, -0.18)))
    assert np.isnan(measurement.depth[shown == 0]).all()
    assert overlap(targets(frame, measurement) > 0, shown == 2) > 0.8


def test_a_handle_at_the_edge_of_the_table_keeps_its_hole() -> None:
    handle = Upright(0.68, (-0.1, 0.1), (-0.4, -0.18), hole=(-0.03, 0.05, -0.28, -0.22))
    frame, measurement, shown = room(TABLE, WALL, handle)
    assert not targets(frame, measurement)[shown == 2].any()


def test_a_table_is_chosen_over_a_larger_floor() -> None:
    stool = Level(-0.4, (-0.2, 0.2), (0.35, 0.62))
    frame, measurement, shown = room(Level(-0.9), stool, Upright(0.5, (-0.05, 0.05), (-0.4, -0.3)))
    assert (shown == 1).sum() > 1.5 * (shown == 2).sum()
    found = targets(frame, measurement)
    assert found.max() == 1
    assert overlap(found == 1, shown == 3) > 0.85


def test_the_floor_between_a_table_and_a_seat_of_its_height_is_background() -> None:
    surfaces = Level(-0.9), Level(-0.4, (-0.2, 0.1), (0.3, 0.55)), Level(-0.4, (0.1, 0.4), (0.75, 1.0))
    frame, measurement, shown = room(*surfaces, Upright(0.5, (-0.05, 0.05), (-0.4, -0.3)))
    found = targets(frame, measurement)
    assert not found[shown == 1].any()
    assert overlap(found == 1, shown == 4) > 0.85


def test_the_bare_top_of_a_box_on_the_floor_is_no_table() -> None:
    top = Level(-0.35, (-0.2, 0.2), (0.45, 0.8))
    frame, measurement, shown = room(Level(-0.6), top, Upright(0.45, (-0.2, 0.2), (-0.6, -0.35)))
    assert overlap(targets(frame, measurement) == 1, shown > 1) > 0.9


def test_the_rim_of_a_bin_is_no_table() -> None:
    sides = Level(-0.3, (-0.5, -0.2), (0, 0.55)), Level(-0.3, (0.2, 0.5), (0, 0.55))
    back = Level(-0.3, (-0.2, 0.2), (0.6, 0.8))
    corners = Level(-0.3, (-0.5, -0.2), (0.55, 0.8)), Level(-0.3, (0.2, 0.5), (0.55, 0.8))
    _, measurement, shown = room(Level(-0.5), *sides, back, *corners)
    measurement.depth[shown > 4] = np.nan
    assert [table.plane.offset for table in find_tables(CAMERA, measurement.depth, 0)] == pytest.approx([0.5], abs=0.01)


@pytest.mark.parametrize(
    "larger",
    [Upright(0.5, (0.12, 0.9), (-0.4, -0.25)), Upright(0.6, (-0.3, 0.25), (-0.4, -0.33))],
    ids=["on the picture's rim", "too long"],
)
def test_arms_and_walls_leave_the_places_of_targets_to_things(larger: Upright) -> None:
    table = Level(-0.4, ahead=(0.0, 0.9))
    small = Upright(0.45, (-0.05, 0.02), (-0.4, -0.34))
    frame, measurement, shown = room(table, small, larger)
    assert (shown == 3).sum() > 1.5 * (shown == 2).sum()
    assert overlap(targets(frame, measurement, 1) == 1, shown == 2) > 0.8
    both = targets(frame, measurement)
    assert overlap(both == 2, shown == 3) > 0.8
