"""What fills the holes of measured targets: python benchmarks/holes.py PAIRS, the folder that middlebury.py describes.

Targets are told, and that none is transparent; scored is what stereo left empty of them. Three ways: the fitted shape
alone, the shape and planes through the target's own pixels (the merge), and the nearest match of the row.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from unittest.mock import patch

import cv2
import numpy as np
from middlebury import CHOSEN_ON, JUDGED_BY, Pair, read_pair
from numpy.typing import NDArray
from rich.console import Console

from depth_prompt_ros.data.rendering.scenes import render_tabletop_sequence
from depth_prompt_ros.demo.motorcycle import TARGET_BOX
from depth_prompt_ros.evaluation import metrics
from depth_prompt_ros.evaluation.baselines import fill_along_row
from depth_prompt_ros.evaluation.table import Column, Row, Table, table_markdown
from depth_prompt_ros.frame import Frame
from depth_prompt_ros.parameters import Parameters
from depth_prompt_ros.pipeline import ObjectDepthPipeline
from depth_prompt_ros.stages.boxes import targets_in
from depth_prompt_ros.stages.merge import merge

Float32 = NDArray[np.float32]

TARGETS = {
    "Teddy": {
        "bear": (300, 28, 436, 134, 24.5, 32), "cloth*": (0, 50, 125, 330, 30, 44),
        "dinosaur": (75, 255, 300, 352, 32, 42.5),
    },
    "Laundry": {
        "bottle*": (0, 145, 108, 315, 45, 62), "spray": (288, 148, 380, 342, 41, 55),
        "pillow": (360, 95, 447, 338, 37.5, 46), "basket": (30, 0, 410, 172, 30, 40),
    },
    "Dolls": {
        "hat*": (0, 0, 122, 135, 24.5, 33), "pink": (95, 120, 246, 306, 48, 62),
        "red hair": (352, 105, 463, 306, 45, 60), "bear": (165, 45, 230, 128, 36, 48),
    },
    "Books": {
        "blue*": (0, 115, 168, 290, 30, 50.5), "upright": (48, 140, 142, 335, 54, 66),
        "pages": (136, 148, 268, 335, 54, 70), "networking": (262, 165, 338, 340, 46, 54),
        "pile": (325, 205, 463, 360, 50, 72),
    },
    "Aloe": {"plant*": (0, 0, 641, 420, 38, 110), "pot": (350, 395, 530, 545, 45, 70)},
}  # fmt: skip
"""Left, top, right, bottom and the true disparities between which the largest piece is the target; *: at the left
border, where the right camera does not see all of it."""

RENDERED = {"rendered, chosen on": (*range(31, 39), *range(51, 63)), "rendered, judged by": tuple(range(41, 49))}
"""Seeds of the rendered table tops."""

WAYS = ("shape alone", "shape and planes", "along the row")


def labels_of(pair: Pair) -> NDArray[np.uint16]:
    labels = np.zeros(pair.truth.shape, np.uint16)
    for number, (left, top, right, bottom, low, high) in enumerate(TARGETS[pair.name].values(), 1):
        box = np.s_[top:bottom, left:right]
        inside = np.zeros(labels.shape, np.uint8)
        inside[box] = (pair.truth[box] >= low) & (pair.truth[box] <= high)
        clean = cv2.morphologyEx(inside, cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))
        clean = cv2.morphologyEx(clean, cv2.MORPH_CLOSE, np.ones((5, 5), np.uint8))
        _, numbered, statistics, _ = cv2.connectedComponentsWithStats(clean)
        largest = numbered == 1 + np.argmax(statistics[1:, cv2.CC_STAT_AREA])
        labels[largest & (labels == 0)] = number
    return labels


def real(folder: Path, name: str) -> Iterator[tuple[Frame, Float32, Parameters]]:
    pair = read_pair(folder, name)
    settings: dict[str, object] = {"stereo": {"num_disparities": pair.disparities}}
    if name == "motorcycle":
        settings["segmentation"] = {"method": "box", "target_box": TARGET_BOX}
        frame = pair.frame
    else:
        settings["segmentation"] = {"method": "labels"}
        settings["topics"] = {"labels": "labels"}
        frame = replace(pair.frame, labels=labels_of(pair))
    settings["tom"] = {"method": "none", "evidence": False}
    yield frame, pair.truth, Parameters.checked(settings, "holes.py")


def rendered(seeds: tuple[int, ...]) -> Iterator[tuple[Frame, Float32, Parameters]]:
    settings = {
        "segmentation": {"method": "labels"}, "tom": {"method": "labels"},
        "topics": {"labels": "labels", "tom_labels": "tom"},
    }  # fmt: skip
    parameters = Parameters.checked(settings, "holes.py")
    for seed in seeds:
        view = next(render_tabletop_sequence(seed=seed))
        frame = Frame(view.stamp_ns, "left", view.left, view.camera, view.right, labels=view.labels, tom=view.tom)
        yield frame, view.camera.disparity_from_depth(view.depth), parameters


def filled(frame: Frame, parameters: Parameters) -> tuple[dict[str, Float32], NDArray[np.bool_], NDArray[np.uint16]]:
    """(H, W) disparity by way; what stereo left empty of the targets that a shape covers; labels."""
    pipeline = ObjectDepthPipeline(parameters)
    result = pipeline(frame)
    camera, measurement = frame.camera, result.measurement
    tom, targets = result.tom, targets_in(result.labels)
    stage = "depth_prompt_ros.stages.merge"
    with patch(f"{stage}.by_shape_and_planes", lambda *_: None), patch(f"{stage}.by_planes_alone", lambda *_: None):
        shape = merge(camera, measurement, result.mono_depth, targets, tom, parameters.merge).depth
    assert measurement.disparity is not None
    answers = dict(zip(WAYS, (
        camera.disparity_from_depth(shape), camera.disparity_from_depth(result.depth),
        fill_along_row(measurement.disparity),
    ), strict=True))  # fmt: skip
    empty = (result.labels > 0) & ~np.isfinite(measurement.disparity) & ~tom & (result.mono_depth > 0)
    return answers, empty, result.labels


def main() -> None:
    folder = Path(sys.argv[1])
    sources = [(name, real(folder, name)) for name in (*CHOSEN_ON, *JUDGED_BY)]
    sources += [(name, rendered(seeds)) for name, seeds in RENDERED.items()]
    rows, by_target = [], []
    for name, frames in sources:
        scored: dict[str, list[tuple[Float32, Float32]]] = {way: [] for way in WAYS}
        for frame, truth, parameters in frames:
            answers, empty, labels = filled(frame, parameters)
            for way, answer in answers.items():
                scored[way].append((answer[empty], truth[empty]))
            for number, title in enumerate(TARGETS.get(name, {}), 1):
                own = empty & (labels == number)
                by_target.append(
                    Row(f"{name}: {title}", _scores({w: (a[own], truth[own]) for w, a in answers.items()}))
                )
        joined = {
            way: (np.concatenate([a for a, _ in parts]), np.concatenate([t for _, t in parts]))
            for way, parts in scored.items()
        }
        rows.append(Row(name, _scores(joined)))
    columns = [Column("pixels", "empty pixels", "", 0)]
    columns += [Column(f"{way} epe", f"{way}: EPE", "px", 2) for way in WAYS]
    columns += [Column(f"{way} bad", f"{way}: bad-2", "%", 1) for way in WAYS]
    for title, found in (("Pairs", rows), ("Targets", by_target)):
        Console().print(table_markdown(Table("holes", title, "", columns, found)), soft_wrap=True)


def _scores(answers: dict[str, tuple[Float32, Float32]]) -> dict[str, float]:
    found: dict[str, float] = {}
    for way, (answer, truth) in answers.items():
        found |= {
            "pixels": float(np.isfinite(truth).sum()),
            f"{way} epe": metrics.epe(answer, truth),
            f"{way} bad": 100 * metrics.bad_n(answer, truth),
        }
    return found


if __name__ == "__main__":
    main()
