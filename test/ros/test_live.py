"""The object_depth node under rclpy, in good and in bad times."""

from __future__ import annotations

import gc
import json
import sys
import time
from dataclasses import replace
from itertools import count

import cv2
import numpy as np
import pytest
from geometry_msgs.msg import PointStamped, TransformStamped
from live import START_NS, Live, camera_messages, succeeded
from rclpy.parameter import Parameter
from rclpy.qos import DurabilityPolicy, QoSProfile, qos_profile_sensor_data
from sensor_msgs.msg import RegionOfInterest
from std_srvs.srv import Trigger
from tf2_ros import StaticTransformBroadcaster

from depth_prompt_ros.bag.encodings.images import depth_metres, label_image
from depth_prompt_ros.bag.messages import (
    camera_info_message,
    compressed_image_message,
    image_message,
    stamp_of,
)
from depth_prompt_ros.parameter_listing import entries
from depth_prompt_ros.parameters import Parameters
from depth_prompt_ros.pipeline import ObjectDepthPipeline
from depth_prompt_ros.ros.convert import CloudMemory, as_array, message_class, ros_message
from depth_prompt_ros.ros.nodes.object_depth import ObjectDepthNode
from depth_prompt_ros.runtime.choose import loaded_graphs
from depth_prompt_ros.stages.cloud import CLOUD_DTYPE, MOVING_DTYPE
from depth_prompt_ros.stages.segmentation.outside_labels import OutsideLabels

STEP_NS = 100_000_000
GIVEN = {"segmentation__method": "labels", "topics__labels": "labels", "device": "cpu"}


@pytest.fixture
def live():
    with Live(ObjectDepthNode) as running:
        yield running


def test_camera_messages_become_clouds_depth_and_what_a_replay_gives(live, frame) -> None:
    live.listen("points", "object_points", "depth", "labels", "anchors", "depth/camera_info", "prompted_image")
    live.start(**GIVEN)
    live.show(frame, START_NS)
    cloud = live.wait("/object_depth/points")[0]
    assert (cloud.width, cloud.height, cloud.point_step, cloud.is_dense) == (320, 240, 24, False)
    assert cloud.header.frame_id == "left_optical"
    assert stamp_of(cloud) == START_NS
    assert [field.name for field in cloud.fields] == ["x", "y", "z", "rgb", "label", "confidence"]
    assert len(live.wait("/object_depth/object_points")[0].data) > 24 * 100
    assert live.wait("/object_depth/anchors")[0].status[0].name == "object_depth: target 5"
    assert live.wait("/object_depth/depth/camera_info")[0].p[0] == frame.camera.fx
    parameters = Parameters.checked({"segmentation": {"method": "labels"}, "device": "cpu"}, "the test")
    alone = ObjectDepthPipeline(parameters)(frame)
    np.testing.assert_array_equal(depth_metres(live.wait("/object_depth/depth")[0]), alone.depth)  # bit for bit
    np.testing.assert_array_equal(label_image(live.wait("/object_depth/labels")[0]), alone.labels)


def test_the_clouds_memory_is_kept_and_is_its_messages(live, frame) -> None:
    memory = CloudMemory()
    place = memory((3, 5))
    place["x"] = 7
    message = ros_message("sensor_msgs/msg/PointCloud2", data=place.reshape(-1).view(np.uint8))
    assert np.frombuffer(message.data, CLOUD_DTYPE)["x"].tolist() == [7] * 15
    assert np.shares_memory(np.frombuffer(as_array(place.reshape(-1).view(np.uint8)), np.uint8), memory((3, 5)))
    part = ros_message("sensor_msgs/msg/PointCloud2", data=place[:2].reshape(-1).view(np.uint8))
    assert len(part.data) == 2 * 5 * 24
    live.listen("points")
    live.start(**GIVEN)
    for number in range(3):
        live.show(frame, START_NS + number * STEP_NS)
        live.wait("/object_depth/points", number + 1)
    first, _, last = (np.frombuffer(cloud.data, CLOUD_DTYPE)["z"] for cloud in live.received["/object_depth/points"])
    known = np.isfinite(first) & np.isfinite(last)
    assert known.sum() > 0.9 * np.isfinite(first).sum()
    np.testing.assert_allclose(np.median(first[known]), np.median(last[known]), rtol=0.01)


