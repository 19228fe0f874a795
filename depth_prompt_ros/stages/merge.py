"""Stereo where it can be believed, the monocular shape on transparent and mirror regions and in holes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum

import cv2
import numpy as np
from numpy.typing import NDArray

from depth_prompt_ros.camera import CameraModel
from depth_prompt_ros.frame import DepthMeasurement
from depth_prompt_ros.parameters import MergeParameters
from depth_prompt_ros.stages.boxes import Target
from depth_prompt_ros.stages.hole_filling import (
    Filling,
    MeasuredSurface,
    by_planes_alone,
    by_shape,
    by_shape_and_planes,
)
from depth_prompt_ros.stages.median import median_of_some
from depth_prompt_ros.stages.spread import spread

Float32 = NDArray[np.float32]
Mask = NDArray[np.bool_]

_FAR_PREFERENCE = 0.05
_FAR_PREFERENCE_PIXELS = 2.0
"""Of two surfaces beside a hole the farther one weighs e times more for every 5 % of inverse depth between them, or for
every 2 pixels of disparity where that is more."""

_REACH = 1.25
"""What is measured farther from the shape than 1.25 times the target's size is not the target."""

_EXPLAINED = 0.5
"""A shape within whose reach less than half of a target's believed pixels lie is not that target's."""

_SEAM = 0.05
"""A ToM region follows the believed pixels beside it within 5 % of the target's size."""

_UNCHECKED = 0.3
"""Confidence of a monocular pixel of a target in which no measured pixel could confirm or refute the shape."""


class Provenance(IntEnum):
    """Where a pixel's depth comes from."""

    INVALID = 0
    STEREO = 1
    """As measured, by stereo or the depth camera."""
    MONO = 2
    """The fitted monocular shape."""
    MERGED = 3
    """The monocular shape, shifted to meet the measured pixels around it; in a hole with a smaller share of planes."""
    CONTINUED = 4
    """Planes through the target's own measured pixels, continued into a hole; with a smaller share of its shape."""


@dataclass(frozen=True, eq=False)
class Merged:
    """One depth from two.

    Attributes:
        depth: (H, W) float32 metres, invalid = NaN.
        confidence: (H, W) float32 in [0, 1], 0 where depth is invalid.
        provenance: (H, W) uint8, values of :class:`Provenance`.
        uncertainty: (H, W) float32 metres, half the width of the 90 % interval of depth where it is not measured but a
            shape's that says so, or planes' beside it; else NaN.
    """

    depth: Float32
    confidence: Float32
    provenance: NDArray[np.uint8]
    uncertainty: Float32 | None = None


def merge(
    camera: CameraModel,
    measurement: DepthMeasurement,
    mono_depth: Float32,
    targets: Sequence[Target],
    tom: Mask,
    parameters: MergeParameters,
    uncertainty: Float32 | None = None,
) -> Merged:
    """Merge measured and monocular depth.

    A measured pixel that is not ToM stays exactly as it is, inside and outside the targets. Inside a target a ToM pixel
    takes the monocular depth, drawn to believed pixels close by so that there is no seam. A hole takes the monocular
    inverse depth plus what the measurement around it, in the same target, has over the monocular one. It prefers the
    farther of two surfaces, for what one camera sees and the other does not lies behind (Hirschmueller 2008, section
    2.6). Planes through the target's own pixels have their share in it: :func:`by_shape_and_planes`. Both leave out
    what is farther from the shape than the target is large: a mismatch, or the background through a gap. Is that most
    of what is believed of the target, or has it no monocular depth (its fit was refused), planes alone fill its holes
    if they foretell withheld pixels, else the shape does, or nothing. ToM pixels without a shape become holes.

    Args:
        mono_depth: (H, W) float32 metres, NaN outside the targets and where there is none.
        tom: (H, W) bool, transparent or mirror.
        uncertainty: (H, W) float32 metres of the monocular depth, NaN where nothing says so. Where it is known, the
            confidence of the monocular depth comes from it, else from how well measurements agree with it.
    """
    noise = noise_of(camera)
    depth = measurement.depth.copy()
    depth[depth <= 0] = np.nan
    valid = (depth > 0).view(np.uint8)
    confidence = cv2.copyTo(measurement.confidence, valid)
    provenance = valid * np.uint8(Provenance.STEREO)
    unsure = None if uncertainty is None else uncertainty.copy()
    for target in targets:
        box = target.box
        stated = None if unsure is None or not (unsure[box][target.mask] > 0).any() else unsure[box]
        part = _Part(depth[box], confidence[box], provenance[box], stated)
        extent = max(target.mask.shape) / camera.fx
        _merge_target(part, target.mask, tom[box], mono_depth[box], extent, noise, parameters.agreement)
    if unsure is None:
        return Merged(depth, confidence, provenance)
    known = (unsure > 0) & (provenance >= Provenance.MONO)
    confidence[known] = 0.5 * np.exp(-unsure[known] / (depth[known] * parameters.agreement))
    return Merged(depth, confidence, provenance, np.where(known, unsure, np.float32(np.nan)))


