"""Whether a graph computes in one runtime what it computes in another."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from depth_prompt_ros.errors import BadModel
from depth_prompt_ros.resources import resource_path
from depth_prompt_ros.runtime.graph import Arrays, Graph

STORED = "models/check.npz"
"""Crops of objects as the pipeline cuts them: image, mask, trusted inverse depth."""

DRIFT = 0.01
"""Largest mean difference, relative to the mean size, that another runtime or precision may have."""

_FREE_SIDE = 480

CROPS = ("image", "mask", "trusted", "relief", "free_shift")
"""What a prompted network without a metric prompt takes."""


def check_inputs(graph: Graph, targets: int = 2) -> Arrays:
    """Inputs to try a graph with: the stored crops for a prompted network, else reproducible noise in [0, 1]."""
    count = next((shape[0] for shape in graph.inputs.values() if shape), None) or targets
    if "mask" in graph.inputs and "trusted" in graph.inputs:
        return stored_crops(int(graph.metadata["size"]), count, tuple(graph.inputs))
    rng = np.random.default_rng(0)
    noise = {
        name: rng.random([count if i == 0 else side or _FREE_SIDE for i, side in enumerate(shape)], np.float32)
        for name, shape in graph.inputs.items()
    }
    return {
        name: (array if np.issubdtype(graph.types[name], np.floating) else 255 * array).astype(graph.types[name])
        for name, array in noise.items()
    }


def stored_crops(size: int, count: int, names: Sequence[str] = CROPS) -> Arrays:
    """Inputs of a prompted network of this size from the stored crops, ``count`` targets.

    Args:
        names: those that it takes; of what is not stored it gets nothing: zeros of a plane's shape.
    """
    import cv2

    with np.load(resource_path(STORED)) as stored:
        rows = np.arange(count) % len(stored["image"])
        planes = {name: stored[name][rows] for name in ("image", "mask", "trusted")}

    def resized(name: str, interpolation: int) -> NDArray[np.float32]:
        return np.stack([cv2.resize(plane, (size, size), interpolation=interpolation) for plane in planes[name]])

    found = {
        "image": np.ascontiguousarray(
            resized("image", cv2.INTER_AREA).transpose(0, 3, 1, 2) / np.float32(255), np.float32
        ),
        "mask": resized("mask", cv2.INTER_NEAREST)[:, None].astype(np.float32),
        "trusted": resized("trusted", cv2.INTER_NEAREST)[:, None].astype(np.float32),
        "relief": np.full(count, 1.0, np.float32),
        "free_shift": (rows % 2).astype(np.float32),
    }
    return {name: found[name] if name in found else np.zeros_like(found["mask"]) for name in names}


def drift(found: NDArray[Any], expected: NDArray[Any]) -> float:
    """Mean absolute difference, relative to the mean absolute expected value.

    inf where something is not a number or shapes differ, 0 for nothing. What is not a number in ``expected`` either is
    left out.
    """
    if found.shape != expected.shape:
        return float("inf")
    known = np.isfinite(expected)
    found, expected = found[known].astype(np.float64), expected[known].astype(np.float64)
    if not np.isfinite(found).all():
        return float("inf")
    if not expected.size:
        return 0.0
    return float(np.mean(np.abs(found - expected)) / max(float(np.mean(np.abs(expected))), 1e-12))


def require_agreement(found: Arrays, expected: Arrays, what: str) -> None:
    """Compare inverse depth, or of another graph all outputs.

    Raises:
        BadModel: one has NaN or infinite values or drifts by more than 1 %.
    """
    for name in ("inverse_depth",) if "inverse_depth" in expected else tuple(expected):
        if not (off := drift(found[name], expected[name])) <= DRIFT:
            wrong = "has NaN, infinite values or another shape" if np.isinf(off) else f"is {off:.1%} off"
            raise BadModel(
                f"{what} gives {name} that {wrong} beside ONNX Runtime: not used; export with --precision fp32, or "
                "choose runtime onnxruntime"
            )
