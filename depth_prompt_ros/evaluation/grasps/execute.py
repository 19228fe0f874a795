"""What becomes of a grasp in the true geometry."""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum

import numpy as np
from numpy.typing import NDArray

from depth_prompt_ros.data.known.solids import Hits, PosedSolids
from depth_prompt_ros.evaluation.grasps.gripper import Float64, Grasp, Gripper

_TRAVEL = 0.15
"""Metres before the fingertips' end from where the hand comes straight; that it gets there is not asked."""
_FINE, _COARSE = 0.002, 0.005
"""Metres between the rays that look for what the fingers and the palm hit; pads are followed at the coarser ones."""


class Outcome(Enum):
    """Of one grasp."""

    HOLDS = "holds"
    SLIPS = "slips"
    """Both fingers touch the thing, but outside a friction cone, or too far from opposite each other."""
    COLLIDES = "collides"
    """The hand hits something, the thing itself too, before it closes, or a finger closes on something else."""
    MISSES = "misses"
    """The fingers close without the thing between them."""


def execute(solids: PosedSolids, label: int, grasps: Sequence[Grasp], gripper: Gripper) -> list[Outcome]:
    """Execute grasps on one thing, each by itself.

    Geometric and quasi-static: the opened hand comes straight along its approach, both fingers close until they touch,
    and the thing may shift along the closing so that both do. A contact is what is touched within the pads' softness:
    its middle and its mean normal. The grasp holds if the closing lies in the friction cones of both contacts (Nguyen
    1988), and the line between their middles leaves it by no more than the angle of friction. Weight, deformation,
    tipping and the arm are left out.

    Args:
        solids: everything that is there, in the camera's optical frame.
        label: of the thing.
        grasps: at most some hundred: all rays are cast at once.
    """
    if not grasps:
        return []
    hits = _hits_on_arrival(solids, grasps, gripper)
    return [
        Outcome.COLLIDES if hit else _closed(solids, label, grasp, gripper)
        for grasp, hit in zip(grasps, hits, strict=True)
    ]


def _hits_on_arrival(solids: PosedSolids, grasps: Sequence[Grasp], gripper: Gripper) -> NDArray[np.bool_]:
    """(N,) whether a surface is in the hand or where it has passed: rays along the approach, all over its section."""
    starts, ends, owners = [], [], []
    for number, grasp in enumerate(grasps):
        inner = gripper.opened(grasp.width) / 2
        middle = inner + gripper.finger_thickness / 2
        finger = _grid(gripper.finger_thickness, gripper.finger_width, _FINE)
        palm = _grid(gripper.palm_width, gripper.palm_thickness, _COARSE)
        for section, shift, end in ((finger, middle, 0.0), (finger, -middle, 0.0), (palm, 0, -gripper.finger_length)):
            local = np.column_stack([section[:, 0] + shift, section[:, 1], np.full(len(section), -_TRAVEL)])
            starts.append(grasp.tip + local @ grasp.rotation.T)
            ends.append(np.full(len(section), _TRAVEL + end))
            owners.append(np.full(len(section), number))
    owner = np.concatenate(owners)
    approach = np.stack([grasp.approach for grasp in grasps])[owner]
    blocked = solids.cast(np.concatenate(starts), approach).distance < np.concatenate(ends)
    return np.asarray(np.bincount(owner, blocked, len(grasps)) > 0)


def _closed(solids: PosedSolids, label: int, grasp: Grasp, gripper: Gripper) -> Outcome:
    """What the closing fingers meet."""
    opened = gripper.opened(grasp.width)
    pad = _grid(gripper.finger_width, gripper.finger_length, _COARSE)
    contacts = []
    for side in (1, -1):
        begin = np.column_stack(
            [np.full(len(pad), side * opened / 2), pad[:, 0], pad[:, 1] - gripper.finger_length / 2]
        )
        start = grasp.tip + begin @ grasp.rotation.T
        hits = solids.cast(start, np.broadcast_to(-side * grasp.axis, start.shape))
        nearest = int(np.argmin(hits.distance))
        if hits.distance[nearest] > opened:
            return Outcome.MISSES
        if hits.label[nearest] != label:
            return Outcome.COLLIDES
        contacts.append(_contact(hits, start, -side * grasp.axis, label, gripper.softness))
    (point, normal), (other_point, other_normal) = contacts
    line = point - other_point
    line /= max(float(np.linalg.norm(line)), 1e-12)
    held = min(normal @ grasp.axis, -other_normal @ grasp.axis, line @ grasp.axis) >= gripper.cone
    return Outcome.HOLDS if held else Outcome.SLIPS


def _contact(hits: Hits, start: Float64, direction: Float64, label: int, softness: float) -> tuple[Float64, Float64]:
    """Middle and mean unit normal of what a pad touches."""
    touched = (hits.distance <= hits.distance.min() + softness) & (hits.label == label)
    points = start[touched] + hits.distance[touched, None] * direction
    normal = hits.normal[touched].mean(0, dtype=np.float64)
    return points.mean(0), normal / max(float(np.linalg.norm(normal)), 1e-12)


def _grid(width: float, height: float, step: float) -> Float64:
    """(N, 2) points at most ``step`` apart all over a rectangle around 0, its corners among them."""
    x, y = (np.linspace(-side / 2, side / 2, int(np.ceil(side / step)) + 1) for side in (width, height))
    return np.stack(np.meshgrid(x, y), -1).reshape(-1, 2)
