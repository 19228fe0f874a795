"""The pictures of one frame's outcome, in the order of the pipeline, with one scale for all that is to be compared."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence

import cv2
import numpy as np

from depth_prompt_ros.data.titles import PAPER
from depth_prompt_ros.evaluation.clouds import Clouds
from depth_prompt_ros.evaluation.outcome import Depth, Outcome
from depth_prompt_ros.evaluation.pictures import (
    PROVENANCE_COLOURS,
    Picture,
    Scale,
    Viewpoint,
    category_panel,
    cloud_view,
    depth_scale,
    overlay,
    side_by_side,
)
from depth_prompt_ros.evaluation.report import CloudRow, Figure

Error = Callable[[Outcome, Depth], Depth]
"""(H, W) absolute error of a depth, in the unit that the figures are scaled in."""


def disparity_error(outcome: Outcome, depth: Depth) -> Depth:
    """(H, W) pixels between the disparity of ``depth`` and the true one."""
    camera = outcome.camera
    return np.abs(camera.disparity_from_depth(depth) - camera.disparity_from_depth(outcome.true_depth))


def depth_error_mm(outcome: Outcome, depth: Depth) -> Depth:
    """(H, W) millimetres between ``depth`` and the true one."""
    return np.abs(depth - outcome.true_depth) * np.float32(1000)


def target_scale(outcomes: Sequence[Outcome]) -> Scale:
    """Metres around the targets' true depth, so that their shape can be seen."""
    depths = [np.where(outcome.labels > 0, outcome.true_depth, np.float32(np.nan)) for outcome in outcomes]
    return depth_scale(depths, margin=0.25)


def input_figures(outcome: Outcome) -> list[Figure]:
    """What the robot saw, which targets were used, and what the network was shown."""
    tom = outcome.tom & (outcome.labels > 0)
    figures = [
        Figure("picture", "Left picture", "What the left camera sees.", outcome.image, photo=True),
        Figure(
            "mask", "Targets", "Each target tinted; hatched where it is taken for transparent or mirror.",
            overlay(outcome.image, outcome.labels, tom), photo=True,
        ),
    ]  # fmt: skip
    if outcome.prompted_image.size:
        figures.append(
            Figure(
                "prompted", "Prompted picture",
                "What the frozen network is shown: each target, turned to the middle, on the learned background.",
                _framed(outcome.prompted_image, outcome.image.shape), photo=True,
            )
        )  # fmt: skip
    return figures


def depth_figures(outcome: Outcome) -> list[Figure]:
    """Truth, stereo, the monocular shape and the merged depth on one scale."""
    scale = target_scale([outcome])
    panels = [
        ("truth", "True depth", "Grey: the data set does not know it.", outcome.true_depth),
        ("stereo", "Stereo alone", "Grey: not matched, occluded or without texture.", outcome.stereo),
        ("mono", "Mono alone", "The network's shape inside the targets, after its metric fit.", outcome.mono),
        ("merged", "Merged depth", "Stereo where it can be believed, the monocular shape elsewhere.", outcome.merged),
    ]
    return [Figure(key, title, caption, scale.panel(depth)) for key, title, caption, depth in panels]


def provenance_figure(outcome: Outcome) -> Figure:
    """Where each merged pixel comes from."""
    caption = (
        "Where each pixel comes from; merged: the monocular shape, shifted to meet the stereo around it; continued: a "
        "plane through the target's own stereo."
    )
    return Figure("provenance", "Provenance", caption, category_panel(outcome.provenance, PROVENANCE_COLOURS))


def error_figures(outcome: Outcome, error: Error, scale: Scale, answers: Mapping[str, Depth]) -> list[Figure]:
    """Error maps of the named answers inside the targets, all on one scale."""
    inside = outcome.labels > 0
    figures = []
    for name, depth in answers.items():
        shown = np.where(inside, error(outcome, depth), np.float32(np.nan))
        key = "error_" + re.sub(r"\W+", "_", name.lower())
        caption = f"Absolute error inside the targets, brightest from {scale.high:g} {scale.unit} on."
        figures.append(Figure(key, f"Error: {name}", caption, scale.panel(shown)))
    return figures


def cloud_figures(outcome: Outcome, view: Viewpoint) -> list[Figure]:
    """The clouds of stereo alone and of the merged depth from one viewpoint beside the camera."""
    clouds = [
        ("cloud_stereo", "Points of stereo alone", "Seen from above and beside the camera.", outcome.stereo),
        ("cloud_merged", "Points of the merged depth", "Seen from the same place.", outcome.merged),
    ]
    return [
        Figure(key, title, caption, cloud_view(outcome.camera, depth, outcome.image, outcome.labels, view))
        for key, title, caption, depth in clouds
    ]


def cloud_row(outcome: Outcome, title: str) -> CloudRow:
    """What stereo alone measured, the merged depth and the truth, to be turned together in the page."""
    depths = {"stereo alone": outcome.stereo, "merged depth": outcome.merged, "true depth": outcome.true_depth}
    return CloudRow(title, Clouds.of(outcome.camera, outcome.image, outcome.labels, depths))


def overview_figure(outcome: Outcome, view: Viewpoint) -> Figure:
    """Picture, stereo, merged depth and merged points in one row."""
    scale = target_scale([outcome])
    parts = [
        outcome.image,
        scale.colour(outcome.stereo),
        scale.colour(outcome.merged),
        cloud_view(outcome.camera, outcome.merged, outcome.image, outcome.labels, view),
    ]
    caption = "The left picture, stereo alone, the merged depth, and its points from another side."
    return Figure("overview", "From left to right", caption, side_by_side(parts), photo=True)


def sequence_figure(outcomes: Sequence[Outcome], caption: str, columns: int = 6) -> Figure:
    """Picture, stereo and merged depth of some frames over time, one column a frame."""
    chosen = [outcomes[index] for index in np.linspace(0, len(outcomes) - 1, min(columns, len(outcomes))).astype(int)]
    scale = target_scale(chosen)
    strips = [
        np.vstack([outcome.image, scale.colour(outcome.stereo), scale.colour(outcome.merged)])[::2, ::2]
        for outcome in chosen
    ]
    return Figure("sequence", "Over the sequence", caption, side_by_side(strips, gap=6), photo=True)


def _framed(strip: Picture, shape: tuple[int, ...]) -> Picture:
    """Square crops in a row, laid out as large as they fit on paper of ``shape`` (H, W, ...)."""
    height, width = shape[:2]
    crops = np.split(strip, strip.shape[1] // strip.shape[0], axis=1)
    columns = max(range(1, len(crops) + 1), key=lambda n: min(width // n, height // -(-len(crops) // n)))
    rows = -(-len(crops) // columns)
    size = min(width // columns, height // rows)
    paper = np.full((height, width, 3), PAPER, np.uint8)
    top, left = (height - rows * size) // 2, (width - columns * size) // 2
    for number, crop in enumerate(crops):
        y, x = top + number // columns * size, left + number % columns * size
        paper[y : y + size - 2, x : x + size - 2] = cv2.resize(crop, (size - 2, size - 2), interpolation=cv2.INTER_AREA)
    return paper
