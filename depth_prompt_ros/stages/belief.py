"""Which measured pixels are believed, and why the others are not: decided here alone, before anything is anchored."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import cv2
import numpy as np
from numpy.typing import NDArray

from depth_prompt_ros.camera import CameraModel
from depth_prompt_ros.frame import DepthMeasurement, Frame
from depth_prompt_ros.parameters import Parameters, TomParameters
from depth_prompt_ros.stages.anchor.support_plane import Plane, fit_support_plane, level_with_each_other
from depth_prompt_ros.stages.anchor.upright import (
    cast_silhouette,
    seen_from_above,
    upright_plane,
    width_along,
)
from depth_prompt_ros.stages.beyond_reach import FEW, beyond_reach, mismatched_rim, mismatches
from depth_prompt_ros.stages.boxes import Target, box_of, grown_box, targets_in
from depth_prompt_ros.stages.median import median, quantile

Float32 = NDArray[np.float32]
Mask = NDArray[np.bool_]


class Reason(IntEnum):
    """Why a pixel's measurement is believed or not; the values of the topic ``belief``."""

    HOLE = 0
    """Nothing is measured."""
    BELIEVED = 1
    """Measured, and nothing speaks against it."""
    TOLD = 2
    """A mask from outside says that it is transparent or mirror."""
    SEEN_THROUGH = 3
    """On a transparent or mirror thing that is not measured as a surface: seen through it, mirrored, or by chance."""
    REFUTED = 4
    """Within a target, farther from it than it is large, and like nothing that is measured beside the target."""


_STANDS_OUT = 0.012
"""What is nearer than the support by this share of its distance stands out of it: 10 mm at 0.8 m."""

_SURFACES = ((0.5, 0.8), (0.3, 0.9))
"""Measured on the first share of its pixels, and with the second share of those standing out of its support and not far
behind its contact, a thing is a surface, not glass. Where little texture leaves few, they are purer than on glass."""

_SOLID = 0.9
"""A depth camera's light goes through glass or is lost in it: what answers it on so large a share is a surface, however
flat it lies. Stereo matches what is seen through clear glass as densely."""

_WHOLE = 0.5
"""A target of which more than half is called transparent or mirror is so as a whole, any other is not."""

_STANDING, _EMPTY, _SURE = 0.2, 0.15, 0.5
"""A target is transparent if less than a fifth of it stands out of its support and 15 % of it is empty or unsure, of a
confidence below a half."""

_CUT, _GOES_ON = 0.2, 0.3
"""The first share of its height is cut by the picture's left or right border of a thing whose width is not known. Where
it or the contact is not, the support must go on through the second share of what is measured."""

_MOSTLY = 0.35
"""A surface must be so large a share of what a mask claims, the rest being background that the mask ran into."""

_BESIDE_A_CLAIM = 0.5
"""Of what is measured on a claim, more than this share is not seen through a thing but beside it."""

_DEEPER = 0.8


@dataclass(frozen=True)
class Masks:
    """Where a frame's masks come from.

    Attributes:
        tom_told: ToM masks come from outside, where somebody knows.
        judged: the network that found the targets also says which of them are ToM, and has seen their holes.
    """

    tom_told: bool = False
    judged: bool = False

    @classmethod
    def of(cls, parameters: Parameters) -> Masks:
        """As the pipeline's parameters say."""
        tom, segmentation = parameters.tom.method, parameters.segmentation.method
        return cls(tom == "labels", (tom, segmentation) == ("network", "things"))


@dataclass(frozen=True, eq=False)
class Belief:
    """What of one frame is believed.

    Attributes:
        reasons: (H, W) uint8, values of :class:`Reason`.
        labels: (H, W) uint16, the targets without the background that their masks ran into.
        targets: those of ``labels``.
        supports: the plane that each target stands on, by label; None: not found.
        tom: (H, W) bool, transparent or mirror, holes included.
    """

    reasons: NDArray[np.uint8]
    labels: NDArray[np.uint16]
    targets: list[Target]
    supports: dict[int, Plane | None]
    tom: Mask

    @property
    def disbelieved(self) -> Mask:
        """(H, W) bool: transparent, mirror or refuted; the merge takes another depth there."""
        return np.asarray(self.tom | (self.reasons >= Reason.TOLD))

    def counts(self, target: Target) -> dict[str, int]:
        """Pixels of a target by reason, in lower case."""
        found = np.bincount(self.reasons[target.box][target.mask], minlength=len(Reason))
        return {reason.name.lower(): int(found[reason]) for reason in Reason}


