"""Grasps on a made cylinder, box and sphere are those of geometry; so is what becomes of a given grasp."""

from __future__ import annotations

import numpy as np
import pytest
import trimesh

from depth_prompt_ros.camera import CameraModel
from depth_prompt_ros.data.known.solids import PosedSolids, Rigid, Solid
from depth_prompt_ros.data.rendering.bodies.shapes import Mesh
from depth_prompt_ros.evaluation.grasps.execute import Outcome, execute
from depth_prompt_ros.evaluation.grasps.gripper import Grasp, Gripper
from depth_prompt_ros.evaluation.grasps.sample import in_the_way, sample_grasps
from depth_prompt_ros.evaluation.grasps.scores import GraspSums, score_targets
from depth_prompt_ros.evaluation.grasps.surface import surface_quality

CAMERA = CameraModel(320, 240, 400.0, 400.0, 159.5, 119.5)
AWAY = 0.6
PIXEL = AWAY / CAMERA.fx
GRIPPER = Gripper()
X, Y, Z = np.eye(3)


def turned(axis, degrees):
    return trimesh.transformations.rotation_matrix(np.radians(degrees), axis)


def solid(shape, label=1, at=(0, 0, AWAY), turn=None):
    pose = np.eye(4) if turn is None else turn.copy()
    pose[:3, 3] = at
    mesh = Mesh.of(np.asarray(shape.vertices, np.float32), np.asarray(shape.faces))
    return Rigid([Solid(mesh, label)]), pose


def wall(distance=1.0):
    return solid(trimesh.creation.box((3, 3, 0.02)), 0, (0, 0, distance))


def planned(*parts):
    """Solids, the grasps that the sampler finds on the true depth of label 1, and what becomes of them."""
    solids = PosedSolids([*parts, wall()])
    seen = solids.seen(CAMERA)
    grasps = sample_grasps(CAMERA, seen.depth, seen.labels == 1, GRIPPER)
    return grasps, execute(solids, 1, grasps, GRIPPER)


CYLINDER = trimesh.creation.cylinder(0.03, 0.16, sections=128)
UPRIGHT = turned(X, 90)


@pytest.mark.parametrize("lean", [0, 30])
def test_a_cylinder_is_held_across_its_axis_with_the_chord_that_is_seen(lean):
    along = turned(Z, lean)[:3, :3] @ Y
    grasps, outcomes = planned(solid(CYLINDER, turn=turned(Z, lean) @ UPRIGHT))
    assert len(grasps) >= 5
    assert set(outcomes) == {Outcome.HOLDS}
    chord = 2 * 0.03 * np.sqrt(1 - (0.03 / AWAY) ** 2)  # where the lines of sight touch it
    for grasp in grasps:
        assert abs(grasp.axis @ along) < np.sin(np.radians(10))
        assert grasp.approach @ Z > 0.95
    best = grasps[0]
    assert abs(best.axis @ along) < np.sin(np.radians(2))
    assert chord - 3 * PIXEL < best.width < chord + PIXEL
    middle = best.tip - (best.tip @ along) * along
    assert abs(middle @ best.axis) < PIXEL  # as far from its axis on both sides


def test_what_is_wider_than_the_hand_has_no_grasp():
    assert planned(solid(trimesh.creation.cylinder(0.041, 0.16, sections=128), turn=UPRIGHT))[0] == []
    assert planned(solid(trimesh.creation.box((0.12, 0.1, 0.04))))[0] == []
    assert planned(solid(trimesh.creation.cylinder(0.035, 0.16, sections=128), turn=UPRIGHT))[0]


def test_a_sphere_is_held_through_its_middle_from_all_around():
    centre = np.array([0.05, 0.02, AWAY])
    grasps, outcomes = planned(solid(trimesh.creation.icosphere(4, 0.03), at=centre))
    assert len(grasps) == 10
    assert set(outcomes) == {Outcome.HOLDS}
    away = np.linalg.norm(centre)
    chord = 2 * 0.03 * np.sqrt(1 - (0.03 / away) ** 2)
    for number, grasp in enumerate(grasps):
        off = (grasp.tip - centre) - ((grasp.tip - centre) @ grasp.approach) * grasp.approach
        offset = np.linalg.norm(off)
        assert offset < (2 * PIXEL if number == 0 else 0.03 * np.sin(np.arctan(0.5)) + PIXEL)  # the friction cone
        expected = np.sqrt(chord**2 - 4 * offset**2)
        assert expected - 5 * PIXEL < grasp.width < expected + 2 * PIXEL
    angles = np.arctan2([g.axis[1] for g in grasps], [g.axis[0] for g in grasps]) % np.pi
    assert np.ptp(angles) > np.radians(100)