def test_nothing_is_computed_while_nobody_listens_and_a_listener_may_come_and_go(live, frame) -> None:
    live.start(**GIVEN)
    assert live.diagnosis("frames").message == "idle: no output is wanted"
    assert live.node.count_subscribers("/left/image_rect") == 0
    assert live.node.count_subscribers("/left/camera_info") == 1  # it may come once
    live.listen("depth")
    live.show(frame, START_NS)
    live.wait("/object_depth/depth")
    live.stop_listening("/object_depth/depth")
    live.until(lambda: live.node.count_subscribers("/left/image_rect") == 0)
    live.listen("depth")
    live.until(lambda: live.node.count_subscribers("/left/image_rect") == 1)
    live.show(frame, START_NS + STEP_NS)
    live.wait("/object_depth/depth", 2)


def test_missing_weights_fail_the_transition_with_the_reason_and_the_node_stays(live, frame, caplog) -> None:
    live.listen("depth")
    assert live.set("prompted_depth.graph", "/nowhere/graph.onnx").successful
    answer = live.node.trigger_configure()
    assert str(getattr(answer, "name", answer)).lower() == "failure"
    live.start(**GIVEN, prompted_depth__graph="")
    live.show(frame, START_NS)
    live.wait("/object_depth/depth")


def test_deactivated_it_does_nothing_and_can_go_on(live, frame) -> None:
    live.listen("depth")
    live.start(**GIVEN)
    live.show(frame, START_NS)
    live.wait("/object_depth/depth")
    succeeded(live.node.trigger_deactivate())
    assert live.node.inputs is None
    succeeded(live.node.trigger_activate())
    live.until(lambda: live.node.count_publishers("/left/image_rect") == 1)
    deadline = time.monotonic() + 10
    while len(live.received["/object_depth/depth"]) < 2 and time.monotonic() < deadline:
        live.show(frame, START_NS + STEP_NS)
        time.sleep(0.3)
    assert len(live.received["/object_depth/depth"]) >= 2
    succeeded(live.node.trigger_deactivate())
    succeeded(live.node.trigger_cleanup())
    succeeded(live.node.trigger_configure())


def test_parameters_are_applied_or_refused_with_the_reason(live, frame) -> None:
    live.listen("labels")
    live.start(**GIVEN)
    refused = live.set("runtime", "torch")
    assert not refused.successful
    assert "runtime is read at configure" in refused.reason
    assert not live.set("stereo.block_size", 400).successful
    unknown = live.set("segmentation.method", "magic")
    assert not unknown.successful
    assert "segmentation.method" in unknown.reason
    live.show(frame, START_NS)
    before = label_image(live.wait("/object_depth/labels")[0])
    assert (before > 0).any()
    assert live.set("segmentation.min_area", 100_000).successful
    live.show(frame, START_NS + STEP_NS)
    assert not label_image(live.wait("/object_depth/labels", 2)[1]).any()
    assert "no target found in the label image" in live.node.frames.notes["no target"]
    assert live.set("segmentation.min_area", 10).successful
    live.show(frame, START_NS + 2 * STEP_NS)
    assert label_image(live.wait("/object_depth/labels", 3)[2]).any()
    assert live.node.frames.skipped.total() == 0


def test_a_setting_that_cannot_work_is_refused_when_it_is_set(live, frame) -> None:
    live.listen("labels")
    live.start(**GIVEN)
    refused = live.set("segmentation.method", "point")
    assert not refused.successful
    assert "target_point" in refused.reason
    assert live.set("tom.method", "none").successful  # and later ones are not held back by it
    live.show(frame, START_NS)
    live.wait("/object_depth/labels")
    assert live.node.settings.tom.method == "none"
    assert live.node.settings.segmentation.method == "labels"


@pytest.mark.parametrize(
    "value", ["~nosuchuser/a.yaml", "\0", "x" * 5000, "2001-13-45", "/dev/null", "/", "models/../../../nowhere.yaml"]
)
@pytest.mark.parametrize("name", ["tom.mono", "tom.onnx", "stereo.onnx"])
def test_whatever_goes_wrong_in_a_set_is_a_refusal_and_the_node_lives(live, frame, name, value) -> None:
    live.listen("labels")
    live.start(**GIVEN, **({"stereo__matcher": "sgbm"} if name == "stereo.onnx" else {}))
    refused = live.set(name, value)
    if not refused.successful:
        assert refused.reason
        assert "\n" not in refused.reason
    live.show(frame, START_NS)
    live.wait("/object_depth/labels")