def believe(
    frame: Frame,
    measurement: DepthMeasurement,
    labels: NDArray[np.uint16],
    tom: Mask,
    masks: Masks,
    parameters: TomParameters,
) -> Belief:
    """Decide for every pixel whether its measurement is believed.

    A measured pixel is disbelieved on positive evidence only:

    - a mask from outside says that it is transparent or mirror;
    - a network says so of a thing, and the thing is not measured as a surface: on half of its pixels, four fifths of
      which stand out of its support and are not far behind its contact, or on three tenths, nine tenths of them.
      Glossy ware and boxes that a network takes for glass are measured so, glass is not. So is what a depth camera
      measures on nine tenths of, however flat. Where no support is found, only holes are taken for glass. So they are
      where the contact is hidden, or the picture's left or right border cuts the thing, so that its width is not known,
      and what is measured in it is not the support, which goes on through glass;
    - no network has judged the target, less than a fifth of it stands out of its support and is not far behind its
      contact, and 15 % of it is empty or unsure: so glass on a table measures, and nothing flat does;
    - on no target, a network says so and what is measured is deeper than all around it: a mirror;
    - within a target it is farther from it than 1.5 times the target's size and like nothing beside it, or, in stereo,
      it is so far and clearly has the target's colour, not that of what is beside the target: matching windows give
      rims of a target the depth behind it.

    All other pixels that are so far from their target are background that its mask ran into, at its rim or through a
    gap: they are cut off the target and stay believed. Of what a network claims only where they are more than half of
    what is measured there: some background is seen through glass.

    Args:
        labels: (H, W) uint16, 0 = no target.
        tom: (H, W) bool, transparent or mirror as far as masks say.
        masks: where both come from.
        parameters: without ``evidence`` masks are believed as they are, and nothing but a mask is disbelieved.
    """
    depth, camera = measurement.depth, frame.camera
    measured = depth > 0
    labels, tom = labels.copy(), tom.copy()
    refuted, stereo = np.zeros(measured.shape, np.bool_), camera.baseline > 0
    found, anywhere = targets_in(labels), labels > 0
    supports = level_with_each_other(
        {target.label: fit_support_plane(camera, depth, anywhere, target.box, frame.seed) for target in found}
    )
    cut = False
    for target in found if parameters.evidence else ():
        support = supports[target.label]
        claimed, close = tom[target.box] & target.mask, depth[target.box]
        beyond = beyond_reach(camera, close, target.mask)
        if not masks.tom_told:
            claimed = _transparent(camera, measurement, target, claimed, beyond, support, masks.judged, not stereo)
            tom[target.box][target.mask] = claimed[target.mask]
        through = np.count_nonzero(beyond & claimed) <= _BESIDE_A_CLAIM * np.count_nonzero(close[claimed] > 0)
        if claimed.any() and (masks.tom_told or through):
            beyond = beyond_reach(camera, close, target.mask & ~claimed)
        if beyond.any():
            wrong = mismatches(depth, target, beyond)
            if stereo:
                wrong |= mismatched_rim(frame.image, target, beyond)
            background = beyond & ~wrong
            cut = cut or bool(background.any())
            labels[target.box][background] = 0
            tom[target.box][background] = False
            refuted[target.box] |= wrong
    if not masks.tom_told and parameters.evidence:
        _keep_mirrors(depth, tom, labels, parameters.min_area)
    reasons = measured.view(np.uint8) * np.uint8(Reason.BELIEVED)
    reasons[measured & refuted] = Reason.REFUTED
    reasons[measured & tom] = Reason.TOLD if masks.tom_told else Reason.SEEN_THROUGH
    return Belief(reasons, labels, targets_in(labels) if cut else found, supports, tom)


