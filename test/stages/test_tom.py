"""Transparent-or-mirror regions: labels from outside, a segmentation network, and evidence."""

from __future__ import annotations

import numpy as np
import pytest
from standing import CAMERA as STANDING_CAMERA
from standing import StandingBlock, measured

from depth_prompt_ros.camera import CameraModel
from depth_prompt_ros.errors import BadFrame, BadInput, BadModel
from depth_prompt_ros.frame import DepthMeasurement, Frame
from depth_prompt_ros.parameters import RUNTIME_DEFAULTS, SegmentationParameters, TomParameters
from depth_prompt_ros.stages.segmentation import find_targets, make_segmenter
from depth_prompt_ros.stages.things.finder import ThingsFinder
from depth_prompt_ros.stages.tom import make_tom_detector

CAMERA = CameraModel(64, 48, 60.0, 60.0, 31.5, 23.5)

NOTHING = DepthMeasurement(np.full((48, 64), np.nan, np.float32), np.zeros((48, 64), np.float32))


def frame(tom=None) -> Frame:
    image = np.zeros((48, 64, 3), np.uint8)
    image[10:30, 20:40] = (250, 20, 20)
    return Frame(1, "left", image, CAMERA, tom=tom)


def test_masks_of_0_255_and_0_1_mean_the_same() -> None:
    mask = np.zeros((48, 64), np.uint8)
    mask[3:9, 4:8] = 1
    detect = make_tom_detector(TomParameters(method="labels"))
    for value in (1, 255):
        np.testing.assert_array_equal(detect(frame(mask * value), NOTHING), mask.astype(bool))


def test_missing_or_wrong_outside_tom_is_a_bad_frame() -> None:
    detect = make_tom_detector(TomParameters(method="labels"))
    with pytest.raises(BadFrame, match="no ToM image"):
        detect(frame(), NOTHING)
    with pytest.raises(BadFrame, match="ToM image is 5x4 but the left picture is 64x48"):
        detect(frame(np.zeros((4, 5), np.bool_)), NOTHING)


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
        np.testing.assert_array_equal(detect(frame(), NOTHING), mask)


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
        detect(frame(), NOTHING)


@pytest.mark.parametrize(
    ("method", "settings"),
    [("things", {}), ("point", {"target_point": (80, 60)}), ("box", {"target_box": (40, 20, 80, 80)})],
)
def test_the_network_for_things_runs_once_a_frame_for_targets_and_glass(
    method: str, settings: dict[str, object]
) -> None:
    things = ThingsFinder(RUNTIME_DEFAULTS)
    segment = make_segmenter(SegmentationParameters(method=method, **settings), things=things)
    detect = make_tom_detector(TomParameters(method="network"), things=things)
    scene = StandingBlock(width=0.2)
    picture = np.where(scene.mask[..., None], (180, 40, 40), (90, 90, 90)).astype(np.uint8)
    looked_at = Frame(1, "left", picture, STANDING_CAMERA)
    runs = []
    graph = things.graph
    things.graph = lambda **inputs: runs.append(1) or graph(**inputs)
    labels, _ = find_targets(segment, looked_at, measured(scene.depth))
    tom = detect(looked_at, measured(scene.depth))
    assert runs == [1]
    assert labels.shape == tom.shape == scene.mask.shape
