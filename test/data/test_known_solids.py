"""What rays hit of meshes at known poses is what geometry says."""

from __future__ import annotations

import numpy as np
import pytest

from depth_prompt_ros.camera import CameraModel
from depth_prompt_ros.data.known.mesh_file import read_mesh_file, read_poses
from depth_prompt_ros.data.known.solids import NOTHING, PosedSolids, Rigid, Solid
from depth_prompt_ros.data.rendering.bodies.shapes import cuboid
from depth_prompt_ros.errors import BadInput

CAMERA = CameraModel(65, 49, 80.0, 80.0, 32.0, 24.0)
BOX = cuboid(np.array([0.2, 0.1, 0.3]))


def at(x, y, z, turn=None):
    pose = np.eye(4)
    pose[:3, 3] = x, y, z
    if turn is not None:
        pose[:3, :3] = turn
    return pose


def test_the_nearer_of_two_boxes_is_seen_with_its_label():
    near, far = Rigid([Solid(BOX, 3, tom=True)]), Rigid([Solid(BOX, 5)])
    seen = PosedSolids([(far, at(0, 0, 2)), (near, at(-0.1, 0, 1))]).seen(CAMERA)
    assert seen.depth[24, 32] == pytest.approx(1, abs=1e-6)  # the right edge of the near one is on the axis
    assert (seen.labels[24, 31], seen.tom[24, 31]) == (3, True)
    assert (seen.labels[24, 34], seen.tom[24, 34]) == (5, False)
    assert seen.depth[24, 34] == pytest.approx(2, abs=1e-6)
    assert np.isnan(seen.depth[0, 0])
    assert seen.labels[0, 0] == 0
    columns = np.flatnonzero(seen.labels[24] == 3)
    assert (columns.min(), columns.max()) == (16, 32)  # 80 * -0.2 / 1 to 80 * 0 / 1 pixels from the middle


def test_a_turned_box_in_its_own_coordinates():
    quarter = np.array([[0.0, -1, 0], [1, 0, 0], [0, 0, 1]])
    posed = PosedSolids([(Rigid([Solid(BOX, 1)]), at(0, 0, 1, quarter))])
    origins = np.array([[1.0, 0, 1.1], [0, 1, 1.1], [0, 0.0, 0], [1, 1, 0]])
    directions = np.array([[-1.0, 0, 0], [0, -0.5, 0], [0, 0, 1], [0, 0, 1]])
    hits = posed.cast(origins, directions)
    assert hits.distance == pytest.approx([0.95, 1.8, 1, np.inf], abs=1e-6)
    assert hits.label.tolist() == [1, 1, 1, NOTHING]
    assert hits.normal[:3] == pytest.approx(np.array([[1, 0, 0], [0, 1, 0], [0, 0, -1]]), abs=1e-6)
    points = np.array([[0.15, 0, 1.1], [0, 0.1, 1.1], [0, 0, 1.01]])
    assert posed.distance(points, 1) == pytest.approx([0.1, 0, 0.01], abs=1e-6)
    assert np.isinf(posed.distance(points, 2)).all()
    assert posed.labels == [1]


def refused(path, text):
    path.write_text(text)
    with pytest.raises(BadInput) as found:
        read_mesh_file(path)
    assert "\n" not in str(found.value)
    return str(found.value)


def test_a_file_that_is_wrong_is_refused_in_one_line(tmp_path):
    path = tmp_path / "known.yaml"
    assert "meshes: Field required" in refused(path, "camera: here.txt")
    assert "exactly one of frame, topic" in refused(path, "meshes: [{file: a.ply}]")
    assert "exactly one of frame, topic" in refused(path, "meshes: [{file: a.ply, frame: a, topic: /a}]")
    assert "parent belongs to" in refused(path, "meshes: [{file: a.ply, frame: a, parent: map}]")
    assert "meshes.0.pose" in refused(path, "meshes: [{file: a.ply, pose: [0, 0, 1]}]")
    assert "meshes.0.lable" in refused(path, "meshes: [{file: a.ply, frame: a, lable: 1}]")


def test_poses_in_a_file(tmp_path):
    path = tmp_path / "poses.txt"
    path.write_text(
        "# stamp x y z qx qy qz qw\n2.5 1 2 3 0 0 0 1\n\n1305031453.359684 0 0 1 0 0 1 0  # later\n1 0 0 0 0 0 0 1"
    )
    stamps, poses = read_poses(path)
    assert stamps.tolist() == [1_000_000_000, 2_500_000_000, 1_305_031_453_359_684_000]
    assert poses[1].tolist() == [1, 2, 3, 0, 0, 0, 1]
    for text, said in (("", "has none"), ("1 2 3", "line 1 is not"), ("1 0 0 0 0 0 0 nan", "line 1 is not")):
        path.write_text(text)
        with pytest.raises(BadInput, match=said):
            read_poses(path)
    with pytest.raises(BadInput, match="cannot read poses"):
        read_poses(tmp_path / "missing.txt")
