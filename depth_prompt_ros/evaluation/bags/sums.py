"""What one answer did in one region of one frame, as sums and counts: added up they are what all pixels say."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from depth_prompt_ros.camera import CameraModel
from depth_prompt_ros.evaluation.bags.flying import flying_pixels
from depth_prompt_ros.evaluation.metrics import si_rmse
from depth_prompt_ros.evaluation.sums import Sums
from depth_prompt_ros.evaluation.table import Column

Float32 = NDArray[np.float32]
Mask = NDArray[np.bool_]

DELTAS = {"delta_1_05": 1.05, "delta_1_10": 1.10, "delta_1_25": 1.25, "delta_1_25_2": 1.25**2, "delta_1_25_3": 1.25**3}
BAD = {"bad_1": 1.0, "bad_2": 2.0, "bad_4": 4.0}

METRICS = (
    Column("rmse", "RMSE", "mm", 2, brief=True),
    Column("mae", "MAE", "mm", 2, brief=True),
    Column("abs_rel", "AbsRel", "%", 3, brief=True),
    Column("delta_1_05", "δ < 1.05", "%", 2, brief=True),
    Column("delta_1_10", "δ < 1.10", "%", 2),
    Column("delta_1_25", "δ < 1.25", "%", 2),
    Column("delta_1_25_2", "δ < 1.25²", "%", 2),
    Column("delta_1_25_3", "δ < 1.25³", "%", 2),
    Column("si_rmse", "si-RMSE", "", 4, brief=True),
    Column("normal_cosine", "normals", "cosine", 4, brief=True),
    Column("coverage", "coverage", "%", 2, brief=True),
    Column("flying", "flying", "%", 3, brief=True),
    Column("epe", "EPE", "px", 3),
    Column("bad_1", "bad-1", "%", 2),
    Column("bad_2", "bad-2", "%", 2),
    Column("bad_4", "bad-4", "%", 2),
)
"""Every measure with its unit. Coverage is of the pixels with truth, without truth of all."""

BETTER_HIGH = {"normal_cosine", "coverage", *DELTAS}
"""The measures of which more is better."""


@dataclass(frozen=True)
class RegionSums(Sums):
    """Counts and sums over pixels; of the scale-invariant error over frames.

    Attributes:
        pixels, answered: of the region, and those of them with an answer.
        known: pixels with a truth.
        compared: pixels with both.
        squares, absolute, relative: of the error, m^2, m, and relative to the truth.
        delta_1_05 ... delta_1_25_3: pixels whose ratio to the truth is below.
        si_rmse, si_frames: scale-invariant errors of frames added up, and how many frames.
        cosines, normals: of the angles between normals, and their number.
        flying: pixels between surfaces.
        disparities: pixels with a true disparity; 0 for depth cameras.
        disparity_errors, disparities_compared: px, and pixels with both.
        bad_1, bad_2, bad_4: pixels wrong by more than so many px, or without an answer.
    """

    pixels: int = 0
    answered: int = 0
    known: int = 0
    compared: int = 0
    squares: float = 0.0
    absolute: float = 0.0
    relative: float = 0.0
    delta_1_05: int = 0
    delta_1_10: int = 0
    delta_1_25: int = 0
    delta_1_25_2: int = 0
    delta_1_25_3: int = 0
    si_rmse: float = 0.0
    si_frames: int = 0
    cosines: float = 0.0
    normals: int = 0
    flying: int = 0
    disparities: int = 0
    disparity_errors: float = 0.0
    disparities_compared: int = 0
    bad_1: int = 0
    bad_2: int = 0
    bad_4: int = 0

    def figures(self) -> dict[str, float | None]:
        """By key of :data:`METRICS`, in its units; None where there is nothing to tell it from."""
        mean_square = _share(self.squares, self.compared)
        return {
            "rmse": None if mean_square is None else 1000 * float(np.sqrt(mean_square)),
            "mae": _share(1000 * self.absolute, self.compared),
            "abs_rel": _share(100 * self.relative, self.compared),
            **{name: _share(100 * getattr(self, name), self.compared) for name in DELTAS},
            "si_rmse": _share(self.si_rmse, self.si_frames),
            "normal_cosine": _share(self.cosines, self.normals),
            "coverage": _share(100 * self.compared, self.known) if self.known else self._answered(),
            "flying": _share(100 * self.flying, self.compared),
            "epe": _share(self.disparity_errors, self.disparities_compared),
            **{name: _share(100 * getattr(self, name), self.disparities) for name in BAD},
        }

    def _answered(self) -> float | None:
        return _share(100 * self.answered, self.pixels)


SUM_NAMES = tuple(each.name for each in fields(RegionSums))
"""The fields' names in the order of :meth:`RegionSums.numbers`."""


def score_regions(
    answer: Float32, truth: Float32 | None, regions: Mapping[str, Mask], camera: CameraModel
) -> dict[str, RegionSums]:
    """Compare one answer with the truth in each region.

    Normals are those of the whole picture, so a region's border counts too.

    Args:
        answer: (H, W) float32 metres, NaN = no value.
        truth: the same; None: there is none, only the answered pixels are counted.
        regions: (H, W) bool by key.
        camera: of the picture; with a baseline disparities are compared, too.
    """
    answered = np.isfinite(answer)
    if truth is None:
        return {
            name: RegionSums(pixels=int(where.sum()), answered=int((where & answered).sum()))
            for name, where in regions.items()
        }
    known = np.isfinite(truth)
    flying = flying_pixels(answer, truth)
    cosine = np.einsum("ijk,ijk->ij", camera.normals(answer), camera.normals(truth), dtype=np.float64)
    disparities = None
    if camera.baseline > 0:
        disparities = camera.disparity_from_depth(answer), camera.disparity_from_depth(truth)
    return {
        name: _score(answer, truth, where, answered, known, flying, cosine, disparities)
        for name, where in regions.items()
    }


def _score(
    answer: Float32,
    truth: Float32,
    where: Mask,
    answered: Mask,
    known: Mask,
    flying: Mask,
    cosine: NDArray[np.float64],
    disparities: tuple[Float32, Float32] | None,
) -> RegionSums:
    both = where & answered & known
    true = truth[both].astype(np.float64)
    found = answer[both].astype(np.float64)
    error = np.abs(found - true)
    ratio = np.maximum(found / true, true / found)
    angles = cosine[where]
    angles = angles[np.isfinite(angles)]
    numbers: dict[str, float] = {name: int((ratio < bar).sum()) for name, bar in DELTAS.items()}
    if disparities is not None:
        real = disparities[1][where & known].astype(np.float64)
        wrong = np.abs(disparities[0][where & known] - real)
        numbers |= {name: int((~(wrong <= bar)).sum()) for name, bar in BAD.items()}
        seen = wrong[np.isfinite(wrong)]
        numbers |= {"disparities": len(real), "disparity_errors": float(seen.sum()), "disparities_compared": len(seen)}
    return RegionSums(
        pixels=int(where.sum()),
        answered=int((where & answered).sum()),
        known=int((where & known).sum()),
        compared=len(true),
        squares=float(error @ error),
        absolute=float(error.sum()),
        relative=float((error / true).sum()),
        si_rmse=si_rmse(answer, truth, where) if len(true) else 0.0,
        si_frames=int(len(true) > 0),
        cosines=float(angles.sum()),
        normals=len(angles),
        flying=int((flying & both).sum()),
        **numbers,  # type: ignore[arg-type]
    )


def _share(part: float, whole: float) -> float | None:
    return part / whole if whole else None
