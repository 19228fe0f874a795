"""Other people's networks, described in YAML: stereo and segmentation, in ONNX Runtime."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from graphs import constant, node, write_graph

from depth_prompt_ros.camera import CameraModel
from depth_prompt_ros.errors import BadFrame, BadInput, BadModel
from depth_prompt_ros.frame import DepthMeasurement, Frame
from depth_prompt_ros.parameters import RUNTIME_DEFAULTS, SegmentationParameters, StereoParameters
from depth_prompt_ros.runtime.picture_graph import Description, PictureGraph
from depth_prompt_ros.stages.segmentation import make_segmenter
from depth_prompt_ros.stages.stereo import make_stereo_matcher

pytest.importorskip("onnx")

HEIGHT, WIDTH, SHIFT = 64, 96, 6


def block_matcher(path: Path, height: int | str = HEIGHT, width: int | str = WIDTH, sign: int = 1) -> Path:
    """Disparity 0 to 15 by absolute differences in 9x9 windows, (1, 3, H, W) twice to (1, 1, H, W)."""
    nodes, costs = [], []
    for d in range(16):
        nodes += [
            node("Pad", ["right", f"pad{d}"], [f"shifted{d}"], mode="edge"),
            node("Sub", ["left", f"shifted{d}"], [f"difference{d}"]),
            node("Abs", [f"difference{d}"], [f"absolute{d}"]),
            node("ReduceMean", [f"absolute{d}", "channels"], [f"mean{d}"], keepdims=1),
            node("AveragePool", [f"mean{d}"], [f"cost{d}"], kernel_shape=[9, 9], pads=[4, 4, 4, 4]),
        ]
        costs.append(f"cost{d}")
    nodes += [
        node("Concat", costs, ["volume"], axis=1),
        node("ArgMin", ["volume"], ["index"], axis=1, keepdims=1),
        node("Cast", ["index"], ["disparity"], to=1),
        node("Mul", ["disparity", "sign"], ["out"]),
    ]
    pads = [constant(f"pad{d}", [8], [0, 0, 0, d, 0, 0, 0, -d], integer=True) for d in range(16)]
    constants = [*pads, constant("channels", [1], [1], integer=True), constant("sign", [], [float(sign)])]
    picture = [1, 3, height, width]
    return write_graph(path, nodes, {"left": picture, "right": picture}, {"out": [1, 1, height, width]}, constants)


def described(folder: Path, **changes: object) -> Path:
    """A description of ``stereo.onnx`` in this folder."""
    import yaml

    content = {
        "graph": "stereo.onnx",
        "inputs": {"left": "left", "right": "right"},
        "output": {"meaning": "disparity"},
    } | changes
    (folder / "stereo.yaml").write_text(yaml.safe_dump(content))
    return folder / "stereo.yaml"


def pair(height: int = HEIGHT, width: int = WIDTH, shift: int = SHIFT) -> Frame:
    """Noise, the right picture shifted."""
    rng = np.random.default_rng(0)
    wide = rng.integers(0, 255, (height, width + shift, 3), np.uint8)
    camera = CameraModel(width, height, 100.0, 100.0, width / 2, height / 2, baseline=0.1)
    return Frame(1, "left", wide[:, :width].copy(), camera, wide[:, shift:].copy())


def match(path: Path, frame: Frame, **changes: object) -> DepthMeasurement:
    return make_stereo_matcher(StereoParameters(matcher="onnx", onnx=str(path), **changes))(frame)


def test_a_stereo_network_gives_metric_depth(tmp_path) -> None:
    block_matcher(tmp_path / "stereo.onnx")
    frame = pair()
    measurement = match(described(tmp_path), frame)
    middle = np.s_[8:-8, 20:-20]
    assert np.all(measurement.disparity[middle] == SHIFT)
    np.testing.assert_allclose(measurement.depth[middle], 100 * 0.1 / SHIFT, rtol=1e-6)
    assert measurement.confidence[middle].min() > 0.5
    assert np.isnan(measurement.disparity[:, :SHIFT]).all()  # their match lies outside the right picture


def test_the_left_right_check_finds_what_one_match_cannot_know(tmp_path) -> None:
    block_matcher(tmp_path / "stereo.onnx")
    frame = pair()
    other = frame.right.copy()
    other[20:40, 40:60] = np.random.default_rng(5).integers(0, 255, (20, 20, 3), np.uint8)
    frame = replace(frame, right=other)
    unchecked = match(described(tmp_path), frame, left_right_check=False)
    checked = match(described(tmp_path), frame)
    spoilt = np.s_[25:35, 51:61]
    assert np.isfinite(unchecked.disparity[spoilt]).mean() > 0.9
    assert np.isfinite(checked.disparity[spoilt]).mean() < 0.4
    assert np.isfinite(checked.disparity[8:-8, 70:-8]).mean() > 0.95


def test_flow_is_turned_by_its_factor(tmp_path) -> None:
    block_matcher(tmp_path / "stereo.onnx", sign=-1)
    path = described(tmp_path, output={"meaning": "disparity", "factor": -1.0, "name": "out"})
    assert np.all(match(path, pair()).disparity[8:-8, 20:-20] == SHIFT)


def test_a_resized_picture_gives_disparity_in_its_own_pixels(tmp_path) -> None:
    block_matcher(tmp_path / "stereo.onnx")
    frame = pair()
    double = {name: cv2.resize(getattr(frame, name), (2 * WIDTH, 2 * HEIGHT)) for name in ("image", "right")}
    frame = replace(frame, camera=frame.camera.scaled(2 * WIDTH, 2 * HEIGHT), **double)
    measurement = match(described(tmp_path), frame)
    np.testing.assert_allclose(measurement.disparity[20:-20, 50:-50], 2 * SHIFT, atol=0.5)


def test_a_padded_picture_keeps_its_pixels(tmp_path) -> None:
    block_matcher(tmp_path / "stereo.onnx", "height", "width")
    frame = pair(50, 70)
    measurement = match(described(tmp_path, fit="pad", multiple=32), frame)
    assert measurement.disparity.shape == (50, 70)
    assert np.all(measurement.disparity[8:-8, 20:-20] == SHIFT)
    block_matcher(tmp_path / "stereo.onnx")
    with pytest.raises(BadFrame, match=r"the picture is 200x64 but stereo\.onnx takes 96x64: say fit: resize"):
        match(described(tmp_path, fit="pad"), pair(64, 200))


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        (
            {"inputs": {"l": "left", "r": "right"}},
            BadModel,
            r"describes inputs l, r, but stereo\.onnx takes left \(1, 3",
        ),
        (
            {"layout": "NHWC"},
            BadModel,
            r"describes NHWC RGB pictures, but input left of stereo\.onnx is \(1, 3, 64, 96\)",
        ),
        ({"channels": "grey"}, BadModel, "describes NCHW grey pictures, but input left"),
        ({"output": {"meaning": "disparity", "name": "depth"}}, BadModel, "describes output depth, but .* gives out"),
        ({"output": {"meaning": "scores"}}, BadInput, "to scores: here it must be from left and right to disparity"),
        ({"inputs": {"left": "left", "right": "left"}}, BadInput, "describes a network from left to disparity"),
        ({"white": 0}, BadInput, "white: Input should be greater than 0"),
        ({"size": [0, 4]}, BadInput, "size.0: Input should be greater than 0"),
        ({"std": [1, 1, 0]}, BadInput, "std.2: Input should be greater than 0"),
        ({"sise": [3, 4]}, BadInput, "sise: there is no such entry"),
        ({"graph": "nowhere.onnx"}, BadModel, "no graph at .*nowhere.onnx"),
    ],
)
def test_a_description_that_does_not_fit_is_named(tmp_path, changes, error, message) -> None:
    block_matcher(tmp_path / "stereo.onnx")
    with pytest.raises(error, match=message):
        make_stereo_matcher(StereoParameters(matcher="onnx", onnx=str(described(tmp_path, **changes))))


def test_the_documented_descriptions_can_be_read(tmp_path) -> None:
    text = (Path(__file__).resolve().parents[2] / "docs" / "networks.md").read_text()
    blocks = [block for block in re.findall(r"```yaml\n(.*?)```", text, re.DOTALL) if block.startswith("graph:")]
    assert len(blocks) == 5
    for block in blocks:
        (tmp_path / "documented.yaml").write_text(block)
        assert Description.from_yaml(tmp_path / "documented.yaml").output.meaning in ("disparity", "scores")


def test_a_description_that_is_none(tmp_path) -> None:
    with pytest.raises(BadInput, match=r"stereo\.matcher onnx needs stereo\.onnx"):
        make_stereo_matcher(StereoParameters(matcher="onnx"))
    with pytest.raises(BadInput, match="cannot read the description of a network from"):
        Description.from_yaml(tmp_path / "nowhere.yaml")
    (tmp_path / "list.yaml").write_text("- 1\n- 2\n")
    with pytest.raises(BadInput, match="does not describe a network"):
        Description.from_yaml(tmp_path / "list.yaml")
    (tmp_path / "broken.yaml").write_text("graph: [")
    with pytest.raises(BadInput, match="cannot read the description"):
        Description.from_yaml(tmp_path / "broken.yaml")


def test_a_smaller_answer_of_a_padded_picture_keeps_its_disparity(tmp_path) -> None:
    """The answer has a quarter of the input's side; 5 of its pixels are 20 of the picture's."""
    nodes = [
        node("AveragePool", ["left"], ["small"], kernel_shape=[4, 4], strides=[4, 4]),
        node("ReduceMean", ["small", "channels"], ["mean"], keepdims=1),
        node("Mul", ["mean", "zero"], ["nothing"]),
        node("Add", ["nothing", "five"], ["out"]),
        node("Identity", ["right"], ["unused"]),
    ]
    constants = [constant("channels", [1], [1], integer=True), constant("zero", [], [0.0]), constant("five", [], [5.0])]
    picture = [1, 3, "h", "w"]
    shapes = {"out": [1, 1, "a", "b"], "unused": picture}
    write_graph(tmp_path / "stereo.onnx", nodes, {"left": picture, "right": picture}, shapes, constants)
    path = described(tmp_path, fit="pad", output={"meaning": "disparity", "name": "out"})
    for width in (66, 70, 97):
        found = match(path, pair(50, width), left_right_check=False).disparity
        np.testing.assert_allclose(found[:, 20:], 20, atol=1e-4)


def test_a_network_of_bytes_gets_bytes(tmp_path) -> None:
    onnx = pytest.importorskip("onnx")
    helper, byte, number = onnx.helper, onnx.TensorProto.UINT8, onnx.TensorProto.FLOAT
    graph = helper.make_graph(
        [node("Cast", ["in"], ["out"], to=number)], "g",
        [helper.make_tensor_value_info("in", byte, [1, 3, 4, 5])],
        [helper.make_tensor_value_info("out", number, [1, 3, 4, 5])],
    )  # fmt: skip
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    (tmp_path / "stereo.onnx").write_bytes(model.SerializeToString())
    path = described(tmp_path, inputs={"in": "image"}, output={"meaning": "scores"})
    image = np.random.default_rng(0).integers(0, 255, (4, 5, 3), np.uint8)
    seen = PictureGraph(path, {"image"}, {"scores"}, RUNTIME_DEFAULTS)(image=image)
    np.testing.assert_array_equal(seen, image.transpose(2, 0, 1))


def test_a_channel_that_is_not_there_is_named(tmp_path) -> None:
    block_matcher(tmp_path / "stereo.onnx")
    with pytest.raises(BadModel, match=r"describes channel 3, but stereo\.onnx gives 1"):
        match(described(tmp_path, output={"meaning": "disparity", "channel": 3}), pair())


def test_a_forgotten_sign_is_warned_of_once(tmp_path, caplog) -> None:
    block_matcher(tmp_path / "stereo.onnx", sign=-1)
    matcher = make_stereo_matcher(StereoParameters(matcher="onnx", onnx=str(described(tmp_path))))
    matcher(pair())
    matcher(pair())
    assert [record.getMessage() for record in caplog.records if "factor: -1" in record.getMessage()][1:] == []
    assert "gives negative disparity: say factor: -1" in caplog.text


@pytest.mark.parametrize("layout", ["NCHW", "NHWC"])
@pytest.mark.parametrize("channels", ["RGB", "BGR", "grey"])
def test_a_picture_arrives_as_described(tmp_path, layout, channels) -> None:
    count = 1 if channels == "grey" else 3
    shape = [1, count, 4, 5] if layout == "NCHW" else [1, 4, 5, count]
    write_graph(tmp_path / "stereo.onnx", [node("Identity", ["in"], ["out"])], {"in": shape}, {"out": shape})
    path = described(
        tmp_path, inputs={"in": "image"}, layout=layout, channels=channels, white=1, mean=[0.5, 0.25, 0.0],
        std=[0.5, 2.0, 1.0], output={"meaning": "scores"},
    )  # fmt: skip
    network = PictureGraph(path, {"image"}, {"scores"}, RUNTIME_DEFAULTS)
    image = np.random.default_rng(0).integers(0, 255, (4, 5, 3), np.uint8)
    seen = network(image=image)
    source = {"RGB": image, "BGR": image[..., ::-1], "grey": cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)[..., None]}[
        channels
    ]
    expected = (source / 255 - np.array([0.5, 0.25, 0.0])[:count]) / np.array([0.5, 2.0, 1.0])[:count]
    np.testing.assert_allclose(seen, expected.transpose(2, 0, 1), atol=1e-6)


def test_targets_from_saliency_and_from_class_ids(tmp_path) -> None:
    """The network's answer is the picture's own red and green."""
    write_graph(
        tmp_path / "stereo.onnx", [node("Identity", ["in"], ["out"])], {"in": [1, 3, 48, 64]}, {"out": [1, 3, 48, 64]}
    )
    image = np.zeros((96, 128, 3), np.uint8)
    image[20:60, 20:60, 0] = 255
    image[70:90, 80:120, 1] = 255
    frame = Frame(1, "left", image, CameraModel(128, 96, 100, 100, 64, 48), depth=np.ones((96, 128), np.float32))
    measurement = DepthMeasurement(frame.depth, np.ones_like(frame.depth))

    def labels(**output: object) -> np.ndarray:
        path = described(tmp_path, inputs={"in": "image"}, white=1, output=output)
        ids = (1,) if output["meaning"] == "scores" else ()
        return make_segmenter(SegmentationParameters(method="onnx", onnx=str(path), class_ids=ids))(frame, measurement)

    red = labels(meaning="saliency", channel=0)
    assert (red == 1).sum() == 40 * 40
    assert red[30, 30] == 1
    green = labels(meaning="scores")
    assert green[80, 100] == 1
    assert (green > 0).sum() == 20 * 40
    with pytest.raises(BadFrame, match="found no target in this picture"):
        labels(meaning="saliency", channel=2)
    with pytest.raises(BadInput, match=r"segmentation\.method onnx needs segmentation\.onnx"):
        make_segmenter(SegmentationParameters(method="onnx"))


@pytest.mark.parametrize("batch", [1, 2, "n"])
def test_a_batch_of_pictures_is_what_each_gives_alone(tmp_path, batch) -> None:
    shape = [batch, 3, 4, 5]
    nodes = [node("ReduceMean", ["in", "channels"], ["out"], keepdims=1)]
    constants = [constant("channels", [1], [1], integer=True)]
    write_graph(tmp_path / "stereo.onnx", nodes, {"in": shape}, {"out": [batch, 1, 4, 5]}, constants)
    path = described(tmp_path, inputs={"in": "image"}, output={"meaning": "relative disparity"})
    network = PictureGraph(path, {"image"}, {"relative disparity"}, RUNTIME_DEFAULTS)
    images = list(np.random.default_rng(0).integers(0, 255, (3, 4, 5, 3), np.uint8))
    found = network.batch(image=images)
    assert found.shape == (3, 1, 4, 5)
    for image, answer in zip(images, found, strict=True):
        np.testing.assert_allclose(answer[0], image.mean(2), rtol=1e-5)
        np.testing.assert_array_equal(network(image=image), answer)


def test_an_answer_that_does_not_follow_the_batch_is_named(tmp_path) -> None:
    nodes = [node("ReduceMean", ["in", "pictures"], ["out"], keepdims=1)]
    constants = [constant("pictures", [1], [0], integer=True)]
    write_graph(tmp_path / "stereo.onnx", nodes, {"in": ["n", 3, 4, 5]}, {"out": [1, 3, 4, 5]}, constants)
    path = described(tmp_path, inputs={"in": "image"}, output={"meaning": "scores"})
    network = PictureGraph(path, {"image"}, {"scores"}, RUNTIME_DEFAULTS)
    with pytest.raises(BadModel, match=r"gives out of shape \(1, 3, 4, 5\), no picture"):
        network.batch(image=[np.zeros((4, 5, 3), np.uint8)] * 2)
