"""Which faint texture is matched: python benchmarks/faint_texture.py PAIRS, the folder that middlebury.py describes.

Three rules on real pairs, where it should be, and on rendered bare tables with sensor noise, where it should not.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
from middlebury import CHOSEN_ON, JUDGED_BY, read_pair
from numpy.typing import NDArray
from rich.console import Console

from depth_prompt_ros.data.rendering.bodies import shapes
from depth_prompt_ros.data.rendering.looks import textures
from depth_prompt_ros.data.rendering.scenes import TABLETOP_CAMERA, look_at, placed, random_room
from depth_prompt_ros.data.rendering.tracer import Body, Scene, Surface
from depth_prompt_ros.evaluation import metrics
from depth_prompt_ros.evaluation.table import Column, Row, Table, table_markdown
from depth_prompt_ros.frame import Frame
from depth_prompt_ros.parameters import StereoParameters
from depth_prompt_ros.stages.stereo import make_stereo_matcher
from depth_prompt_ros.stages.stereo.texture import texture

Float32 = NDArray[np.float32]
Mask = NDArray[np.bool_]

TABLE = 50
NOISE = (0.6, 1.2, 2.5)
FIRST_RULE = 0.5
"""rms grey levels per pixel: what was once dropped for being fainter."""


def matched(frame: Frame, disparities: int, **changes: float) -> Float32:
    disparity = make_stereo_matcher(StereoParameters(num_disparities=disparities, **changes))(frame).disparity
    assert disparity is not None
    return disparity


def by_strength_alone(frame: Frame, disparities: int) -> Float32:
    found = matched(frame, disparities, min_texture=0.0, speckle_area=0)
    strong = texture(cv2.cvtColor(frame.image, cv2.COLOR_RGB2GRAY)) >= FIRST_RULE
    fixed = np.where(strong & np.isfinite(found), found * 16, -(2**15)).astype(np.int16)
    cv2.filterSpeckles(fixed, -(2**15), 60, 16)
    return np.where(fixed > -(2**15), found, np.float32(np.nan))


RULES: dict[str, Callable[[Frame, int], Float32]] = {
    "texture of 0.5 (before)": by_strength_alone,
    "any texture": lambda frame, disparities: matched(frame, disparities, min_texture=0.0),
    "texture of 0.75, or alike (now)": matched,
}


def bare_tables(seeds: range, noise: float) -> Iterator[tuple[Frame, Float32, Mask]]:
    """A table of one colour with three textured things; its frame, true disparity, and where the table is."""
    for seed in seeds:
        rng = np.random.default_rng([seed, 77])
        bodies, lights, ambient = random_room(rng, table=False)
        top = shapes.cuboid(np.array([1.3, 1.0, 0.04])).moved(np.eye(3), 1.0, np.array([0, 0, -0.04]))
        colour = textures.plain(np.full(3, rng.uniform(0.3, 0.9), np.float32))
        bodies.append(Body(top, colour, label=TABLE))
        for number, x in enumerate((-0.2, 0.0, 0.2), 1):
            mesh = shapes.OPAQUE_FAMILIES[int(rng.integers(6))](rng).standing()
            height, where = float(rng.uniform(0.1, 0.16)), np.array([x, rng.uniform(-0.1, 0.15), 0])
            bodies.append(placed(rng, mesh, height, where, Surface.OPAQUE, number))
        scene, camera = Scene(bodies, lights, ambient, ambient), TABLETOP_CAMERA
        eye = np.array([0.1 * rng.uniform(-1, 1), -0.68, rng.uniform(0.35, 0.6)])
        pose = look_at(eye, np.array([0.0, 0.0, 0.04]))
        beside = pose.copy()
        beside[:3, 3] += pose[:3, 0] * camera.baseline
        left, right = scene.view(camera, pose), scene.view(camera, beside)
        own = np.random.default_rng([seed, 8])
        seen = [
            np.clip(view.image + own.normal(scale=noise, size=view.image.shape) + 0.5, 0, 255).astype(np.uint8)
            for view in (left, right)
        ]
        frame = Frame(0, "left", seen[0], camera, seen[1])
        yield frame, camera.disparity_from_depth(left.depth), left.labels == TABLE


def main() -> None:
    columns = (
        Column("coverage", "coverage", "%", 1), Column("epe", "EPE", "px", 2), Column("bad", "bad-2 of all", "%", 1),
        Column("bad_answers", "bad-2 of answers", "%", 1),
    )  # fmt: skip
    rows = []
    for name in (*CHOSEN_ON, *JUDGED_BY):
        pair = read_pair(Path(sys.argv[1]), name)
        known = np.isfinite(pair.truth)
        for rule, match in RULES.items():
            found = match(pair.frame, pair.disparities)
            scores = {
                "coverage": 100 * metrics.coverage(found, known),
                "epe": metrics.epe(found, pair.truth),
                "bad": 100 * metrics.bad_n(found, pair.truth),
                "bad_answers": 100 * metrics.bad_n(found, pair.truth, np.isfinite(found)),
            }
            rows.append(Row(f"{name}: {rule}", scores))
    Console().print(table_markdown(Table("pairs", "Real pairs", "", columns, rows)), soft_wrap=True)

    columns = (Column("coverage", "answered", "%", 1), Column("wrong", "wrong by more than 2 px", "%", 1))
    rows = []
    for title, seeds in (("chosen on", range(3)), ("judged by", range(3, 6))):
        for noise in NOISE:
            tables = list(bare_tables(seeds, noise))
            for rule, match in RULES.items():
                scores = [scored_table(match(frame, 80), truth, table) for frame, truth, table in tables]
                answered, wrong = 100 * np.mean(scores, axis=0)
                name = f"{title}, noise of {noise:g}: {rule}"
                rows.append(Row(name, {"coverage": float(answered), "wrong": float(wrong)}))
    Console().print(table_markdown(Table("tables", "Bare tables", "", columns, rows)), soft_wrap=True)


def scored_table(found: Float32, truth: Float32, table: Mask) -> tuple[float, float]:
    """Shares of a table's pixels with an answer, and with a wrong one."""
    error = np.abs(found - truth)[table & np.isfinite(truth)]
    return float(np.isfinite(error).mean()), float(np.mean(error > 2))


if __name__ == "__main__":
    main()
