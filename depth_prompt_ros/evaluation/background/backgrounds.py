"""The shipped network's shape error per background: learned, white, original, noise (2306.05428, fixed backgrounds)."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from depth_prompt_ros.camera import CameraModel, VirtualCamera
from depth_prompt_ros.evaluation import metrics
from depth_prompt_ros.evaluation.outcome import Outcome
from depth_prompt_ros.evaluation.table import Check, Column, Row, Table
from depth_prompt_ros.stages.prompted_depth import PromptedDepth

Float32 = NDArray[np.float32]

BACKGROUNDS = ("learned", "white", "original", "noise")
CONSTANT = "constant depth"
FITTED = " fitted"
"""Added to a background's name: its disparity with scale and shift fitted to the truth."""
FITTED_TOO = ("learned", "white", "original")
_GENTLE_RELIEF = 0.1
_NAMES = {
    "learned": ("Learned prompt", "what the pipeline uses"),
    "white": ("White", "the same frozen network"),
    "original": ("Original surroundings", "the same frozen network"),
    "noise": ("Noise", "the same frozen network"),
    CONSTANT: ("Constant depth", "no network"),
    **{
        f"{name}{FITTED}": (
            f"{said}, scale and shift fitted",
            "to the truth: what a background is worth beyond a shift",
        )
        for name, said in (("learned", "Learned prompt"), ("white", "White"), ("original", "Original surroundings"))
    },
}


class BackgroundComparison:
    """Mean errors of the network's shape over the targets of many frames, before any metric fit."""

    def __init__(self, network: PromptedDepth) -> None:
        self._network = network
        self._errors: dict[str, list[NDArray[np.float64]]] = {name: [] for name in _NAMES}

    def add(self, outcome: Outcome) -> None:
        """Take every target of a frame."""
        masks = [outcome.labels == label for label in np.unique(outcome.labels[outcome.labels > 0])]
        found = background_errors(self._network, outcome.image, outcome.camera, masks, outcome.true_depth)
        for name, errors in found.items():
            self._errors[name].append(errors)

    def means(self) -> dict[str, tuple[float, float]]:
        """si-RMSE and normal cosine by background."""
        rows = {name: np.nanmean(np.concatenate(errors), axis=0) for name, errors in self._errors.items()}
        return {name: (float(si_rmse), float(cosine)) for name, (si_rmse, cosine) in rows.items()}

    def table(self) -> Table:
        """One row a background."""
        views = sum(map(len, self._errors["learned"]))
        columns = [Column("si_rmse", "si-RMSE", "", 3), Column("normal_cosine", "normal cosine", "", 3)]
        rows = [
            Row(_NAMES[name][0], {"si_rmse": si_rmse, "normal_cosine": cosine}, _NAMES[name][1], name == "learned")
            for name, (si_rmse, cosine) in self.means().items()
        ]
        caption = (
            f"The network's shape alone, before its metric fit, on {views} views of targets. si-RMSE: any common scale "
            "is free, true depth has mean 5, lower is better. Normal cosine: higher is better. Where enough of a "
            "target is measured, scale and shift are fitted: the last rows say what the background is still worth then."
        )
        return Table("backgrounds", "The same frozen network on other backgrounds", caption, columns, rows)

    def check(self) -> Check:
        """The learned prompt is the best background by si-RMSE."""
        si_rmse = {name: mean for name, (mean, _) in self.means().items() if name in BACKGROUNDS}
        learned = si_rmse.pop("learned")
        best = min(si_rmse, key=lambda name: si_rmse[name])
        found = f"si-RMSE {learned:.3f}; best other: {si_rmse[best]:.3f}, {_NAMES[best][0].lower()}"
        return Check("prompt", "The learned prompt beats white, original and noise", found, learned < si_rmse[best])


