"""The four ways to find grasp targets, on pictures made by formula."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest
from cards import standing_boxes

from depth_prompt_ros.errors import BadFrame, BadInput, BadModel
from depth_prompt_ros.frame import DepthMeasurement, Frame
from depth_prompt_ros.parameters import SegmentationParameters
from depth_prompt_ros.stages.segmentation import make_segmenter


def overlap(found: np.ndarray, truth: np.ndarray) -> float:
    return float((found & truth).sum() / (found | truth).sum())


def test_grabcut_cuts_the_target_out_of_its_box_the_same_way_twice() -> None:
    frame, measurement, labels = standing_boxes((0.0, 0.5, 0.15))
    y, x = np.nonzero(labels == 1)
    box = (x.min() - 12.0, y.min() - 12.0, np.ptp(x) + 24.0, np.ptp(y) + 24.0)
    segment = make_segmenter(SegmentationParameters(method="box", target_box=box))
    found = segment(frame, measurement)
    assert overlap(found == 1, labels == 1) > 0.93
    np.testing.assert_array_equal(segment(frame, measurement), found)


def test_grabcut_grows_a_point_to_its_object_only() -> None:
    frame, measurement, labels = standing_boxes((-0.12, 0.5, 0.12), (0.12, 0.5, 0.12))
    y, x = (int(values.mean()) for values in np.nonzero(labels == 2))
    found = make_segmenter(SegmentationParameters(method="point", target_point=(x, y)))(frame, measurement)
    assert overlap(found == 1, labels == 2) > 0.9


def test_grabcut_without_depth_at_the_point_still_finds_the_object() -> None:
    frame, measurement, labels = standing_boxes((0.0, 0.5, 0.15))
    blind = DepthMeasurement(np.where(labels > 0, np.float32(np.nan), measurement.depth), measurement.confidence)
    y, x = (int(values.mean()) for values in np.nonzero(labels == 1))
    found = make_segmenter(SegmentationParameters(method="point", target_point=(x, y)))(frame, blind)
    assert overlap(found == 1, labels == 1) > 0.85


def _box_around(mask: np.ndarray, margin: float) -> tuple[float, float, float, float]:
    y, x = np.nonzero(mask)
    return x.min() - margin, y.min() - margin, np.ptp(x) + 1 + 2 * margin, np.ptp(y) + 1 + 2 * margin


def _in_camouflage(frame: Frame) -> Frame:
    """The same speckles on the objects as on the table: colour tells nothing."""
    image = np.random.default_rng(1).integers(0, 255, frame.image.shape, dtype=np.uint8)
    return Frame(frame.stamp_ns, frame.frame_id, image, frame.camera)


@pytest.mark.parametrize("method", ["box", "point"])
def test_depth_cuts_out_what_has_the_colour_of_the_table(method) -> None:
    frame, measurement, labels = standing_boxes((-0.12, 0.5, 0.12), (0.05, 0.5, 0.12))
    y, x = (int(values.mean()) for values in np.nonzero(labels == 2))
    settings = {"box": {"target_box": _box_around(labels == 2, 8)}, "point": {"target_point": (x, y)}}[method]
    segment = make_segmenter(SegmentationParameters(method=method, **settings))
    assert overlap(segment(_in_camouflage(frame), measurement) == 1, labels == 2) > 0.85


def test_a_box_around_what_neither_depth_nor_colour_shows_gives_its_ellipse() -> None:
    empty, nothing_there, _ = standing_boxes()
    segment = make_segmenter(SegmentationParameters(method="box", target_box=(120, 90, 60, 80)))
    found = segment(_in_camouflage(empty), nothing_there) == 1
    y, x = np.mgrid[:240, :320]
    ellipse = ((x - 149.5) / 30) ** 2 + ((y - 129.5) / 40) ** 2 <= 1
    assert overlap(found, ellipse) > 0.7
    assert not found[:86].any() and not found[:, 184:].any()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"method": "box", "target_box": (400, 10, 20, 20)}, "lies outside the 320x240 picture"),
        ({"method": "point", "target_point": (10, 500)}, "lies outside the 320x240 picture"),
    ],
)
def test_a_target_outside_the_picture_is_a_bad_frame(settings, message) -> None:
    frame, measurement, _ = standing_boxes((0.0, 0.5, 0.15))
    with pytest.raises(BadFrame, match=message):
        make_segmenter(SegmentationParameters(**settings))(frame, measurement)


@pytest.mark.parametrize("method", ["point", "box"])
def test_a_method_without_its_parameter_says_which(method) -> None:
    with pytest.raises(BadInput, match=f"segmentation.method {method} needs segmentation.target_{method}"):
        make_segmenter(SegmentationParameters(method=method))


def test_outside_labels_keep_their_numbers_and_small_ones_go() -> None:
    frame, measurement, labels = standing_boxes((-0.12, 0.5, 0.12), (0.12, 0.5, 0.12))
    renumbered = np.where(labels == 2, 9, labels).astype(np.uint16)
    renumbered[0, :5] = 4
    found = make_segmenter(SegmentationParameters(method="labels"))(_with(frame, renumbered), measurement)
    assert set(np.unique(found)) == {0, 1, 9}


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (None, "no label image came"),
        (np.zeros((10, 10), np.uint16), "label image is 10x10 but the left picture is 320x240"),
        (np.zeros((240, 320), np.uint16), "label image is empty"),
    ],
)
def test_bad_outside_labels(labels, message) -> None:
    frame, measurement, _ = standing_boxes((0.0, 0.5, 0.15))
    with pytest.raises(BadFrame, match=message):
        make_segmenter(SegmentationParameters(method="labels"))(_with(frame, labels), measurement)


def _with(frame: Frame, labels) -> Frame:
    return Frame(frame.stamp_ns, frame.frame_id, frame.image, frame.camera, labels=labels)


def test_tabletop_finds_every_object_on_the_table_the_same_way_twice() -> None:
    pytest.importorskip("open3d")
    frame, measurement, labels = standing_boxes((-0.15, 0.5, 0.1), (0.0, 0.62, 0.12), (0.16, 0.5, 0.1))
    segment = make_segmenter(SegmentationParameters(method="tabletop"))
    found = segment(frame, measurement)
    assert found.max() == 3
    for number in (1, 2, 3):
        hit = np.bincount(found[labels == number]).argmax()
        assert hit > 0
        assert overlap(found == hit, labels == number) > 0.8
    np.testing.assert_array_equal(segment(frame, measurement), found)


def test_tabletop_completes_an_object_whose_middle_has_no_depth() -> None:
    pytest.importorskip("open3d")
    frame, measurement, labels = standing_boxes((0.0, 0.5, 0.16))
    x = np.nonzero(labels == 1)[1]
    middle = np.abs(np.arange(320) - x.mean()) < 0.3 * np.ptp(x)  # what is left on both sides are two clusters
    depth = np.where(middle & (labels == 1), np.float32(np.nan), measurement.depth)
    plain = np.where((labels == 1)[..., None], np.array([220, 40, 30], np.uint8), frame.image)
    frame = Frame(frame.stamp_ns, frame.frame_id, plain, frame.camera)
    found = make_segmenter(SegmentationParameters(method="tabletop"))(
        frame, DepthMeasurement(depth, measurement.confidence)
    )
    assert found.max() == 1
    assert overlap(found == 1, labels == 1) > 0.85


def _dented(depth: np.ndarray, factor: float) -> tuple[DepthMeasurement, np.ndarray]:
    y, x = np.mgrid[:240, :320]
    patch = (x - 150) ** 2 + (y - 140) ** 2 < 20**2
    changed = np.where(patch, depth * np.float32(factor), depth)
    return DepthMeasurement(changed, np.isfinite(changed).astype(np.float32)), patch


@pytest.mark.parametrize("factor", [1.2, np.nan])
def test_tabletop_finds_a_mirror_lying_on_the_table(factor) -> None:
    pytest.importorskip("open3d")
    frame, measurement, _ = standing_boxes()
    measurement, patch = _dented(measurement.depth, factor)
    found = make_segmenter(SegmentationParameters(method="tabletop"))(_in_camouflage(frame), measurement)
    assert found.max() == 1
    assert overlap(found == 1, patch) > 0.8


def test_tabletop_takes_no_bare_patch_of_the_table_for_an_object() -> None:
    pytest.importorskip("open3d")
    frame, measurement, _ = standing_boxes()
    measurement, patch = _dented(measurement.depth, np.nan)
    image = np.where(patch[..., None], np.uint8(120), _in_camouflage(frame).image)
    bare = Frame(frame.stamp_ns, frame.frame_id, image, frame.camera)
    with pytest.raises(BadFrame, match="nothing stands on the table top"):
        make_segmenter(SegmentationParameters(method="tabletop"))(bare, measurement)


def test_an_empty_table_is_a_bad_frame() -> None:
    pytest.importorskip("open3d")
    frame, measurement, _ = standing_boxes()
    with pytest.raises(BadFrame, match="target"):
        make_segmenter(SegmentationParameters(method="tabletop"))(frame, measurement)


def _u2net_shaped(path, brightness: float, side: int | str = 320, kind: str = "FLOAT") -> None:
    """A network that calls red pixels salient: 320x320 in, one map out."""
    onnx = pytest.importorskip("onnx")
    helper, tensor = onnx.helper, getattr(onnx.TensorProto, kind)
    weight = helper.make_tensor("weight", tensor, (1, 3, 1, 1), [brightness, -brightness, -brightness])
    graph = helper.make_graph(
        [helper.make_node("Conv", ["input", "weight"], ["output"])],
        "tiny",
        [helper.make_tensor_value_info("input", tensor, (1, 3, side, side))],
        [helper.make_tensor_value_info("output", tensor, (1, 1, side, side))],
        [weight],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), str(path))


def test_rembg_runs_a_local_file_and_leaves_the_log_level_alone(tmp_path) -> None:
    pytest.importorskip("rembg")
    _u2net_shaped(tmp_path / "tiny.onnx", 1.0)
    frame, measurement, labels = standing_boxes((0.0, 0.5, 0.15))
    found = make_segmenter(SegmentationParameters(method="rembg", rembg_model=str(tmp_path / "tiny.onnx")))(
        frame, measurement
    )
    assert overlap(found == 1, labels == 1) > 0.9


def test_rembg_leaves_pytorch_the_threads_that_it_was_given(tmp_path) -> None:
    pytest.importorskip("rembg")
    pytest.importorskip("torch")
    _u2net_shaped(tmp_path / "tiny.onnx", 1.0)
    code = f"""
