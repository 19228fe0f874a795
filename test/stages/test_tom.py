"""Transparent-or-mirror regions: labels from outside, a segmentation network, and evidence."""

from __future__ import annotations

import numpy as np
import pytest

from depth_prompt_ros.camera import CameraModel
from depth_prompt_ros.errors import BadFrame, BadInput, BadModel
from depth_prompt_ros.frame import DepthMeasurement, Frame
from depth_prompt_ros.parameters import TomParameters
from depth_prompt_ros.stages.boxes import targets_in
from depth_prompt_ros.stages.tom import make_tom_detector
from depth_prompt_ros.stages.tom.evidence import evidence

CAMERA = CameraModel(64, 48, 60.0, 60.0, 31.5, 23.5)


def frame(tom=None) -> Frame:
    image = np.zeros((48, 64, 3), np.uint8)
    image[10:30, 20:40] = (250, 20, 20)
    return Frame(1, "left", image, CAMERA, tom=tom)


def test_masks_of_0_255_and_0_1_mean_the_same() -> None:
    mask = np.zeros((48, 64), np.uint8)
    mask[3:9, 4:8] = 1
    detect = make_tom_detector(TomParameters(method="labels"))
    for value in (1, 255):
        np.testing.assert_array_equal(detect(frame(mask * value)), mask.astype(bool))


def test_missing_or_wrong_outside_tom_is_a_bad_frame() -> None:
    detect = make_tom_detector(TomParameters(method="labels"))
    with pytest.raises(BadFrame, match="no ToM image"):
        detect(frame())
    with pytest.raises(BadFrame, match="ToM image is 5x4 but the left picture is 64x48"):
        detect(frame(np.zeros((4, 5), np.bool_)))


def _two_classes(path) -> None:
    """Scores of two classes: class 1 is red less green."""
    onnx = pytest.importorskip("onnx")
    helper, tensor = onnx.helper, onnx.TensorProto.FLOAT
    weight = helper.make_tensor("weight", tensor, (2, 3, 1, 1), [0.0, 0.0, 0.0, 1.0, -1.0, 0.0])
    graph = helper.make_graph(
        [helper.make_node("Conv", ["input", "weight"], ["scores"])],
        "classes",
        [helper.make_tensor_value_info("input", tensor, (1, 3, 48, 64))],
        [helper.make_tensor_value_info("scores", tensor, (1, 2, 48, 64))],
        [weight],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), str(path))


def _described(folder, graph="classes.onnx") -> str:
    path = folder / "classes.yaml"
    path.write_text(f"graph: {graph}\ninputs: {{input: image}}\nwhite: 1\noutput: {{meaning: scores}}\n")
    return str(path)


def test_any_segmentation_network_with_class_ids(tmp_path) -> None:
    _two_classes(tmp_path / "classes.onnx")
    expected = np.zeros((48, 64), bool)
    expected[10:30, 20:40] = True
    for ids, mask in (((1,), expected), ((0,), ~expected), ((0, 1), np.ones_like(expected)), ((), expected)):
        detect = make_tom_detector(TomParameters(method="onnx", onnx=_described(tmp_path), class_ids=ids))
        np.testing.assert_array_equal(detect(frame()), mask)


def test_a_segmentation_network_that_cannot_be_used(tmp_path) -> None:
    with pytest.raises(BadInput, match=r"needs tom\.onnx"):
        make_tom_detector(TomParameters(method="onnx"))
    (tmp_path / "corrupt.onnx").write_bytes(b"nothing")
    with pytest.raises(BadModel, match=r"corrupt\.onnx"):
        make_tom_detector(TomParameters(method="onnx", onnx=_described(tmp_path, "corrupt.onnx"), class_ids=(1,)))
    with pytest.raises(BadInput, match="is a network: give the YAML file that describes it"):
        make_tom_detector(TomParameters(method="onnx", onnx=str(tmp_path / "corrupt.onnx"), class_ids=(1,)))


def test_class_ids_that_the_network_does_not_have(tmp_path) -> None:
    _two_classes(tmp_path / "classes.onnx")
    detect = make_tom_detector(TomParameters(method="onnx", onnx=_described(tmp_path), class_ids=(7,)))
    with pytest.raises(BadModel, match="knows classes 0 to 1, none of tom.class_ids"):
        detect(frame())


def _target():
    labels = np.zeros((48, 64), np.uint16)
    labels[10:40, 20:50] = 1
    mono = np.where(labels > 0, np.float32(0.7), np.float32(np.nan))
    return labels, mono


def _evidence(depth, labels, mono, anchored=False, confidence=1.0):
    sure = np.where(np.isfinite(depth), np.float32(confidence), np.float32(0))
    measurement = DepthMeasurement(depth.astype(np.float32), sure)
    return evidence(targets_in(labels), measurement, mono, {1} if anchored else set())


def test_depth_on_the_shape_is_no_evidence() -> None:
    labels, mono = _target()
    assert not _evidence(np.full((48, 64), 0.71), labels, mono).any()


def test_depth_well_behind_the_shape_is_evidence_where_it_is() -> None:
    labels, mono = _target()
    depth = np.full((48, 64), 0.7)
    depth[10:20, 20:50] = 0.9
    expected = np.zeros((48, 64), bool)
    expected[10:20, 20:50] = True
    np.testing.assert_array_equal(_evidence(depth, labels, mono), expected)
    assert not _evidence(depth, labels, mono, anchored=True).any()


def test_single_pixels_behind_are_noise() -> None:
    labels, mono = _target()
    depth = np.full((48, 64), 0.7)
    depth[12::4, 22::4] = 0.9
    assert not _evidence(depth, labels, mono).any()


def test_a_target_mostly_empty_or_unsure_is_tom_as_a_whole() -> None:
    labels, mono = _target()
    holes = np.full((48, 64), 0.7)
    holes[10:30, 20:50] = np.nan
    np.testing.assert_array_equal(_evidence(holes, labels, mono), labels > 0)
    np.testing.assert_array_equal(_evidence(np.full((48, 64), 0.7), labels, mono, confidence=0.1), labels > 0)
    assert not _evidence(holes, labels, mono, anchored=True).any()


def test_without_a_fitted_shape_there_is_no_verdict() -> None:
    labels, mono = _target()
    assert not _evidence(np.full((48, 64), np.nan), labels, np.full_like(mono, np.nan)).any()


def test_the_shipped_network_finds_glass_and_mirrors_in_rendered_pictures() -> None:
    pytest.importorskip("open3d")
    from depth_prompt_ros.data.rendering.tom_scenes import tom_pair

    detect = make_tom_detector(TomParameters(method="network"))
    inside, outside = [], []
    for seed in range(6):
        view = tom_pair(np.random.default_rng([77, seed]), (192, 256))
        found = detect(Frame(1, "left", view.left, view.camera))
        assert found.shape == view.tom.shape
        assert found.dtype == bool
        inside.append(found[view.tom].mean())
        outside.append(found[~view.tom].mean())
    assert np.mean(inside) > 3 * np.mean(outside)
    assert np.mean(inside) > 0.3
