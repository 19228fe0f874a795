"""Raw pictures rectified here: against OpenCV's results, and pairs and depth against the scene they were made of."""

from __future__ import annotations

from types import SimpleNamespace

import cv2
import numpy as np
import pytest

from depth_prompt_ros.bag.frames import FrameBuilder
from depth_prompt_ros.bag.messages import image_message, message
from depth_prompt_ros.camera import CameraModel
from depth_prompt_ros.errors import BadFrame
from depth_prompt_ros.parameters import Parameters
from depth_prompt_ros.rectification import rectify, said_rectified
from depth_prompt_ros.stages.stereo import make_stereo_matcher

W, H = 320, 240
K = np.array([[280.0, 0, 164], [0, 282, 117], [0, 0, 1]])
PLUMB = np.array([-0.28, 0.07, 0.001, -0.0008, 0.02])
RATIONAL = np.array([0.5, -0.3, 0.0006, -0.0003, 0.02, 0.8, -0.25, 0.03])
FISHEYE = np.array([0.02, -0.01, 0.004, -0.001])
MODELS = {"plumb_bob": PLUMB, "rational_polynomial": RATIONAL, "equidistant": FISHEYE}
STILL = np.eye(3)
TURNED = cv2.Rodrigues(np.array([0.01, -0.03, 0.015]))[0]


def info(model="plumb_bob", d=PLUMB, rotation=STILL, p=None, tx=0.0, size=(W, H), **changes):
    projection = np.hstack([K, np.zeros((3, 1))]) if p is None else np.hstack([p, np.zeros((3, 1))])
    projection[0, 3] = tx
    content = {
        "width": size[0], "height": size[1], "distortion_model": model, "d": d, "k": K.reshape(-1),
        "r": rotation.reshape(-1), "p": projection.reshape(-1), **changes,
    }  # fmt: skip
    return SimpleNamespace(**content)


def texture(seed: int, width: int = W) -> np.ndarray:
    noise = np.random.default_rng(seed).integers(0, 256, (H, width, 3)).astype(np.uint8)
    return cv2.GaussianBlur(noise, (0, 0), 1.5)


def undistorted(pixels, model, d, rotation, p):
    """(N, 2) rectified pixels of raw ones, by OpenCV."""
    if model == "equidistant":
        return cv2.fisheye.undistortPoints(pixels[None], K, d, R=rotation, P=p).reshape(-1, 2)
    return cv2.undistortPoints(pixels[None], K, d, R=rotation, P=p).reshape(-1, 2)


def as_raw(picture, model, d, rotation, p, interpolation=cv2.INTER_LINEAR):
    """What the raw camera would have seen of a rectified picture."""
    x, y = np.meshgrid(np.arange(W, dtype=np.float64), np.arange(H, dtype=np.float64))
    seen = undistorted(np.stack([x, y], -1).reshape(-1, 2), model, d, rotation, p).reshape(H, W, 2).astype(np.float32)
    return cv2.remap(picture, seen[..., 0], seen[..., 1], interpolation, borderMode=cv2.BORDER_REFLECT)


@pytest.mark.parametrize("rotation", [STILL, TURNED])
@pytest.mark.parametrize("model", MODELS)
def test_it_is_what_opencv_and_so_image_proc_make_of_it(model, rotation) -> None:
    """image_geometry's rectifyImage is these maps, in floats, and a bilinear remap."""
    raw, d = texture(0), MODELS[model]
    make = cv2.fisheye.initUndistortRectifyMap if model == "equidistant" else cv2.initUndistortRectifyMap
    maps = make(K, d, rotation, K, (W, H), cv2.CV_32FC1)
    expected = cv2.remap(raw, *maps, cv2.INTER_LINEAR)
    found = rectify(raw, info(model, d, rotation), "left", pair=False)
    assert np.abs(found.astype(int) - expected).max() <= 3  # fixed-point maps: a 32nd of a pixel
    assert np.abs(found.astype(int) - raw).mean() > 5


