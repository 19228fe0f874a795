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
from depth_prompt_ros.rotation import cross
from depth_prompt_ros.stages.anchor.beneath import look_beneath
from depth_prompt_ros.stages.anchor.support_plane import Plane
from depth_prompt_ros.stages.least_squares import least_squares
from depth_prompt_ros.stages.median import median, quantile

Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]
Mask = NDArray[np.bool_]

_AZIMUTHS = 48
_ROWS = 32
_LOWER_QUANTILE = 0.05
_FROM_ABOVE = np.sin(np.radians(65))
_BEFORE = 0.1
"""What is measured more than 10 % before the support stands before what it touches, and hides its contact."""

_THIN, _ROUND = 0.3, 1.0
"""Depth over width of a target that is not mirror-symmetric at all, and of one that is entirely."""

_ASYMMETRIC = 0.12
"""The middles of the outline's rows are this far from one upright axis, in widths, where nothing of revolution is."""

_LOBED, _CONVEX = 0.93, 0.96
"""Share of its convex hull that an outline with lobes fills, which is of no bowl, cup or can, and what these fill."""

_ARC, _INNER, _LEAST = 0.3, 0.75, 5
"""The contact's sides stand so far behind its middle, in half widths, where it may be round; 0.6 of a circle. Told by
the inner three quarters of the contact, in five directions at least."""

_COMPACT, _LYING = 0.5, 0.85
"""Height over the inscribed width of what is seen from above: of round outlines, and of long ones."""

_LOW, _FLAT, _TALL = 0.2, 0.5, 0.8
"""Apparent height over width: what appears lower is flat, what appears higher may be as deep as it is wide."""


@dataclass(frozen=True, eq=False)
class Silhouette:
    """A target's outline on its support plane, seen as a shadow thrown by the camera.

    Attributes:
        forward: (3,) unit vector along the support away from the camera.
        sideways: (3,) unit vector along the support, right-handed with the normal.
        azimuth: (N,) sideways per metre forward of each direction.
        contact: (N,) metres forward to the shadow's near end: the contact, or behind it under an overhang.
        far: (N,) metres forward to the shadow's far end; inf above the horizon.
        support: the plane that the contact lies on: the given one, or that of what the target stands on or behind.
        asymmetry: distance of the outline's middles from one upright axis, in widths; 0 of a body of revolution.
        convexity: share in [0, 1] of the outline's convex hull that the target fills.
        on_support: the contact is seen on the support; otherwise what is measured along the lower edge tells it.
    """

    forward: Float64
    sideways: Float64
    azimuth: Float64
    contact: Float64
    far: Float64
    support: Plane
    asymmetry: float = 0.0
    convexity: float = 1.0
    on_support: bool = True


def seen_from_above(camera: CameraModel, support: Plane, mask: Mask) -> bool:
    """Whether the camera looks down on the target, (H, W) bool and not empty, more steeply than 65 degrees."""
    return _looks_down(_middle_ray(camera, mask), support)


def _middle_ray(camera: CameraModel, mask: Mask) -> Float64:
    left, top, width, height = cv2.boundingRect(mask.view(np.uint8))
    corners = np.array([top, top + height - 1]), np.array([left, left + width - 1])
    return np.asarray(camera.rays_at(*corners).astype(np.float64).mean(0))


def _looks_down(ray: Float64, support: Plane) -> bool:
    return bool(-(ray @ support.normal) > _FROM_ABOVE * np.linalg.norm(ray))