def background_errors(
    network: PromptedDepth,
    image: NDArray[np.uint8],
    camera: CameraModel,
    masks: Sequence[NDArray[np.bool_]],
    truth: Float32,
) -> dict[str, NDArray[np.float64]]:
    """si-RMSE and normal cosine of every target by background, with the same frozen network.

    The graph composes the learned background itself. For any other, the finished picture goes in with a mask of ones,
    so that the network sees exactly that picture.

    Args:
        image: (H, W, 3) uint8 RGB.
        masks: n targets, (H, W) bool.
        truth: (H, W) float32 metres, NaN = unknown.

    Returns:
        (n, 2) float64 si-RMSE and normal cosine for each of ``BACKGROUNDS``, for a constant depth, and for those of
        ``FITTED_TOO`` with scale and shift of disparity fitted to the truth.
    """
    rng = np.random.default_rng(0)
    noise = rng.integers(0, 256, (network.size, network.size, 3), dtype=np.uint8)
    errors: dict[str, list[tuple[float, float]]] = {name: [] for name in _NAMES}
    for mask in masks:
        view = VirtualCamera.looking_at(camera, mask, network.size, network.fill)
        crop = view.warp(image, border=255)
        inside = view.warp(mask.view(np.uint8), cv2.INTER_NEAREST).astype(bool)
        known = np.where(mask & np.isfinite(truth), 1 / truth, np.float32(0)).astype(np.float32)
        inverse = view.warp_inverse_depth(known)
        scored = inside & (inverse > 0)
        true_depth = np.where(scored, 1 / np.maximum(inverse, 1e-6), np.float32(np.nan)).astype(np.float32)
        seen = CameraModel(network.size, network.size, view.focal, view.focal, view.K[0, 2], view.K[1, 2])
        shapes: dict[str, Float32] = {CONSTANT: np.ones_like(inverse)}
        for name, background in (("learned", None), ("white", 255), ("original", crop), ("noise", noise)):
            picture = crop if background is None else np.where(inside[..., None], crop, background).astype(np.uint8)
            shape = _relative_depth(network, picture, inside if background is None else np.ones_like(inside))
            shape /= shape[inside].mean()
            if name in FITTED_TOO:
                shapes[f"{name}{FITTED}"] = _fitted(shape, true_depth, scored)
            shapes[name] = 1 + network.focal * network.size / view.focal * (shape - 1)
        for name, shape in shapes.items():
            rmse = metrics.si_rmse(shape, true_depth, scored)
            errors[name].append((rmse, metrics.normal_cosine(shape, true_depth, scored, seen)))
    return {name: np.array(rows) for name, rows in errors.items()}


def _fitted(shape: Float32, truth: Float32, scored: NDArray[np.bool_]) -> Float32:
    """(S, S) metres: its disparity fitted to the true one by scale and shift, at most ten times the mean's depth."""
    target = 1 / truth[scored].astype(np.float64)
    if len(target) < 2:
        return shape
    design = np.stack([1 / shape[scored].astype(np.float64), np.ones(len(target))], 1)
    (scale, shift), *_ = np.linalg.lstsq(design, target, rcond=None)
    return (1 / np.maximum(scale / shape + shift, 0.1 * target.mean())).astype(np.float32)


def _relative_depth(network: PromptedDepth, picture: NDArray[np.uint8], mask: NDArray[np.bool_]) -> Float32:
    """(S, S) depth up to scale of the graph's answer to one crop.

    The graph's relief, relative to the mask's mean depth, clips what is far nearer than that. It is asked for gently,
    so that nothing is clipped whatever the mask, and undone.
    """
    answer = network.graph(
        image=np.ascontiguousarray(picture.transpose(2, 0, 1), np.float32)[None] / np.float32(255),
        mask=mask[None, None].astype(np.float32),
        trusted=np.zeros((1, 1, *mask.shape), np.float32),
        relief=np.array([_GENTLE_RELIEF], np.float32),
        free_shift=np.zeros(1, np.float32),
    )
    return np.asarray(1 + (1 / answer["inverse_depth"][0, 0] - 1) / np.float32(_GENTLE_RELIEF))
