"""What a target's metric scale is anchored to: its pixels, else the plane it stands on, else what is beside it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from depth_prompt_ros.camera import CameraModel
from depth_prompt_ros.frame import DepthMeasurement
from depth_prompt_ros.parameters import ScaleParameters
from depth_prompt_ros.stages.anchor.beside import inverse_depth_beside
from depth_prompt_ros.stages.anchor.parts import visible_inverse_depth
from depth_prompt_ros.stages.anchor.support_plane import Plane
from depth_prompt_ros.stages.anchor.upright import (
    Silhouette,
    cast_silhouette,
    raised_plane,
    seen_from_above,
    upright_plane,
    width_along,
)
from depth_prompt_ros.stages.least_squares import least_squares
from depth_prompt_ros.stages.median import median

Float32 = NDArray[np.float32]
Mask = NDArray[np.bool_]

_STANDS_OUT = 0.03
"""What the scale is fitted to is nearer than the support by this share of the support's distance: 24 mm at 0.8 m."""

_BESIDE = 2.5
"""So many times wider is the interval of a shape that is as far as what is beside it: it held 92 % of the pixels of the
38 rendered things that this was chosen on, and 87 % of 25 others. On a support it grows with the root of the points per
inlier, as the standard error of the plane's distance does: of 499 rendered things 86 % are held so, 81 % without."""


@dataclass(frozen=True, eq=False)
class Anchor:
    """The metric values that a target's shape is fitted to.

    Attributes:
        kind: "inside" (measured pixels of the target), "support" (values from the plane it stands on), "surroundings"
            (what is measured beside it) or "refused".
        trusted: (H, W) float32 metric inverse depth, 1/m; 0 where nothing is trusted.
        free_shift: fit scale and shift in inverse depth; False: scale only.
        reason: one line for the diagnostics: what was used or why nothing could be.
        block: (H, W) float32 inverse depth, 1/m, of what the target would be by its outline and support alone, or by
            what is beside it, inside it, 0 elsewhere; None: not known, or not asked for.
        wider: so many times wider is the interval of a shape on it: than on a certain support, or on own pixels.
    """

    kind: Literal["inside", "support", "surroundings", "refused"]
    trusted: Float32
    free_shift: bool
    reason: str
    block: Float32 | None = None
    wider: float = 1.0


def choose_anchor(
    camera: CameraModel,
    mask: Mask,
    tom: Mask,
    measurement: DepthMeasurement,
    support: Plane | None,
    parameters: ScaleParameters,
    targets: Mask | None = None,
    block: bool = False,
) -> Anchor:
    """Choose what one target's scale is fitted to.

    1. Inside: confident measured pixels of the target that are not ToM, stand out of the support plane and do not lie
       behind the target, as the table or wall seen through glass does.
    2. Support, when those are too few: the visible surface of a block that stands on the mask's contact with the
       support plane; seen from above, the support plane raised by what the mask's width says of the target's height.
    3. Surroundings, where neither is seen and next to nothing of the target is measured: as far as the nearer quarter
       of what is measured beside it.
    4. Refused, with the reason.

    Args:
        mask: (H, W) bool, the target.
        tom: (H, W) bool, transparent or mirror, or not believed for another reason.
        support: the plane that the target stands on; None: not found.
        targets: (H, W) bool, every target; None: this one is alone.
        block: give the block also where the scale does not need it.
    """
    targets = mask if targets is None else targets
    nothing = np.zeros(mask.shape, np.float32)
    left, top, width, height = cv2.boundingRect(mask.view(np.uint8))
    if width == 0:
        return Anchor("refused", nothing, False, "the target's mask is empty")
    box = np.s_[top : top + height, left : left + width]
    close = camera.cropped(left, top, width, height)
    inside, depth = mask[box], measurement.depth[box]

    silhouette = None if support is None else cast_silhouette(camera, support, mask, targets, measurement.depth)
    upright = None if silhouette is None else upright_plane(silhouette)
    measured = inside & (measurement.confidence[box] >= parameters.trust_confidence) & (depth > 0)
    measured &= _away_from_edge(inside)
    standing = measured if support is None else measured & support.stands_out(close, depth, _STANDS_OUT)
    candidates, believed = measured & ~tom[box], standing & ~tom[box]
    if silhouette is not None and upright is not None:
        believed = believed & _not_behind(close, depth, upright, width_along(silhouette, upright))

    count = int(believed.sum())
    share = count / int(inside.sum())
    if count >= parameters.min_trusted and share >= parameters.min_trusted_share:
        values = np.zeros(inside.shape, np.float32)
        values[believed] = 1 / depth[believed]
        free_shift = count >= parameters.free_shift_trusted and _has_relief(close, values, parameters.min_relief)
        fit = "scale and shift" if free_shift else "scale"
        reason = f"{fit} from {count} measured pixels, {share:.0%} of the target"
        expected = None
        if block and support is not None:
            expected, _ = _block(camera, close, mask, inside, support, silhouette, upright)
        whole = None if expected is None else _placed(expected, box, np.zeros_like(nothing))
        return Anchor("inside", _placed(values, box, nothing), free_shift, reason, whole)

    few = f"{count} trusted pixels inside, {share:.0%} of the target"
    own = int(candidates.sum())
    if (more := own - count) > 0:
        few += f" ({more} more lie on or behind what is seen through it)"
    if support is None:
        return _beside(mask, tom, measurement, parameters, own, f"{few}, and no plane to stand on around it")
    found, given = _block(camera, close, mask, inside, support, silhouette, upright)
    if found is None:
        hidden = f"{few}, and its contact with the support is hidden or out of view"
        return _beside(mask, tom, measurement, parameters, own, hidden)
    reason = f"{few}: scale and tilt from {given} ({support.inlier_share:.0%} inliers)"
    whole = _placed(found, box, nothing)
    return Anchor("support", whole, False, reason, whole, support.inlier_share**-0.5)


