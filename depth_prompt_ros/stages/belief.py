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
from depth_prompt_ros.stages.anchor.support_plane import Plane, fit_support_plane
from depth_prompt_ros.stages.anchor.upright import cast_silhouette, upright_plane, width_along
from depth_prompt_ros.stages.boxes import Target, targets_in
from depth_prompt_ros.stages.median import median

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
    """On a target and farther from it than it is large, and not the background that its mask ran into."""


_STANDS_OUT = 0.012
"""What is nearer than the support by this share of its distance stands out of it: 10 mm at 0.8 m."""

_DENSE, _SURFACE = 0.5, 0.8
"""Measured on the first share of its pixels, and with the second share of those standing out of its support and not far
behind its contact, a thing is a surface, not glass."""

_WHOLE = 0.5
"""A target of which more than half is called transparent or mirror is so as a whole, any other is not."""

_STANDING, _EMPTY, _SURE = 0.2, 0.15, 0.5
"""A target is transparent if less than a fifth of it stands out of its support and 15 % of it is empty or unsure, of a
confidence below a half."""

_NEAR, _REACH = 0.25, 1.5
"""Nothing reaches farther from its nearest quarter than 1.5 times as it is wide or high."""

_CONTINUES, _ALIKE = 0.5, 0.04
"""What is measured beyond reach is background if half of what is beside it outside the target is as far within 4 %."""

_DEEPER, _FEW = 0.8, 20


@dataclass(frozen=True)
class Masks:
    """Where a frame's masks come from.

    Attributes:
        tom_told: ToM masks come from outside, where somebody knows.
        labels_told: so do the labels: nothing is cut off them.
        judged: the network that found the targets also says which of them are ToM, and has seen their holes.
    """

    tom_told: bool = False
    labels_told: bool = False
    judged: bool = False

    @classmethod
    def of(cls, parameters: Parameters) -> Masks:
        """As the pipeline's parameters say."""
        tom, segmentation = parameters.tom.method, parameters.segmentation.method
        return cls(tom == "labels", segmentation == "labels", (tom, segmentation) == ("network", "things"))


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
      which stand out of its support and are not far behind its contact. Glossy ware and boxes that a network takes for
      glass are measured so, glass is not;
    - no network has judged the target, less than a fifth of it stands out of its support and is not far behind its
      contact, and 15 % of it is empty or unsure: so glass on a table measures, and nothing flat does;
    - on no target, a network says so and what is measured is deeper than all around it: a mirror;
    - it is farther from its target than 1.5 times the target's size. Where such pixels continue the background beside
      a target that was found here, its mask ran into it: they are cut off the target and stay believed.

    Args:
        labels: (H, W) uint16, 0 = no target.
        tom: (H, W) bool, transparent or mirror as far as masks say.
        masks: where both come from.
        parameters: without ``evidence`` masks are believed as they are, and nothing but a mask is disbelieved.
    """
    depth, camera = measurement.depth, frame.camera
    measured = depth > 0
    labels, tom = labels.copy(), tom.copy()
    refuted = np.zeros(measured.shape, np.bool_)
    supports: dict[int, Plane | None] = {}
    anywhere = labels > 0
    for target in targets_in(labels):
        whole = labels == target.label
        support = fit_support_plane(camera, depth, anywhere, whole, frame.seed)
        supports[target.label] = support
        if not parameters.evidence:
            continue
        claimed = tom[target.box] & target.mask
        if not masks.tom_told:
            claimed = _transparent(camera, measurement, target, claimed, support, masks.judged)
            tom[target.box][target.mask] = claimed[target.mask]
        beyond = _beyond_reach(camera, depth[target.box], target, claimed)
        if beyond.any():
            background = np.zeros_like(beyond) if masks.labels_told else _continues(depth, labels, target, beyond)
            labels[target.box][background] = 0
            refuted[target.box] |= beyond & ~background
    if not masks.tom_told and parameters.evidence:
        _keep_mirrors(depth, tom, labels, parameters.min_area)
    reasons = np.where(measured, np.uint8(Reason.BELIEVED), np.uint8(Reason.HOLE))
    reasons[measured & refuted] = Reason.REFUTED
    reasons[measured & tom] = Reason.TOLD if masks.tom_told else Reason.SEEN_THROUGH
    return Belief(reasons, labels, targets_in(labels), supports, tom)


def _transparent(
    camera: CameraModel,
    measurement: DepthMeasurement,
    target: Target,
    claimed: Mask,
    support: Plane | None,
    judged: bool,
) -> Mask:
    """(h, w) the target's transparent or mirror pixels: what of the claim its measurement does not contradict."""
    depth = measurement.depth[target.box]
    measured, area = target.mask & (depth > 0), int(target.mask.sum())
    if support is None:
        dense = np.count_nonzero(measured & claimed) > _SURFACE * max(int(np.count_nonzero(claimed)), 1)
        return np.zeros_like(claimed) if dense else claimed
    rows, columns = target.box
    close = camera.cropped(columns.start, rows.start, columns.stop - columns.start, rows.stop - rows.start)
    stands = measured & support.stands_out(close, depth, _STANDS_OUT)
    if np.count_nonzero(claimed) > _WHOLE * area:
        count = np.count_nonzero(measured)
        near = np.count_nonzero(stands & _within_reach(close, depth, support, target.mask))
        surface = count > _DENSE * area and near > _SURFACE * count
        return np.zeros_like(claimed) if surface else target.mask.copy()
    if judged:
        return np.zeros_like(claimed)
    sure = measured & (measurement.confidence[target.box] >= _SURE)
    lost = target.mask & ~sure
    few = np.count_nonzero(stands & sure & _within_reach(close, depth, support, target.mask)) < _STANDING * area
    glass = few and np.count_nonzero(lost) > _EMPTY * area
    return target.mask.copy() if glass else np.zeros_like(claimed)


