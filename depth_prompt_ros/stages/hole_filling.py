"""Holes of a measured target, filled by what foretells its measured pixels when some of them are withheld."""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from depth_prompt_ros.stages.local_plane import local_plane, local_plane_in_range
from depth_prompt_ros.stages.median import quantile
from depth_prompt_ros.stages.spread import spread

Float32 = NDArray[np.float32]
Mask = NDArray[np.bool_]

_SIDE = 64
"""At most about so many pixels a side are withheld and foretold, evenly spread."""

_FEW_HOLES, _FEW_KNOWN = 20, 20
"""Of fewer empty pixels the shape fills, if there is one; by fewer measured ones looked at and not withheld nothing is
foretold."""

_NEIGHBOURHOOD = 0.06
"""Withheld pixels are near or far compared with those around them: a Gaussian's deviation of 6 % of the target."""

_MOST = 2.0
"""An error of more than two preferences is a wrong surface, and no worse for being farther off.

This, the neighbourhood and the weights' limit were chosen on targets of Middlebury's Teddy and Laundry, the motorcycle
and 20 rendered table tops.
"""

_HELD = 0.9
"""The share of pixels whose truth lies in a stated interval."""

_LEAST = 1e-3
"""No interval is narrower, in shares of the shape's own, or 1/m without one: a flat wall is foretold without error."""

_SEEN = np.float32(2.0)
"""The shape was made with the withheld pixels in sight: where nothing is measured its squared error is twice as large.
Chosen on one half of the things of docs/results/hidden.md."""


@dataclass(frozen=True, eq=False)
class MeasuredSurface:
    """What is measured of one target, in the box around it.

    Attributes:
        inverse: (h, w) float32 1/m, measured.
        known: (h, w) bool, where it is measured and the target's.
        shape: (h, w) float32 1/m, the monocular shape; 0 where there is none.
        preference: 1/m; what is farther by so much weighs e times more, because holes lie behind.
        unsure: (h, w) float32 1/m, half the width of the shape's 90 % interval where it is; None: it states none.
    """

    inverse: Float32
    known: Mask
    shape: Float32
    preference: float
    unsure: Float32 | None = None


@dataclass(frozen=True, eq=False)
class Filling:
    """Inverse depth for a target's holes.

    Attributes:
        inverse: (h, w) float32 1/m.
        continued: (h, w) bool, where planes count more than the shape.
        error: mean relative error of the planes where measured pixels were withheld.
        unsure: (h, w) float32 1/m, half the width of the filling's 90 % interval.
    """

    inverse: Float32
    continued: Mask
    error: float
    unsure: Float32


@dataclass(frozen=True, eq=False)
class Foretold:
    """How well a target's withheld pixels were foretold.

    Attributes:
        by_shape, by_planes: mean error in 1/m, far pixels first, none more than two preferences.
        relative: mean relative error of the planes, as it is.
        reach: mean distance of the withheld pixels from what was left, in pixels, weighted as the errors are.
        shape_over, planes_over: (n,) 1/m, what shape and planes have over each withheld pixel.
        away: (n,) distance of each from what was left, in pixels.
        unsure: (n,) 1/m, half the width of the shape's 90 % interval at each; 1 where it states none.
    """

    by_shape: float
    by_planes: float
    relative: float
    reach: float
    shape_over: Float32
    planes_over: Float32
    away: Float32
    unsure: Float32


def by_shape_and_planes(surface: MeasuredSurface, holes: Mask) -> Filling | None:
    """The holes' filling by the target's shape and by planes through its own pixels together; None: by its shape alone.

    Both count by their inverse squared errors at withheld pixels (:func:`foretell`), as independent measurements do.
    The planes' squared error is taken to grow with the distance from what is measured, as that of a random walk does;
    the shape's stays. Planes whose mean error is above a preference, and above the shape's, mix two surfaces: they are
    not taken. [ours]

    Args:
        holes: (h, w) bool, what is to be filled.
    """
    foretold = foretell(surface, holes) if np.count_nonzero(holes) >= _FEW_HOLES else None
    if foretold is None or foretold.by_planes > max(surface.preference, foretold.by_shape):
        return None
    away = _away(surface.known)
    weight = _share_of_planes(foretold, away)
    filling = _mixed(weight, local_plane_in_range(surface.inverse, surface.known), by_shape(surface))
    off = _mixed(_share_of_planes(foretold, foretold.away), foretold.planes_over, foretold.shape_over)
    return Filling(filling, weight > 0.5, foretold.relative, _interval(surface, foretold, np.abs(off), away))


def by_planes_alone(surface: MeasuredSurface, holes: Mask) -> Filling | None:
    """The holes' filling where no shape explains what is measured; None: planes do not foretell it within a preference.

    Args:
        surface: its shape is not looked at.
        holes: (h, w) bool, what is to be filled.
    """
    foretold = foretell(surface, holes)
    if foretold is None or foretold.by_planes > surface.preference:
        return None
    return Filling(
        local_plane_in_range(surface.inverse, surface.known), holes, foretold.relative,
        _interval(surface, foretold, np.abs(foretold.planes_over), _away(surface.known)),
    )  # fmt: skip


def _share_of_planes(foretold: Foretold, away: Float32) -> Float32:
    """The planes' weight, so many pixels away from what is measured."""
    shape, planes = _SEEN * np.float32(foretold.by_shape**2), np.float32(foretold.by_planes**2)
    return np.asarray(
        shape / np.maximum(shape + planes * (away / np.float32(foretold.reach)), np.float32(1e-20)), np.float32
    )


def _mixed(weight: Float32, planes: Float32, shape: Float32) -> Float32:
    return weight * planes + (1 - weight) * shape