def cast_silhouette(
    camera: CameraModel, support: Plane, mask: Mask, targets: Mask | None = None, depth: Float32 | None = None
) -> Silhouette | None:
    """Project a mask's outline on the support plane.

    Directions in which the mask's lower end lies on the picture's border or on another target are left out, unless that
    target is measured not far before the support there: a frame or foot of the same thing hides nothing.

    What is measured along the lower edge tells what the mask's lower end is (see :func:`look_beneath`). Directions in
    which something above the support ends the mask are left out. When less than a quarter of the directions shows the
    support there, and less than half is free, or when what is there goes on beside the target, what is measured tells
    the contact: the target stands on it, or it hides the target's foot, which then is behind it.

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
    middle = _middle_ray(camera, mask)
    if _looks_down(middle, support):
        return None
    forward = middle - support.normal * (middle @ support.normal)
    forward /= np.linalg.norm(forward)
    sideways = cross(support.normal, forward)
    along = rays @ forward
    ahead = along > 1e-3
    rays, along, x, y = rays[ahead], along[ahead], x[ahead], y[ahead]
    azimuth, steepness = rays @ sideways / along, -(rays @ support.normal) / along

    low, high = azimuth.min(), azimuth.max()
    count = min(max(width // 2, 8), _AZIMUTHS)
    cell = np.minimum((azimuth - low) / max(high - low, 1e-9) * count, count - 1).astype(int)
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
    steep, flat = steepness[steepest][shown], steepness[flattest][shown]
    directions = low + (cells[shown] + 0.5) * (high - low) / count
    contact, on_support = support.offset / steep, True
    if depth is not None:
        size = max(width, height)
        rows, columns = y[steepest][shown], x[steepest][shown]
        strip = look_beneath(camera, support, forward, mask, depth, rows, columns, contact, size)
        seen = strip.contact_directions()
        on_support = seen is not None
        if seen is None:
            seen = strip.blocked
            support, contact = strip.contact(support)
        steep, flat, directions, contact = steep[seen], flat[seen], directions[seen], contact[seen]
    with np.errstate(divide="ignore"):
        far = np.maximum(np.where(flat > 1e-3, support.offset / flat, np.inf), contact)
    asymmetry = _asymmetry(rays, support.normal)
    convexity = _convexity(filled)
    return Silhouette(forward, sideways, directions, contact, far, support, asymmetry, convexity, on_support)


def _convexity(mask: NDArray[np.uint8]) -> float:
    """Share in [0, 1] of the convex hull of an (H, W) 0 or 1 mask that its largest part fills, holes closed."""
    contours, _ = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    areas = [cv2.contourArea(contour) for contour in contours]
    hull = cv2.contourArea(cv2.convexHull(contours[int(np.argmax(areas))]))
    return max(areas) / hull if hull > 0 else 1.0


def _asymmetry(rays: Float64, normal: Float64) -> float:
    """Mean distance of the middles of an outline's rows from their median, in widths of the widest row.

    Rows are square to the image of the support's normal in a camera turned to the target, so a body of revolution that
    stands on its support is mirror-symmetric about one column.

    Args:
        rays: (N, 3) viewing rays of the outline's pixels.
        normal: (3,) the support's.
    """
    units = rays / np.linalg.norm(rays, axis=1, keepdims=True)
    ahead = units.mean(0)
    ahead /= np.linalg.norm(ahead)
    up = normal - ahead * (normal @ ahead)
    up /= np.linalg.norm(up)
    distance = units @ ahead
    across, along = units @ cross(ahead, up) / distance, units @ up / distance
    low = along.min()
    row = np.minimum((along - low) / max(np.ptp(along), 1e-9) * _ROWS, _ROWS - 1).astype(int)
    left, right = np.full(_ROWS, np.inf), np.full(_ROWS, -np.inf)
    np.minimum.at(left, row, across)
    np.maximum.at(right, row, across)
    filled = right > left
    if not filled.any():
        return 0.0
    middles = (left[filled] + right[filled]) / 2
    return float(np.abs(middles - median(middles)).mean() / (right - left)[filled].max())


def upright_plane(silhouette: Silhouette) -> Plane:
    """The plane perpendicular to the support through the target's contact with it.

    An overhang throws its shadow behind the contact, never before it, so the contact is the shadow's lower edge: the
    line under all but 5 % of it (quantile regression, Koenker and Bassett 1978). A contact that is not seen on the
    support is told by what is measured: its median, square to the view.
    """
    if not silhouette.on_support:
        return Plane(-silhouette.forward, median(silhouette.contact))
    contact, across = silhouette.contact, silhouette.azimuth * silhouette.contact
    moments = np.stack([np.ones_like(across), across, across * across, contact, across * contact])
    start, slope = quantile(contact, _LOWER_QUANTILE), 0.0
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
    _, low, high = _along(silhouette, upright)
    return high - low


def _along(silhouette: Silhouette, upright: Plane) -> tuple[Float64, float, float]:
    """(N,) metres sideways on the upright plane in each direction, and where the target begins and ends there."""
    forward, sideways = float(upright.normal @ silhouette.forward), float(upright.normal @ silhouette.sideways)
    along = (forward * silhouette.azimuth - sideways) * _reach(silhouette, upright)
    return along, quantile(along, 0.02), quantile(along, 0.98)


def _reach(silhouette: Silhouette, upright: Plane) -> Float64:
    """(N,) metres forward to the upright plane in each direction."""
    directions = silhouette.forward + silhouette.azimuth[:, None] * silhouette.sideways
    return -upright.offset / (directions @ upright.normal)


def _arc(silhouette: Silhouette, upright: Plane) -> float:
    """How far the contact's sides stand behind its middle, in half widths: 0.6 of a circle, 0 of a straight front.

    By the parabola through the inner part of the contact; a contact that is not seen on the support may be any.
    """
    along, low, high = _along(silhouette, upright)
    half = max((high - low) / 2, 1e-9)
    place = (along - (low + high) / 2) / half
    inner = np.abs(place) < _INNER
    if not silhouette.on_support or np.count_nonzero(inner) < _LEAST:
        return np.inf
    place, behind = place[inner], (silhouette.contact - _reach(silhouette, upright))[inner] / half
    return float(least_squares(np.stack([np.ones_like(place), place, place * place]), behind)[2])


def top_plane(silhouette: Silhouette, upright: Plane) -> Plane | None:
    """The plane parallel to the support at the top of a block that stands on the contact and throws this shadow.

    A body of revolution is as deep as it is wide, its outline is mirror-symmetric and its contact an arc; a box stands
    askew as a rule, or with a straight front. An outline with lobes is of neither bowl, cup nor can. So the block's
    depth goes from one width of a symmetric, convex outline on an arc to 0.3 of others. What is apparently lower than
    0.8 of its width is less deep, and from a fifth on flat.

    Returns:
        The plane, or None when the target reaches above the camera, which then cannot see its top.
    """
    support, near = silhouette.support, _reach(silhouette, upright)
    inner = np.abs(silhouette.azimuth - median(silhouette.azimuth)) <= 0.35 * np.ptp(silhouette.azimuth)
    if not inner.any():  # the contact shows at both ends only
        inner[:] = True
    near, far = near[inner], silhouette.far[inner]
    width = width_along(silhouette, upright)
    apparent = median(support.offset * (1 - near / far)) / max(width, 1e-9)
    roundness = max(0.0, 1 - silhouette.asymmetry / _ASYMMETRIC) * float(
        np.clip((apparent - _FLAT) / (_TALL - _FLAT), 0, 1)
    )
    roundness *= float(np.clip((silhouette.convexity - _LOBED) / (_CONVEX - _LOBED), 0, 1))
    roundness *= float(np.clip(_arc(silhouette, upright) / _ARC, 0, 1))
    thickness = _THIN * float(np.clip((apparent - _LOW) / (_TALL - _LOW), 0, 1)) + (_ROUND - _THIN) * roundness
    depth = thickness * width
    height = median(support.offset * (1 - (near + depth) / far))
    if height >= support.offset:
        return None
    return Plane(support.normal, support.offset - max(height, 0.0))


def block_inverse_depth(camera: CameraModel, silhouette: Silhouette, upright: Plane) -> Float32:
    """(H, W) float32 1/m of the block's visible surface: its upright front and, above that, its top."""
    top = top_plane(silhouette, upright)
    front = upright.inverse_depth(camera)
    return front if top is None else cast(Float32, np.minimum(front, top.inverse_depth(camera)))


def raised_plane(camera: CameraModel, support: Plane, mask: Mask) -> Plane:
    """The plane parallel to the support that stands for a target seen from above, where no contact can be seen.

    What is seen is the target's upper side. It is taken to be half as high as the widest circle in the outline is wide,
    and up to 0.85 times for an outline twice as large as that circle's square: long things lie, and what lies is as
    high as it is wide, its upper side 0.89 of that on average for a cylinder.

    Args:
        mask: (H, W) bool, the target, not empty.
    """
    left, top, width, height = cv2.boundingRect(mask.view(np.uint8))
    inner = mask[top : top + height, left : left + width].view(np.uint8)
    framed = cv2.copyMakeBorder(inner, 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=0)
    across = 2 * float(cv2.distanceTransform(framed, cv2.DIST_L2, 5).max())
    longer = float(np.clip(np.count_nonzero(inner) / across**2 - 1, 0, 1))
    inverse = float(_middle_ray(camera, mask) @ (-support.normal / support.offset))
    raised = (_COMPACT + (_LYING - _COMPACT) * longer) * across / (inverse * np.sqrt(camera.fx * camera.fy))
    return Plane(support.normal, max(support.offset - raised, 0.2 * support.offset), support.inlier_share)
