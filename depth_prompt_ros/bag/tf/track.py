"""Poses of one thing over time, looked up between their stamps as tf2 does."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from depth_prompt_ros.rotation import rotation_matrix

Float64 = NDArray[np.float64]


def pose_numbers(place: Any, turn: Any) -> Float64:
    """(7,) x, y, z, qx, qy, qz, qw of a message's position or translation and its quaternion."""
    return np.array([place.x, place.y, place.z, turn.x, turn.y, turn.z, turn.w], np.float64)


def pose_matrix(numbers: NDArray[np.floating]) -> Float64:
    """(4, 4) of (7,) numbers as :func:`pose_numbers` gives them."""
    pose = np.eye(4)
    pose[:3, :3] = rotation_matrix(*numbers[3:])
    pose[:3, 3] = numbers[:3]
    return pose


class Track:
    """Poses in the order of their stamps.

    Attributes:
        stamps: (N,) nanoseconds, rising.
    """

    def __init__(self, stamps: NDArray[np.int64], poses: Float64) -> None:
        """Take (N,) rising stamps and (N, 7) poses."""
        self.stamps, self._poses = stamps, poses

    def at(self, stamp_ns: int, beyond_ns: int = 0) -> Float64 | None:
        """(4, 4) at a time; None before the first stamp and after the last.

        Between two stamps translation is linear and rotation the normalised mean of both quaternions.

        Args:
            stamp_ns: when.
            beyond_ns: the first and the last pose also hold so much before and after.
        """
        after = int(np.searchsorted(self.stamps, stamp_ns))
        if after < len(self.stamps) and self.stamps[after] == stamp_ns:
            return pose_matrix(self._poses[after])
        if not 0 < after < len(self.stamps):
            nearest = min(after, len(self.stamps) - 1)
            near = len(self.stamps) > 0 and abs(int(self.stamps[nearest]) - stamp_ns) <= beyond_ns
            return pose_matrix(self._poses[nearest]) if near else None
        before, following = self._poses[after - 1], self._poses[after].copy()
        share = (stamp_ns - int(self.stamps[after - 1])) / int(self.stamps[after] - self.stamps[after - 1])
        if before[3:] @ following[3:] < 0:
            following[3:] *= -1
        return pose_matrix((1 - share) * before + share * following)