def _within_reach(camera: CameraModel, depth: Float32, support: Plane, mask: Mask) -> Mask:
    """(h, w) pixels measured less far behind the upright plane through the contact than the mask is wide."""
    silhouette = cast_silhouette(camera, support, mask)
    if silhouette is None:
        return np.ones_like(mask)
    upright = upright_plane(silhouette)
    return np.asarray(upright.distance_behind(camera, depth) < width_along(silhouette, upright))


def _beyond_reach(camera: CameraModel, depth: Float32, target: Target, claimed: Mask) -> Mask:
    """(h, w) measured pixels of the target, not claimed, that are farther from its near pixels than it is large."""
    known = target.mask & ~claimed & (depth > 0)
    if np.count_nonzero(known) < _FEW:
        return np.zeros_like(known)
    values = depth[known]
    near = float(np.quantile(values[:: len(values) // 2000 + 1], _NEAR))
    size = max(target.mask.shape) / camera.fx * near
    with np.errstate(invalid="ignore"):
        return np.asarray(known & (np.abs(depth - near) > _REACH * size))


def _continues(depth: Float32, labels: NDArray[np.uint16], target: Target, beyond: Mask) -> Mask:
    """(h, w) those connected parts of ``beyond`` that the background beside the target continues."""
    rows, columns = target.box
    height, width = depth.shape
    first_row, first_column = max(rows.start - 3, 0), max(columns.start - 3, 0)
    grown = np.s_[first_row : min(rows.stop + 3, height), first_column : min(columns.stop + 3, width)]
    top, left = rows.start - first_row, columns.start - first_column
    around, outside = depth[grown], labels[grown] != target.label
    count, numbered = cv2.connectedComponents(beyond.view(np.uint8), connectivity=8)
    background = np.zeros_like(beyond)
    for number in range(1, count):
        part = np.zeros(around.shape, np.float32)
        part[top : top + beyond.shape[0], left : left + beyond.shape[1]] = numbered == number
        share = cv2.blur(part, (7, 7))
        ring = (share > 0) & outside & (around > 0)
        beside = cv2.blur(np.where(part > 0, around, np.float32(0)), (7, 7))[ring] / share[ring]
        if np.count_nonzero(ring) and np.mean(np.abs(around[ring] / beside - 1) < _ALIKE) > _CONTINUES:
            background |= numbered == number
    return background


def _keep_mirrors(depth: Float32, tom: Mask, labels: NDArray[np.uint16], min_area: int) -> None:
    """Take from ``tom``, in place, regions on no target that are not deeper than what is around them, or too small."""
    loose = (tom & (labels == 0)).view(np.uint8)
    if not loose.any():
        return
    count, numbered, statistics, _ = cv2.connectedComponentsWithStats(loose, connectivity=8)
    for number in range(1, count):
        left, top, width, height, area = statistics[number].tolist()
        size = max(3, round(0.5 * float(np.sqrt(area))))
        box = np.s_[max(top - size, 0) : top + height + size, max(left - size, 0) : left + width + size]
        part, measured = numbered[box] == number, depth[box] > 0
        inside = depth[box][part & measured]
        keep = area >= min_area
        if keep and len(inside) >= _FEW:
            grown = cv2.dilate(part.view(np.uint8), np.ones((2 * size + 1, 2 * size + 1), np.uint8)) > 0
            beside = depth[box][grown & ~tom[box] & measured]
            keep = len(beside) > 0 and _DEEPER * median(inside) > float(np.quantile(beside, 0.9))
        if not keep:
            tom[box][part] = False
