"""The whole pipeline, with the shipped graph, on rendered tables whose truth is known."""

from __future__ import annotations

import subprocess
import sys
import threading
from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("open3d")

from depth_prompt_ros.bag.outputs import output_messages
from depth_prompt_ros.data.rendering.scenes import TabletopView, render_tabletop_sequence
from depth_prompt_ros.errors import BadFrame, BadModel
from depth_prompt_ros.frame import Frame
from depth_prompt_ros.parameters import Parameters, PromptedDepthParameters
from depth_prompt_ros.pipeline import ObjectDepthPipeline
from depth_prompt_ros.resources import resource_path
from depth_prompt_ros.result import FrameDepth
from depth_prompt_ros.stages.anchor.choose import Anchor
from depth_prompt_ros.stages.belief import Reason
from depth_prompt_ros.stages.merge import Provenance
from depth_prompt_ros.stages.prompted_depth import SHIPPED_GRAPH, PromptedDepth

LABELS = Parameters.checked({"segmentation": {"method": "labels"}}, "the test")


@pytest.fixture(scope="module")
def view() -> TabletopView:
    return next(render_tabletop_sequence(frames=1, seed=4))


@pytest.fixture(scope="module")
def frame(view) -> Frame:
    return Frame(view.stamp_ns, "left", view.left, view.camera, right=view.right, labels=view.labels)


@pytest.fixture(scope="module")
def result(frame) -> FrameDepth:
    return ObjectDepthPipeline(LABELS)(frame)


def test_measured_pixels_that_are_not_tom_stay_bit_for_bit(result) -> None:
    kept = result.belief == Reason.BELIEVED
    assert kept.mean() > 0.3
    np.testing.assert_array_equal(result.depth[kept], result.measurement.depth[kept])
    assert (result.provenance[kept] == Provenance.STEREO).all()


def test_what_nobody_listens_to_is_not_computed_and_object_points_are_the_same(frame, view) -> None:
    told = Parameters.checked({"segmentation": {"method": "labels"}, "tom": {"method": "labels"}}, "the test")
    pipeline = ObjectDepthPipeline(told)
    bare = replace(frame, labels=np.where(view.tom, 0, view.labels).astype(np.uint16), tom=view.tom)
    whole = ObjectDepthPipeline(told)(bare)
    assert whole.surfaces, "the scene has glass on no target"

    def never(*_):
        raise AssertionError("the whole picture's network has run")

    pipeline.scene_depth = never
    alone = pipeline(bare, ["object_points"])
    assert not alone.surfaces
    both, only = (
        dict(output_messages(each, chosen, LABELS))["object_points"]
        for each, chosen in ((whole, ("points", "object_points")), (alone, ("object_points",)))
    )
    assert len(only.data)
    np.testing.assert_array_equal(only.data, both.data)
    with pytest.raises(AssertionError, match="network has run"):
        pipeline(bare, ["object_points", "depth"])


def test_two_pipelines_at_once_give_what_one_gives_alone(frame, result) -> None:
    answers: list[FrameDepth] = []

    def work() -> None:
        pipeline = ObjectDepthPipeline(LABELS)
        answers.extend(pipeline(frame) for _ in range(2))

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(answers) == 4
    for answer in answers:
        for name in ("depth", "confidence", "labels", "tom", "belief", "provenance", "mono_depth"):
            np.testing.assert_array_equal(getattr(answer, name), getattr(result, name))
        assert answer.targets == result.targets


def test_targets_with_an_anchor_are_covered_and_glass_is_nearer_the_truth_than_stereo(result, view) -> None:
    anchored = [target.label for target in result.targets if target.anchor in ("inside", "support")]
    assert len(anchored) >= 4
    inside = np.isin(view.labels, anchored)
    assert np.isfinite(result.depth[inside]).mean() > 0.99
    glass = inside & view.tom & np.isfinite(result.measurement.depth)
    stereo_error = np.abs(result.measurement.depth - view.depth)[glass]
    merged_error = np.abs(result.depth - view.depth)[glass]
    assert np.sqrt(np.mean(merged_error**2)) < 0.7 * np.sqrt(np.mean(stereo_error**2))