@pytest.mark.parametrize("text", ["when: 2001-13-45", "a: " + "[" * 700, "a: \0", "graph: 3", "- 1", ""])
def test_a_description_of_any_damage_is_refused_when_it_is_set(live, frame, tmp_path, text) -> None:
    (tmp_path / "net.yaml").write_text(text)
    live.start(**GIVEN)
    refused = live.set("tom.mono", str(tmp_path / "net.yaml"))
    assert not refused.successful
    assert "net.yaml" in refused.reason


def test_an_exception_that_nothing_was_prepared_for_is_a_refusal(live, monkeypatch) -> None:
    live.start(**GIVEN)

    def fail(settings):
        raise KeyError("nobody thought of it")

    monkeypatch.setattr(live.node, "change", fail)
    refused = live.set("merge.agreement", 0.07)
    assert not refused.successful
    assert refused.reason == "KeyError: 'nobody thought of it'"


def test_values_that_do_not_change_are_accepted_while_configured(live) -> None:
    """As ``ros2 param load`` of what ``ros2 param dump`` wrote: all parameters, each by itself."""
    live.start(**GIVEN, segmentation__target_box=[1.0, 2.0, 3.0, 4.0])
    for entry in entries():
        name = ".".join(entry.path)
        if entry.path[0] == "stages":
            assert not live.node.has_parameter(name)
            continue
        value = live.node.get_parameter(name).value
        assert value is not None
        assert live.set(name, value).successful, name
    assert not live.set("topics.left_image", "elsewhere").successful
    assert live.node.settings.segmentation.target_box == (1.0, 2.0, 3.0, 4.0)
    assert live.node.settings.segmentation.target_point is None
    assert live.node.settings.tom.class_ids == ()


def test_a_set_is_judged_as_a_whole(live) -> None:
    live.start(**GIVEN)
    given = [Parameter("segmentation.method", value="point"), Parameter("segmentation.target_point", value=[5.0, 6.0])]
    assert not live.set("segmentation.method", "point").successful
    assert live.node.set_parameters_atomically(given).successful
    assert live.node.get_parameter("segmentation.method").value == "point"


def test_without_open3d_a_node_works_and_refuses_what_needs_it(live, frame, monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "open3d", None)
    live.listen("labels")
    assert live.set("segmentation.method", "tabletop").successful
    answer = live.node.trigger_configure()
    assert str(getattr(answer, "name", answer)).lower() == "failure"
    live.start(**GIVEN)
    refused = live.set("segmentation.method", "tabletop")
    assert not refused.successful
    assert "needs Open3D, which is not installed: pip install 'depth_prompt_ros[tabletop]'" in refused.reason
    live.show(frame, START_NS)
    live.wait("/object_depth/labels")


def test_what_was_set_before_it_was_configured_again_is_not_undone(live, frame) -> None:
    live.listen("depth")
    before = {id(graph) for graph in loaded_graphs()}
    live.start(**GIVEN)
    assert live.set("merge.agreement", 0.07).successful  # no frame comes to take it
    succeeded(live.node.trigger_deactivate())
    succeeded(live.node.trigger_cleanup())
    gc.collect()
    assert {id(graph) for graph in loaded_graphs()} <= before
    assert live.set("scale.max_residual", 0.2).successful
    succeeded(live.node.trigger_configure())
    succeeded(live.node.trigger_activate())
    deadline = time.monotonic() + 10
    while not live.received["/object_depth/depth"] and time.monotonic() < deadline:
        live.show(frame, START_NS + STEP_NS)
        time.sleep(0.3)
    assert live.node.settings.scale.max_residual == 0.2
    assert live.node.settings.merge.agreement == 0.07


def test_only_one_camera_publishes_and_the_diagnosis_names_the_other(live, frame) -> None:
    live.listen("depth")
    live.start(**GIVEN)
    live.show(frame, START_NS, leave_out=("/right/image_rect", "/right/camera_info"))
    live.until(lambda: live.node.inputs.arrived["left_image"].count == 1)
    status = live.diagnosis("inputs")
    assert status.level == b"\x01"
    assert "no message on /right/image_rect: nobody publishes it" in status.message
    live.show(frame, START_NS + STEP_NS)
    live.wait("/object_depth/depth")