def test_a_box_is_held_by_the_faces_that_the_hand_spans():
    grasps, outcomes = planned(solid(trimesh.creation.box((0.06, 0.12, 0.04))))
    assert len(grasps) >= 5
    assert set(outcomes) == {Outcome.HOLDS}
    for grasp in grasps:
        assert abs(grasp.axis @ X) > np.cos(np.arctan(0.5))
        assert grasp.width * abs(grasp.axis @ X) == pytest.approx(0.06, abs=2 * PIXEL)
        assert grasp.tip[2] == pytest.approx(AWAY - 0.02 + 0.03, abs=0.003)  # 30 mm beyond its front
    both, outcomes = planned(solid(trimesh.creation.box((0.05, 0.06, 0.04))))
    assert {abs(grasp.axis @ X) > 0.7 for grasp in both} == {True, False}
    assert outcomes[0] is Outcome.HOLDS


def test_a_wall_behind_keeps_the_hand_shallow_and_something_beside_keeps_it_away():
    box = trimesh.creation.box((0.06, 0.12, 0.04))
    solids = PosedSolids([solid(box), wall(AWAY + 0.012)])
    seen = solids.seen(CAMERA)
    grasps = sample_grasps(CAMERA, seen.depth, seen.labels == 1, GRIPPER)
    assert grasps
    assert max(grasp.tip[2] for grasp in grasps) < AWAY
    beside = [solid(trimesh.creation.box((0.05, 0.16, 0.04)), 2, (side, 0, AWAY)) for side in (0.06, -0.06)]
    assert planned(solid(box), *beside)[0] == []


def on_box(**changes):
    """A grasp of a box of 40 mm, 20 mm deep, from the camera."""
    return Grasp(**({"tip": np.array([0, 0, AWAY]), "axis": X, "approach": Z, "width": 0.04} | changes))


def outcome(grasp, *parts):
    return execute(PosedSolids(list(parts)), 1, [grasp], GRIPPER)[0]


BOX = trimesh.creation.box((0.04, 0.1, 0.04))


def test_outcomes_of_given_grasps():
    box = solid(BOX)
    assert outcome(on_box(), box) is Outcome.HOLDS
    assert outcome(on_box(axis=-X), box) is Outcome.HOLDS
    assert outcome(on_box(width=0.018), box) is Outcome.COLLIDES  # opened to 38 mm
    assert outcome(on_box(width=0.022), box) is Outcome.HOLDS
    assert outcome(on_box(tip=np.array([0, 0, AWAY - 0.021])), box) is Outcome.MISSES
    assert outcome(on_box(tip=np.array([0, 0.062, AWAY])), box) is Outcome.MISSES
    assert outcome(on_box(tip=np.array([0, 0, AWAY + 0.045])), box) is Outcome.COLLIDES  # the palm
    assert outcome(on_box(), box, wall(AWAY)) is Outcome.COLLIDES
    other = solid(trimesh.creation.box((0.004, 0.01, 0.01)), 2, (0.025, 0, AWAY - 0.005))
    assert outcome(on_box(), box, other) is Outcome.COLLIDES  # the finger closes on it first
    assert outcome(on_box(), *[solid(BOX, 2)]) is Outcome.COLLIDES
    assert execute(PosedSolids([box]), 1, [], GRIPPER) == []


@pytest.mark.parametrize(("degrees", "expected"), [(0, Outcome.HOLDS), (25, Outcome.HOLDS), (28, Outcome.SLIPS)])
def test_a_wedge_holds_up_to_the_angle_of_friction(degrees, expected):
    """Faces inclined by an angle hold while its tangent is below the coefficient: 26.57 degrees for 0.5."""
    lean = np.tan(np.radians(degrees))
    corners = [
        (side * (0.012 + lean * (0.02 - z)), y, z) for side in (-1, 1) for y in (-0.05, 0.05) for z in (-0.02, 0.02)
    ]
    wedge = trimesh.convex.convex_hull(np.array(corners))
    width = 2 * (0.012 + lean * 0.04)
    assert outcome(on_box(tip=np.array([0, 0, AWAY + 0.01]), width=width), solid(wedge)) is expected


