"""What one method did on one real scene, as sums and counts: added up, they are what all pixels of all scenes say."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from depth_prompt_ros.data.readers.scenes import RealScene
from depth_prompt_ros.evaluation.sums import Sums
from depth_prompt_ros.stages.boxes import box_iou, corners, targets_in

Float32 = NDArray[np.float32]
Labels = NDArray[np.uint16]
Mask = NDArray[np.bool_]

FOUND_IOU, NOTHING_IOU = 0.6, 0.1
"""A box is found with at least the first IoU, a label is on nothing with less than the second with every box."""

MOVED = 0.01
"""A measured pixel is moved if the answer is more than so many metres from the measurement."""


@dataclass(frozen=True)
class Errors(Sums):
    """Squared errors, mm^2, and the number of pixels that they are of."""

    squares: float = 0.0
    pixels: int = 0

    @classmethod
    def of(cls, answer: Float32, reference: Float32, where: Mask) -> Errors:
        """Of (H, W) metres against the reference, where both have a value."""
        both = where & np.isfinite(answer) & np.isfinite(reference)
        error = 1000 * (answer[both].astype(np.float64) - reference[both])
        return cls(float(error @ error), len(error))

    @property
    def rmse(self) -> float | None:
        """Millimetres; None over no pixel."""
        return float(np.sqrt(self.squares / self.pixels)) if self.pixels else None


NO_ERRORS = Errors()


@dataclass(frozen=True)
class RegionErrors(Sums):
    """A region of the picture against the truth.

    Attributes:
        known, answered: pixels with a truth, and those of them that the method answers.
        own: errors where the method answers.
        shared, other: the method's errors, and those of what it is compared with, on the pixels that both answer.
    """

    known: int = 0
    answered: int = 0
    own: Errors = NO_ERRORS
    shared: Errors = NO_ERRORS
    other: Errors = NO_ERRORS

    @classmethod
    def of(cls, depth: Float32, other: Float32, truth: Float32, where: Mask) -> RegionErrors:
        """Of (H, W) metres, NaN = no value, inside ``where``; ``other`` is what the method is compared with."""
        known = where & np.isfinite(truth)
        answers = known & np.isfinite(depth)
        both = answers & np.isfinite(other)
        return cls(
            int(known.sum()), int(answers.sum()), Errors.of(depth, truth, answers), Errors.of(depth, truth, both),
            Errors.of(other, truth, both),
        )  # fmt: skip

    def figures(self, region: str) -> dict[str, float | None]:
        """RMSE in mm and coverage in percent by column key."""
        return {
            region: self.own.rmse,
            f"{region}_coverage": _percent(self.answered, self.known),
            f"{region}_shared": self.shared.rmse,
            f"{region}_sensor": self.other.rmse,
        }


@dataclass(frozen=True)
class Scores(Sums):
    """One method on one scene, or on several added up.

    Attributes:
        scenes: how many.
        pixels, answered: of the picture, and those with an answer.
        measured, moved: measured pixels on nothing transparent or mirror, and those that the answer moves by more than
            10 mm, or loses.
        against_sensor: errors against the measurement on the same pixels.
        glass, rest: against the truth inside and outside ``tom.png``.
        whole: against the truth of a scene without ``tom.png``.
        looked: scenes in which the row looks for things.
        targets: labels found.
        boxed: scenes with ``boxes.json``.
        boxes, found, on_nothing: things of ``boxes.json``, those found, labels on none of them.
        claimed: pixels called transparent or mirror.
        masked: scenes with transparent or mirror pixels.
        tom_common, tom_either: pixels called transparent or mirror rightly, and those called or being so.
    """

    scenes: int = 0
    pixels: int = 0
    answered: int = 0
    measured: int = 0
    moved: int = 0
    against_sensor: Errors = NO_ERRORS
    glass: RegionErrors = RegionErrors()
    rest: RegionErrors = RegionErrors()
    whole: RegionErrors = RegionErrors()
    looked: int = 0
    targets: int = 0
    boxed: int = 0
    boxes: int = 0
    found: int = 0
    on_nothing: int = 0
    claimed: int = 0
    masked: int = 0
    tom_common: int = 0
    tom_either: int = 0

    def figures(self) -> dict[str, float | None]:
        """By column key: millimetres, percent and counts; None where there is nothing to tell it from."""
        known = {"boxes": self.boxes, "found": self.found, "on_nothing": self.on_nothing}
        return {
            "scenes": self.scenes,
            "targets": self.targets if self.looked else None,
            **{name: count if self.boxed else None for name, count in known.items()},
            "moved": _percent(self.moved, self.measured),
            "rmse": self.against_sensor.rmse,
            "coverage": _percent(self.answered, self.pixels),
            "tom": _percent(self.claimed, self.pixels) if self.looked else None,
            "tom_iou": self.tom_common / self.tom_either if self.masked and self.tom_either else None,
            **self.glass.figures("glass"),
            **self.rest.figures("rest"),
            **self.whole.figures("all"),
        }

    @property
    def error(self) -> float:
        """Millimetres that say how bad it is: of glass, else of all that has a truth, else against the measurement."""
        for errors in (self.glass.own, self.whole.own, self.rest.own, self.against_sensor):
            if (found := errors.rmse) is not None:
                return found
        return 0.0


def score(scene: RealScene, measured: Float32, depth: Float32, labels: Labels | None, tom: Mask | None) -> Scores:
    """One method on one scene.

    Args:
        measured, depth: (H, W) metres of the sensor and of the method, NaN = no value.
        labels, tom: what the method found; None: it looks for nothing.
    """
    found: dict[str, Any] = {}
    opaque = np.ones(depth.shape, np.bool_) if scene.tom is None else ~scene.tom
    if scene.truth is not None:
        regions = {"whole": opaque} if scene.tom is None else {"glass": scene.tom, "rest": opaque}
        found = {name: RegionErrors.of(depth, measured, scene.truth, where) for name, where in regions.items()}
    if labels is not None:
        boxes = label_boxes(labels)
        found |= {"looked": 1, "targets": len(boxes)}
        if scene.boxes is not None:
            overlaps = np.array([[box_iou(true, box) for box in boxes] for true in scene.boxes.tolist()])
            overlaps = overlaps.reshape(len(scene.boxes), len(boxes))
            found |= {"boxed": 1, "boxes": len(scene.boxes), "found": int((overlaps >= FOUND_IOU).any(1).sum())}
            found["on_nothing"] = int((overlaps < NOTHING_IOU).all(0).sum())
    if tom is not None:
        found["claimed"] = int(tom.sum())
        if scene.tom is not None and scene.tom.any():
            found |= {"tom_common": int((tom & scene.tom).sum()), "tom_either": int((tom | scene.tom).sum())}
            found["masked"] = 1
    return Scores(
        scenes=1,
        pixels=depth.size,
        answered=int(np.isfinite(depth).sum()),
        measured=int((opaque & (measured > 0)).sum()),
        moved=int((opaque & moved_pixels(depth, measured)).sum()),
        against_sensor=Errors.of(depth, measured, opaque),
        **found,
    )


def moved_pixels(depth: Float32, measured: Float32) -> Mask:
    """(H, W) bool, measured pixels that the answer moves by more than 10 mm, or loses."""
    with np.errstate(invalid="ignore"):
        return np.asarray((measured > 0) & ~(np.abs(depth - measured) <= MOVED))


def label_boxes(labels: Labels) -> list[tuple[float, float, float, float]]:
    """x0, y0, x1, y1 of each label."""
    return [corners(target.box) for target in targets_in(labels)]


def _percent(part: int, whole: int) -> float | None:
    return 100 * part / whole if whole else None
