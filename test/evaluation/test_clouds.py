"""Clouds that a page carries are those of the depth; what turns them is in the page itself."""

from __future__ import annotations

import base64
import json
import re

import numpy as np
import pytest

from depth_prompt_ros.camera import CameraModel
from depth_prompt_ros.evaluation.clouds import Clouds
from depth_prompt_ros.evaluation.report import CloudRow, Figure, Report, Section, to_html

CAMERA = CameraModel(640, 480, 500.0, 500.0, 320.0, 240.0)
IMAGE = np.random.default_rng(0).integers(0, 255, (480, 640, 3), np.uint8)
DEPTH = np.fromfunction(lambda v, u: 0.8 + 0.0005 * u + 0.0002 * v, (480, 640)).astype(np.float32)
DEPTH[:100] = np.nan
DEPTH[470:] = 50
LABELS = np.zeros((480, 640), np.uint16)
LABELS[200:300, 100:200] = 3


def clouds():
    return Clouds.of(CAMERA, IMAGE, LABELS, {"measured": DEPTH, "nothing": np.full_like(DEPTH, np.nan)})


def test_what_a_page_carries_are_the_points_of_the_depth():
    said = json.loads(clouds().for_page())
    width, height = said["width"], said["height"]
    assert width * height <= 25000
    depths = [np.frombuffer(base64.b64decode(text), "<u2").reshape(height, width) for text in said["depths"]]
    assert not depths[1].any()
    rows, columns = np.nonzero(depths[0])
    z = depths[0][rows, columns] * said["step"]
    fx, fy, cx, cy = said["camera"]
    found = np.stack([(columns - cx) / fx * z, (rows - cy) / fy * z, z], 1)
    every = 640 // width
    real = CAMERA.back_project(DEPTH)[every * rows + every // 2, every * columns + every // 2]
    assert found == pytest.approx(real, abs=2 * said["step"])
    assert said["step"] < 0.0002
    assert z.max() < 10  # what is far beyond the targets is left out
    assert rows.min() * every + every // 2 >= 100
    middle = np.median(CAMERA.back_project(DEPTH)[200:300, 100:200].reshape(-1, 3), axis=0)
    assert said["middle"] == pytest.approx(middle, abs=0.005)


def test_they_are_kept_in_a_file(tmp_path):
    made = clouds()
    made.save(tmp_path / "a.npz")
    assert Clouds.load(tmp_path / "a.npz").for_page() == made.for_page()


def test_without_targets_or_points_there_is_something_to_show():
    empty = Clouds.of(CAMERA, IMAGE, np.zeros_like(LABELS), {"measured": np.full_like(DEPTH, np.nan)})
    assert not empty.depths.any()
    whole = Clouds.of(CAMERA, IMAGE, np.zeros_like(LABELS), {"measured": DEPTH})
    assert whole.depths.any()


def test_the_page_turns_them_by_itself():
    figure = Figure("overview", "Overview", "", IMAGE[:20, :20])
    with_clouds = Section("a", "A", "", clouds=[CloudRow("Frame 3", clouds())])
    page = to_html(Report("Title", "", figure, [with_clouds, Section("b", "B", "")]))
    assert len(re.findall("<canvas", page)) == 2
    assert 'aria-label="nothing, Frame 3"' in page
    assert page.count("pointermove") == 1
    assert not re.findall(r'(?:src|href)="(?!data:|#)', page)
    (carried,) = re.findall(r'<script type="application/json">(.*?)</script>', page, re.DOTALL)
    assert json.loads(carried)["step"] == clouds().step
    assert "pointermove" not in to_html(Report("Title", "", figure, [Section("b", "B", "")]))