@pytest.mark.parametrize(("degrees", "expected"), [(25, Outcome.HOLDS), (28, Outcome.SLIPS)])
def test_a_box_turned_in_the_hand_holds_up_to_the_angle_of_friction(degrees, expected):
    box = solid(trimesh.creation.box((0.05, 0.1, 0.04)), turn=turned(Z, degrees))
    assert outcome(on_box(width=0.07), box) is expected


def test_points_in_the_hand_are_counted():
    grasp = on_box(tip=np.zeros(3))  # fingers from 30 to 42 mm
    inside = np.array([[0.036, 0, -0.01], [-0.036, 0.01, -0.1], [0, 0.02, -0.07], [0.06, 0, -0.061]])
    outside = np.array([[0.029, 0, -0.01], [0.043, 0, -0.01], [0.036, 0.012, -0.01], [0.036, 0, 0.001], [0, 0, -0.05]])
    assert in_the_way(inside, grasp, GRIPPER) == 4
    assert in_the_way(outside, grasp, GRIPPER) == 0
    assert in_the_way(outside, grasp, GRIPPER, 0.002) == 4


def test_a_surface_that_is_off_thick_and_holed():
    """On the wall, the label's own: distances to it are along the axis."""
    solids = PosedSolids([solid(trimesh.creation.box((3, 3, 0.02)), 1, (0, 0, 1.01))])
    seen, rng = solids.seen(CAMERA), np.random.default_rng(0)
    everything = np.ones(seen.depth.shape, bool)
    depth = seen.depth + np.float32(0.003) + rng.uniform(-0.002, 0.002, seen.depth.shape).astype(np.float32)
    depth[:60] = np.nan
    depth[60:72] = seen.depth[60:72] - np.float32(0.05)
    found = surface_quality(CAMERA, depth, everything, solids, seen, 1)
    assert found.coverage == pytest.approx(100 * 168 / 240)
    assert found.outliers == pytest.approx(100 * 12 / 180)
    straight = depth.copy()
    straight[60:72] = np.nan
    found = surface_quality(CAMERA, straight, everything, solids, seen, 1)
    assert found.offset == pytest.approx(3, abs=0.03)
    assert found.thickness == pytest.approx(0.9 * 4, abs=0.05)
    nothing = surface_quality(CAMERA, np.full_like(depth, np.nan), everything, solids, seen, 1)
    assert (nothing.coverage, nothing.offset) == (0, None)


def test_targets_are_scored_by_the_label_that_the_planner_was_told():
    solids = PosedSolids([solid(BOX, 1, (-0.08, 0, AWAY)), solid(CYLINDER, 2, (0.08, 0, AWAY), UPRIGHT), wall()])
    seen = solids.seen(CAMERA)
    sums, tried = score_targets(CAMERA, seen.depth, seen.labels, solids, seen, GRIPPER)
    figures = sums["all"].figures()
    assert {key: figures[key] for key in ("best", "found", "coverage", "outliers", "misses")} == {
        "best": 100, "found": 100, "coverage": 100, "outliers": 0, "misses": 0,
    }  # fmt: skip
    assert (figures["offset"], figures["thickness"]) == (pytest.approx(0, abs=1e-3), pytest.approx(0, abs=1e-3))
    assert sum(figures[key] for key in ("holds", "slips", "collides", "misses")) == pytest.approx(100)
    assert sums["opaque"] == sums["all"]
    assert sums["tom"] == GraspSums()
    assert [each.label for each in tried] == [1, 2]
    told = np.where(seen.labels == 2, 9, 0)  # another number, and the box was not found
    sums, _ = score_targets(CAMERA, seen.depth, told, solids, seen, GRIPPER)
    figures = sums["all"].figures()
    assert (figures["best"], figures["found"], figures["coverage"]) == (50, 50, 50)
    little = np.zeros_like(seen.labels)
    little[115:118] = seen.labels[115:118]
    assert score_targets(CAMERA, seen.depth, little, solids, seen, GRIPPER)[0]["all"].found == 0
    shifted = seen.depth + np.float32(0.12)  # what was planned on it closes behind
    assert score_targets(CAMERA, shifted, seen.labels, solids, seen, GRIPPER)[0]["all"].best == 0