def test_stamps_that_drift_apart_are_measured(live, frame) -> None:
    live.listen("depth")
    live.start(**GIVEN)
    live.show(frame, START_NS - STEP_NS)
    live.wait("/object_depth/depth")
    off, number = {"/right/image_rect": 45_000_000, "/right/camera_info": 45_000_000}, count()
    said = "0.045 s away from /left/image_rect, sync.tolerance is 0.02 s"
    status = live.until_said(said, "inputs", lambda: live.show(frame, START_NS + next(number) * STEP_NS, late=off))
    assert "stamps do not meet" in status.message
    assert len(live.received["/object_depth/depth"]) == 1


def test_pictures_that_wait_in_vain_are_dropped_for_their_size_and_it_is_said(live, frame) -> None:
    live.listen("depth")
    live.start(sync__hold=60.0, sync__most_megabytes=1.0, device="cpu")
    live.until(live.node.wanted)
    seconds, off = count(), {"/right/image_rect": 50_000_000}

    def again() -> None:
        live.show(replace(frame, labels=None), START_NS + next(seconds) * 1_000_000_000, late=off)

    said = "sets that waited for a picture were dropped: sync.most_megabytes is 1"
    status = live.until_said(said, "inputs", again)
    assert live.node.inputs.waiting.size <= 1_000_000
    values = {value.key: value.value for value in status.values}
    assert int(values["sets dropped for sync.most_megabytes"]) > 0


def test_time_that_jumps_back_starts_anew(live, frame) -> None:
    live.listen("depth")
    live.start(**GIVEN)
    live.show(frame, START_NS + 100 * STEP_NS)
    live.wait("/object_depth/depth")
    for late in range(12):  # leftovers of the left camera alone fill its queue with stamps of the future
        live.show(frame, START_NS + (101 + late) * STEP_NS, leave_out=("/right/image_rect",))
        time.sleep(0.05)
    live.until(lambda: live.node.inputs.arrived["left_image"].count > 10)  # best effort may lose some
    live.show(frame, START_NS)
    depth = live.wait("/object_depth/depth", 2)[1]
    assert stamp_of(depth) == START_NS
    assert live.node.inputs.resets >= 1


def test_a_camera_that_stops_is_late_and_comes_back(live, frame) -> None:
    live.listen("depth")
    live.start(**GIVEN)
    live.show(frame, START_NS)
    live.wait("/object_depth/depth")
    time.sleep(2.1)
    assert "/left/image_rect is late: its last message came" in live.diagnosis("inputs").message
    number = count(50)
    said = "all topics arrive"
    status = live.until_said(said, "inputs", lambda: live.show(frame, START_NS + next(number) * STEP_NS))
    assert status.message == said
    live.wait("/object_depth/depth", 2)


def test_pictures_and_labels_of_another_size_are_skipped_with_the_reason(live, frame) -> None:
    live.listen("depth")
    live.start(**GIVEN)
    small = replace(frame, labels=frame.labels[::2, ::2].copy())
    live.show(small, START_NS)
    live.until(lambda: live.node.frames.skipped.total() == 1)
    assert "/labels is 160x120 but /left/camera_info says 320x240" in next(iter(live.node.frames.skipped))
    pictures = {name: getattr(frame, name)[::2, ::2].copy() for name in ("image", "right", "labels")}
    half = replace(frame, camera=replace(frame.camera.scaled(160, 120), baseline=0.06), **pictures)
    live.show(half, START_NS + STEP_NS)
    assert live.wait("/object_depth/depth")[0].width == 160
    live.show(frame, START_NS + 2 * STEP_NS)
    assert live.wait("/object_depth/depth", 2)[1].width == 320


def test_a_camera_info_of_nan_is_one_skipped_frame(live, frame) -> None:
    live.listen("depth")
    live.start(**GIVEN)
    live.show(replace(frame, camera=replace(frame.camera, fx=float("nan"))), START_NS)
    live.until(lambda: live.node.frames.skipped.total() == 1)
    assert "NaN or infinite values" in next(iter(live.node.frames.skipped))
    live.show(frame, START_NS + STEP_NS)
    live.wait("/object_depth/depth")


