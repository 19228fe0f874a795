"""The five single-stage nodes, wired together, beside the whole pipeline."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from graphs import constant, node, write_graph
from live import START_NS, Live, succeeded

from depth_prompt_ros.bag.images import depth_metres, label_image
from depth_prompt_ros.bag.messages import stamp_of
from depth_prompt_ros.parameters import Parameters, StereoParameters
from depth_prompt_ros.pipeline import ObjectDepthPipeline
from depth_prompt_ros.ros.nodes.depth_merge import DepthMergeNode
from depth_prompt_ros.ros.nodes.point_cloud import PointCloudNode
from depth_prompt_ros.ros.nodes.prompted_depth import PromptedDepthNode
from depth_prompt_ros.ros.nodes.segmentation import SegmentationNode
from depth_prompt_ros.ros.nodes.stereo_depth import StereoDepthNode
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


@pytest.fixture
def box(frame) -> list[float]:
    rows, columns = (np.flatnonzero((frame.labels > 0).any(axis)) for axis in (1, 0))
    return [float(columns[0]) - 4, float(rows[0]) - 4, float(np.ptp(columns)) + 9, float(np.ptp(rows)) + 9]


def test_five_nodes_give_what_one_gives(frame, box) -> None:
    with Live(*NODES) as live:
        for node in live.nodes:
            for name, value in WIRED.get(node.get_name(), {}).items():
                assert live.set(name, value, node).successful
            assert live.set("device", "cpu", node).successful
            assert live.set("segmentation.method", "box", node).successful
            assert live.set("segmentation.target_box", box, node).successful
            succeeded(node.trigger_configure())
        live.listen("points", node="point_cloud")
        live.listen("depth", node="depth_merge")
        live.listen("labels", node="prompted_depth")
        live.listen("anchors", node="prompted_depth")
        for node in live.nodes:
            succeeded(node.trigger_activate())
        live.until(lambda: all(node.wanted() for node in live.nodes))
        live.show(replace(frame, labels=None), START_NS)
        cloud = live.wait("/point_cloud/points")[0]
        depth = depth_metres(live.wait("/depth_merge/depth")[0])
        labels = label_image(live.wait("/prompted_depth/labels")[0])
        anchors = live.wait("/prompted_depth/anchors")[0]
    parameters = Parameters.checked({"segmentation": {"method": "box", "target_box": box}, "device": "cpu"}, "the test")
    alone = ObjectDepthPipeline(parameters)(frame)
    assert stamp_of(cloud) == START_NS
    assert cloud.header.frame_id == "left_optical"
    np.testing.assert_array_equal(labels, alone.labels)
    np.testing.assert_allclose(depth, alone.depth, rtol=1e-4)
    points = np.frombuffer(cloud.data, np.float32).reshape(240, 320, 6)
    np.testing.assert_array_equal(points[..., 2], depth)
    assert [status.values[1].value for status in anchors.status] == [
        report.anchor for report in (*alone.targets, *alone.surfaces)
    ]


def test_a_stage_without_its_input_says_which_one() -> None:
    with Live(DepthMergeNode) as live:
        live.start(device="cpu")
        message = live.diagnosis("inputs", node="depth_merge").message
        assert "no message on stereo_depth/depth: nobody publishes it" in message
        assert "no message on prompted_depth/mono_depth: nobody publishes it" in message


def test_the_stereo_node_matches_with_a_described_network(frame, tmp_path) -> None:
    picture = [1, 3, "height", "width"]
    nodes = [
        node("Sub", ["left", "right"], ["difference"]),
        node("ReduceMean", ["difference", "channels"], ["mean"], keepdims=1),
        node("Sub", ["eight", "mean"], ["disparity"]),
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
