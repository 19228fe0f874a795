"""The whole picture's network sees its ToM pixels painted over, in one batch, and its answers' median counts."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from depth_prompt_ros.errors import BadInput, BadModel
from depth_prompt_ros.parameters import RuntimeParameters, TomParameters
from depth_prompt_ros.stages.tom.scene_depth import SceneDepth


@pytest.fixture
def red_channel(tmp_path):
    """A description of a graph whose disparity is the picture's red channel."""
    onnx = pytest.importorskip("onnx")
    from onnx import TensorProto, helper

    picture = helper.make_tensor_value_info("picture", TensorProto.FLOAT, ["n", 3, 8, 12])
    disparity = helper.make_tensor_value_info("disparity", TensorProto.FLOAT, ["n", 1, 8, 12])
    ends = [
        helper.make_tensor(name, TensorProto.INT64, [1], [value])
        for name, value in (("from", 0), ("to", 1), ("axis", 1))
    ]
    node = helper.make_node("Slice", ["picture", "from", "to", "axis"], ["disparity"])
    graph = helper.make_graph([node], "red", [picture], [disparity], ends)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.save(model, tmp_path / "red.onnx")
    path = tmp_path / "red.yaml"
    path.write_text(
        "graph: red.onnx\ninputs: {picture: image}\nwhite: 1\noutput: {meaning: relative disparity, factor: -1}\n"
    )
    return str(path)


IMAGE = np.full((16, 24, 3), 200, np.uint8)
TOM = np.zeros((16, 24), np.bool_)
TOM[4:12, 6:18] = True


def predict(description: str, colours: int, seed: int = 0):
    return SceneDepth(TomParameters(mono=description, colours=colours), RuntimeParameters())(IMAGE, TOM, seed)


def inside(picture: np.ndarray) -> np.ndarray:
    return picture[cv2.resize(TOM.view(np.uint8), (12, 8), interpolation=cv2.INTER_NEAREST) > 0]


def test_the_median_of_the_colours_counts(red_channel) -> None:
    rng = np.random.default_rng(5)
    reds = np.array([rng.integers(0, 256, 3)[0] for _ in range(5)]) / 255
    found = predict(red_channel, 5, seed=5)
    np.testing.assert_allclose(inside(found.painted), -np.median(reds), atol=1e-6)
    np.testing.assert_allclose(inside(found.spread), np.median(np.abs(reds - np.median(reds))), atol=1e-6)
    np.testing.assert_allclose(found.painted[0], -200 / 255, atol=1e-6)
    np.testing.assert_array_equal(found.painted, predict(red_channel, 5, seed=5).painted)
    assert not np.array_equal(found.painted, predict(red_channel, 5, seed=6).painted)


def test_one_colour_is_grey_and_none_leaves_the_picture(red_channel) -> None:
    grey = predict(red_channel, 1)
    np.testing.assert_allclose(inside(grey.painted), -127 / 255, atol=1e-6)
    assert not grey.spread.any()
    np.testing.assert_allclose(predict(red_channel, 0).painted, -200 / 255, atol=1e-6)


def test_masks_without_a_network_are_refused(tmp_path, red_channel) -> None:
    with pytest.raises(BadInput, match=r"cannot read the description"):
        predict(str(tmp_path / "none.yaml"), 1)
    (tmp_path / "red.onnx").unlink()
    with pytest.raises(BadModel, match=r"red\.onnx"):
        predict(red_channel, 1)