def test_far_more_frames_than_it_can_hold_are_dropped_and_the_latest_is_served(live, frame) -> None:
    live.listen("depth")
    live.start(**GIVEN)
    live.show(frame, START_NS)
    live.wait("/object_depth/depth")
    for number in range(1, 60):
        live.show(frame, START_NS + number * STEP_NS // 50)
    time.sleep(0.5)
    last = START_NS + 20 * STEP_NS
    live.show(frame, last)
    live.until(lambda: stamp_of(live.received["/object_depth/depth"][-1]) == last)
    assert live.node.dropped() > 0
    served = [stamp_of(depth) for depth in live.received["/object_depth/depth"]]
    assert served == sorted(served)
    assert live.node.frames.finished + live.node.dropped() <= 61


def test_a_point_a_box_and_the_services(live, frame) -> None:
    live.listen("labels")
    live.start(device="cpu")
    y, x = (int(np.median(index)) for index in np.nonzero(frame.labels))
    bare = replace(frame, labels=None)
    depth = 0.9
    camera = frame.camera
    point = PointStamped()
    point.header.frame_id = "left_optical_of_another_name"
    transform = TransformStamped()
    transform.header.frame_id, transform.child_frame_id = "left_optical", "left_optical_of_another_name"
    transform.transform.rotation.w = 1.0
    transform.transform.translation.x = 0.1
    broadcaster = StaticTransformBroadcaster(live.tester)
    broadcaster.sendTransform(transform)
    point.point.x = (x - camera.cx) / camera.fx * depth - 0.1
    point.point.y, point.point.z = (y - camera.cy) / camera.fy * depth, depth
    live.publish("/object_depth/target_point", point)
    live.until(lambda: json.loads(live.call("/object_depth/get_targets", Trigger).message)["chosen"] is not None)
    deadline, number = time.monotonic() + 10, 0
    while not live.received["/object_depth/labels"] and time.monotonic() < deadline:  # tf may take its time
        live.show(bare, START_NS + number * STEP_NS)
        number += 1
        time.sleep(0.3)
    labels = label_image(live.wait("/object_depth/labels")[0])
    assert labels[y, x] == 1
    box = RegionOfInterest()
    rows, columns = (np.flatnonzero((frame.labels > 0).any(axis)) for axis in (1, 0))
    box.x_offset, box.y_offset = int(columns[0]) - 4, int(rows[0]) - 4
    box.width, box.height = int(np.ptp(columns)) + 9, int(np.ptp(rows)) + 9
    live.publish("/object_depth/target_box", box)
    live.until(lambda: "box" in json.loads(live.call("/object_depth/get_targets", Trigger).message)["chosen"])
    seen = len(live.received["/object_depth/labels"])
    live.show(bare, START_NS + (number + 5) * STEP_NS)
    boxed = label_image(live.wait("/object_depth/labels", seen + 1)[-1]) > 0
    overlap = (boxed & (frame.labels > 0)).sum() / (boxed | (frame.labels > 0)).sum()
    assert overlap > 0.5
    assert live.call("/object_depth/clear_targets", Trigger).success
    assert json.loads(live.call("/object_depth/get_targets", Trigger).message)["chosen"] is None


def test_clouds_go_to_the_output_frame(live, frame) -> None:
    transform = TransformStamped()
    transform.header.frame_id, transform.child_frame_id = "base", "left_optical"
    transform.transform.translation.z = 2.0
    transform.transform.rotation.x, transform.transform.rotation.w = 1.0, 0.0  # half a turn about x
    live.listen("points", "depth")
    live.start(**GIVEN, output_frame="base")
    live.show(frame, START_NS)
    live.until(lambda: live.node.frames.skipped.total() == 1)
    assert "no transform from left_optical to base" in next(iter(live.node.frames.skipped))
    broadcaster = StaticTransformBroadcaster(live.tester)
    broadcaster.sendTransform(transform)
    deadline, number = time.monotonic() + 10, 1
    while not live.received["/object_depth/points"] and time.monotonic() < deadline:
        live.show(frame, START_NS + number * STEP_NS)
        number += 1
        time.sleep(0.3)
    cloud = live.wait("/object_depth/points")[0]
    assert cloud.header.frame_id == "base"
    points = np.frombuffer(cloud.data, np.float32).reshape(240, 320, 6)
    depth = next(image for image in live.received["/object_depth/depth"] if stamp_of(image) == stamp_of(cloud))
    np.testing.assert_allclose(points[..., 2], 2 - depth_metres(depth), rtol=1e-5)


def test_camera_info_that_comes_once_holds_and_a_changed_one_takes_effect(live, frame) -> None:
    infos = ("/left/camera_info", "/right/camera_info")
    live.listen("depth/camera_info")
    live.start(**GIVEN)
    for number in range(4):
        live.show(frame, START_NS + number * STEP_NS, leave_out=infos if number else ())
        live.wait("/object_depth/depth/camera_info", number + 1)
    assert "camera_info" not in live.diagnosis("inputs").message
    wider = replace(frame, camera=replace(frame.camera, fx=frame.camera.fx * 1.5))
    live.show(wider, START_NS + 4 * STEP_NS)
    live.wait("/object_depth/depth/camera_info", 5)
    live.show(wider, START_NS + 5 * STEP_NS, leave_out=infos)
    live.show(wider, START_NS + 6 * STEP_NS, leave_out=infos)
    found = live.wait("/object_depth/depth/camera_info", 6)
    focal = [message.k[0] / frame.camera.fx for message in found]
    assert focal[:4] == pytest.approx([1] * 4)
    assert focal[5:] == pytest.approx([1.5] * len(focal[5:]))


def test_camera_info_later_than_its_pictures_is_waited_for(live, frame) -> None:
    live.listen("depth")
    live.start(**GIVEN)
    messages = camera_messages(frame, START_NS, {})
    for topic in sorted(messages, key=lambda topic: "camera_info" in topic):
        live.publish(topic, messages[topic])
        time.sleep(0.1)
    live.wait("/object_depth/depth")


def test_stamps_that_are_all_zero_are_paired_in_order(live, frame) -> None:
    live.listen("depth")
    live.start(**GIVEN)
    for number in range(12):
        live.show(frame, 0)
        live.until(lambda number=number: live.node.inputs.sets == number + 1)
    live.wait("/object_depth/depth")
    said = live.node.inputs.arrived["left_image"]
    assert said.alike == 11


@pytest.mark.parametrize("known", [False, True])
def test_a_compressed_topic_under_any_name_is_what_its_publisher_says(live, frame, known) -> None:
    """The publisher is there before the node subscribes, or comes after it."""
    done, data = cv2.imencode(".png", frame.image[..., ::-1])
    assert done
    kind = message_class("sensor_msgs/msg/CompressedImage")
    topic = "/camera/image_small"
    publisher = live.tester.create_publisher(kind, topic, qos_profile_sensor_data) if known else None
    live.listen("depth")
    live.start(**GIVEN, topics__left_image=topic)
    if publisher is None:
        publisher = live.tester.create_publisher(kind, topic, qos_profile_sensor_data)
    live.until(lambda: publisher.get_subscription_count() > 0)
    live.show(frame, START_NS, leave_out=("/left/image_rect",))
    publisher.publish(compressed_image_message(data.tobytes(), "png", START_NS, frame.frame_id, ros_message))
    live.wait("/object_depth/depth")


def test_a_transport_that_is_given_counts_and_what_the_publishers_send_is_named(live, frame) -> None:
    """Both types on one topic: the graph says two things, the user one."""
    topic, both = "/camera/image", ("sensor_msgs/msg/Image", "sensor_msgs/msg/CompressedImage")
    raw, small = (live.tester.create_publisher(message_class(kind), topic, qos_profile_sensor_data) for kind in both)
    live.listen("depth")
    live.start(**GIVEN, topics__left_image=topic, transport__left_image="compressed", topics__right_image="/alone",
               transport__right_image="raw")  # fmt: skip
    other = live.tester.create_publisher(message_class(both[1]), "/alone", qos_profile_sensor_data)
    assert "/alone: its publishers send sensor_msgs/msg/CompressedImage" in live.diagnosis("inputs").message
    assert (raw.get_subscription_count(), small.get_subscription_count(), other.get_subscription_count()) == (0, 1, 0)
    succeeded(live.node.trigger_deactivate())
    succeeded(live.node.trigger_cleanup())
    live.start(topics__right_image="right/image_rect", transport__right_image="auto")
    live.until(lambda: small.get_subscription_count() == 1)
    live.show(frame, START_NS, leave_out=("/left/image_rect",))
    data = cv2.imencode(".png", frame.image[..., ::-1])[1].tobytes()
    small.publish(compressed_image_message(data, "png", START_NS, frame.frame_id, ros_message))
    live.wait("/object_depth/depth")


@pytest.mark.parametrize("known", [False, True])
def test_camera_info_that_was_published_once_is_had_by_who_comes_later(live, frame, known) -> None:
    """Latched: transient local, as camera drivers do that send it once, before or after the node subscribes."""
    messages = camera_messages(frame, START_NS, {})
    infos = {topic: content for topic, content in messages.items() if topic.endswith("camera_info")}
    latched = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)

    def publish() -> None:
        for topic, content in infos.items():
            live.tester.create_publisher(type(content), topic, latched).publish(content)

    live.listen("depth")
    if known:
        publish()
    live.start(**GIVEN)
    if not known:
        publish()
    live.until(lambda: all(live.node.inputs.arrived[f"{side}_camera_info"].count for side in ("left", "right")))
    for number in range(2):
        live.show(frame, START_NS + number * STEP_NS, leave_out=tuple(infos))
        live.wait("/object_depth/depth", number + 1)


