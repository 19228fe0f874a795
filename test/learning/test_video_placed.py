"""Depth is learned from a video whose camera was placed by features of its own pictures."""

from __future__ import annotations

import json

import cv2
import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("open3d")

from typer.testing import CliRunner

from depth_prompt_ros.camera import CameraModel
from depth_prompt_ros.cli.main import app
from depth_prompt_ros.data.rendering.workspaces import RenderedWorkspace
from depth_prompt_ros.data.structure.spans import with_motion
from depth_prompt_ros.errors import BadInput
from depth_prompt_ros.learning.video.samples import VideoSet

CAMERA = CameraModel(240, 144, 210.0, 210.0, 119.5, 71.5)


@pytest.fixture(scope="module")
def frames():
    return list(RenderedWorkspace(3, "none", CAMERA, frames=12))


def test_spans_are_placed_shrunk_and_learned_from_with_neighbours_from_elsewhere(frames) -> None:
    still = [frames[0]] * 4
    placed = with_motion([still, frames], 120, every=1)
    assert [len(span) for span in placed.spans] == [len(placed.spans[0])] and len(placed.spans[0]) >= 10
    assert [each.frames for each in placed.left_out] == [4] and "move along" in str(placed.left_out[0])
    assert placed.spans[0][0].image.shape == (72, 120, 3)
    low, high = placed.depths
    for frame in placed.spans[0]:  # true depths, in the unit of the motion, lie within
        unit = np.nanmedian(frame.depth)
        assert low < np.nanpercentile(frame.depth, 5) / unit and np.nanpercentile(frame.depth, 95) / unit < high
    data = VideoSet(placed.spans, follows=False, chosen=placed.chosen)
    moments = data.load(np.array([0]), torch.device("cpu"))
    assert len(data) == len(placed.chosen) and torch.isfinite(moments.poses).all()
    apart = moments.poses[0, [0, 1, 3, 4], :3, 3] - moments.poses[0, 2, :3, 3]
    assert (apart.norm(dim=1) > 0.02).all()
    with pytest.raises(BadInput, match="nothing to learn from"):
        with_motion([still], 120, every=1)


def test_the_command_places_the_camera_and_takes_the_range_from_what_it_found(frames, tmp_path) -> None:
    (tmp_path / "images").mkdir()
    for number, frame in enumerate(frames):
        cv2.imwrite(str(tmp_path / "images" / f"{number:03d}.png"), frame.image[..., ::-1])
    sizes = {"width": 240, "height": 144, "fx": 210.0, "fy": 210.0, "cx": 119.5, "cy": 71.5}
    (tmp_path / "calib.json").write_text(json.dumps(sizes))
    out = tmp_path / "out.safetensors"
    command = (
        f"learn video {tmp_path} --out {out} --find-poses --sharpest-of 1 --steps 2 --batch 2 --stages 1 "
        "--picture-width 120 --width 0.05 --levels 5 --planes 5 --crop-height 32 --crop-width 48"
    )
    answer = CliRunner().invoke(app, command.split())
    assert answer.exit_code == 0, answer.output
    card = json.loads(out.with_suffix(".json").read_text())
    network = card["learning"]["network"]
    assert 0.1 < network["farthest"] < 1 < network["nearest"] < 5 and network["focal_unit"] == pytest.approx(105)
    assert card["learning"]["given_motion"] and card["frames"] >= 6
