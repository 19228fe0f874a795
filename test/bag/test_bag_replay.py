"""A recording through a pipeline into a new bag, and the command around it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import bags
import cv2
import numpy as np
import pytest
import typer
from typer.testing import CliRunner

from depth_prompt_ros.bag.encodings.images import view
from depth_prompt_ros.bag.messages import image_message, stamp_of
from depth_prompt_ros.bag.outputs import DEFAULT_TOPICS, TOPICS, chosen_topics
from depth_prompt_ros.bag.replay import replay
from depth_prompt_ros.camera import CameraModel
from depth_prompt_ros.cli.replay import replay as replay_command
from depth_prompt_ros.errors import BadFrame, BadInput, BadModel
from depth_prompt_ros.parameters import Parameters, Topics

IMAGES = ("depth", "labels")
PARAMETERS = Parameters()


@pytest.fixture
def bag(tmp_path):
    return bags.write(tmp_path / "in", bags.stereo_records(4))


def run(bag, out, **changes):
    return replay(bag, out, PARAMETERS, **{"topics": IMAGES, "pipeline": bags.fake_pipeline, **changes})


def by_topic(out):
    topics: dict[str, list] = {}
    for topic, log_ns, content in bags.read_with_rosbags(out):
        topics.setdefault(topic, []).append((log_ns, content))
    return topics


def test_every_frame_once_in_order_with_the_left_images_stamp(tmp_path, bag):
    seen, steps = [], []

    def pipeline(frame):
        seen.append(frame.stamp_ns)
        return bags.fake_pipeline(frame)

    report = run(bag, tmp_path / "out", pipeline=pipeline, progress=lambda done, total: steps.append((done, total)))
    assert seen == [bags.stamp(n) for n in range(4)]
    assert steps == [(1, 4), (2, 4), (3, 4), (4, 4)]
    assert report.frames == 4
    assert not report.skipped
    assert report.targets == {"inside": 4, "refused": 4}
    assert report.stage_seconds["stereo"] == pytest.approx(0.04)
    for records in by_topic(tmp_path / "out").values():
        assert [stamp_of(content) for _, content in records] == [bags.stamp(n) for n in range(4)]
        assert [log_ns for log_ns, _ in records] == [bags.stamp(n) + bags.LOG_DELAY + 1 for n in range(4)]
        assert {content.header.frame_id for _, content in records} == {"left"}


def test_all_topics_hold_the_result(tmp_path, bag):
    run(bag, tmp_path / "out", topics=["all"])
    topics = by_topic(tmp_path / "out")
    assert set(topics) == {f"/object_depth/{topic}" for topic in TOPICS}
    contents = {topic.removeprefix("/object_depth/"): records[2][1] for topic, records in topics.items()}
    expected = bags.fake_pipeline(
        SimpleNamespace(image=bags.picture(2), right=bags.picture(2, 1), camera=bags.CAMERA, stamp_ns=bags.stamp(2))
    )
    for topic, array in (
        ("depth", expected.depth),
        ("mono_depth", expected.mono_depth),
        ("uncertainty", expected.uncertainty),
        ("labels", expected.labels),
        ("tom_mask", expected.tom * 255),
        ("provenance", expected.provenance),
        ("belief", expected.belief),
        ("prompted_image", expected.prompted_image),
    ):
        np.testing.assert_array_equal(view(contents[topic]), array, err_msg=topic)
    assert contents["depth"].encoding == "32FC1"
    assert contents["depth/camera_info"].width == bags.CAMERA.width
    assert CameraModel.from_camera_info(contents["depth/camera_info"]) == replace(bags.CAMERA, baseline=0.0)
    assert (contents["points"].height, contents["points"].width) == expected.depth.shape
    assert contents["points"].is_dense is False
    assert (contents["object_points"].height, contents["object_points"].width) == (1, (expected.labels > 0).sum())
    first, second = contents["anchors"].status
    assert (first.level, first.name, first.message) == (0, "object_depth: target 1", "anchored inside")
    assert {pair.key: pair.value for pair in first.values} == {
        "label": "1", "anchor": "inside", "inliers": "20", "residual": "0.01", "scale": "2", "shift": "0.1",
    }  # fmt: skip
    assert (second.level, second.message) == (1, "no support")


def test_camera_info_is_scaled_to_the_depth_image(tmp_path, bag):
    def half_size(frame):
        result = bags.fake_pipeline(frame)
        result.depth = result.depth[::2, ::2]
        return result

    run(bag, tmp_path / "out", topics=["depth/camera_info"], pipeline=half_size)
    ((_, info), *_) = by_topic(tmp_path / "out")["/object_depth/depth/camera_info"]
    assert CameraModel.from_camera_info(info) == replace(bags.CAMERA.scaled(8, 6), baseline=0.0)


def test_only_chosen_topics_are_computed(tmp_path, bag):
    def pipeline(frame):
        result = bags.fake_pipeline(frame)
        return SimpleNamespace(
            frame=frame, measurement=result.measurement, labels=result.labels, targets=[], reason="", seconds={}
        )

    run(bag, tmp_path / "out", topics=["/object_depth/labels", "disparity"], pipeline=pipeline)
    assert set(by_topic(tmp_path / "out")) == {"/object_depth/labels", "/object_depth/disparity"}


def test_the_organised_cloud_is_off_by_default():
    assert chosen_topics(None) == DEFAULT_TOPICS
    assert set(TOPICS) - set(DEFAULT_TOPICS) == {"points"}
    assert chosen_topics(["labels", "depth"]) == ("depth", "labels")
    with pytest.raises(BadInput, match="there is no output topic dept: choose from all, points, object_points, depth"):
        chosen_topics(["dept"])


def test_a_depth_camera_gives_no_disparity(tmp_path):
    depth = np.full((12, 16), 1.5, np.float32)
    bag = bags.write(tmp_path / "in", bags.rgbd_records([depth, depth], "32FC1"))
    parameters = Parameters(topics=Topics(depth_image="/depth/image_rect"))
    report = replay(bag, tmp_path / "out", parameters, topics=["disparity", "depth"], pipeline=bags.fake_pipeline)
    assert report.frames == 2
    assert set(by_topic(tmp_path / "out")) == {"/object_depth/depth"}


@pytest.mark.parametrize("storage", ["mcap", "sqlite3"])
def test_the_same_bag_gives_the_same_bytes(tmp_path, bag, storage):
    contents = []
    for folder in ("a", "b"):
        run(bag, tmp_path / folder / "out", storage=storage, topics=["all"])
        contents.append({file.name: file.read_bytes() for file in (tmp_path / folder / "out").iterdir()})
    assert contents[0] == contents[1]
    assert len(contents[0]) == 2


@pytest.mark.parametrize("truncated", [False, True])
def test_transforms_pass_through_untouched(tmp_path, truncated):
    from rosbags.interfaces import Qos, QosDurability, QosHistory, QosLiveliness, QosReliability, QosTime
    from rosbags.rosbag2 import Reader

    from depth_prompt_ros.bag.messages import typestore
    from depth_prompt_ros.bag.storage.writer import BagWriter

    latched = Qos(
        QosHistory.KEEP_LAST, 1, QosReliability.RELIABLE, QosDurability.TRANSIENT_LOCAL,
        QosTime(0, 0), QosTime(0, 0), QosLiveliness.AUTOMATIC, QosTime(0, 0), False,
    )  # fmt: skip
    raws = {}
    with BagWriter(tmp_path / "in") as writer:
        for topic, number in (("/tf_static", 0), ("/tf", 1), ("/tf", 2)):
            _, content, log = bags.transform_record(topic, number, bags.stamp(number))
            raw = bytes(typestore().serialize_cdr(content, content.__msgtype__))
            raws[topic, log] = raw
            writer.write_raw(topic, content.__msgtype__, raw, log, [latched] if topic == "/tf_static" else [])
        for record in bags.stereo_records(3):
            writer.write(*record)
            writer.flush()
    if truncated:
        file = tmp_path / "in" / "in.mcap"
        file.write_bytes(file.read_bytes()[:-30])
    run(tmp_path / "in", tmp_path / "out")
    with Reader(tmp_path / "out") as reader:
        read = {
            (connection.topic, log): bytes(raw)
            for connection, log, raw in reader.messages()
            if connection.topic.startswith("/tf")
        }
        (static,) = [connection for connection in reader.connections if connection.topic == "/tf_static"]
    assert read == raws
    assert [qos.durability for qos in static.ext.offered_qos_profiles] == [QosDurability.TRANSIENT_LOCAL]


def test_bad_frames_are_skipped_and_counted_by_reason(tmp_path):
    records = bags.stereo_records(6)
    records = [record for record in records if record[:1] != ("/right/image_rect",) or record[2] % 1000 != 2] + [
        (
            "/right/image_rect",
            image_message(bags.picture(n, 1), "rgb8", bags.stamp(n) + late, "right"),
            bags.stamp(n) + 9,
        )
        for n, late in enumerate([0, 0, 30_000_000, 45_000_000, 0, 0])
    ]
    bag = bags.write(tmp_path / "in", records)

    def pipeline(frame):
        if frame.stamp_ns == bags.stamp(1):
            raise BadFrame("no target found: give a point or box on the object")
        return bags.fake_pipeline(frame)

    report = run(bag, tmp_path / "out", pipeline=pipeline)
    assert report.frames == 3
    late = "no message on /right/image_rect within 0.02 s of the left image"
    assert report.skipped == {"no target found: give a point or box on the object": 1, late: 2}
    lines = report.summary().splitlines()
    assert lines[0].startswith("3 frames in ")
    assert f"-> {tmp_path / 'out'}" in lines[0]
    assert lines[1:] == [
        "targets by anchor: inside 3, refused 3",
        "skipped 1: no target found: give a point or box on the object",
        f"skipped 2: {late} (the nearest was 0.0300 to 0.0450 s away)",
        "2 messages on /right/image_rect belong to no left image",
    ]
    assert [stamp_of(content) for _, content in by_topic(tmp_path / "out")["/object_depth/depth"]] == [
        bags.stamp(n) for n in (0, 4, 5)
    ]


@pytest.mark.parametrize("storage", ["mcap", "sqlite3"])
@pytest.mark.parametrize("error", [SystemExit, KeyboardInterrupt])
def test_an_interruption_keeps_what_was_written(tmp_path, bag, storage, error):
    def pipeline(frame):
        if frame.stamp_ns == bags.stamp(2):
            raise error
        return bags.fake_pipeline(frame)

    with pytest.raises(error):
        run(bag, tmp_path / "out", storage=storage, pipeline=pipeline)
    assert len(by_topic(tmp_path / "out")["/object_depth/depth"]) == 2


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (ValueError("low >= high\nand more"), "ValueError: low >= high"),
        (ZeroDivisionError(), "ZeroDivisionError"),
        (MemoryError("17 GiB"), "MemoryError: 17 GiB"),
        (
            cv2.error("resize.cpp:42: error: (-215:Assertion failed)"),
            "error: resize.cpp:42: error: (-215:Assertion failed)",
        ),
        (BadModel("the graph fails in ONNX Runtime"), "the graph fails in ONNX Runtime"),
        (BadFrame("no texture"), "no texture"),
    ],
)
def test_whatever_a_stage_raises_costs_its_frame(tmp_path, bag, error, reason):
    def pipeline(frame):
        if frame.stamp_ns == bags.stamp(2):
            raise error
        return bags.fake_pipeline(frame)

    report = run(bag, tmp_path / "out", pipeline=pipeline)
    assert report.frames == 3
    assert report.skipped == {reason: 1}
    assert len(by_topic(tmp_path / "out")["/object_depth/depth"]) == 3


def test_a_run_whose_frames_all_fail_in_one_way_stops(tmp_path):
    bag = bags.write(tmp_path / "in", bags.stereo_records(80))
    seen = []

    def pipeline(frame):
        seen.append(frame)
        if len(seen) <= 2 or len(seen) == 20:
            return bags.fake_pipeline(frame)
        raise IndexError(f"index {len(seen)} is out of bounds")

    with pytest.raises(BadInput, match=r"30 frames in a row failed with IndexError: index 50 is out .* are in .*out$"):
        run(bag, tmp_path / "out", pipeline=pipeline)
    assert len(seen) == 50
    assert len(by_topic(tmp_path / "out")["/object_depth/depth"]) == 3


def test_frames_that_are_bad_in_a_known_way_never_stop_a_run(tmp_path):
    bag = bags.write(tmp_path / "in", bags.stereo_records(80))

    def pipeline(frame):
        if frame.stamp_ns < bags.stamp(79):
            raise BadFrame("no texture")
        return bags.fake_pipeline(frame)

    report = run(bag, tmp_path / "out", pipeline=pipeline)
    assert (report.frames, report.skipped["no texture"]) == (1, 79)


def test_without_a_frame_that_can_be_used_nothing_is_left_behind(tmp_path, bag):
    def pipeline(frame):
        raise BadFrame("no texture")

    report = run(bag, tmp_path / "out", pipeline=pipeline)
    assert report.skipped == {"no texture": 4}
    assert not (tmp_path / "out").exists()
    assert report.summary().startswith("0 frames in 0.")
    assert "and nothing to write" in report.summary()


def test_bad_input_makes_no_output(tmp_path, bag):
    with pytest.raises(BadInput, match="is not in"):
        replay(bag, tmp_path / "out", Parameters(topics=Topics(labels="/labels")), pipeline=bags.fake_pipeline)
    assert not (tmp_path / "out").exists()


def test_an_existing_output_is_refused_before_anything_is_read(tmp_path):
    (tmp_path / "out").mkdir()
    with pytest.raises(BadInput, match="exists already"):
        run(tmp_path / "no such bag", tmp_path / "out")


# The command


@pytest.fixture
def command(monkeypatch):
    """Runs depth-prompt replay with a small pipeline in place of the real one."""
    module = SimpleNamespace(ObjectDepthPipeline=lambda parameters: bags.fake_pipeline)
    monkeypatch.setitem(sys.modules, "depth_prompt_ros.pipeline", module)
    app = typer.Typer()
    app.command()(replay_command)
    return lambda *arguments: CliRunner().invoke(app, [str(argument) for argument in arguments])


def test_command_writes_a_bag_and_prints_a_summary(tmp_path, bag, command):
    result = command(bag, "--out", tmp_path / "out", "--topics", "depth, labels", "--storage", "sqlite3")
    assert result.exit_code == 0, result.output
    assert result.output.startswith("4 frames in ")
    assert "frames per second" in result.output
    assert set(by_topic(tmp_path / "out")) == {"/object_depth/depth", "/object_depth/labels"}
    assert (tmp_path / "out" / "out.db3").exists()


def test_command_takes_topics_and_tolerance_from_file_and_option(tmp_path, command):
    records = [(topic.replace("/left", "/cam0"), *rest) for topic, *rest in bags.stereo_records(2)]
    records = [
        (topic, image_message(bags.picture(0), "rgb8", stamp_of(content) + 50_000_000, "right"), log)
        if topic == "/right/image_rect"
        else (topic, content, log)
        for topic, content, log in records
    ]
    bag = bags.write(tmp_path / "in", records)
    params = tmp_path / "params.yaml"
    params.write_text("topics: {left_image: /cam0/image_rect, left_camera_info: /cam0/camera_info}\n")
    options = ["--params", params, "--topics", "depth"]
    narrow = command(bag, "--out", tmp_path / "narrow", *options)
    assert isinstance(narrow.exception, BadInput)
    assert "no frame of" in str(narrow.exception)
    assert "skipped 2: no message on /right/image_rect within 0.02 s" in narrow.output
    wide = command(bag, "--out", tmp_path / "wide", *options, "--tolerance", "0.05")
    assert wide.exit_code == 0, wide.output
    assert wide.output.startswith("2 frames")


def test_command_reports_a_truncated_bag_and_keeps_the_results(tmp_path, bag, command):
    file = bag / "in.mcap"
    file.write_bytes(file.read_bytes()[:-2000])
    result = command(bag, "--out", tmp_path / "out", "--topics", "depth")
    assert isinstance(result.exception, BadInput)
    assert "is truncated: it was read as far as it goes; the results up to there are in" in str(result.exception)
    assert len(by_topic(tmp_path / "out")["/object_depth/depth"]) >= 2


def start_command(tmp_path, bag, storage="mcap"):
    """depth-prompt replay as a program of its own that stops in its third frame and says so on stdout."""
    program = """
        import sys, time, types
        import bags
        from depth_prompt_ros.cli import main
        def pipeline(frame):
            if frame.stamp_ns == bags.stamp(2):
                print("third frame", flush=True)
                while True:
                    time.sleep(60)
            return bags.fake_pipeline(frame)
        sys.modules["depth_prompt_ros.pipeline"] = types.SimpleNamespace(ObjectDepthPipeline=lambda _: pipeline)
        main.main()
    """
    paths = os.pathsep.join([str(Path(__file__).parents[1]), str(Path(__file__).parents[2])])
    arguments = ["replay", str(bag), "--out", str(tmp_path / "out"), "--topics", "depth", "--storage", storage]
    process = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(program), *arguments],
        env={**os.environ, "PYTHONPATH": paths}, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdout.readline() == "third frame\n", process.stderr.read()
    return process


@pytest.mark.parametrize("storage", ["mcap", "sqlite3"])
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_the_command_with_a_valid_bag(tmp_path, bag, storage, number, code):
    process = start_command(tmp_path, bag, storage)
    process.send_signal(number)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == code
    assert f"interrupted: the frames done so far are in {tmp_path / 'out'}" in errors
    assert len(by_topic(tmp_path / "out")["/object_depth/depth"]) == 2


def test_after_a_kill_the_output_can_be_replayed_from(tmp_path, bag):
    """A killed recorder's folder has no metadata.yaml and its MCAP no end; our own reader takes both."""
    from depth_prompt_ros.bag.storage.recording import Recording

    process = start_command(tmp_path, bag)
    process.kill()
    process.communicate(timeout=60)
    recording = Recording(tmp_path / "out")
    messages = list(recording.messages(["/object_depth/depth"]))
    assert len(messages) == 2
    assert "truncated" in recording.damage


@pytest.mark.parametrize(
    ("name", "text"), [("missing", "does not exist"), ("in", "topic /left/image_rect (topics.left_image) is not in")]
)
def test_a_bad_bag_ends_the_command_with_exit_code_2_and_one_line(tmp_path, name, text):
    bags.write(tmp_path / "in", [record for record in bags.stereo_records(1) if record[0] != "/left/image_rect"])
    done = subprocess.run(
        [sys.executable, "-m", "depth_prompt_ros.cli.main", "replay", tmp_path / name, "--out", tmp_path / "out"],
        cwd=Path(__file__).parents[2], capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert done.returncode == 2
    assert text in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert done.stdout == ""
