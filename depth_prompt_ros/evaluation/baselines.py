"""Humble answers without a network: what a learned method has to beat."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from depth_prompt_ros.camera import CameraModel
from depth_prompt_ros.frame import DepthMeasurement
from depth_prompt_ros.stages.anchor import upright
from depth_prompt_ros.stages.anchor.support_plane import fit_support_plane
from depth_prompt_ros.stages.boxes import box_of
from depth_prompt_ros.stages.least_squares import least_squares

Float32 = NDArray[np.float32]
Mask = NDArray[np.bool_]

_RING_SAMPLES = 2000
_RING_FLOOR = 0.003


def fill_along_row(values: Float32) -> Float32:
    """Fill each empty pixel with the nearest value of its row, the left one of two equally near.

    Args:
        values: (H, W) float32 disparity or depth, invalid = NaN.

    Returns:
        (H, W) float32; NaN only in rows without any value.
    """
    width = values.shape[1]
    column = np.arange(width)
    valid = np.isfinite(values)
    before = np.maximum.accumulate(np.where(valid, column, -2 * width), axis=1)
    after = np.minimum.accumulate(np.where(valid, column, 3 * width)[:, ::-1], axis=1)[:, ::-1]
    nearest = np.where(column - before <= after - column, before, after)
    return np.take_along_axis(values, np.clip(nearest, 0, width - 1), axis=1)


def constant_depth(depth: Float32, mask: Mask) -> Float32:
    """One depth for a whole target: the median of what was measured inside it, or around it when there is nothing.

    Args:
        depth: (H, W) float32 metres, invalid = NaN.
        mask: (H, W) bool, the target.

    Returns:
        (H, W) float32 metres, NaN outside the mask, and inside when nothing was measured in or next to it.
    """
    result = np.full(depth.shape, np.nan, np.float32)
    valid = np.isfinite(depth)
    measured = depth[mask & valid]
    if not measured.size:
        around = cv2.dilate(mask.astype(np.uint8), np.ones((21, 21), np.uint8)).astype(bool)
        measured = depth[around & valid]
    if measured.size:
        result[mask] = np.median(measured)
    return result


def silhouette_on_support(
    camera: CameraModel, mask: Mask, measurement: DepthMeasurement, seed: int
) -> upright.Silhouette | None:
    """A target's outline cast on the support plane around it; None when no support plane or contact is found.

    Args:
        mask: (H, W) bool, the target.
        measurement: depth around the target, for the support plane.
        seed: of the support plane's search.
    """
    support = fit_support_plane(camera, measurement.depth, mask, box_of(mask), seed)
    return None if support is None else upright.cast_silhouette(camera, support, mask)


def upright_plane(camera: CameraModel, mask: Mask, measurement: DepthMeasurement, seed: int) -> Float32:
    """The plane that stands upright on the support plane through the target's contact with it.

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
        inverse = upright.upright_plane(silhouette).inverse_depth(camera)
        met = mask & (inverse > 0)
        result[met] = 1 / inverse[met]
    return result


def ring_plane(camera: CameraModel, mask: Mask, depth: Float32) -> Float32:
    """The plane through what was measured in a ring around a region: a hole's edge, a mirror's frame, a pane's wall.

    A plane is linear in inverse depth on rays (x, y, 1); it is that of least absolute relative difference (iteratively
    reweighted). The ring is a tenth of the region's longer side wide, at least 5 pixels.

    Args:
        mask: (H, W) bool, the region.
        depth: (H, W) float32 metres, invalid = NaN; what is inside the mask is not used.

    Returns:
        (H, W) float32 metres, NaN outside the mask, and inside when less than 30 pixels of the ring were measured or
        the plane is not before the camera.
    """
    reach = max(5, round(0.1 * max(cv2.boundingRect(mask.view(np.uint8))[2:])))
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * reach + 1, 2 * reach + 1))
    ring = cv2.dilate(mask.view(np.uint8), kernel).view(np.bool_) & ~mask & (depth > 0)
    return _plane_through(camera, mask, depth, ring)


def own_plane(camera: CameraModel, mask: Mask, depth: Float32) -> Float32:
    """One plane through what was measured on a target, fitted as :func:`ring_plane` does.

    Args:
        mask: (H, W) bool, the target.
        depth: (H, W) float32 metres, invalid = NaN.

    Returns:
        (H, W) float32 metres, NaN outside the mask, and inside when less than 30 of its pixels were measured or the
        plane is not before the camera.
    """
    return _plane_through(camera, mask, depth, mask & (depth > 0))


def _plane_through(camera: CameraModel, mask: Mask, depth: Float32, known: Mask) -> Float32:
    """(H, W) metres inside the mask of the plane through the known pixels, of which there are 30 at least."""
    result = np.full(mask.shape, np.nan, np.float32)
    y, x = np.nonzero(known)
    if len(y) < 30:
        return result
    step = len(y) // _RING_SAMPLES + 1
    y, x = y[::step], x[::step]
    design = camera.rays_at(y, x).T.astype(np.float64) * depth[y, x]
    ones, weight = np.ones(len(y)), np.ones(len(y))
    for _ in range(20):
        plane = least_squares(design, ones, weight)
        weight = 1 / np.maximum(np.abs(plane @ design - 1), _RING_FLOOR)
    inverse = camera.rays_dot(plane)
    met = mask & (inverse > 0)
    result[met] = 1 / inverse[met]
    return result
