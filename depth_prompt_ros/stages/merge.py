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
from depth_prompt_ros.stages.median import median

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
    """The monocular shape, shifted to meet the measured pixels around it."""


@dataclass(frozen=True, eq=False)
class Merged:
    """One depth from two.

    Attributes:
        depth: (H, W) float32 metres, invalid = NaN.
        confidence: (H, W) float32 in [0, 1], 0 where depth is invalid.
        provenance: (H, W) uint8, values of :class:`Provenance`.
    """

    depth: Float32
    confidence: Float32
    provenance: NDArray[np.uint8]


def merge(
    camera: CameraModel,
    measurement: DepthMeasurement,
    mono_depth: Float32,
    targets: Sequence[Target],
    tom: Mask,
    parameters: MergeParameters,
) -> Merged:
    """Merge measured and monocular depth.

    A measured pixel that is not ToM stays exactly as it is, inside and outside the targets. Inside a target a ToM pixel
    takes the monocular depth, drawn to believed pixels close by so that there is no seam. A hole takes the monocular
    inverse depth plus what the measurement around it, in the same target, has over the monocular one: a normalised
    convolution over a pyramid (Knutsson and Westin 1993, Burt 1988). It prefers the farther of two surfaces, for what
    one camera sees and the other does not lies behind (Hirschmueller 2008, section 2.6), but leaves out what is farther
    from the shape than the target is large: a mismatch, or the background through a gap. Where a target has no
    monocular depth (its fit was refused), holes stay and ToM pixels become holes.

    Args:
        mono_depth: (H, W) float32 metres, NaN outside the targets and where there is none.
        tom: (H, W) bool, transparent or mirror.
    """
    noise = _FAR_PREFERENCE_PIXELS / (camera.fx * camera.baseline) if camera.baseline > 0 else 0.0
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
    return Merged(depth, confidence, provenance)


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
    mono = np.divide(1, mono_depth, out=np.zeros_like(mono_depth), where=shaped)
    scale = _median(mono[shaped])
    checked = believed & shaped & (np.abs(depth - mono_depth) < _REACH * extent / scale)
    if not checked.any():
        depth[filled], confidence[filled], provenance[filled] = mono_depth[filled], _UNCHECKED, Provenance.MONO
        return

    residual = np.zeros_like(mono)
    np.subtract(1 / depth, mono, out=residual, where=checked)
    disagreement = _median(np.abs(residual[checked]) / mono[checked])
    correction = spread(residual, checked, max(_FAR_PREFERENCE * scale, noise))
    corrected = ~wrong
    if wrong.any():
        agreeing = checked & (np.abs(residual) < parameters.agreement * mono)
        if agreeing.any():
            reach = max(1.0, _SEAM * max(target.shape))
            away = cv2.distanceTransform((~agreeing).view(np.uint8), cv2.DIST_L2, 3)
            fade = np.exp(-((away / np.float32(reach)) ** 2))
            correction[wrong] = (spread(residual, agreeing, np.inf) * fade)[wrong]
            corrected |= fade > 0.1
        else:
            correction[wrong] = 0
    inverse = np.maximum(mono + correction, np.float32(0.2) * mono)
    depth[filled] = 1 / inverse[filled]
    confidence[filled] = 0.5 * np.exp(-disagreement / parameters.agreement)
    provenance[filled] = Provenance.MONO
    provenance[filled & corrected] = Provenance.MERGED


def _median(values: Float32) -> float:
    """Of at most about 5000 of the values."""
    return median(values[:: len(values) // 5000 + 1])


def spread(values: Float32, known: Mask, preference: float) -> Float32:
    """Spread values over the whole picture, exact nowhere, from near known pixels where there are any, else from far.

    ``preference``: a value lower by so much weighs e times more; inf: all weigh the same.
    """
    middle = _median(values[known])
    weight = known * np.exp(np.clip((np.float32(middle) - values) / np.float32(preference), -30, 30))
    levels = [(values * weight, weight, known.astype(np.float32))]
    while min(levels[-1][0].shape) > 3:
        total, mass, density = levels[-1]
        levels.append((cv2.pyrDown(total), cv2.pyrDown(mass), cv2.pyrDown(density)))
    filled, filled_mass, _ = levels[-1]
    for total, mass, density in reversed(levels[:-1]):
        missing, size = np.maximum(1 - 4 * density, 0), density.shape[::-1]
        filled = total + missing * cv2.pyrUp(filled, dstsize=size)
        filled_mass = mass + missing * cv2.pyrUp(filled_mass, dstsize=size)
    return np.asarray(filled / np.maximum(filled_mass, 1e-20), np.float32)
