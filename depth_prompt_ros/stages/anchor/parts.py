"""Several things in one mask: parts of the contact line that lie apart, each with its own block."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from depth_prompt_ros.camera import CameraModel
from depth_prompt_ros.stages.anchor.support_plane import Plane
from depth_prompt_ros.stages.anchor.upright import Silhouette, block_inverse_depth, upright_plane
from depth_prompt_ros.stages.median import median

Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]

_LEAST = 6
_MIN_WIDTH = 0.25
_APART = 0.8
_AS_HIGH = 0.8
_STEADY = 0.25


def visible_inverse_depth(camera: CameraModel, silhouette: Silhouette, upright: Plane) -> Float32:
    """(H, W) float32 1/m of the visible surface: one block, or one for each part that stands apart.

    Args:
        upright: the plane through the whole silhouette's contact.
    """
    cuts = standing_apart(silhouette)
    if not cuts:
        return block_inverse_depth(camera, silhouette, upright)
    azimuth = silhouette.azimuth
    ahead = np.maximum(camera.rays_dot(silhouette.forward), np.float32(1e-3))
    direction = camera.rays_dot(silhouette.sideways) / ahead
    part_of = np.searchsorted([(azimuth[cut - 1] + azimuth[cut]) / 2 for cut in cuts], direction)
    inverse = np.zeros(part_of.shape, np.float32)
    for number, (first, last) in enumerate(zip([0, *cuts], [*cuts, len(azimuth)], strict=True)):
        part = replace(
            silhouette,
            azimuth=azimuth[first:last],
            contact=silhouette.contact[first:last],
            far=silhouette.far[first:last],
            convexity=0.0,
        )
        np.copyto(inverse, block_inverse_depth(camera, part, upright_plane(part)), where=part_of == number)
    return inverse


def standing_apart(silhouette: Silhouette) -> list[int]:
    """Where the contact line jumps from one thing to another: indices in 1..N-1 of the first direction after a jump.

    A jump is a cut when 90 % of the contact behind it lies farther than 90 % before it by 0.8 of the narrower part's
    width, each part takes a quarter of the width at least, the farther contact stays within a quarter of the jump of
    its median, and the farther part is apparently 0.8 times as high as the nearer one. An overhang, a handle or a
    shoulder, has its lower end far behind, too, but is less high, and a shape that recedes does not stay.
    """
    if not silhouette.on_support:
        return []
    return _cuts(silhouette, 0, len(silhouette.azimuth))


def _cuts(silhouette: Silhouette, first: int, last: int) -> list[int]:
    contact, azimuth = silhouette.contact[first:last], silhouette.azimuth[first:last]
    if len(contact) < 2 * _LEAST or np.ptp(contact) < _APART * _MIN_WIDTH * np.ptp(azimuth) * contact.min():
        return []
    height, middle_of_all = 1 - contact / silhouette.far[first:last], median(contact)
    best, widest = 0, 0.0
    for cut in range(_LEAST, len(contact) - _LEAST + 1):
        widths = azimuth[cut - 1] - azimuth[0], azimuth[-1] - azimuth[cut]
        if min(widths) < _MIN_WIDTH * sum(widths):
            continue
        before, behind = slice(None, cut), slice(cut, None)
        if contact[behind].mean() < contact[before].mean():
            before, behind = behind, before
        near, far = np.sort(contact[before]), np.sort(contact[behind])
        gap = float(far[len(far) // 10] - near[-1 - len(near) // 10])
        if gap <= max(_APART * min(widths) * middle_of_all, widest):
            continue
        as_high = median(height[behind]) >= _AS_HIGH * median(height[before])
        if as_high and median(np.abs(far - median(far))) < _STEADY * gap:
            best, widest = cut, gap
    if not best:
        return []
    middle = first + best
    return [*_cuts(silhouette, first, middle), middle, *_cuts(silhouette, middle, last)]
