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
from depth_prompt_ros.stages.hole_filling import MeasuredSurface, by_shape, by_shape_and_planes
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
        uncertainty: (H, W) float32 metres, half the width of the 90 % interval of depth where it is a monocular shape
            that says so, else NaN.
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
    what is farther from the shape than the target is large: a mismatch, or the background through a gap. Where a target
    has no monocular depth (its fit was refused), holes stay and ToM pixels become holes.

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
    for target in targets:
        box = target.box
        _merge_target(
            target.mask, tom[box], mono_depth[box], depth[box], confidence[box], provenance[box],
            max(target.mask.shape) / camera.fx, noise, parameters,
        )  # fmt: skip
    if uncertainty is None:
        return Merged(depth, confidence, provenance)
    stated = (uncertainty > 0) & ((provenance == Provenance.MONO) | (provenance == Provenance.MERGED))
    confidence[stated] = 0.5 * np.exp(-uncertainty[stated] / (depth[stated] * parameters.agreement))
    return Merged(depth, confidence, provenance, np.where(stated, uncertainty, np.float32(np.nan)))


def _merge_target(
    target: Mask, tom: Mask, mono_depth: Float32, depth: Float32, confidence: Float32,
    provenance: NDArray[np.uint8], extent: float, noise: float, parameters: MergeParameters,
) -> None:  # fmt: skip
    """Merge one target's box in place; ``extent``: its size over its distance, ``noise``: of inverse depth, 1/m."""
    wrong = target & tom
    believed = target & ~tom & (provenance == Provenance.STEREO)
    depth[wrong], confidence[wrong], provenance[wrong] = np.nan, 0, Provenance.INVALID
    shaped = target & (mono_depth > 0)
    filled = shaped & ~believed
    if not filled.any():
        return
    surface = measured_surface(target, believed, depth, mono_depth, extent, noise)
    if surface is None:
        depth[filled], confidence[filled], provenance[filled] = mono_depth[filled], _UNCHECKED, Provenance.MONO
        return

    mono, checked = surface.shape, surface.known
    residual = np.where(checked, surface.inverse - mono, np.float32(0))
    disagreement = median_of_some(np.abs(residual[checked]) / mono[checked])
    holes = filled & ~wrong
    if holes.any():
        filling = by_shape_and_planes(surface, holes)
        inverse = by_shape(surface) if filling is None else filling.inverse
        depth[holes], confidence[holes] = 1 / inverse[holes], 0.5 * np.exp(-disagreement / parameters.agreement)
        provenance[holes] = Provenance.MERGED
        if filling is not None:
            continued = holes & filling.continued
            confidence[continued] = 0.5 * np.exp(-filling.error / parameters.agreement)
            provenance[continued] = Provenance.CONTINUED
    if not wrong.any():
        return
    covered, drawn = filled & wrong, np.zeros_like(wrong)
    inverse = mono.copy()
    agreeing = checked & (np.abs(residual) < parameters.agreement * mono)
    if agreeing.any():
        reach = max(1.0, _SEAM * max(target.shape))
        away = cv2.distanceTransform((~agreeing).view(np.uint8), cv2.DIST_L2, 3)
        fade = np.exp(-((away / np.float32(reach)) ** 2))
        inverse = np.maximum(mono + spread(residual, agreeing, np.inf) * fade, np.float32(0.2) * mono)
        drawn = fade > 0.1
    depth[covered] = 1 / inverse[covered]
    confidence[covered] = 0.5 * np.exp(-disagreement / parameters.agreement)
    provenance[covered] = np.where(drawn[covered], Provenance.MERGED, Provenance.MONO)


def noise_of(camera: CameraModel) -> float:
    """Two pixels of disparity as inverse depth, 1/m; 0 of a camera that is no pair."""
    return _FAR_PREFERENCE_PIXELS / (camera.fx * camera.baseline) if camera.baseline > 0 else 0.0


def measured_surface(
    target: Mask, believed: Mask, depth: Float32, mono_depth: Float32, extent: float, noise: float
) -> MeasuredSurface | None:
    """What is measured of a target within reach of its shape; None: nothing is.

    Args:
        target: (h, w) bool, with a shape somewhere.
        believed: (h, w) bool, of what is measured.
        depth, mono_depth: (h, w) metres; NaN or 0 = nothing.
        extent: the target's size over its distance.
        noise: of inverse depth, 1/m.
    """
    shaped = target & (mono_depth > 0)
    mono = np.divide(1, mono_depth, out=np.zeros_like(mono_depth), where=shaped)
    scale = median_of_some(mono[shaped])
    checked = believed & shaped & (np.abs(depth - mono_depth) < _REACH * extent / scale)
    if not checked.any():
        return None
    with np.errstate(divide="ignore"):
        measured = np.where(checked, 1 / depth, np.float32(0))
    return MeasuredSurface(measured, checked, mono, max(_FAR_PREFERENCE * scale, noise))