@dataclass(frozen=True, eq=False)
class _Part:
    """Views of one target's box in what is merged, all (h, w), written in place; see :class:`Merged`."""

    depth: Float32
    confidence: Float32
    provenance: NDArray[np.uint8]
    unsure: Float32 | None

    def fill(self, where: Mask, inverse: Float32, confidence: float, provenance: Provenance) -> None:
        """Take this inverse depth, 1/m, there."""
        self.depth[where], self.confidence[where], self.provenance[where] = 1 / inverse[where], confidence, provenance

    def take(self, filling: Filling, holes: Mask, merged: float, agreement: float) -> None:
        """Take a filling, with its interval; ``merged``: confidence where the shape counts more than planes."""
        self.fill(holes, filling.inverse, merged, Provenance.MERGED)
        continued = holes & filling.continued
        self.fill(continued, filling.inverse, _confidence(filling.error, agreement), Provenance.CONTINUED)
        if self.unsure is not None:
            self.unsure[holes] = (filling.unsure / filling.inverse**2)[holes]


def _confidence(error: float, agreement: float) -> float:
    """Of a filled pixel, at most a half; ``error``: relative, of what was foretold."""
    return float(0.5 * np.exp(-error / agreement))


def _merge_target(
    part: _Part, target: Mask, tom: Mask, mono_depth: Float32, extent: float, noise: float, agreement: float
) -> None:
    """Merge one target's box in place; ``extent``: its size over its distance, ``noise``: of inverse depth, 1/m."""
    wrong = target & tom
    believed = target & ~tom & (part.provenance == Provenance.STEREO)
    part.depth[wrong], part.confidence[wrong], part.provenance[wrong] = np.nan, 0, Provenance.INVALID
    holes, covered = target & ~believed & ~wrong, wrong & (mono_depth > 0)
    surface = measured_surface(target, believed, part.depth, mono_depth, extent, noise, part.unsure)
    explained = 0 if surface is None else np.count_nonzero(surface.known)
    if holes.any() and explained < _EXPLAINED * np.count_nonzero(believed):
        alone = by_planes_alone(_own_surface(believed, part.depth, noise), holes)
        if alone is not None:
            part.take(alone, holes, 0, agreement)
            holes = np.zeros_like(holes)
    holes &= mono_depth > 0
    if surface is None:
        filled = holes | covered
        part.depth[filled], part.confidence[filled] = mono_depth[filled], _UNCHECKED
        part.provenance[filled] = Provenance.MONO
        return
    residual = np.where(surface.known, surface.inverse - surface.shape, np.float32(0))
    off = np.abs(residual[surface.known]) / surface.shape[surface.known]
    merged = _confidence(median_of_some(off), agreement)
    if holes.any():
        filling = by_shape_and_planes(surface, holes)
        if filling is not None:
            part.take(filling, holes, merged, agreement)
        else:
            part.fill(holes, by_shape(surface), merged, Provenance.MERGED)
    if covered.any():
        inverse, drawn = _drawn(surface, residual, agreement)
        part.fill(covered, inverse, merged, Provenance.MONO)
        part.provenance[covered & drawn] = Provenance.MERGED


def _drawn(surface: MeasuredSurface, residual: Float32, agreement: float) -> tuple[Float32, Mask]:
    """(h, w) 1/m, the shape drawn to measured pixels close by that agree with it, and where it is drawn.

    Args:
        residual: (h, w) 1/m, what measured pixels have over the shape.
    """
    shape = surface.shape
    agreeing = surface.known & (np.abs(residual) < agreement * shape)
    if not agreeing.any():
        return shape, np.zeros_like(agreeing)
    reach = max(1.0, _SEAM * max(shape.shape))
    away = cv2.distanceTransform((~agreeing).view(np.uint8), cv2.DIST_L2, 3)
    fade = np.exp(-((away / np.float32(reach)) ** 2))
    return np.maximum(shape + spread(residual, agreeing, np.inf) * fade, np.float32(0.2) * shape), fade > 0.1


def noise_of(camera: CameraModel) -> float:
    """Two pixels of disparity as inverse depth, 1/m; 0 of a camera that is no pair."""
    return _FAR_PREFERENCE_PIXELS / (camera.fx * camera.baseline) if camera.baseline > 0 else 0.0


def measured_surface(
    target: Mask, believed: Mask, depth: Float32, mono_depth: Float32, extent: float, noise: float,
    unsure: Float32 | None = None,
) -> MeasuredSurface | None:  # fmt: skip
    """What is measured of a target within reach of its shape; None: nothing is.

    Args:
        target: (h, w) bool.
        believed: (h, w) bool, of what is measured.
        depth, mono_depth: (h, w) metres; NaN or 0 = nothing.
        extent: the target's size over its distance.
        noise: of inverse depth, 1/m.
        unsure: (h, w) metres, half the width of the shape's 90 % interval; None: it states none.
    """
    shaped = target & (mono_depth > 0)
    if not shaped.any():
        return None
    mono = np.divide(1, mono_depth, out=np.zeros_like(mono_depth), where=shaped)
    scale = median_of_some(mono[shaped])
    checked = believed & shaped & (np.abs(depth - mono_depth) < _REACH * extent / scale)
    if not checked.any():
        return None
    with np.errstate(divide="ignore"):
        measured = np.where(checked, 1 / depth, np.float32(0))
    interval = None if unsure is None else np.where(shaped, unsure * mono**2, np.float32(0))
    return MeasuredSurface(measured, checked, mono, max(_FAR_PREFERENCE * scale, noise), interval)


def _own_surface(believed: Mask, depth: Float32, noise: float) -> MeasuredSurface:
    """All that is believed of a target, which is something, without a shape."""
    inverse = np.divide(1, depth, out=np.zeros_like(depth), where=believed)
    preference = max(_FAR_PREFERENCE * median_of_some(inverse[believed]), noise)
    return MeasuredSurface(inverse, believed, np.zeros_like(inverse), preference)