def test_a_topic_of_another_kind_is_named_with_its_type(live, frame) -> None:
    kind = message_class("stereo_msgs/msg/DisparityImage")
    live.tester.create_publisher(kind, "/camera/packets", qos_profile_sensor_data)
    live.listen("depth")
    live.start(**GIVEN, topics__left_image="/camera/packets")
    live.until(lambda: live.node.inputs.since is not None)
    message = live.diagnosis("inputs").message
    assert "no message on /camera/packets: its publishers send stereo_msgs/msg/DisparityImage" in message


def test_raw_bayer_with_padding_and_jpeg_are_pictures_too(live, frame) -> None:
    live.listen("depth")
    live.start(**GIVEN, topics__right_image="right/image_rect/compressed")
    messages = camera_messages(frame, START_NS, {})
    left = messages["/left/image_rect"]
    padded = np.zeros((240, 352), np.uint8)
    padded[:, :320] = frame.image[..., 1]
    left.encoding, left.step, left.data = "bayer_rggb8", 352, as_array(padded.reshape(-1))
    jpeg = cv2.imencode(".jpg", cv2.cvtColor(frame.right, cv2.COLOR_RGB2BGR))[1].reshape(-1)
    del messages["/right/image_rect"]
    messages["/right/image_rect/compressed"] = compressed_image_message(
        jpeg.tobytes(), "jpeg", START_NS, "left_optical", ros_message
    )
    for topic, message in messages.items():
        live.publish(topic, message)
    assert np.isfinite(depth_metres(live.wait("/object_depth/depth")[0])).mean() > 0.3


