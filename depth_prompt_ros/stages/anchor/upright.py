"""Where a target probably is, from its silhouette and the plane it stands on alone: no depth inside it, no network.

Each pixel's ray is written in the support plane's frame: azimuth (its direction along the plane) and steepness. A
vertical line of the world has one azimuth, so the steepest mask pixel of an azimuth is where the target touches the
support.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import cv2
import numpy as np
from numpy.typing import NDArray

from depth_prompt_ros.camera import CameraModel
from depth_prompt_ros.stages.anchor.support_plane import Plane
from depth_prompt_ros.stages.median import median

Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]
Mask = NDArray[np.bool_]

_AZIMUTHS = 48
_LOWER_QUANTILE = 0.05
_FROM_ABOVE = np.sin(np.radians(65))
_THICKNESS = 0.5
_BEFORE = 0.1
"""What is measured more than 10 % before the support stands before what it touches, and hides its contact."""


@dataclass(frozen=True, eq=False)
class Silhouette:
    """A target's outline on its support plane, seen as a shadow thrown by the camera.

    Attributes:
        forward: (3,) unit vector along the support away from the camera.
        sideways: (3,) unit vector along the support, right-handed with the normal.
        azimuth: (N,) sideways per metre forward of each direction.
        contact: (N,) metres forward to the shadow's near end: the contact, or behind it under an overhang.
        far: (N,) metres forward to the shadow's far end; inf above the horizon.
    """

    forward: Float64
    sideways: Float64
    azimuth: Float64
    contact: Float64
    far: Float64


def cast_silhouette(
    camera: CameraModel, support: Plane, mask: Mask, targets: Mask | None = None, depth: Float32 | None = None
) -> Silhouette | None:
    """Project a mask's outline on the support plane.

    Directions in which the mask's lower end lies on the picture's border or on another target are left out, unless that
    target is measured not far before the support there: a frame or foot of the same thing hides nothing.

    Args:
        mask: (H, W) bool, the target, not empty.
        targets: (H, W) bool, every target.
        depth: (H, W) float32 metres, invalid = NaN; None: every other target hides.

    Returns:
        The silhouette, or None when less than half of the directions show their contact, or when the camera looks down
        more steeply than 65 degrees, where no contact can be told from the outline.
    """
    left, top, width, height = cv2.boundingRect(mask.view(np.uint8))
    inner = mask[top : top + height, left : left + width]
    filled = cv2.copyMakeBorder(inner.view(np.uint8), 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=0)
    outline = inner & (cv2.erode(filled, np.ones((3, 3), np.uint8))[1:-1, 1:-1] == 0)
    y, x = np.unravel_index(np.flatnonzero(outline), outline.shape)
    y, x = y + top, x + left
    rays = camera.rays_at(y, x).astype(np.float64)
    middle = (rays.min(0) + rays.max(0)) / 2
    down = -(middle @ support.normal) / np.linalg.norm(middle)
    if down > _FROM_ABOVE:
        return None
    forward = middle - support.normal * (middle @ support.normal)
    forward /= np.linalg.norm(forward)
    sideways = np.cross(support.normal, forward)
    along = rays @ forward
    ahead = along > 1e-3
    rays, along, x, y = rays[ahead], along[ahead], x[ahead], y[ahead]
    azimuth, steepness = rays @ sideways / along, -(rays @ support.normal) / along

    low, high = azimuth.min(), azimuth.max()
    cell = np.minimum((azimuth - low) / max(high - low, 1e-9) * _AZIMUTHS, _AZIMUTHS - 1).astype(int)
    order = np.lexsort((steepness, cell))
    cells, first = np.unique(cell[order], return_index=True)
    flattest, steepest = order[first], order[np.append(first[1:], len(order)) - 1]

    below = np.minimum(y[steepest] + 3, camera.height - 1)
    hidden = y[steepest] >= camera.height - 2
    if targets is not None:
        beneath = below, x[steepest]
        others = targets[beneath] & ~mask[beneath]
        if depth is not None:
            support_inverse = camera.rays_at(*beneath) @ (-support.normal / support.offset)
            others &= ~(depth[beneath] * support_inverse > 1 - _BEFORE)
        hidden |= others
    shown = ~hidden & (steepness[steepest] > 1e-3)
    if 2 * shown.sum() < len(cells):
        return None
    with np.errstate(divide="ignore"):
        far = np.where(steepness[flattest] > 1e-3, support.offset / steepness[flattest], np.inf)
    return Silhouette(
        forward,
        sideways,
        (low + (cells[shown] + 0.5) * (high - low) / _AZIMUTHS),
        support.offset / steepness[steepest][shown],
        far[shown],
    )


def upright_plane(silhouette: Silhouette) -> Plane:
    """The plane perpendicular to the support through the target's contact with it.

    An overhang throws its shadow behind the contact, never before it, so the contact is the shadow's lower edge: the
    line under all but 5 % of it (quantile regression, Koenker and Bassett 1978).
    """
    contact, across = silhouette.contact, silhouette.azimuth * silhouette.contact
    moments = np.stack([np.ones_like(across), across, across * across, contact, across * contact])
    start, slope = _quantile(contact, _LOWER_QUANTILE), 0.0
    floor = 1e-3 * median(contact)
    for _ in range(30):
        residual = contact - (start + slope * across)
        weight = np.where(residual > 0, _LOWER_QUANTILE, 1 - _LOWER_QUANTILE) / np.maximum(np.abs(residual), floor)
        one, x, xx, y, xy = (moments @ weight).tolist()
        xx += 1e-6 * one * floor
        determinant = one * xx - x * x
        start, slope = (xx * y - x * xy) / determinant, (one * xy - x * y) / determinant
    away = silhouette.forward - slope * silhouette.sideways
    length = float(np.linalg.norm(away))
    return Plane(-away / length, start / length)


def width_along(silhouette: Silhouette, upright: Plane) -> float:
    """Metres that the target is wide, along the upright plane."""
    forward, sideways = float(upright.normal @ silhouette.forward), float(upright.normal @ silhouette.sideways)
    along = (forward * silhouette.azimuth - sideways) * _reach(silhouette, upright)
    return _quantile(along, 0.98) - _quantile(along, 0.02)


def _quantile(values: Float64, share: float) -> float:
    """``np.quantile`` of (N,) values, N > 0, without its preparations for any number of dimensions."""
    return float(np.interp(share * (len(values) - 1), np.arange(len(values)), np.sort(values)))


def _reach(silhouette: Silhouette, upright: Plane) -> Float64:
    """(N,) metres forward to the upright plane in each direction."""
    directions = silhouette.forward + silhouette.azimuth[:, None] * silhouette.sideways
    return -upright.offset / (directions @ upright.normal)


def top_plane(support: Plane, silhouette: Silhouette, upright: Plane) -> Plane | None:
    """The plane parallel to the support at the top of a block that stands on the contact and throws this shadow.

    The block is taken to be half as deep as it is wide or high, whichever is less: between a sheet and a square bar.

    Returns:
        The plane, or None when the target reaches above the camera, which then cannot see its top.
    """
    near = _reach(silhouette, upright)
    inner = np.abs(silhouette.azimuth - np.median(silhouette.azimuth)) <= 0.35 * np.ptp(silhouette.azimuth)
    near, far = near[inner], silhouette.far[inner]
    apparent = support.offset * (1 - near / far)
    square = float(np.median(apparent / (1 + support.offset / far)))
    depth = _THICKNESS * min(width_along(silhouette, upright), square)
    height = float(np.median(support.offset * (1 - (near + depth) / far)))
    if height >= support.offset:
        return None
    return Plane(support.normal, support.offset - height)


def block_inverse_depth(camera: CameraModel, support: Plane, silhouette: Silhouette, upright: Plane) -> Float32:
    """(H, W) float32 1/m of the block's visible surface: its upright front and, above that, its top."""
    top = top_plane(support, silhouette, upright)
    front = upright.inverse_depth(camera)
    return front if top is None else cast(Float32, np.minimum(front, top.inverse_depth(camera)))
