"""Depth cameras simulated on rendered scenes: what they miss, see through, shift and blur."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from depth_prompt_ros.camera import CameraModel
from depth_prompt_ros.data.rendering.tables import TableClass

Float32 = NDArray[np.float32]
Mask = NDArray[np.bool_]
Rng = np.random.Generator


@dataclass(frozen=True, eq=False)
class SeenTable:
    """What a simulated sensor works on, all (H, W); see :class:`depth_prompt_ros.data.sets.table_set.TableSet`."""

    image: NDArray[np.uint8]
    depth: Float32
    behind: Float32
    stereo: Float32
    classes: NDArray[np.uint8]
    labels: NDArray[np.uint8]
    camera: CameraModel


def simulated_depth(rng: Rng, seen: SeenTable) -> Float32:
    """(H, W) float32 metres, NaN = nothing, of a depth camera drawn at random.

    In three of ten cases what SGBM measured on the rendered pair, else a model of an active stereo or structured-light
    camera: transparent and mirror things give holes, what is behind them, or patches of both; dark, shiny and grazing
    surfaces and what the second eye does not see give holes; edges are widened or missing; patches are missing;
    depth has smooth and independent noise of disparity, steps of disparity and a range.
    """
    if rng.random() < 0.3:
        depth = seen.stereo.copy()
        return _without_patches(rng, depth, 0.5) if rng.random() < 0.3 else depth
    depth = _through_glass(rng, seen)
    baseline = float(rng.uniform(0.03, 0.09))
    focal = seen.camera.fx
    depth = np.where(depth > 0, depth, np.float32(np.nan)).astype(np.float32)
    lost = _unlit(rng, seen, depth)
    if rng.random() < 0.8:
        lost |= occluded(depth, focal * baseline, right=rng.random() < 0.7)
    if rng.random() < 0.6:
        depth = _fattened(depth, int(rng.integers(1, 4)))
    edges = _edges(depth)
    if rng.random() < 0.7:
        reach = int(rng.integers(1, 4))
        lost |= cv2.dilate(edges.view(np.uint8), np.ones((reach, reach), np.uint8)).view(np.bool_)
    depth = _noisy(rng, depth, focal * baseline)
    depth[lost] = np.nan
    near, far = rng.uniform(0.1, 0.35), rng.uniform(1.2, 6.0)
    with np.errstate(invalid="ignore"):
        depth[(depth < near) | (depth > far)] = np.nan
    return _without_patches(rng, depth, float(rng.choice([0.0, rng.uniform(0, 1)])))


def occluded(depth: Float32, focal_baseline: float, right: bool = True) -> Mask:
    """(H, W) pixels that a second eye to the right (or left) does not see, by the order of what it sees in each row.

    Args:
        depth: (H, W) float32 metres, NaN = nothing, which hides nothing.
        focal_baseline: pixels times metres.
    """
    width = depth.shape[1]
    disparity = np.nan_to_num(np.float32(focal_baseline) / depth)
    columns = np.arange(width, dtype=np.float32)
    if right:
        place = columns - disparity
        nearest = np.minimum.accumulate(place[:, ::-1], 1)[:, ::-1]
        return np.asarray(place > nearest + 0.5)
    place = columns + disparity
    return np.asarray(place < np.maximum.accumulate(place, 1) - 0.5)


def _through_glass(rng: Rng, seen: SeenTable) -> Float32:
    """The depth with each transparent or mirror thing measured, missed, seen through, or all of it in patches."""
    depth = seen.depth.copy()
    tom = seen.classes == TableClass.TOM_THING
    if not tom.any():
        return depth
    patches = smooth_noise(rng, depth.shape, float(rng.uniform(4, 24)))
    patches += np.float32(rng.choice([0.0, rng.uniform(0.5, 3)])) * _inwards(seen.labels)
    usual = rng.dirichlet([1.2, 1.0, 0.35])
    for label in np.unique(seen.labels[tom]):
        thing = tom & (seen.labels == label)
        patchy = rng.random() < 0.7
        missed, _, measured = rng.dirichlet(6 * usual + 0.1) if patchy else np.eye(3)[rng.choice(3, p=usual)]
        value = patches[thing]
        rank = np.argsort(np.argsort(value)) / max(len(value), 1)
        answer = seen.depth[thing].copy()
        is_through = rank >= missed + measured
        bent = 1 + 0.01 * rng.standard_normal() + 0.006 * value
        answer[is_through] = (seen.behind[thing] * bent)[is_through]
        answer[rank < missed] = np.nan
        depth[thing] = answer
    return depth


def _inwards(labels: NDArray[np.uint8]) -> Float32:
    """(H, W) from 0 at each thing's rim, where glass bends light most and is missed first, to 1 in its middle."""
    rim = (cv2.erode(labels, np.ones((3, 3))) != cv2.dilate(labels, np.ones((3, 3)))).view(np.uint8)
    distance = cv2.distanceTransform(1 - rim, cv2.DIST_L2, 3)
    most = np.ones(256, np.float32)
    np.maximum.at(most, labels.ravel(), distance.ravel())
    return np.asarray(distance / most[labels], np.float32)