def _transparent(
    camera: CameraModel,
    measurement: DepthMeasurement,
    target: Target,
    claimed: Mask,
    beyond: Mask,
    support: Plane | None,
    judged: bool,
    active: bool,
) -> Mask:
    """(h, w) the target's transparent or mirror pixels: what of the claim its measurement does not contradict.

    Args:
        beyond: (h, w) bool, what of the target is out of reach, and no part of what is judged.
        judged: the network that claims has also found the target.
        active: measured by a depth camera, not by stereo.
    """
    depth = measurement.depth[target.box]
    mask = target.mask & ~beyond
    if np.count_nonzero(mask) < _MOSTLY * np.count_nonzero(target.mask):
        mask = target.mask
    measured, area = mask & (depth > 0), np.count_nonzero(mask)
    whole = np.count_nonzero(claimed & mask) > _WHOLE * area
    if support is None:
        return claimed & ~(depth > 0)
    if judged and not whole:
        return np.zeros_like(claimed)
    close = camera.within(target.box)
    stands = measured & support.stands_out(close, depth, _STANDS_OUT)
    unknown = whole and _cut_at_a_side(target, camera.width)
    near = None if unknown else _within_reach(close, depth, support, mask)
    stands_there = stands if near is None else stands & near
    if whole and near is None:
        on = measured & support.stands_out(close, depth, -_STANDS_OUT) & ~stands
        if np.count_nonzero(on) < _GOES_ON * np.count_nonzero(measured):
            return claimed & ~(depth > 0)
    if whole:
        count = np.count_nonzero(measured)
        standing = np.count_nonzero(stands_there)
        standing_out = any(count > dense * area and standing > pure * count for dense, pure in _SURFACES)
        surface = standing_out or (active and count > _SOLID * area)
        return np.zeros_like(claimed) if surface else target.mask.copy()
    sure = measured & (measurement.confidence[target.box] >= _SURE)
    lost = mask & ~sure
    few = np.count_nonzero(stands_there & sure) < _STANDING * area
    glass = few and np.count_nonzero(lost) > _EMPTY * area
    return target.mask.copy() if glass else np.zeros_like(claimed)


def _cut_at_a_side(target: Target, width: int) -> bool:
    """Whether the left or right border of the picture, ``width`` pixels wide, cuts a fifth of the target's height."""
    columns, mask = target.box[1], target.mask
    cut = max(
        np.count_nonzero(mask[:, 0]) * (columns.start == 0), np.count_nonzero(mask[:, -1]) * (columns.stop == width)
    )
    return bool(cut > _CUT * len(mask))


def _within_reach(camera: CameraModel, depth: Float32, support: Plane, mask: Mask) -> Mask | None:
    """(h, w) pixels measured less far behind the upright plane through the contact than the mask is wide.

    All of them where the camera looks down so steeply that no contact can be told.

    Returns:
        None: the contact is hidden.
    """
    silhouette = cast_silhouette(camera, support, mask)
    if silhouette is None:
        return np.ones_like(mask) if seen_from_above(camera, support, mask) else None
    upright = upright_plane(silhouette)
    return np.asarray(upright.distance_behind(camera, depth) < width_along(silhouette, upright))


def _keep_mirrors(depth: Float32, tom: Mask, labels: NDArray[np.uint16], min_area: int) -> None:
    """Take from ``tom``, in place, regions on no target that are not deeper than what is around them, or too small."""
    loose = tom & (labels == 0)
    rows, columns = box_of(loose)
    if rows.stop == 0:
        return
    loose = loose[rows, columns]
    _, parts, statistics, _ = cv2.connectedComponentsWithStats(loose.view(np.uint8), connectivity=8)
    kept = statistics[:, cv2.CC_STAT_AREA] >= min_area
    kept[0] = False
    for number in np.flatnonzero(kept).tolist():
        left, top, width, height, area = statistics[number].tolist()
        part = parts[top : top + height, left : left + width] == number
        left, top = left + columns.start, top + rows.start
        size = max(3, round(0.5 * float(np.sqrt(area))))
        box, own = grown_box(np.s_[top : top + height, left : left + width], depth.shape, size)
        measured = depth[box] > 0
        inside = depth[box][own][part & measured[own]]
        if len(inside) >= FEW:
            around = np.zeros(measured.shape, np.uint8)
            around[own] = part
            around = cv2.dilate(around, np.ones((2 * size + 1, 2 * size + 1), np.uint8))
            beside = depth[box][(around > 0) & ~tom[box] & measured]
            kept[number] = len(beside) > 0 and _DEEPER * median(inside) > quantile(beside, 0.9)
    tom[rows, columns][loose] = kept[parts[loose]]