def test_depth_and_confidence_agree_on_what_is_known(result) -> None:
    known = np.isfinite(result.depth)
    assert (result.depth[known] > 0).all()
    assert ((result.provenance != Provenance.INVALID) == known).all()
    assert (result.confidence[~known] == 0).all()
    assert result.confidence.min() >= 0
    assert result.confidence.max() <= 1


def test_every_target_reports_its_anchor(result, view) -> None:
    assert {target.label for target in result.targets} == set(np.unique(view.labels[view.labels > 0]).tolist())
    for target in result.targets:
        assert target.reason
        assert target.anchor in {"inside", "support", "surroundings", "refused"}
        if target.anchor != "refused":
            assert target.inliers > 0
            assert target.scale > 0
            assert 0 <= target.residual <= LABELS.scale.max_residual
    assert result.prompted_image.shape == (160, 160 * len(result.targets), 3)
    assert set(result.seconds) == {
        "stereo", "segmentation", "tom", "belief", "anchor", "crop", "graph", "shape", "surroundings", "merge",
    }  # fmt: skip


def test_the_same_frame_gives_the_same_answer(frame, result) -> None:
    again = ObjectDepthPipeline(LABELS)(frame)
    for name in ("depth", "confidence", "labels", "tom", "belief", "provenance", "prompted_image"):
        np.testing.assert_array_equal(getattr(again, name), getattr(result, name), err_msg=name)
    assert again.targets == result.targets


def test_labels_keep_their_numbers_and_change_nothing_else(frame, result) -> None:
    gaps = replace(frame, labels=(frame.labels * 7).astype(np.uint16))
    renumbered = ObjectDepthPipeline(LABELS)(gaps)
    assert [target.label for target in renumbered.targets] == [7 * target.label for target in result.targets]
    np.testing.assert_array_equal(renumbered.depth, result.depth)


def test_a_depth_camera_needs_no_right_picture(view) -> None:
    depth = np.where(view.tom, np.float32(np.nan), view.depth).astype(np.float32)
    rgbd = Frame(view.stamp_ns, "left", view.left, replace(view.camera, baseline=0.0), depth=depth, labels=view.labels)
    result = ObjectDepthPipeline(LABELS)(rgbd)
    kept = result.belief == Reason.BELIEVED
    np.testing.assert_array_equal(result.depth[kept], depth[kept])
    support = [target.label for target in result.targets if target.anchor == "support"]
    assert support
    assert np.isfinite(result.depth[np.isin(view.labels, support)]).all()


def test_tom_pixels_without_a_shape_take_the_depth_of_their_surroundings(frame, view) -> None:
    """Two glasses on no target, and one target whose own fit is refused."""
    glasses = [label for label in (2, 6) if (view.labels == label).any()]
    labels = np.where(np.isin(view.labels, glasses), 0, view.labels).astype(np.uint16)
    given = replace(frame, labels=labels, tom=view.tom)
    content = {
        "segmentation": {"method": "labels"}, "scale": {"max_residual": 1e-6},
        "tom": {"method": "labels", "evidence": False},
    }  # fmt: skip
    result = ObjectDepthPipeline(Parameters.checked(content, "the test"))(given)
    reports = {target.label: target for target in result.targets}
    assert reports[4].anchor == "surroundings"
    assert {reports[label].anchor for label in (1, 3, 5)} == {"refused"}
    assert [surface.anchor for surface in result.surfaces] == ["surroundings"] * len(result.surfaces)
    assert len(result.surfaces) >= len(glasses) > 0
    surface = view.tom & np.isin(view.labels, [4, *glasses])
    assert np.isfinite(result.depth[surface]).mean() > 0.99
    assert (result.provenance[surface & np.isfinite(result.depth)] == Provenance.MONO).all()
    error = np.abs(result.depth - view.depth)[surface] / view.depth[surface]
    assert np.nanmedian(error) < 0.3
    believed = result.belief == Reason.BELIEVED
    assert not (believed & view.tom).any()
    np.testing.assert_array_equal(result.depth[believed], result.measurement.depth[believed])
    again = ObjectDepthPipeline(Parameters.checked(content, "the test"))(given)
    np.testing.assert_array_equal(again.depth, result.depth)