def _interval(surface: MeasuredSurface, foretold: Foretold, off: Float32, away: Float32) -> Float32:
    """(h, w) 1/m, half the width of the filling's 90 % interval, at most the shape's own where that states one.

    So many times the shape's own as holds 90 % of the withheld pixels and one more (split conformal prediction, Vovk
    et al. 2005), and wider in proportion to the distance from what is measured, where that is more than the withheld
    pixels' was. Without the shape's own, as wide everywhere but for the distance. Fewer than nine withheld pixels say
    nothing: the shape's own then, NaN without one.

    Args:
        off: (n,) 1/m, how far the filling is off at each withheld pixel.
        away: (h, w) pixels to what is measured.
    """
    growth = np.maximum(np.float32(1), away / np.float32(foretold.reach))
    rank = _HELD * (len(off) + 1) / len(off)
    most = np.float32(max(quantile(off / foretold.unsure, rank), _LEAST) if rank <= 1 else np.nan)
    if surface.unsure is None:
        return most * growth
    return surface.unsure * np.fmin(np.float32(1), most * growth)


def foretell(surface: MeasuredSurface, holes: Mask) -> Foretold | None:
    """Withhold as many measured pixels as there are holes, beside them, and foretell them by the rest.

    Once by the shape drawn to the rest (:func:`by_shape`), once by the rest's :func:`local_plane`. Far pixels weigh
    more in the errors, for holes lie on the farther of two surfaces, where a plane through both is wrong.

    Args:
        holes: (h, w) bool, what is to be filled.

    Returns:
        None where there are too few of either to tell.
    """
    step = -(-max(holes.shape) // _SIDE)
    some = np.s_[::step, ::step]
    known, inverse = surface.known[some], surface.inverse[some]
    withheld = withhold(known, holes[some])
    left = known & ~withheld
    if not withheld.any() or np.count_nonzero(left) < _FEW_KNOWN:
        return None
    shaped = by_shape(replace(surface, inverse=inverse, known=left, shape=surface.shape[some]))
    weight = _far_first(inverse, known, surface.preference)[withheld]
    truth, most = inverse[withheld], np.float32(_MOST * surface.preference)
    shape_over, planes_over = (found[withheld] - truth for found in (shaped, local_plane(inverse, left)))
    by_shapes, by_planes = np.abs(shape_over), np.abs(planes_over)
    total, away = float(np.sum(weight)), step * _away(left)[withheld]
    unsure = np.ones_like(truth) if surface.unsure is None else surface.unsure[some][withheld]
    return Foretold(
        float(np.sum(weight * np.minimum(by_shapes, most))) / total,
        float(np.sum(weight * np.minimum(by_planes, most))) / total,
        float(np.mean(by_planes / truth)),
        float(np.sum(weight * away)) / total,
        shape_over, planes_over, away, unsure,
    )  # fmt: skip


def by_shape(surface: MeasuredSurface) -> Float32:
    """(h, w) inverse depth of the shape plus what the known pixels around have over it, at least a fifth of it."""
    residual = np.where(surface.known, surface.inverse - surface.shape, np.float32(0))
    drawn = surface.shape + spread(residual, surface.known, surface.preference)
    return np.asarray(np.maximum(drawn, np.float32(0.2) * surface.shape), np.float32)


def withhold(known: Mask, holes: Mask) -> Mask:
    """(h, w) bool, known pixels beside the holes: as far to their left as each is wide.

    There the surface goes on that the nearer one to the right hides from the right camera. Of holes with nothing known
    before them, to their right. At most half of the known pixels, those nearest to a hole.
    """
    width = holes.shape[1]
    row, column = np.arange(len(holes))[:, None], np.arange(width)
    first, last = holes.copy(), holes.copy()
    first[:, 1:] &= ~holes[:, :-1]
    last[:, :-1] &= ~holes[:, 1:]
    last_to_left = np.maximum.accumulate(np.where(last, column, -1), axis=1)
    first_to_right = np.minimum.accumulate(np.where(first, column, width)[:, ::-1], axis=1)[:, ::-1]
    starts = np.maximum.accumulate(np.where(first, column, -1), axis=1)
    ends = np.minimum.accumulate(np.where(last, column, width)[:, ::-1], axis=1)[:, ::-1]

    right_width = ends[row, np.minimum(first_to_right, width - 1)] - first_to_right + 1
    withheld = known & (first_to_right < width) & (first_to_right - column <= right_width)
    start = starts[row, np.maximum(last_to_left, 0)]
    open_ended = (start == 0) | ~known[row, np.maximum(start - 1, 0)]
    reached = column - last_to_left <= last_to_left - start + 1
    withheld |= known & (last_to_left >= 0) & open_ended & reached
    most = np.count_nonzero(known) // 2
    if np.count_nonzero(withheld) > most > 0:
        away = _away(holes)
        withheld &= away <= np.partition(away[withheld], most - 1)[most - 1]
    return withheld


def _away(mask: Mask) -> Float32:
    """(h, w) pixels to the nearest one of the mask."""
    return np.asarray(cv2.distanceTransform((~mask).view(np.uint8), cv2.DIST_L2, 3), np.float32)


def _far_first(inverse: Float32, known: Mask, preference: float) -> Float32:
    """(h, w) weight of known pixels: e times more for every ``preference`` below those around, up to five of them."""
    deviation, mass = max(2.0, _NEIGHBOURHOOD * max(known.shape)), known.astype(np.float32)
    total, count = (cv2.GaussianBlur(part, (0, 0), deviation) for part in (np.where(known, inverse, 0), mass))
    around = total / np.maximum(count, np.float32(1e-6))
    return np.asarray(np.exp(np.clip((around - inverse) / np.float32(preference), -5, 5)), np.float32)
