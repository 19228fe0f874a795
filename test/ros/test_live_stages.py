"""The five single-stage nodes, wired together, beside the whole pipeline."""

from __future__ import annotations

import gc
import json
import time
import weakref
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from cards import standing_boxes
from graphs import constant, write_graph
from graphs import node as graph_node
from live import START_NS, Live, succeeded
from sensor_msgs.msg import RegionOfInterest
from std_srvs.srv import Trigger

from depth_prompt_ros.bag.encodings.images import depth_metres, label_image
from depth_prompt_ros.bag.messages import camera_info_message, image_message, stamp_of
from depth_prompt_ros.bag.outputs import anchors_message
from depth_prompt_ros.errors import BadFrame
from depth_prompt_ros.frame import DepthMeasurement, Detection
from depth_prompt_ros.parameters import Parameters, SegmentationParameters, StereoParameters, TomParameters
from depth_prompt_ros.pipeline import ObjectDepthPipeline
from depth_prompt_ros.ros.convert import ros_message
from depth_prompt_ros.ros.found import Found, found_in, found_message
from depth_prompt_ros.ros.nodes.depth_merge import DepthMergeNode
from depth_prompt_ros.ros.nodes.point_cloud import PointCloudNode
from depth_prompt_ros.ros.nodes.prompted_depth import PromptedDepthNode, _as_found
from depth_prompt_ros.ros.nodes.segmentation import SegmentationNode
from depth_prompt_ros.ros.nodes.stereo_depth import StereoDepthNode
from depth_prompt_ros.stages.belief import Masks, believe
from depth_prompt_ros.stages.stereo import make_stereo_matcher

NODES = (StereoDepthNode, SegmentationNode, PromptedDepthNode, DepthMergeNode, PointCloudNode)
WIRED = {
    "depth_merge": {"stages.labels": "prompted_depth/labels", "stages.tom_mask": "prompted_depth/tom_mask"},
    "point_cloud": {
        "stages.depth": "depth_merge/depth",
        "stages.confidence": "depth_merge/confidence",
        "stages.labels": "prompted_depth/labels",
    },
}
TEXTURE = np.random.default_rng(5).integers(60, 190, (240, 320, 1), np.uint8)


@pytest.fixture
def box(frame) -> list[float]:
    rows, columns = (np.flatnonzero((frame.labels > 0).any(axis)) for axis in (1, 0))
    return [float(columns[0]) - 4, float(rows[0]) - 4, float(np.ptp(columns)) + 9, float(np.ptp(rows)) + 9]


def start(live: Live, **given: Any) -> None:
    """Configure the nodes, each with its wiring."""
    for node in live.nodes:
        for name, value in {**WIRED.get(node.get_name(), {}), "device": "cpu", **given}.items():
            assert live.set(name.replace("__", "."), value, node).successful
        succeeded(node.trigger_configure())


@pytest.mark.parametrize("sent", [False, True])
def test_five_nodes_give_what_one_gives(frame, box, sent) -> None:
    """Of a box that the parameters name, and of one that is sent while the parameters say something else."""
    method = {"method": "things"} if sent else {"method": "box", "target_box": box}
    with Live(*NODES) as live:
        start(live, sync__hold=30.0, **{f"segmentation__{name}": value for name, value in method.items()})
        live.listen("points", node="point_cloud")
        live.listen("depth", node="depth_merge")
        live.listen("labels", node="prompted_depth")
        live.listen("anchors", node="prompted_depth")
        for node in live.nodes:
            succeeded(node.trigger_activate())
        live.until(lambda: live.tester.count_subscribers("/left/image_rect") == 1)
        if sent:
            x, y, width, height = map(int, box)
            live.publish(
                "/segmentation/target_box", RegionOfInterest(x_offset=x, y_offset=y, width=width, height=height)
            )
            live.until(lambda: json.loads(live.call("/segmentation/get_targets", Trigger).message)["chosen"])
        end, number = time.monotonic() + 60, 0
        while not live.received["/point_cloud/points"]:  # topics may take their time to find each other
            assert time.monotonic() < end
            live.show(replace(frame, labels=None), START_NS + number * 100_000_000)
            number += 1
            time.sleep(0.5)
        cloud = live.wait("/point_cloud/points")[0]
        depth = depth_metres(live.wait("/depth_merge/depth")[0])
        labels = label_image(live.wait("/prompted_depth/labels")[0])
        anchors = live.wait("/prompted_depth/anchors")[0]
    pipeline = ObjectDepthPipeline(Parameters.checked({"segmentation": method, "device": "cpu"}, "the test"))
    pipeline.take_targets(SegmentationParameters(method="box", target_box=box))
    alone = pipeline(frame)
    assert (stamp_of(cloud) - START_NS) % 100_000_000 == 0
    assert cloud.header.frame_id == "left_optical"
    np.testing.assert_array_equal(labels, alone.labels)
    np.testing.assert_allclose(depth, alone.depth, rtol=1e-4)
    points = np.frombuffer(cloud.data, np.float32).reshape(240, 320, 6)
    np.testing.assert_array_equal(points[..., 2], depth)
    assert [status.values[1].value for status in anchors.status] == [
        report.anchor for report in (*alone.targets, *alone.surfaces)
    ]