def _unlit(rng: Rng, seen: SeenTable, depth: Float32) -> Mask:
    """Dark, shiny and grazing surfaces, in part."""
    grey = cv2.GaussianBlur(cv2.cvtColor(seen.image, cv2.COLOR_RGB2GRAY), (3, 3), 0).astype(np.float32)
    noise = smooth_noise(rng, depth.shape, float(rng.uniform(2, 12)))
    lost = np.zeros(depth.shape, np.bool_)
    if rng.random() < 0.4:
        lost |= grey + 12 * noise < rng.uniform(5, 40)
    if rng.random() < 0.3:
        lost |= grey + 8 * noise > rng.uniform(235, 254)
    if rng.random() < 0.6:
        inverse = 1 / depth
        slope_x, slope_y = (
            cv2.Sobel(inverse, cv2.CV_32F, 1, 0, scale=1 / 8),
            cv2.Sobel(inverse, cv2.CV_32F, 0, 1, scale=1 / 8),
        )
        slant = np.hypot(slope_x, slope_y) * seen.camera.fx / inverse
        with np.errstate(invalid="ignore"):
            lost |= slant + 0.5 * noise > rng.uniform(2.0, 6.0)
    return lost


def _fattened(depth: Float32, reach: int) -> Float32:
    """What is near grows over its edges by ``reach`` pixels, as matching windows do."""
    near = np.nan_to_num(1 / depth)
    grown = cv2.dilate(near, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * reach + 1, 2 * reach + 1)))
    with np.errstate(divide="ignore"):
        return np.where(np.isnan(depth), np.float32(np.nan), 1 / grown).astype(np.float32)


def _edges(depth: Float32) -> Mask:
    """Where the depth jumps by more than 3 %."""
    near = np.nan_to_num(1 / depth)
    least, most = cv2.erode(near, np.ones((3, 3))), cv2.dilate(near, np.ones((3, 3)))
    return np.asarray(most > 1.03 * least + 1e-6)


def _noisy(rng: Rng, depth: Float32, focal_baseline: float) -> Float32:
    """Noise and steps of disparity, a bent and shifted scale, a blur that mixes neighbours."""
    disparity = np.float32(focal_baseline) / depth
    disparity += np.float32(rng.uniform(0, 0.12)) * smooth_noise(rng, depth.shape, float(rng.uniform(6, 40)))
    disparity += np.float32(rng.choice([0.0, rng.uniform(0, 0.12)])) * rng.standard_normal(depth.shape, np.float32)
    if rng.random() < 0.5:
        step = np.float32(1 / rng.choice([2, 4, 8, 16]))
        disparity = np.round(disparity / step) * step
    if rng.random() < 0.5:
        known = np.isfinite(disparity)
        window = (int(rng.integers(1, 3)) * 2 + 1,) * 2
        total = cv2.blur(np.where(known, disparity, 0).astype(np.float32), window)
        share = cv2.blur(known.astype(np.float32), window)
        disparity = np.where(known, total / np.maximum(share, np.float32(1e-3)), np.float32(np.nan))
    with np.errstate(divide="ignore", invalid="ignore"):
        found = np.where(disparity > 0, np.float32(focal_baseline) / disparity, np.float32(np.nan))
    return np.asarray(found * np.float32(1 + 0.01 * rng.standard_normal()), np.float32)


def _without_patches(rng: Rng, depth: Float32, strength: float) -> Float32:
    """The depth with up to a quarter of it missing in patches."""
    if strength > 0:
        noise = smooth_noise(rng, depth.shape, float(rng.uniform(3, 20)))
        depth[noise > np.quantile(noise, 1 - 0.25 * strength * rng.random())] = np.nan
    return depth


def smooth_noise(rng: Rng, shape: tuple[int, ...], size: float) -> Float32:
    """(H, W) float32 noise of mean 0 and deviation 1 whose features are about ``size`` pixels large."""
    height, width = shape
    small = rng.standard_normal((int(height / size) + 3, int(width / size) + 3), np.float32)
    noise = cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC)
    return np.asarray((noise - noise.mean()) / max(float(noise.std()), 1e-6), np.float32)