@pytest.mark.parametrize("model", MODELS)
def test_a_raw_picture_of_a_scene_becomes_the_scene(model) -> None:
    scene, d = cv2.GaussianBlur(texture(1), (0, 0), 2), MODELS[model]
    found = rectify(as_raw(scene, model, d, STILL, K), info(model, d), "left", pair=False)
    assert np.abs(found.astype(int) - scene)[30:-30, 40:-40].mean() < 1.0


@pytest.mark.parametrize(
    "given",
    [
        info(d=np.zeros(5)), info(d=np.zeros(0), model=""), info("equidistant", np.zeros(4)),
        info(d=np.zeros(5), p=1.1 * K),  # a single picture without distortion keeps its own K
    ],
)  # fmt: skip
def test_a_picture_without_distortion_is_not_touched(given) -> None:
    raw = texture(0)
    assert rectify(raw, given, "left", pair=False) is raw
    assert CameraModel.from_camera_info(given, rectified=False).fx == 280


def test_of_a_pair_without_distortion_the_geometry_is_p() -> None:
    raw, wider = texture(0), np.array([[250.0, 0, 160], [0, 250, 120], [0, 0, 1]])
    given = info(d=np.zeros(5), p=wider)
    found = rectify(raw, given, "left", pair=True)
    x, y = 100, 90
    at = K @ np.linalg.inv(wider) @ [x, y, 1]
    expected = cv2.remap(raw, np.float32([[at[0]]]), np.float32([[at[1]]]), cv2.INTER_LINEAR)[0, 0]
    np.testing.assert_allclose(found[y, x], expected, atol=3)
    right = info(d=np.zeros(5), p=wider, tx=-25.0)
    assert CameraModel.from_camera_info(given, right, rectified=False).fx == 250


def test_a_camera_without_p_is_rectified_to_its_k() -> None:
    given = info(p=np.zeros((3, 3)))
    camera = CameraModel.from_camera_info(given, rectified=False)
    assert (camera.fx, camera.fy, camera.cx, camera.cy) == (280, 282, 164, 117)
    expected = cv2.undistort(texture(0), K, PLUMB)
    assert np.abs(rectify(texture(0), given, "left", pair=False).astype(int) - expected).max() <= 3


@pytest.mark.parametrize(
    ("given", "text"),
    [
        (info("omnidirectional"), "distortion model 'omnidirectional': plumb_bob, rational_polynomial and equidistant"),
        (info("equidistant", PLUMB), "has 5 values in D for the distortion model 'equidistant': it has 4"),
        (info("plumb_bob", np.full(6, 0.1)), "has 6 values in D .* 4 or 5 or 8 or 12 or 14"),
        (info(d=np.full(5, np.nan)), "NaN or infinite values"),
    ],
)
def test_what_cannot_be_rectified_is_named(given, text) -> None:
    with pytest.raises(BadFrame, match=text):
        rectify(texture(0), given, "left", pair=False)


def camera_info(given: SimpleNamespace):
    """The same as a message."""
    return message(
        "sensor_msgs/msg/CameraInfo", header=image_message(np.zeros((1, 1), np.uint8), "mono8", 1, "left").header,
        height=given.height, width=given.width, distortion_model=given.distortion_model, d=given.d, k=given.k,
        r=given.r, p=given.p, binning_x=0, binning_y=0,
        roi=message("sensor_msgs/msg/RegionOfInterest", x_offset=0, y_offset=0, height=0, width=0, do_rectify=False),
    )  # fmt: skip


TOPICS = {role: f"/{role}" for role in ("left_image", "right_image", "left_camera_info", "right_camera_info")}
PAIRED = np.array([[270.0, 0, 160], [0, 270, 120], [0, 0, 1]])
BASELINE, SHIFT = 0.1, 24


