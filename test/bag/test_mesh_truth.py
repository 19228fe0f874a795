"""Recordings against meshes with poses: of tf, a topic, a file, or fixed."""

from __future__ import annotations

import json

import bags
import numpy as np
import pytest
import trimesh

from depth_prompt_ros.bag.evaluation.document import write_document
from depth_prompt_ros.bag.evaluation.many import evaluate_bags
from depth_prompt_ros.bag.messages import message, typestore
from depth_prompt_ros.bag.reader import FrameReader
from depth_prompt_ros.bag.truth.frames import FrameTruths
from depth_prompt_ros.bag.truth.source import TruthSource
from depth_prompt_ros.data.rendering.tom_scenes import graspable_pair
from depth_prompt_ros.data.rendering.tracer import Surface
from depth_prompt_ros.demo.input_bag import StereoTruth, write_input_bag
from depth_prompt_ros.errors import BadInput
from depth_prompt_ros.evaluation.grasps.clouds import CLOUDS
from depth_prompt_ros.parameters import Parameters

FRAMES = 3
QUARTER = "0 0 0.7071067811865476 0.7071067811865476"


def place(number):
    """Where the plate stands in a frame, metres before the camera."""
    return 0.81 + 0.01 * number


def header(frame_id, stamp_ns):
    types = typestore().types
    time = types["builtin_interfaces/msg/Time"](sec=stamp_ns // 10**9, nanosec=stamp_ns % 10**9)
    return types["std_msgs/msg/Header"](stamp=time, frame_id=frame_id)


def quaternion(text="0 0 0 1"):
    x, y, z, w = map(float, text.split())
    return typestore().types["geometry_msgs/msg/Quaternion"](x=x, y=y, z=z, w=w)


def pose_record(number, x, y, z, turn, frame_id="left", shift=0):
    types, stamp = typestore().types, bags.stamp(number) + shift
    pose = types["geometry_msgs/msg/Pose"](types["geometry_msgs/msg/Point"](x, y, z), quaternion(turn))
    return "/plate", message("geometry_msgs/msg/PoseStamped", header=header(frame_id, stamp), pose=pose), stamp


def tf_record(parent, child, stamp_ns, x, y, z, turn="0 0 0 1"):
    types = typestore().types
    transform = types["geometry_msgs/msg/Transform"](types["geometry_msgs/msg/Vector3"](x, y, z), quaternion(turn))
    stamped = message(
        "geometry_msgs/msg/TransformStamped", header=header(parent, stamp_ns), child_frame_id=child, transform=transform
    )
    return "/tf", message("tf2_msgs/msg/TFMessage", transforms=[stamped]), stamp_ns


@pytest.fixture
def folder(tmp_path):
    """A plate of 300 x 200 x 10 mm in a file in millimetres, its face at z = 0."""
    plate = trimesh.creation.box((300, 200, 10))
    plate.apply_translation((0, 0, 5))
    plate.export(tmp_path / "plate.stl")
    return tmp_path


def described(folder, source, more=""):
    path = folder / "known.yaml"
    path.write_text(f"{more}\nmeshes:\n- {{file: plate.stl, unit: 0.001, label: 7, {source}}}\n")
    return TruthSource(meshes=path)


def evaluated(bag, out, source):
    found = evaluate_bags([bag], out, Parameters(), source, pipeline=bags.fake_pipeline)
    write_document(found, out / "evaluation.json")
    return found, json.loads((out / "evaluation.json").read_text())


def problem(bag, out, source):
    (reason,) = evaluated(bag, out, source)[0].failed.values()
    assert "\n" not in reason
    return reason


def moving_plate_bag(path, more=()):
    return bags.write(path, [*bags.stereo_records(FRAMES), *more])


def test_every_source_of_poses_gives_the_same_truth(folder):
    poses = [pose_record(n, 0.0, 0.0, place(n), QUARTER) for n in range(FRAMES)]
    direct = [tf_record("left", "plate", bags.stamp(n), 0.0, 0.0, place(n), QUARTER) for n in range(FRAMES)]
    seen_from = [tf_record("map", "left", bags.stamp(n), 0.0, 0.0, 2 - place(n)) for n in range(FRAMES)]
    lines = "\n".join(f"{bags.stamp(n) / 1e9:.3f} 0 0 {place(n)} {QUARTER}" for n in range(FRAMES))
    (folder / "plate.txt").write_text(lines)
    (folder / "camera.txt").write_text(
        "\n".join(f"{bags.stamp(n) / 1e9:.3f} 0 0 {2 - place(n)} 0 0 0 1" for n in range(FRAMES))
    )
    still = f"pose: [0, 0, 2, {QUARTER.replace(' ', ', ')}]"
    known = {
        "topic": (poses, described, ("topic: /plate",)),
        "tf": (direct, described, ("frame: plate",)),
        "file": ([], described, ("poses: plate.txt",)),
        "camera file": ([], described, (still, "camera: camera.txt")),
        "parent": (seen_from, described, (f"{still}, parent: map",)),
        "topic in map": ([*seen_from, *(pose_record(n, 0.0, 0.0, 2.0, QUARTER, "map") for n in range(FRAMES))],
                         described, ("topic: /plate",)),
    }  # fmt: skip
    found = {}
    for name, (records, describe, said) in known.items():
        bag = moving_plate_bag(folder / name.replace(" ", "_"), records)
        result, document = evaluated(bag, folder / f"out {name}", describe(folder, *said))
        assert not result.failed, name
        found[name] = document["bags"][0]
        assert found[name]["truth_matched"] == FRAMES
        assert set(found[name]["input"]) == {"bag", "truth_meshes"}
    expected = found["topic"]
    for name, said in found.items():
        for frame, other in zip(said["frames"], expected["frames"], strict=True):
            theirs = (
                pytest.approx(numbers, rel=1e-5) for numbers in (other["sums"]["ours"][r] for r in ("all", "targets"))
            )
            for region, numbers in zip(("all", "targets"), theirs, strict=True):
                assert frame["sums"]["ours"][region] == numbers, name
    # a quarter turn makes it 200 wide and 300 high: 20 * 0.1 / 0.82 = 2.4 columns and 3.7 rows from the middle
    known_pixels = expected["metrics"]["ours"]["targets"]
    answers = [1 + bags.picture(n)[0, 0, 0] / 255 for n in range(FRAMES)]
    errors = [1000 * abs(answer - place(n)) for n, answer in enumerate(answers)]
    counts = [frame["things"][0]["sums"]["ours"][2] for frame in expected["frames"]]
    assert counts == [4 * 8] * FRAMES
    assert known_pixels["mae"] == pytest.approx(np.average(errors, weights=counts), rel=1e-5)
    assert list(expected["targets"]["by_label"]) == ["7"]


def test_a_mesh_that_lacks_its_pose_takes_the_truth_of_that_frame(folder):
    lines = [f"{bags.stamp(n) / 1e9:.3f} 0 0 {place(n)} 0 0 0 1" for n in (0, 1)]
    (folder / "plate.txt").write_text("\n".join(lines))
    bag = moving_plate_bag(folder / "bag")
    _, said = evaluated(bag, folder / "out", described(folder, "poses: plate.txt"))
    assert [frame["true"] for frame in said["bags"][0]["frames"]] == [True, True, False]


def test_what_does_not_fit_is_one_clear_line(folder):
    bag = moving_plate_bag(folder / "bag", [pose_record(0, 0.0, 0.0, 1.0, QUARTER, shift=10**12)])
    out = folder / "out"
    assert "is not there" in problem(bag, out, described(folder, "topic: /nowhere"))
    assert "is sensor_msgs/msg/CameraInfo, not" in problem(bag, out, described(folder, "topic: /left/camera_info"))
    late = problem(bag, out, described(folder, "topic: /plate"))
    assert "within 0.02 s of a picture" in late
    assert "1700001000.000 to 1700001000.000 s" in late
    unknown = problem(bag, out, described(folder, "frame: plate"))
    assert "known at no pixel" in unknown
    assert "tf has no transform from plate to left" in unknown
    assert "missing.txt does not exist" in problem(bag, out, described(folder, "poses: missing.txt"))
    behind = described(folder, "pose: [0, 0, -1, 0, 0, 0, 1]")
    assert problem(bag, out, behind).endswith("known at no pixel of the frames used (3 have one)")
    (folder / "plate.stl").write_bytes(b"solid nothing")
    assert "mesh" in problem(bag, out, described(folder, "pose: [0, 0, 1, 0, 0, 0, 1]"))
    (folder / "plate.stl").unlink()
    assert "plate.stl does not exist" in problem(bag, out, described(folder, "pose: [0, 0, 1, 0, 0, 0, 1]"))
    missing = TruthSource(meshes=folder / "missing.yaml")
    assert "cannot read known meshes from" in problem(bag, out, missing)


def test_meshes_of_a_rendered_table_are_seen_as_rendered_and_grasped(tmp_path):
    """What a renderer says and what is seen of the same meshes from files agree; planned on, with every cloud."""
    view, bodies = graspable_pair(np.random.default_rng(3), (96, 128))
    pose = np.linalg.inv(view.pose)
    lines = ["meshes:"]
    for number, body in enumerate(bodies):
        trimesh.Trimesh(body.mesh.vertices, body.mesh.triangles, process=False).export(tmp_path / f"{number}.ply")
        numbers = [*pose[:3, 3], *trimesh.transformations.quaternion_from_matrix(pose)[[1, 2, 3, 0]]]
        tom = str(body.surface != Surface.OPAQUE).lower()
        lines.append(f"- {{file: {number}.ply, label: {body.label}, tom: {tom}, pose: {[float(n) for n in numbers]}}}")
    (tmp_path / "known.yaml").write_text("\n".join(lines))
    frames = [StereoTruth(bags.stamp(n), view.left, view.right, view.camera, view.depth) for n in range(2)]
    write_input_bag(tmp_path / "table", frames)
    source = TruthSource(meshes=tmp_path / "known.yaml", grasps_every=2)
    reader = FrameReader(tmp_path / "table", Parameters())
    frame = next(iter(reader.read())).content
    truth = FrameTruths(source, tmp_path / "table", reader.stamps).read(0, {}, frame)
    assert np.array_equal(np.isfinite(truth.depth), np.isfinite(view.depth))
    both = np.isfinite(view.depth)
    off = np.abs(truth.depth - view.depth)[both]
    assert (off < 1e-4).mean() > 0.995  # rays that graze an edge may pass it
    assert (truth.labels == view.labels).mean() > 0.995
    assert (truth.tom == view.tom).mean() > 0.995
    found = evaluate_bags([tmp_path / "table"], tmp_path / "out", Parameters(), source)
    write_document(found, tmp_path / "out/evaluation.json")
    (bag,) = json.loads((tmp_path / "out/evaluation.json").read_text())["bags"]
    assert [frame["grasps"] is not None for frame in bag["frames"]] == [True, False]
    assert set(bag["grasps"]) == set(CLOUDS)
    seen = [label for label in np.unique(view.labels) if label and (view.labels == label).sum() >= 200]
    assert bag["grasps"]["merged"]["all"]["targets"] == len(seen) > 0
    with pytest.raises(BadInput, match="give meshes with poses"):
        evaluated(tmp_path / "table", tmp_path / "no", TruthSource(grasps_every=1))