def test_an_encoding_that_is_no_picture_is_one_skipped_frame(live, frame) -> None:
    live.listen("depth")
    live.start(**GIVEN)
    messages = camera_messages(frame, START_NS, {})
    messages["/left/image_rect"].encoding = "32FC1"
    for topic, message in messages.items():
        live.publish(topic, message)
    live.until(lambda: live.node.frames.skipped.total() == 1)
    assert "/left/image_rect: " in next(iter(live.node.frames.skipped))
    live.show(frame, START_NS + STEP_NS)
    live.wait("/object_depth/depth")


def test_an_rgbd_camera(live, frame) -> None:
    live.listen("depth", "disparity")
    live.start(**GIVEN, topics__depth_image="depth")
    depth = np.full(frame.labels.shape, 0.9, np.float32)
    live.show(replace(frame, right=None, depth=depth), START_NS)
    assert np.isfinite(depth_metres(live.wait("/object_depth/depth")[0])).mean() > 0.9
    assert not live.received["/object_depth/disparity"]


def test_depth_of_another_camera_is_registered_by_tf_or_refused_with_both_frames(live, frame) -> None:
    """The depth camera stands 0.1 m to the right: what it sees at 0.9 m lies fx * 0.1 / 0.9 pixels farther right."""
    camera = replace(frame.camera, baseline=0.0)
    depth = np.full(frame.labels.shape, 1.8, np.float32)
    depth[:, 100:140] = 0.9
    live.listen("depth")
    live.start(**GIVEN, topics__depth_image="depth", topics__depth_camera_info="depth/camera_info", tom__method="none")

    def show(number: int) -> None:
        stamp = START_NS + number * STEP_NS
        live.publish("/depth/camera_info", camera_info_message(camera, stamp, "depth_optical", make=ros_message))
        live.show(replace(frame, camera=camera, right=None), stamp)
        live.publish("/depth", image_message(depth, "32FC1", stamp, "depth_optical", ros_message))

    show(0)
    live.until(lambda: live.node.frames.skipped.total() == 1)
    assert "no transform from depth_optical to left_optical" in next(iter(live.node.frames.skipped))
    transform = TransformStamped()
    transform.header.frame_id, transform.child_frame_id = "left_optical", "depth_optical"
    transform.transform.translation.x, transform.transform.rotation.w = 0.1, 1.0
    broadcaster = StaticTransformBroadcaster(live.tester)
    broadcaster.sendTransform(transform)
    deadline, number = time.monotonic() + 10, 1
    while not live.received["/object_depth/depth"] and time.monotonic() < deadline:
        show(number)
        number += 1
        time.sleep(0.3)
    row = depth_metres(live.wait("/object_depth/depth")[0])[5]
    near = np.nonzero(row < 1.0)[0]
    shift = camera.fx * 0.1 / 0.9
    assert abs(near[0] - (100 + shift)) <= 1
    assert abs(near[-1] - (139 + shift)) <= 1