@pytest.mark.parametrize("model", MODELS)
def test_a_raw_pair_gives_the_depth_of_the_scene(model) -> None:
    """A wall at 270 px * 0.1 m / 24 px, seen by two cameras that are bent and turned, each its own way."""
    wide = texture(3, W + SHIFT)
    turns = (TURNED, TURNED.T)
    raws = [
        as_raw(picture, model, MODELS[model], turn, PAIRED)
        for picture, turn in zip((wide[:, :W], wide[:, SHIFT:]), turns, strict=True)
    ]
    infos = [
        camera_info(info(model, MODELS[model], turn, PAIRED, tx))
        for turn, tx in zip(turns, (0.0, -270 * BASELINE), strict=True)
    ]
    messages = {
        "left_image": image_message(np.ascontiguousarray(raws[0]), "rgb8", 1, "left"),
        "right_image": image_message(np.ascontiguousarray(raws[1]), "rgb8", 1, "right"),
        "left_camera_info": infos[0], "right_camera_info": infos[1],
    }  # fmt: skip
    frame = FrameBuilder(TOPICS, Parameters(rectified=False))(messages)
    assert (frame.camera.fx, frame.camera.baseline) == (270, pytest.approx(BASELINE))
    measured = make_stereo_matcher(Parameters().stereo)(frame).depth[40:-40, 60:-40]
    assert np.isfinite(measured).mean() > 0.9
    np.testing.assert_allclose(np.nanmedian(measured), 270 * BASELINE / SHIFT, rtol=2e-3)
    assert np.nanpercentile(np.abs(measured - 270 * BASELINE / SHIFT), 95) < 0.02
    left_as_it_is = FrameBuilder(TOPICS, Parameters(rectified=True))(messages)
    assert np.abs(left_as_it_is.image.astype(int) - frame.image).mean() > 5


@pytest.mark.parametrize("rotation", [STILL, TURNED])
def test_colour_with_aligned_depth_and_labels_lies_where_the_rectified_camera_sees_it(rotation) -> None:
    """A plane: depth of each raw pixel by its own ray, which is bent."""
    x, y = np.meshgrid(np.arange(W, dtype=np.float64), np.arange(H, dtype=np.float64))
    seen = undistorted(np.stack([x, y], -1).reshape(-1, 2), "plumb_bob", PLUMB, rotation, K)
    rays = np.hstack([seen, np.ones((len(seen), 1))]) @ np.linalg.inv(K).T  # in the rectified camera
    normal, distance = np.array([0.2, -0.1, 1.0]), 1.5
    rectified_z = distance / (rays @ normal)
    raw_z = (rectified_z[:, None] * rays @ rotation)[:, 2].reshape(H, W).astype(np.float32)  # R^T p
    labels = np.zeros((H, W), np.uint8)
    labels[as_raw(np.pad(np.ones((60, 80), np.uint8), ((90, 90), (120, 120))), "plumb_bob", PLUMB, rotation, K,
                  cv2.INTER_NEAREST) > 0] = 7  # fmt: skip
    given = camera_info(info(rotation=rotation))
    messages = {
        "left_image": image_message(texture(0), "rgb8", 1, "left"),
        "left_camera_info": given,
        "depth_image": image_message(raw_z, "32FC1", 1, "left"),
        "labels": image_message(labels, "mono8", 1, "left"),
    }
    topics = {**TOPICS, "depth_image": "/depth", "labels": "/labels"}
    frame = FrameBuilder(topics, Parameters(rectified=False))(messages)
    true = distance / (frame.camera.rays @ normal)
    inside = np.s_[40:-40, 50:-50]
    np.testing.assert_allclose(frame.depth[inside], true[inside], rtol=2e-3)
    assert set(np.unique(frame.labels)) == {0, 7}
    expected = np.zeros((H, W), bool)
    expected[90:150, 120:200] = True
    outline = 2 * (60 + 80)  # nearest pixels, twice: at most it is off
    assert ((frame.labels > 0) != expected).sum() <= 2 * outline
    core = cv2.erode(expected.astype(np.uint8), np.ones((5, 5))) > 0
    assert (frame.labels[core] == 7).all()


