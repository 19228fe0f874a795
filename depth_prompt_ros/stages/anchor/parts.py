"""Several things in one mask: parts of the contact line that lie apart, each with its own block."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from depth_prompt_ros.camera import CameraModel
from depth_prompt_ros.stages.anchor.support_plane import Plane
from depth_prompt_ros.stages.anchor.upright import Silhouette, block_inverse_depth, upright_plane

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
    height = 1 - contact / silhouette.far[first:last]
    best, widest = 0, 0.0
    for cut in range(_LEAST, len(contact) - _LEAST + 1):
        widths = azimuth[cut - 1] - azimuth[0], azimuth[-1] - azimuth[cut]
        before, behind = slice(None, cut), slice(cut, None)
        if np.median(contact[behind]) < np.median(contact[before]):
            before, behind = behind, before
        gap = float(np.quantile(contact[behind], 0.1) - np.quantile(contact[before], 0.9))
        narrower = min(widths) * float(np.median(contact))
        spread = np.median(np.abs(contact[behind] - np.median(contact[behind])))
        if (
            min(widths) >= _MIN_WIDTH * sum(widths)
            and gap > max(_APART * narrower, widest)
            and np.median(height[behind]) >= _AS_HIGH * np.median(height[before])
            and spread < _STEADY * gap
        ):
            best, widest = cut, gap
    if not best:
        return []
    middle = first + best
    return [*_cuts(silhouette, first, middle), middle, *_cuts(silhouette, middle, last)]
