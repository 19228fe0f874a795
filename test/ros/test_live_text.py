"""Targets named in words while the node runs: ~/target_text, what is wrong with one, and back again."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")
pytest.importorskip("onnxscript")

from live import START_NS, Live
from std_msgs.msg import String
from std_srvs.srv import Trigger

from depth_prompt_ros.bag.encodings.images import label_image
from depth_prompt_ros.parameters import RUNTIME_DEFAULTS, Parameters
from depth_prompt_ros.pipeline import ObjectDepthPipeline
from depth_prompt_ros.ros.nodes.object_depth import ObjectDepthNode
from depth_prompt_ros.ros.nodes.segmentation import SegmentationNode
from depth_prompt_ros.stages.text.finder import TextFinder

STEP_NS = 100_000_000


def chosen(live) -> object:
    return json.loads(live.call(f"/{live.node.get_name()}/get_targets", Trigger).message)["chosen"]


def test_a_target_is_named_while_the_node_runs(words, frame) -> None:
    bare = replace(frame, labels=None)
    likely = TextFinder(words.path, RUNTIME_DEFAULTS).probabilities(bare.image, ("the glass cup",))
    threshold = float(np.quantile(likely, 0.5))
    with Live(ObjectDepthNode) as live:
        live.listen("labels")
        live.start(
            device="cpu", segmentation__text_network=str(words.path), segmentation__text_threshold=threshold,
            segmentation__method="text", segmentation__text="a mug", tom__method="none",
        )  # fmt: skip
        live.publish("/object_depth/target_text", String(data=" the glass cup"))
        live.until(lambda: chosen(live) == {"text": "the glass cup"})
        live.show(bare, START_NS)
        seen = label_image(live.wait("/object_depth/labels")[0])
        text = {
            "method": "text", "text": "the glass cup", "text_network": str(words.path), "text_threshold": threshold,
        }  # fmt: skip
        parameters = Parameters.checked({"segmentation": text, "tom": {"method": "none"}, "device": "cpu"}, "the test")
        expected = ObjectDepthPipeline(parameters)(bare).labels
        assert seen.max() > 0
        np.testing.assert_array_equal(seen, expected)
        finder = live.node._pipeline.segment._finder
        live.publish("/object_depth/target_text", String(data="a mirror, a mug"))
        live.until(lambda: chosen(live) == {"text": "a mirror, a mug"})
        live.show(bare, START_NS + STEP_NS)
        live.wait("/object_depth/labels", 2)
        assert live.node._pipeline.segment.phrases == ("a mirror", "a mug")
        assert live.node._pipeline.segment._finder is finder  # nothing was loaded again
        live.publish("/object_depth/target_text", String(data=" , "))
        live.publish("/object_depth/target_text", String(data="a very long name " * 10))
        live.until(lambda: chosen(live) != {"text": "a mirror, a mug"})
        live.show(bare, START_NS + 2 * STEP_NS)
        live.until(lambda: live.node.frames.skipped.total() == 1)
        assert "CLIP takes 77: say it shorter" in next(iter(live.node.frames.skipped))
        assert live.call("/object_depth/clear_targets", Trigger).success
        assert chosen(live) is None
        live.show(bare, START_NS + 3 * STEP_NS)
        live.wait("/object_depth/labels", 3)
        assert live.node._pipeline.segment.phrases == ("a mug",)


def test_without_a_network_for_texts_a_name_is_a_skipped_frame(frame) -> None:
    with Live(ObjectDepthNode) as live:
        live.listen("labels")
        live.start(device="cpu", tom__method="none")
        live.publish("/object_depth/target_text", String(data="a mug"))
        live.until(lambda: chosen(live) == {"text": "a mug"})
        live.show(replace(frame, labels=None), START_NS)
        live.until(lambda: live.node.frames.skipped.total() == 1)
        assert "needs segmentation.text_network" in next(iter(live.node.frames.skipped))


def test_the_segmentation_node_takes_names_too() -> None:
    with Live(SegmentationNode) as live:
        live.publish("/segmentation/target_text", String(data="a mug"))
        live.until(lambda: chosen(live) == {"text": "a mug"})
