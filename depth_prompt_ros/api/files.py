"""An answer as a folder of files that other programs open."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
from numpy.typing import NDArray

from depth_prompt_ros.api.overview import overview
from depth_prompt_ros.errors import WrongValue
from depth_prompt_ros.evaluation.pictures import png
from depth_prompt_ros.written_aside import folder_aside

if TYPE_CHECKING:
    from depth_prompt_ros.api.answer import Answer

_MILLIMETRES = 1000.0
_MOST = 65535


def save(answer: Answer, folder: Path, overwrite: bool) -> Path:
    """Write the files aside and rename the folder; what was there before is removed last.

    Raises:
        WrongValue: the folder exists already and ``overwrite`` is false, or cannot be written.
    """
    if folder.exists() and not overwrite:
        raise WrongValue(f"{folder} exists already: give another name, remove it, or say overwrite")
    try:
        with folder_aside(folder) as aside:
            made = aside / folder.name
            made.mkdir()
            _write(answer, made)
            if folder.is_dir():
                folder.rename(aside / "before")
            made.rename(folder)
    except OSError as error:
        raise WrongValue(f"cannot write {folder}: {error.strerror or error}") from error
    return folder


def _write(answer: Answer, folder: Path) -> None:
    result = answer.result
    _png(folder / "depth.png", millimetres(answer.depth))
    _png(folder / "labels.png", answer.labels)
    _png(folder / "tom.png", answer.tom.astype(np.uint8) * 255)
    (folder / "overview.png").write_bytes(png(overview(answer)))
    np.savez_compressed(
        folder / "answer.npz",
        image=answer.image, depth=answer.depth, measured=answer.measured, confidence=answer.confidence,
        labels=answer.labels, tom=answer.tom, provenance=result.provenance, belief=result.belief, K=answer.camera.K,
        baseline=answer.camera.baseline,
    )  # fmt: skip
    answer.save_ply(folder / "scene.ply")
    for target in answer.targets:
        target.save_ply(folder / f"target_{target.label}.ply")
    (folder / "targets.json").write_text(json.dumps(_said(answer), indent=1, allow_nan=False) + "\n")


def _said(answer: Answer) -> dict[str, Any]:
    """What was found, for programs; numbers that are not finite are null."""
    targets = [
        {**asdict(target.report), "points": len(target.points), "distance": _middle(target.points[:, 2])}
        for target in answer.targets
    ]
    said = {
        "camera": asdict(answer.camera),
        "targets": targets,
        "surfaces": [asdict(surface) for surface in answer.result.surfaces],
        "reason": answer.reason,
        "seconds": {stage: round(seconds, 4) for stage, seconds in answer.result.seconds.items()},
    }
    return dict(_finite(said))


def _middle(values: NDArray[np.float32]) -> float | None:
    return round(float(np.median(values)), 4) if len(values) else None


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_finite(each) for each in value]
    return value if not isinstance(value, float) or np.isfinite(value) else None


def millimetres(depth: NDArray[np.float32]) -> NDArray[np.uint16]:
    """Depth in metres as 16-bit millimetres; 0 where it is unknown or beyond 65.535 m (REP 118)."""
    counts = np.nan_to_num(depth * _MILLIMETRES, nan=0.0)
    return np.where(counts <= _MOST, np.round(counts), 0).astype(np.uint16)


def _png(path: Path, array: NDArray[Any]) -> None:
    path.write_bytes(cv2.imencode(".png", array)[1].tobytes())
