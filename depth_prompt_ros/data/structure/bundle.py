"""Cameras and points that fit all that was seen best, together (bundle adjustment; Triggs et al. 2000)."""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

Float64 = NDArray[np.float64]
Int64 = NDArray[np.int64]

_HUBER = 1.0
"""Pixels from which on an error counts in proportion, not squared."""
_STEADY, _MOST_DAMPED, _ENOUGH = 1e-3, 1e6, 1e-4


class Seen(NamedTuple):
    """N sightings: which camera saw which point where.

    Attributes:
        cameras, points: (N,) numbers.
        places: (N, 2) columns and rows.
    """

    cameras: Int64
    points: Int64
    places: Float64


class _Errors(NamedTuple):
    there: Float64
    off: Float64
    distances: Float64
    cost: float


def adjusted(
    worlds: Float64, points: Float64, seen: Seen, intrinsics: Float64, rounds: int = 10
) -> tuple[Float64, Float64]:
    """(C, 4, 4) cameras and (P, 3) points of least Huber error of the (N,) sightings; Levenberg and Marquardt.

    Points are eliminated from each step (Schur complement). The first camera stays.

    Args:
        worlds: (C, 4, 4) from the world to each camera's frame.
        points: (P, 3).
        seen: sightings, every camera and point has some.
        intrinsics: (4,) fx, fy, cx, cy.
        rounds: steps, at most.
    """
    now, damping = _errors(worlds, points, seen, intrinsics), _STEADY
    pairs = _pairs(seen.points, len(points))
    for _ in range(rounds):
        weights = np.where(now.distances < _HUBER, 1, _HUBER / np.maximum(now.distances, 1e-9))
        while True:
            moved, shifted = _step(worlds, points, seen, intrinsics, now, weights, damping, pairs)
            after = _errors(moved, shifted, seen, intrinsics)
            if after.cost < now.cost or damping > _MOST_DAMPED:
                break
            damping *= 10
        if after.cost >= now.cost:
            break
        gained = now.cost - after.cost
        worlds, points, now, damping = moved, shifted, after, max(damping / 5, 1e-7)
        if gained < _ENOUGH * now.cost:
            break
    return worlds, points


def _errors(worlds: Float64, points: Float64, seen: Seen, intrinsics: Float64) -> _Errors:
    there = np.einsum("nij,nj->ni", worlds[seen.cameras, :3, :3], points[seen.points]) + worlds[seen.cameras, :3, 3]
    off = there[:, :2] / there[:, 2:] * intrinsics[:2] + intrinsics[2:] - seen.places
    distances = np.linalg.norm(off, axis=1)
    cost = np.where(distances < _HUBER, distances**2 / 2, _HUBER * (distances - _HUBER / 2)).sum()
    return _Errors(there, off, distances, float(cost))


def _pairs(points: Int64, count: int) -> tuple[Int64, Int64]:
    """All ordered pairs of sightings of one point."""
    order = np.split(np.argsort(points, kind="stable"), np.cumsum(np.bincount(points, minlength=count))[:-1])
    return (
        np.concatenate([np.repeat(each, len(each)) for each in order]),
        np.concatenate([np.tile(each, len(each)) for each in order]),
    )  # fmt: skip


def _step(
    worlds: Float64,
    points: Float64,
    seen: Seen,
    intrinsics: Float64,
    now: _Errors,
    weights: Float64,
    damping: float,
    pairs: tuple[Int64, Int64],
) -> tuple[Float64, Float64]:
    """Cameras and points after one damped step."""
    by_camera, by_point = _slopes(worlds, seen, intrinsics, now.there)
    heavy, heavy_point = by_camera * weights[:, None, None], by_point * weights[:, None, None]
    cameras, count = len(worlds), len(points)
    own, own_point = np.zeros((cameras, 6, 6)), np.zeros((count, 3, 3))
    pull, pull_point = np.zeros((cameras, 6)), np.zeros((count, 3))
    np.add.at(own, seen.cameras, heavy.transpose(0, 2, 1) @ by_camera)
    np.add.at(own_point, seen.points, heavy_point.transpose(0, 2, 1) @ by_point)
    np.add.at(pull, seen.cameras, np.einsum("nij,ni->nj", heavy, now.off))
    np.add.at(pull_point, seen.points, np.einsum("nij,ni->nj", heavy_point, now.off))
    shared = heavy.transpose(0, 2, 1) @ by_point
    inverse = np.linalg.inv(_damped(own_point, damping))
    solved = shared @ inverse[seen.points]
    system = np.zeros((cameras, cameras, 6, 6))
    system[np.arange(cameras), np.arange(cameras)] = _damped(own, damping)
    first, second = pairs
    np.subtract.at(
        system, (seen.cameras[first], seen.cameras[second]), solved[first] @ shared[second].transpose(0, 2, 1)
    )  # fmt: skip
    np.subtract.at(pull, seen.cameras, np.einsum("nij,nj->ni", solved, pull_point[seen.points]))
    whole = system.transpose(0, 2, 1, 3).reshape(6 * cameras, 6 * cameras)[6:, 6:]
    change = np.concatenate([np.zeros(6), -np.linalg.solve(whole, pull.ravel()[6:])]).reshape(cameras, 6)
    np.add.at(pull_point, seen.points, np.einsum("nij,ni->nj", shared, change[seen.cameras]))
    moved = worlds.copy()
    moved[:, :3, :3] = np.stack([cv2.Rodrigues(turn)[0] for turn in change[:, :3]]) @ worlds[:, :3, :3]
    moved[:, :3, 3] += change[:, 3:]
    return moved, points - np.einsum("nij,nj->ni", inverse, pull_point)


def _damped(blocks: Float64, damping: float) -> Float64:
    size = blocks.shape[-1]
    trace = np.einsum("nii->n", blocks)[:, None, None] / size
    return np.asarray(blocks + (damping * trace + 1e-9) * np.eye(size), np.float64)


def _slopes(worlds: Float64, seen: Seen, intrinsics: Float64, there: Float64) -> tuple[Float64, Float64]:
    """(N, 2, 6) of places by each camera's turn and shift, (N, 2, 3) by the points."""
    x, y, z = there.T
    by_place = np.zeros((len(there), 2, 3))
    by_place[:, 0, 0], by_place[:, 1, 1] = intrinsics[0] / z, intrinsics[1] / z
    by_place[:, 0, 2], by_place[:, 1, 2] = -intrinsics[0] * x / z**2, -intrinsics[1] * y / z**2
    x, y, z = (there - worlds[seen.cameras, :3, 3]).T
    zero = np.zeros_like(x)
    by_turn = np.stack([zero, z, -y, -z, zero, x, y, -x, zero], 1).reshape(-1, 3, 3)
    return np.concatenate([by_place @ by_turn, by_place], 2), by_place @ worlds[seen.cameras, :3, :3]