def test_masks_are_judged_as_the_segmentation_of_each_frame_says() -> None:
    """A network that found the targets has seen their holes; of a box that somebody has sent nobody has."""
    given, _, labels = standing_boxes((0.0, 0.5, 0.12))
    table = standing_boxes()[1].depth
    depth = np.where((labels > 0) & (np.arange(320) % 3 == 0), np.float32(0), table)  # seen through, or not at all
    frame = replace(given, depth=depth, labels=None, camera=replace(given.camera, baseline=0.0))
    confidence = np.where(depth > 0, np.float32(1), np.float32(0))
    nobody = np.zeros(labels.shape, np.bool_)
    held = {
        "/left/image_rect": (frame.image, "rgb8"),
        "/stereo_depth/depth": (depth, "32FC1"),
        "/stereo_depth/confidence": (confidence, "32FC1"),
        "/segmentation/labels": (labels, "mono16"),
        "/segmentation/tom_mask": (nobody, "mono8"),
    }
    box = Detection((1.0, 2.0, 30.0, 40.0), "cup", 0.5)
    told = (Found("things"), Found("box"), Found("detections", "", (box,) * int(labels.max())))
    with Live(PromptedDepthNode) as live:
        live.listen("belief", "anchors", node="prompted_depth")
        live.start(
            device="cpu", topics__depth_image="depth", stages__image="left/image_rect",
            segmentation__method="things", tom__method="network",
        )  # fmt: skip
        live.until(live.node.wanted)
        for number, found in enumerate(told):
            stamp = START_NS + number * 100_000_000
            for topic, (array, encoding) in held.items():
                live.publish(topic, image_message(array, encoding, stamp, frame.frame_id, ros_message))
            live.publish(
                "/left/camera_info", camera_info_message(frame.camera, stamp, frame.frame_id, make=ros_message)
            )
            live.publish("/segmentation/targets", found_message(found, stamp, frame.frame_id))
            live.wait("/prompted_depth/belief", number + 1)
        live.wait("/prompted_depth/anchors", len(told))
        beliefs = [label_image(message) for message in live.received["/prompted_depth/belief"]]
        anchors = live.received["/prompted_depth/anchors"]
    measured = DepthMeasurement(np.where(depth > 0, depth, np.nan), confidence)
    frame = replace(frame, stamp_ns=START_NS)
    judged, unknown = (
        believe(frame, measured, labels, nobody, Masks(judged=judged), TomParameters()).reasons
        for judged in (True, False)
    )
    assert (judged != unknown).sum() > 0.5 * (labels > 0).sum()
    for found, expected in zip(beliefs, (judged, unknown, unknown), strict=True):
        assert (found != expected).mean() < 0.001
    named = {value.key: value.value for value in anchors[2].status[0].values}
    assert (named["class"], named["score"]) == ("cup", "0.5")
    assert "class" not in {value.key for value in anchors[1].status[0].values}


def test_labels_that_are_someone_else_s_need_no_word_of_the_segmentation(frame) -> None:
    with Live(PromptedDepthNode) as live:
        live.start(device="cpu", stages__targets="")
        assert "targets" not in live.node.topics(live.node.settings)
        assert not Masks.of(_as_found(live.node.settings, None)).judged
    with pytest.raises(BadFrame, match="stages.targets brings no targets of the segmentation node"):
        found_in(anchors_message([], START_NS, "left", ros_message, "nothing there"))


