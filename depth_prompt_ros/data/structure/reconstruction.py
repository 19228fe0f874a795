"""Points and cameras that grow picture by picture."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from depth_prompt_ros.data.structure.bundle import Seen, adjusted
from depth_prompt_ros.data.structure.features import Features, matches
from depth_prompt_ros.data.structure.geometry import angles, seen_from, triangulated

Float64 = NDArray[np.float64]
Int64 = NDArray[np.int64]

_CLOSE, _LEAST_ANGLE = 1.5, 1.0
"""Pixels that a new point may be off, and degrees between its rays."""
_FITS, _LEAST, _SHARE = 2.5, 20, 0.3
"""Pixels that a match may be off, matches that place a camera, and their share of all."""
_PARTNERS, _SHARED, _WIDE = 4, 15, 4.0
"""Cameras that new points are sought with, points shared with them, and degrees that are wide enough."""


class Reconstruction:
    """What is known of the scene.

    Attributes:
        matrix: (3, 3) of the camera's intrinsics.
        worlds: by picture, (4, 4) from the world to its camera's frame, in a unit of its own.
        points: (P, 3), NaN = given up.
        owners: of each picture, (N,) the number of the point that each of its features shows, -1 = none.
    """

    def __init__(self, features: Sequence[Features], intrinsics: Float64) -> None:
        """Know nothing yet; ``intrinsics`` (4,) fx, fy, cx, cy of all pictures."""
        self.features, self.intrinsics = features, np.asarray(intrinsics, np.float64)
        fx, fy, cx, cy = self.intrinsics
        self.matrix = np.array([[fx, 0, cx], [0, fy, cy], [0, 0, 1]])
        self.owners = [np.full(len(each.places), -1, np.int64) for each in features]
        self.worlds: dict[int, Float64] = {}
        self.points = np.zeros((0, 3))
        self._descriptors = np.zeros((0, features[0].descriptors.shape[1]), np.float32)

    def begin(self, one: int, other: int, pairs: Int64, world: Float64) -> None:
        """Place the first two cameras: ``one`` at the origin; points from (M, 2) ``pairs`` of their features."""
        self.worlds = {one: np.eye(4), other: world}
        self._add(one, other, pairs)

    def place(self, picture: int) -> bool:
        """Place a picture's camera by the points that it sees; False: too few fit."""
        there = np.flatnonzero(np.isfinite(self.points[:, 0]))
        mine = self.features[picture]
        pairs = matches(mine.descriptors, self._descriptors[there], 0.85)
        if len(pairs) < _LEAST:
            return False
        which = there[pairs[:, 1]]
        points, places = self.points[which], mine.places[pairs[:, 0]]
        found, turn, shift, fits = cv2.solvePnPRansac(
            points, places, self.matrix, None, iterationsCount=300, reprojectionError=_FITS, flags=cv2.SOLVEPNP_EPNP
        )
        if not found or fits is None or len(fits) < max(_LEAST, _SHARE * len(pairs)):
            return False
        fits = fits.ravel()
        turn, shift = cv2.solvePnPRefineLM(points[fits], places[fits], self.matrix, None, turn, shift)
        world = np.eye(4)
        world[:3, :3], world[:3, 3] = cv2.Rodrigues(turn)[0], shift.ravel()
        self.worlds[picture] = world
        self.owners[picture][pairs[fits, 0]] = which[fits]
        return True

    def grow(self, picture: int) -> None:
        """Add points that a placed camera sees together with those that see most of the same from elsewhere."""
        mine, partners = self.owners[picture], []
        for other, world in self.worlds.items():
            if other == picture:
                continue
            shared = np.intersect1d(mine[mine >= 0], self.owners[other])
            if len(shared) >= _SHARED:
                angle = float(np.median(angles(self.worlds[picture], world, self.points[shared])))
                partners.append((min(angle, _WIDE) * min(len(shared), 100), other))
        for _, other in sorted(partners, reverse=True)[:_PARTNERS]:
            free, its = (np.flatnonzero(self.owners[each] < 0) for each in (picture, other))
            pairs = matches(
                self.features[picture].descriptors[free], self.features[other].descriptors[its]
            )  # fmt: skip
            self._add(picture, other, np.stack([free[pairs[:, 0]], its[pairs[:, 1]]], 1))

    def _add(self, one: int, other: int, pairs: Int64) -> None:
        """Points from pairs of features that both cameras see well enough."""
        if not len(pairs):
            return
        worlds = self.worlds[one], self.worlds[other]
        places = self.features[one].places[pairs[:, 0]], self.features[other].places[pairs[:, 1]]
        points = triangulated(*worlds, *places, self.intrinsics)
        good = angles(*worlds, points) > _LEAST_ANGLE
        for world, where in zip(worlds, places, strict=True):
            found, depth = seen_from(world, points, self.intrinsics)
            good &= (depth > 0) & (np.linalg.norm(found - where, axis=1) < _CLOSE)
        pairs = pairs[good]
        numbers = len(self.points) + np.arange(len(pairs))
        self.points = np.vstack([self.points, points[good]])
        self._descriptors = np.vstack([self._descriptors, self.features[one].descriptors[pairs[:, 0]]])
        self.owners[one][pairs[:, 0]] = self.owners[other][pairs[:, 1]] = numbers

    def seen(self) -> Seen:
        """All sightings, cameras by the number of their picture."""
        kept = [(picture, np.flatnonzero(self.owners[picture] >= 0)) for picture in sorted(self.worlds)]
        return Seen(
            np.concatenate([np.full(len(which), picture) for picture, which in kept]),
            np.concatenate([self.owners[picture][which] for picture, which in kept]),
            np.concatenate([self.features[picture].places[which] for picture, which in kept]),
        )

    def adjust(self, rounds: int) -> None:
        """Fit all cameras and points together, then give up what is off."""
        order, seen = np.array(sorted(self.worlds)), self.seen()
        numbers, points = np.unique(seen.points, return_inverse=True)
        within = Seen(np.searchsorted(order, seen.cameras), points, seen.places)
        worlds = np.stack([self.worlds[picture] for picture in order])
        worlds, self.points[numbers] = adjusted(worlds, self.points[numbers], within, self.intrinsics, rounds)
        self.worlds = dict(zip(order.tolist(), worlds, strict=True))
        for picture, world in self.worlds.items():
            mine = self.owners[picture]
            which = np.flatnonzero(mine >= 0)
            found, depth = seen_from(world, self.points[mine[which]], self.intrinsics)
            off = np.linalg.norm(found - self.features[picture].places[which], axis=1)
            mine[which[(off > _FITS) | (depth <= 0)]] = -1
        lost = np.bincount(self.seen().points, minlength=len(self.points)) < 2
        self.points[lost] = np.nan
        for picture in self.worlds:
            mine = self.owners[picture]
            mine[(mine >= 0) & lost[mine]] = -1