def test_a_raw_pair_is_rectified(live, frame) -> None:
    live.listen("depth/camera_info", "prompted_image", "labels")
    live.start(**GIVEN, rectified=False)
    messages = camera_messages(frame, START_NS, {})
    for side in ("left", "right"):
        messages[f"/{side}/camera_info"].d = [-0.2, 0.05, 0.0, 0.0, 0.0]
    for topic, content in messages.items():
        live.publish(topic, content)
    info = live.wait("/object_depth/depth/camera_info")[0]
    assert not np.any(np.asarray(info.d))
    assert info.k[0] == pytest.approx(frame.camera.fx)
    live.until(lambda: live.node.frames.finished == 1)


def test_what_moves_is_masked_and_dropped_and_a_clock_that_jumps_is_forgotten(live, frame) -> None:
    depth = np.full(frame.labels.shape, 1.0, np.float32)
    still = replace(frame, right=None, depth=depth, camera=replace(frame.camera, baseline=0.0))
    arrived = replace(still, depth=depth.copy())
    arrived.depth[60:120, 80:160] = 0.7
    transform = TransformStamped()
    transform.header.frame_id, transform.child_frame_id = "map", frame.frame_id
    transform.transform.rotation.w = 1.0
    broadcaster = StaticTransformBroadcaster(live.tester)
    broadcaster.sendTransform(transform)
    live.listen("moving_mask", "points")
    live.start(**GIVEN, topics__depth_image="/depth", moving__method="geometric", moving__fixed_frame="map")
    assert live.set("moving.drop_points", True).successful

    def shown(what, number: int) -> np.ndarray:
        masks = live.received["/object_depth/moving_mask"]
        before = len(masks)
        live.show(what, START_NS + number * STEP_NS)
        live.until(lambda: len(masks) > before)
        return label_image(masks[-1])

    first, deadline = shown(still, 0), time.monotonic() + 10
    assert (first == 128).all()
    number = 1
    while (mask := shown(still, number))[2:-2, 2:-2].max() != 0 and time.monotonic() < deadline:
        number += 1  # tf may take its time
    assert (mask[2:-2, 2:-2] == 0).all()
    mask = shown(arrived, number + 1)
    assert (mask[64:116, 84:156] == 255).all() and (mask == 255).sum() <= 60 * 80
    live.until(lambda: stamp_of(live.received["/object_depth/points"][-1]) == START_NS + (number + 1) * STEP_NS)
    cloud = live.received["/object_depth/points"][-1]
    assert [field.name for field in cloud.fields][-1] == "moving" and cloud.point_step == MOVING_DTYPE.itemsize
    points = np.frombuffer(cloud.data, MOVING_DTYPE).reshape(mask.shape)
    np.testing.assert_array_equal(points["moving"], mask)
    assert np.isnan(points["z"][mask == 255]).all() and np.isfinite(points["z"][mask == 0]).mean() > 0.9
    assert (shown(arrived, number - 100) == 128).all()  # time has jumped back
    refused = live.set("moving.method", "none")
    assert not refused.successful and "moving.method is read at configure" in refused.reason


def test_changes_while_nothing_is_worked_on_do_not_pile_up(live) -> None:
    live.start(**GIVEN)
    for number in range(5):
        assert live.set("segmentation.min_area", 100 + number).successful
    gc.collect()
    made = [each for each in gc.get_objects() if isinstance(each, OutsideLabels)]
    assert len(made) == 2  # that in use, and the latest