@pytest.mark.parametrize(
    ("topic", "rectified"),
    [
        ("/stereo/left/image_rect", True), ("/left/image_rect_color/compressed", True), ("left/image_rect", True),
        ("/zed/zed_node/left/color/rect/image", True), ("/camera/infra1/image_rect_raw", True), ("/undistorted", True),
        ("/camera/color/image_raw", False), ("/left/image_mono", False), ("/direct/image", False), ("/image", False),
    ],
)  # fmt: skip
def test_auto_goes_by_the_name_as_image_pipeline_gives_it(topic: str, rectified: bool) -> None:
    assert said_rectified("auto", topic) is rectified
    assert said_rectified("true", topic) and not said_rectified("false", topic)


def pair_of(topics: str, **changes) -> tuple[dict, dict]:
    """Names and messages of a pair; ``topics`` is what images are called."""
    names = TOPICS | {f"{side}_image": f"/{side}/{topics}" for side in ("left", "right")}
    given = info(**changes)
    other = info(tx=-28.0, **changes)
    return names, {
        "left_image": image_message(texture(0), "rgb8", 1, "left"), "left_camera_info": camera_info(given),
        "right_image": image_message(texture(1), "rgb8", 1, "right"), "right_camera_info": camera_info(other),
    }  # fmt: skip


@pytest.mark.parametrize(
    ("topics", "changes", "done"),
    [
        ("image_raw", {}, True), ("image_rect", {}, False), ("image_raw", {"d": np.zeros(5)}, False),
        ("image_raw", {"d": np.zeros(5), "rotation": TURNED}, True), ("image", {}, True),
    ],
)  # fmt: skip
def test_auto_rectifies_a_pair_that_is_raw_by_name_and_bent_or_turned(topics, changes, done, caplog) -> None:
    names, messages = pair_of(topics, **changes)
    with caplog.at_level("INFO"):
        build = FrameBuilder(names, Parameters())
        frame, _ = build(messages), build(messages)
    told = FrameBuilder(names, Parameters(rectified="false" if done else "true"))(messages)
    assert frame.right is not None and told.right is not None
    np.testing.assert_array_equal(frame.image, told.image)
    np.testing.assert_array_equal(frame.right, told.right)
    assert frame.camera == told.camera
    assert bool(np.abs(frame.image.astype(int) - texture(0)).mean() > 5) is done
    assert sum("rectified here" in text for text in caplog.messages) == (2 if done else 0)  # once a camera
    assert {record.levelname for record in caplog.records} <= ({"INFO"} if "raw" in topics else {"WARNING"})


def test_auto_takes_depth_with_a_camera_info_of_its_own_by_its_own_name() -> None:
    """Colour is bent and raw; infrared depth is called rect, and its D is that of the raw infrared picture."""
    depth = np.random.default_rng(0).uniform(0.5, 2, (H, W)).astype(np.float32)
    own = camera_info(info(d=PLUMB * 2))
    messages = {
        "left_image": image_message(texture(0), "rgb8", 1, "left"), "left_camera_info": camera_info(info()),
        "depth_image": image_message(depth, "32FC1", 1, "left"), "depth_camera_info": own,
    }  # fmt: skip
    names = dict(
        zip(messages, ("/color/image_raw", "/color/camera_info", "/depth/image_rect_raw", "/depth/info"), strict=True)
    )
    as_it_is = FrameBuilder(names, Parameters())(messages)
    np.testing.assert_array_equal(as_it_is.depth, depth)
    names["depth_image"] = "/depth/image_raw"
    raw = FrameBuilder(names, Parameters())(messages)
    np.testing.assert_array_equal(raw.depth, rectify(depth, own, "depth", pair=False, nearest=True))
    assert not np.array_equal(raw.depth, depth)