def _beside(
    mask: Mask, disbelieved: Mask, measurement: DepthMeasurement, parameters: ScaleParameters, measured: int, why: str
) -> Anchor:
    """The anchor of a target that is not seen to stand on anything; refused where pixels of its own say more.

    Args:
        measured: number of its pixels that are, and are not disbelieved.
        why: it has no other anchor.
    """
    nothing = np.zeros(mask.shape, np.float32)
    few = measured < parameters.min_trusted
    inverse = inverse_depth_beside(mask, disbelieved, measurement.depth) if few else None
    if inverse is None:
        return Anchor("refused", nothing, False, why)
    whole = np.where(mask, np.float32(inverse), nothing)
    return Anchor(
        "surroundings", whole, False, f"{why}: scale and tilt from what is measured beside it", whole, _BESIDE
    )


def _block(
    camera: CameraModel, close: CameraModel, mask: Mask, inside: Mask, support: Plane, silhouette: Silhouette | None,
    upright: Plane | None,
) -> tuple[Float32 | None, str]:  # fmt: skip
    """(h, w) inverse depth, 0 outside the mask, and what it is taken from; None: no contact, and not from above."""
    if silhouette is not None and upright is not None:
        values = visible_inverse_depth(close, silhouette, upright)
        where = "with the support plane" if silhouette.on_support else "with what is measured along its lower edge"
        given = f"its contact {where}"
    elif seen_from_above(camera, support, mask):
        values = raised_plane(close, support, inside).inverse_depth(close)
        given = "its width, seen from above, on the support plane"
    else:
        return None, ""
    return np.where(inside, values, np.float32(0)), given


def _placed(values: Float32, box: tuple[slice, slice], canvas: Float32) -> Float32:
    canvas[box] = values
    return canvas


def _away_from_edge(mask: Mask) -> Mask:
    """The mask less its rim, where depth mixes with the background, unless nothing would be left."""
    reach = max(1, round(0.02 * np.sqrt(mask.sum())))
    kernel = np.ones((2 * reach + 1, 2 * reach + 1), np.uint8)
    return cv2.erode(mask.astype(np.uint8), kernel, borderValue=1).astype(bool)


def _not_behind(camera: CameraModel, depth: Float32, upright: Plane, thickness: float) -> Mask:
    """Where the measured point is not further behind the upright plane than the target is wide, nor far before it."""
    behind = upright.distance_behind(camera, depth)
    return np.asarray((behind > -thickness) & (behind < 0.5 * thickness))


def _has_relief(camera: CameraModel, trusted: Float32, min_relief: float) -> bool:
    """Whether the trusted inverse depth departs from its best plane, in a robust mean, by this share of itself."""
    pixels = np.flatnonzero(trusted > 0)
    if len(pixels) > 4000:
        pixels = pixels[:: len(pixels) // 4000 + 1]
    y, x = np.unravel_index(pixels, trusted.shape)
    rays, inverse = camera.rays_at(y, x).astype(np.float64), trusted[y, x].astype(np.float64)
    plane = least_squares(rays.T, inverse)
    spread = 1.4826 * median(np.abs(rays @ plane - inverse))
    return spread > min_relief * median(inverse)
