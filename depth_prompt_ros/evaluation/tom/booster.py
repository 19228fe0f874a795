"""The Booster protocol: monocular and stereo answers over all pixels, over ToM and over the other ones.

As 2307.15052 was evaluated (measures and steps from its published evaluation): everything at a quarter of the
resolution, truth by nearest neighbour; truth counts from 1 mm to 10 m. A monocular answer is resized to the truth,
brought to [0, 1] by its least and greatest value over the valid pixels, and fitted to the true disparity by one scale
and one shift, least squares over all valid pixels of the picture; its depth is clipped to [1, 10000] mm, so that a
disparity that the fit makes negative is 1 mm away. Every measure is taken picture by picture and averaged over the
pictures that have a pixel of the region.

The published evaluation means to resize answers by bicubic interpolation, but passes the flag where OpenCV expects the
output array, so that they are resized bilinearly, its default; so are they here, for the same numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from depth_prompt_ros.camera import CameraModel
from depth_prompt_ros.data.readers.booster import BoosterScene
from depth_prompt_ros.errors import BadInput
from depth_prompt_ros.evaluation import metrics
from depth_prompt_ros.evaluation.table import Column, Row, Table
from depth_prompt_ros.frame import Frame
from depth_prompt_ros.stages.stereo import StereoMatcher

Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]
Mask = NDArray[np.bool_]
Picture = NDArray[np.uint8]
Scores = dict[str, dict[str, float]]
"""By region and measure."""

Predict = Callable[[BoosterScene, Path], Float32]
"""One left picture's answer: inverse depth up to scale and shift (mono), or disparity in pixels (stereo), any size."""

NEAREST_MM, FARTHEST_MM = 1.0, 10000.0
REDUCTION = 0.25
THRESHOLDS = (1.25, 1.20, 1.15, 1.10, 1.05)
BAD = (2, 4, 6, 8)

MONO_COLUMNS = (
    *(Column(f"delta_{threshold:.2f}", f"δ < {threshold:.2f}", "%", 2) for threshold in THRESHOLDS),
    Column("mae", "MAE", "mm", 2),
    Column("abs_rel", "AbsRel", "", 4),
    Column("rmse", "RMSE", "mm", 2),
)
STEREO_COLUMNS = (
    Column("epe", "EPE", "px", 2),
    *(Column(f"bad_{n}", f"bad-{n}", "%", 2) for n in BAD),
    Column("coverage", "coverage", "%", 2),
)


@dataclass(frozen=True, eq=False)
class Truth:
    """What a picture's answer is scored against, at the size of the evaluation.

    Attributes:
        disparity: (H, W) float32 pixels of this size, NaN where the truth does not count.
        focal_baseline: focal length in pixels of this size times baseline in millimetres.
        regions: (H, W) bool by name; "All", and where categories are known "ToM" and "Other".
    """

    disparity: Float32
    focal_baseline: float
    regions: Mapping[str, Mask]

    @property
    def depth_mm(self) -> Float64:
        """(H, W) millimetres, NaN where the truth does not count."""
        return self.focal_baseline / self.disparity.astype(np.float64)

    @classmethod
    def within_range(cls, disparity: Float32, focal_baseline: float, tom: Mask | None) -> Truth:
        """The truth between 1 mm and 10 m.

        Args:
            disparity: (H, W) pixels, NaN or 0 = unknown.
            focal_baseline: as the attribute.
            tom: (H, W) bool, transparent or mirror; None = not known.
        """
        with np.errstate(invalid="ignore"):
            counts = (disparity >= focal_baseline / FARTHEST_MM) & (disparity <= focal_baseline / NEAREST_MM)
        regions = {"All": np.ones(disparity.shape, bool)}
        if tom is not None:
            regions |= {"ToM": tom, "Other": ~tom}
        return cls(np.where(counts, disparity, np.float32(np.nan)), focal_baseline, regions)