def test_only_a_listener_at_the_end_wakes_the_stages(frame) -> None:
    """And an empty table goes through all of them as measured, with the reason."""
    with Live(*NODES) as live:
        start(live, segmentation__method="things")
        for node in live.nodes:
            succeeded(node.trigger_activate())
        time.sleep(0.5)
        assert live.tester.count_subscribers("/left/image_rect") == 0
        live.listen("points", node="point_cloud")
        live.until(lambda: live.tester.count_subscribers("/left/image_rect") == 1)
        table = np.ascontiguousarray(np.broadcast_to(frame.image[:, :, :1] * 0 + TEXTURE, frame.image.shape))
        bare = replace(frame, labels=None, image=table, right=np.roll(table, -20, 1))
        for number in range(60):  # at 30 Hz, faster than any of them
            live.show(bare, START_NS + number * 33_000_000)
            time.sleep(0.033)
        cloud = live.wait("/point_cloud/points")[0]
        points = np.frombuffer(cloud.data, np.float32).reshape(240, 320, 6)
        assert np.isfinite(points[..., 2]).mean() > 0.5
        segmentation = live.nodes[1]
        assert segmentation.frames.notes["no target"]
        assert live.nodes[-1].frames.skipped.total() == 0
        live.stop_listening("/point_cloud/points")
        live.until(lambda: live.tester.count_subscribers("/left/image_rect") == 0)


def test_a_stage_without_its_input_says_which_one() -> None:
    with Live(DepthMergeNode) as live:
        live.listen("depth", node="depth_merge")
        live.start(device="cpu")
        live.until(lambda: live.node.inputs.since is not None)
        message = live.diagnosis("inputs", node="depth_merge").message
        assert "no message on /stereo_depth/depth: nobody publishes it" in message
        assert "no message on /prompted_depth/mono_depth: nobody publishes it" in message


def test_the_stereo_node_matches_with_a_described_network(frame, tmp_path) -> None:
    picture = [1, 3, "height", "width"]
    nodes = [
        graph_node("Sub", ["left", "right"], ["difference"]),
        graph_node("ReduceMean", ["difference", "channels"], ["mean"], keepdims=1),
        graph_node("Sub", ["eight", "mean"], ["disparity"]),
    ]
    constants = [constant("channels", [1], [1], integer=True), constant("eight", [], [8.0])]
    shapes = {"left": picture, "right": picture}
    write_graph(tmp_path / "stereo.onnx", nodes, shapes, {"disparity": [1, 1, "height", "width"]}, constants)
    description = tmp_path / "stereo.yaml"
    description.write_text(
        "{graph: stereo.onnx, inputs: {left: left, right: right}, white: 1, fit: pad, output: {meaning: disparity}}"
    )
    with Live(StereoDepthNode) as live:
        live.listen("depth", node="stereo_depth")
        live.start(device="cpu", stereo__matcher="onnx", stereo__onnx=str(description), stereo__left_right_check=False)
        live.until(live.node.wanted)
        live.show(replace(frame, labels=None), START_NS)
        depth = depth_metres(live.wait("/stereo_depth/depth")[0])
    parameters = StereoParameters(matcher="onnx", onnx=str(description), left_right_check=False)
    expected = make_stereo_matcher(parameters)(frame).depth
    assert np.isfinite(expected).mean() > 0.9
    np.testing.assert_array_equal(depth, expected)


@pytest.mark.parametrize("raw", [False, True])
def test_masks_from_outside_are_the_second_stage_s_targets(frame, raw) -> None:
    with Live(StereoDepthNode, SegmentationNode) as live:
        live.listen("labels", node="segmentation")
        given = {"topics__labels": "/labels", "segmentation__method": "labels", "tom__method": "none"}
        start(live, **given, rectified="false" if raw else "true")
        for node in live.nodes:
            succeeded(node.trigger_activate())
        end, number = time.monotonic() + 20, 0
        while not live.received["/segmentation/labels"]:
            assert time.monotonic() < end, live.nodes[1].frames.skipped
            live.show(frame, START_NS + number * 100_000_000)
            number += 1
            time.sleep(0.3)
        found = label_image(live.received["/segmentation/labels"][0])
    np.testing.assert_array_equal(found, frame.labels)


@pytest.mark.parametrize("kind", [StereoDepthNode, SegmentationNode])
def test_a_node_that_is_cleaned_up_gives_up_its_networks(kind) -> None:
    with Live(kind) as live:
        name = "stereo__matcher" if kind is StereoDepthNode else "segmentation__method"
        live.start(device="cpu", **{name: "sgbm" if kind is StereoDepthNode else "things"})
        held = live.node._match if kind is StereoDepthNode else live.node._segment
        model = weakref.ref(held)
        del held
        succeeded(live.node.trigger_deactivate())
        succeeded(live.node.trigger_cleanup())
        gc.collect()
        assert model() is None