def test_a_fit_off_its_anchor_is_refused_with_the_reason(frame) -> None:
    strict = Parameters.checked(
        {"segmentation": {"method": "labels"}, "scale": {"max_residual": 1e-6}, "tom": {"method": "none"}}, "the test"
    )
    result = ObjectDepthPipeline(strict)(frame)
    assert {target.anchor for target in result.targets} == {"refused"}
    assert any("off its anchor" in target.reason for target in result.targets)
    assert not np.isin(result.provenance, (Provenance.MONO, Provenance.MERGED)).any()
    assert not np.isfinite(result.mono_depth).any()


def test_without_a_target_the_scene_is_what_was_measured_with_the_reason(frame) -> None:
    result = ObjectDepthPipeline(LABELS)(replace(frame, labels=np.zeros_like(frame.labels)))
    assert "label image is empty" in result.reason
    assert result.targets == []
    kept = np.isfinite(result.measurement.depth) & ~result.tom
    assert kept.mean() > 0.3
    np.testing.assert_array_equal(result.depth[kept], result.measurement.depth[kept])
    assert result.prompted_image.shape == (1, 1, 3)


def test_a_frame_without_labels_is_a_bad_frame(frame) -> None:
    with pytest.raises(BadFrame, match="labels"):
        ObjectDepthPipeline(LABELS)(replace(frame, labels=None))


def test_targets_in_one_batch_are_the_targets_one_by_one(view) -> None:
    network = PromptedDepth(PromptedDepthParameters())
    masks = [view.labels == label for label in (1, 2, 3)]
    anchors = [
        Anchor("inside", np.where(mask, 1 / view.depth, 0).astype(np.float32), bool(index % 2), "")
        for index, mask in enumerate(masks)
    ]
    together, _ = network(view.left, view.camera, masks, anchors)
    for mask, anchor, shape in zip(masks, anchors, together, strict=True):
        (alone,), _ = network(view.left, view.camera, [mask], [anchor])
        np.testing.assert_allclose(alone.inverse_depth, shape.inverse_depth, rtol=1e-4, atol=1e-5)
        assert alone.scale == pytest.approx(shape.scale, rel=1e-3)
        assert (shape.inverse_depth[~mask] == 0).all()
        assert (shape.inverse_depth[mask] > 0).mean() > 0.99


@pytest.mark.parametrize(
    ("content", "message"),
    [(None, "no graph at"), (b"nonsense", "no ONNX graph, or not all"), ("half", "no ONNX graph, or not all")],
)
def test_a_graph_that_cannot_be_used_is_named(tmp_path, content, message) -> None:
    path = tmp_path / "graph.onnx"
    if content is not None:
        shipped = resource_path(SHIPPED_GRAPH).read_bytes()
        path.write_bytes(shipped[: len(shipped) // 2] if content == "half" else content)
    with pytest.raises(BadModel, match=message) as error:
        PromptedDepth(PromptedDepthParameters(graph=str(path)))
    assert "graph.onnx" in str(error.value)


def test_a_graph_with_other_inputs_is_named(tmp_path) -> None:
    onnx = pytest.importorskip("onnx")
    value = onnx.helper.make_tensor_value_info("picture", onnx.TensorProto.FLOAT, (1, 3))
    out = onnx.helper.make_tensor_value_info("same", onnx.TensorProto.FLOAT, (1, 3))
    node = onnx.helper.make_node("Identity", ["picture"], ["same"])
    model = onnx.helper.make_model(
        onnx.helper.make_graph([node], "other", [value], [out]),
        opset_imports=[onnx.helper.make_opsetid("", 17)],
        ir_version=8,
    )
    onnx.save(model, str(tmp_path / "other.onnx"))
    with pytest.raises(BadModel, match=r"other\.onnx takes picture, not image, mask"):
        PromptedDepth(PromptedDepthParameters(graph=str(tmp_path / "other.onnx")))


def test_running_needs_no_pytorch() -> None:
    program = (
        "import sys; from depth_prompt_ros.parameters import Parameters; import depth_prompt_ros.bag.replay;"
        "from depth_prompt_ros.pipeline import ObjectDepthPipeline; ObjectDepthPipeline(Parameters());"
        "print([name for name in ('torch', 'transformers', 'rembg', 'onnx') if name in sys.modules])"
    )
    answer = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "[]"