import torch
from depth_prompt_ros.parameters import SegmentationParameters
from depth_prompt_ros.stages.segmentation import make_segmenter

make_segmenter(SegmentationParameters(method="rembg", rembg_model={str(tmp_path / "tiny.onnx")!r}))
print(torch.get_num_threads())
"""
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    environment.pop("NUMBA_NUM_THREADS", None)
    said = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert said.stdout.split() == ["1"]


@pytest.mark.parametrize(("side", "kind"), [(1024, "FLOAT"), (321, "FLOAT"), (320, "FLOAT16")])
def test_a_network_that_rembg_would_feed_wrongly_is_refused_when_it_is_opened(tmp_path, side, kind) -> None:
    pytest.importorskip("rembg")
    _u2net_shaped(tmp_path / "isnet.onnx", 1.0, side, kind)
    with pytest.raises(
        BadModel, match=rf"isnet.onnx takes input tensor\(\w+\) \(1, 3, {side}, {side}\), but rembg .*session"
    ):
        make_segmenter(SegmentationParameters(method="rembg", rembg_model=str(tmp_path / "isnet.onnx")))


def test_a_network_whose_sides_are_free_is_given_320(tmp_path) -> None:
    pytest.importorskip("rembg")
    _u2net_shaped(tmp_path / "free.onnx", 1.0, "side")
    make_segmenter(SegmentationParameters(method="rembg", rembg_model=str(tmp_path / "free.onnx")))


def test_rembg_refuses_sessions_that_upload_the_picture() -> None:
    for name in ("withoutbg", "atlascloud", "anything-new"):
        with pytest.raises(BadInput, match="some upload the picture"):
            make_segmenter(SegmentationParameters(method="rembg", rembg_model=name))


def test_rembg_says_which_file_is_missing_or_corrupt(tmp_path) -> None:
    pytest.importorskip("rembg")
    with pytest.raises(BadModel, match=r"no segmentation network at .*nowhere\.onnx"):
        make_segmenter(SegmentationParameters(method="rembg", rembg_model=str(tmp_path / "nowhere.onnx")))
    (tmp_path / "corrupt.onnx").write_bytes(b"not a network")
    with pytest.raises(BadModel, match=r"rembg cannot open .*corrupt\.onnx"):
        make_segmenter(SegmentationParameters(method="rembg", rembg_model=str(tmp_path / "corrupt.onnx")))


def test_rembg_offline_without_weights_says_what_to_do(tmp_path, monkeypatch) -> None:
    pytest.importorskip("rembg")
    monkeypatch.setenv("U2NET_HOME", str(tmp_path))
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")
    fetched = []
    monkeypatch.setattr("urllib.request.urlopen", lambda *given, **_: fetched.append(given))
    monkeypatch.setattr("socket.create_connection", lambda *given, **_: fetched.append(given))
    with pytest.raises(BadModel, match=r"not in rembg's home folder, .* new_session\('u2netp'\)"):
        make_segmenter(SegmentationParameters(method="rembg", rembg_model="u2netp"))
    assert not fetched


def test_rembg_without_onnx_runtime_says_what_to_install(monkeypatch, capsys) -> None:
    class ExitsAsRembgDoes:
        def find_spec(self, name, path=None, target=None):
            if name == "rembg":
                sys.stdout.write("No onnxruntime backend found.")
                raise SystemExit(1)

    for name in [name for name in sys.modules if name.split(".")[0] == "rembg"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(sys, "meta_path", [ExitsAsRembgDoes(), *sys.meta_path])
    with pytest.raises(BadInput, match=r"pip install .*\[rembg\]"):
        make_segmenter(SegmentationParameters(method="rembg", rembg_model="u2netp"))
    assert capsys.readouterr().out == ""


def test_rembg_leaves_warnings_of_onnx_runtime_on(tmp_path, capfd) -> None:
    pytest.importorskip("rembg")
    onnx = pytest.importorskip("onnx")
    import onnxruntime

    _u2net_shaped(tmp_path / "tiny.onnx", 1.0)
    make_segmenter(SegmentationParameters(method="rembg", rembg_model=str(tmp_path / "tiny.onnx")))
    model = onnx.load(tmp_path / "tiny.onnx")
    model.graph.initializer.append(onnx.helper.make_tensor("unused", onnx.TensorProto.FLOAT, (1,), [1.0]))
    capfd.readouterr()
    onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    assert "unused" in capfd.readouterr().err