def quarter_truth(scene: BoosterScene) -> Truth:
    """A scene's truth at a quarter of its resolution.

    Raises:
        BadInput: a file of the scene cannot be used, or no pixel counts.
    """
    reduced = _reduce(scene.disparity) * np.float32(REDUCTION)
    tom = None if scene.tom is None else _reduce(scene.tom.view(np.uint8)).astype(bool)
    truth = Truth.within_range(reduced, REDUCTION * scene.camera.fx * scene.camera.baseline * 1000, tom)
    if not np.isfinite(truth.disparity).any():
        raise BadInput(f"{scene.folder} has no true depth between 1 mm and 10 m: is its calibration the right one?")
    return truth


def fitted_depth_mm(answer: Float32, truth: Truth) -> Float64:
    """(H, W) millimetres of a monocular answer after the protocol's fit to the truth.

    Args:
        answer: (h, w) inverse depth up to scale and shift.

    Raises:
        BadInput: the answer is not finite where the truth counts, or the same everywhere.
    """
    height, width = truth.disparity.shape
    resized = cv2.resize(answer, (width, height), interpolation=cv2.INTER_LINEAR).astype(np.float64)
    valid = np.isfinite(truth.disparity)
    target, values = truth.disparity[valid].astype(np.float64), resized[valid]
    if not np.isfinite(values).all():
        raise BadInput("the answer has NaN or infinite values: a monocular answer must be dense")
    low, high = values.min(), values.max()
    if low == high:
        raise BadInput("the answer has the same value everywhere")
    unit = (values - low) / (high - low)
    centred = unit - unit.mean()
    scale = (centred @ (target - target.mean())) / (centred @ centred)
    shift = target.mean() - scale * unit.mean()
    disparity = scale * (resized - low) / (high - low) + shift
    with np.errstate(divide="ignore"):
        depth = truth.focal_baseline / disparity
    return np.clip(np.where(np.isinf(depth), FARTHEST_MM, depth), NEAREST_MM, FARTHEST_MM)


def mono_scores(answer: Float32, truth: Truth) -> Scores:
    """A monocular answer's measures in every region that has a valid pixel; raises as :func:`fitted_depth_mm`."""
    depth, true_depth = fitted_depth_mm(answer, truth), truth.depth_mm
    scores: Scores = {}
    for region, mask in truth.regions.items():
        if (mask & np.isfinite(true_depth)).any():
            scores[region] = {
                f"delta_{threshold:.2f}": 100 * metrics.delta(depth, true_depth, mask, threshold)
                for threshold in THRESHOLDS
            } | {
                "mae": metrics.mae(depth, true_depth, mask),
                "abs_rel": metrics.abs_rel(depth, true_depth, mask),
                "rmse": metrics.rmse(depth, true_depth, mask),
            }
    return scores


def stereo_scores(disparity: Float32, truth: Truth) -> Scores:
    """Disparity errors in every region that has a valid pixel, in pixels of the evaluation's size.

    A pixel without an answer is a bad one and does not count in EPE.

    Args:
        disparity: (h, w) pixels of its own width; of another size than the truth it is looked up by nearest neighbour.
    """
    height, width = truth.disparity.shape
    resized = cv2.resize(disparity, (width, height), interpolation=cv2.INTER_NEAREST)
    resized = resized * np.float32(width / disparity.shape[1])
    scores: Scores = {}
    for region, mask in truth.regions.items():
        known = mask & np.isfinite(truth.disparity)
        if known.any():
            scores[region] = {f"bad_{n}": 100 * metrics.bad_n(resized, truth.disparity, mask, n) for n in BAD} | {
                "epe": metrics.epe(resized, truth.disparity, mask),
                "coverage": 100 * metrics.coverage(resized, known),
            }
    return scores


