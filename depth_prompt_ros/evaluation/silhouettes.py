"""Depth of a target from its silhouette and its contact with the support alone, without a network."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
from numpy.typing import NDArray

from depth_prompt_ros.camera import CameraModel
from depth_prompt_ros.evaluation.baselines import silhouette_on_support
from depth_prompt_ros.frame import DepthMeasurement
from depth_prompt_ros.parameters import ScaleParameters
from depth_prompt_ros.stages.anchor.choose import choose_anchor
from depth_prompt_ros.stages.anchor.support_plane import fit_support_plane
from depth_prompt_ros.stages.anchor.tilt import correct_tilt
from depth_prompt_ros.stages.boxes import box_of
from depth_prompt_ros.stages.prompted_depth import Shape

Float32 = NDArray[np.float32]
Mask = NDArray[np.bool_]


def foot_depth(camera: CameraModel, mask: Mask, measurement: DepthMeasurement, seed: int) -> Float32:
    """One depth for a whole target: the median depth of its contact with the support plane.

    Args:
        mask: (H, W) bool, the target.
        measurement: depth around the target, for the support plane.
        seed: of the support plane's search.

    Returns:
        (H, W) float32 metres, NaN outside the mask, and inside when no support plane or contact is found.
    """
    result = np.full(mask.shape, np.nan, np.float32)
    silhouette = silhouette_on_support(camera, mask, measurement, seed)
    if silhouette is not None:
        on_plane = silhouette.forward + silhouette.azimuth[:, None] * silhouette.sideways
        points = silhouette.contact[:, None] * on_plane - silhouette.support.offset * silhouette.support.normal
        result[mask] = np.median(points[:, 2])
    return result


def standing_block(camera: CameraModel, mask: Mask, targets: Mask, measurement: DepthMeasurement, seed: int) -> Float32:
    """The block on the target's contact that the pipeline anchors a shape to: :func:`choose_anchor` with no pixel.

    Args:
        mask: (H, W) bool, the target; nothing that is measured on it is believed.
        targets: (H, W) bool, every target.
        measurement: depth around the target.
        seed: of the support plane's search.

    Returns:
        (H, W) float32 metres, NaN outside the mask, and where no contact is seen.
    """
    support = fit_support_plane(camera, measurement.depth, targets, box_of(mask), seed)
    anchor = choose_anchor(camera, mask, mask, measurement, support, ScaleParameters(), targets)
    inverse = anchor.trusted if anchor.kind == "support" else np.zeros_like(anchor.trusted)
    return np.divide(1, inverse, out=np.full_like(inverse, np.nan), where=mask & (inverse > 0))


def outline_on_anchor(
    camera: CameraModel, mask: Mask, tom: Mask, targets: Mask, measurement: DepthMeasurement, seed: int
) -> Float32:
    """The inflated outline in the network's place: scaled and tilted to what the pipeline anchors a shape to.

    That is what is trusted of the target's own pixels, the block on its contact, or how far what is beside it is.

    Args:
        mask: (H, W) bool, the target.
        tom: (H, W) bool, transparent or mirror.
        targets: (H, W) bool, every target.
        measurement: depth in and around the target.
        seed: of the support plane's search.

    Returns:
        (H, W) float32 metres, NaN outside the mask, and where the anchor is refused.
    """
    support = fit_support_plane(camera, measurement.depth, targets, box_of(mask), seed)
    anchor = choose_anchor(camera, mask, tom, measurement, support, ScaleParameters(), targets)
    result = np.full(mask.shape, np.nan, np.float32)
    if anchor.kind == "refused":
        return result
    middle = np.float32(1 / np.median(anchor.trusted[anchor.trusted > 0]))
    front = inflated(np.full(mask.shape, middle, np.float32), mask, camera.fx)
    inverse = np.divide(1, front, out=np.zeros_like(front), where=mask)
    shape = Shape(inverse, scale=1.0, shift=0.0, inliers=1, residual=0.0)
    fitted = correct_tilt(camera, shape, mask, replace(anchor, free_shift=False), share=1.0).inverse_depth
    return np.divide(1, fitted, out=result, where=fitted > 0)


def inflated(depth: Float32, mask: Mask, focal: float) -> Float32:
    """Round a target's front off towards its outline: a disc becomes a half sphere, a strip a half cylinder.

    With R the largest distance from the outline and d that of a pixel, the pixel lies R - sqrt(R^2 - (R - d)^2) behind
    the front, in pixels: the circle with the outline's own radius. Pixels become metres by depth / focal length.

    Args:
        depth: (H, W) float32 metres, the front that the rounded surface touches.
        mask: (H, W) bool, the target, not empty.
        focal: in pixels.

    Returns:
        (H, W) float32 metres, NaN outside the mask and where ``depth`` is.
    """
    framed = cv2.copyMakeBorder(mask.view(np.uint8), 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=0)
    distance = cv2.distanceTransform(framed, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)[1:-1, 1:-1]
    radius = float(distance.max())
    behind = radius - np.sqrt(np.maximum(radius**2 - (radius - distance) ** 2, 0))
    return np.where(mask, depth * (1 + behind / focal), np.float32(np.nan)).astype(np.float32)