def evaluate_booster(
    scenes: Iterable[BoosterScene], predict: Predict, score: Callable[[Float32, Truth], Scores]
) -> Iterator[tuple[str, Scores]]:
    """Score every left picture, ``SCENE/NAME`` first.

    Args:
        predict: the answer to one left picture of a scene.
        score: :func:`mono_scores` or :func:`stereo_scores`.

    Raises:
        BadInput: a scene or an answer cannot be used; the message names it.
    """
    for scene in scenes:
        truth = quarter_truth(scene)
        for left in scene.lefts:
            name = f"{scene.name}/{left.stem}"
            try:
                yield name, score(predict(scene, left), truth)
            except BadInput as error:
                raise BadInput(f"Booster {name}: {error}") from error


def mean_scores(pictures: Iterable[Scores]) -> Scores:
    """The mean of every measure over the pictures that have it, by region."""
    gathered: dict[str, dict[str, list[float]]] = {}
    for scores in pictures:
        for region, measures in scores.items():
            for measure, value in measures.items():
                gathered.setdefault(region, {}).setdefault(measure, []).append(value)
    return {
        region: {
            measure: float(np.nanmean(values)) for measure, values in measures.items() if np.isfinite(values).any()
        }
        for region, measures in gathered.items()
    }


def booster_table(pictures: Mapping[str, Scores], stereo: bool) -> Table:
    """Means over the pictures: a row a region."""
    rows = [Row(region, scores) for region, scores in mean_scores(pictures.values()).items()]
    kind = "stereo" if stereo else "mono"
    caption = f"Means over {len(pictures)} pictures at a quarter of the resolution, truth from 1 mm to 10 m."
    return Table("booster", f"Booster, {kind}", caption, STEREO_COLUMNS if stereo else MONO_COLUMNS, rows)


def read_predictions(folder: Path) -> Predict:
    """Answers in files: ``SCENE/camera_00/NAME.npy`` as the published code writes them, else ``SCENE.npy`` for all.

    Each is (h, w) numbers: disparity or inverse depth.
    """

    def predict(scene: BoosterScene, left: Path) -> Float32:
        own, shared = folder / scene.name / left.parent.name / f"{left.stem}.npy", folder / f"{scene.name}.npy"
        path = own if own.exists() else shared
        try:
            answer = np.load(path)
        except FileNotFoundError as error:
            raise BadInput(f"there is no answer, neither {own} nor {shared}") from error
        except (OSError, ValueError) as error:
            raise BadInput(f"cannot read the answer {path}: {error}") from error
        return _as_picture(answer, path)

    return predict


def match_pairs(matcher: StereoMatcher) -> Predict:
    """Disparity of the pairs at a quarter of the resolution, pictures averaged; NaN where there is none.

    The smaller right picture of an unbalanced pair is enlarged to the left one's size.
    """

    def predict(scene: BoosterScene, left: Path) -> Float32:
        camera = _quarter_camera(scene)
        pictures = [
            cv2.resize(picture, (camera.width, camera.height), interpolation=cv2.INTER_AREA)
            for picture in (scene.left(left), scene.right(left))
        ]
        found = matcher(Frame(0, scene.name, np.asarray(pictures[0]), camera, right=np.asarray(pictures[1])))
        return camera.disparity_from_depth(found.depth)

    return predict


def _quarter_camera(scene: BoosterScene) -> CameraModel:
    height, width = _reduce(scene.disparity).shape
    return scene.camera.scaled(width, height)


def _reduce(values: NDArray[Any]) -> NDArray[Any]:
    return cv2.resize(values, None, fx=REDUCTION, fy=REDUCTION, interpolation=cv2.INTER_NEAREST)


def _as_picture(answer: NDArray[Any], path: Path) -> Float32:
    values = np.squeeze(answer)
    if values.ndim != 2 or values.dtype.kind not in "fiu" or not values.size:
        raise BadInput(f"{path} is {answer.dtype} {answer.shape}, expected numbers (H, W)")
    return np.ascontiguousarray(values, np.float32)
