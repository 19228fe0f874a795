"""Masks of what moves: by place, by depth and poses, joined; the cloud without them; the pipeline's frame to frame."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from graphs import constant, node, write_graph

from depth_prompt_ros.camera import CameraModel
from depth_prompt_ros.errors import BadInput, BadModel
from depth_prompt_ros.frame import DepthMeasurement, Frame
from depth_prompt_ros.parameters import MovingParameters, RuntimeParameters
from depth_prompt_ros.stages.cloud import CLOUD_DTYPE, MOVING_DTYPE, object_points, organised_cloud
from depth_prompt_ros.stages.moving import Moving, make_moving
from depth_prompt_ros.stages.moving.disagreement import disagreement, dispersion, elsewhere
from depth_prompt_ros.stages.moving.geometric import deviation, warp_depth
from depth_prompt_ros.stages.moving.spimo import SpimoMask, position_grid

CAMERA = CameraModel(80, 60, 70.0, 70.0, 39.5, 29.5)
FIXED = MovingParameters(method="geometric", fixed_frame="map")
CPU = RuntimeParameters(device="cpu")
START, STEP = 10**18, 10**8


def frame(number: int, pose: np.ndarray | None, image: np.ndarray | None = None) -> Frame:
    image = np.zeros((60, 80, 3), np.uint8) if image is None else image
    return Frame(START + number * STEP, "left", image, CAMERA, depth=np.ones((60, 80), np.float32), pose=pose)


def measured(depth: np.ndarray) -> DepthMeasurement:
    return DepthMeasurement(depth.astype(np.float32), np.ones(depth.shape, np.float32))


def moved(x: float = 0.0, z: float = 0.0) -> np.ndarray:
    pose = np.eye(4)
    pose[0, 3], pose[2, 3] = x, z
    return pose


def table(z: float = 0.0, x: int | None = None) -> np.ndarray:
    """A wall at 1 m, seen from z metres nearer; a box 0.2 m before it from column x on."""
    depth = np.full((60, 80), 1.0 - z)
    if x is not None:
        depth[20:40, x : x + 15] = 0.8 - z
    return depth


def test_what_comes_nearer_than_the_cameras_motion_explains_is_moving() -> None:
    mask = Moving(FIXED)
    assert (mask(frame(0, moved()), measured(table(x=10))) == 128).all()  # the first frame
    found = mask(frame(1, moved(z=0.1)), measured(table(0.1)))
    assert (found[2:15, 5:75] == 0).all() and not (found == 255).any()
    assert (found[25:35, 12:20] == 128).all()  # what the box hid before
    found = mask(frame(2, moved(z=0.1)), measured(table(0.1, x=40)))
    assert (found[22:38, 42:53] == 255).all() and (found == 255).sum() <= 20 * 15
    assert (found[:18] == 0).all()


def test_noise_within_three_sigmas_is_static_and_without_measurement_nothing_is_known() -> None:
    mask, rng = Moving(FIXED), np.random.default_rng(0)
    noise = deviation(np.full((60, 80), 1.0, np.float32), CAMERA)
    assert noise[0, 0] == pytest.approx(0.0012 + 0.0019 * 0.36)
    depth = [table() + rng.normal(size=(60, 80)) * noise for _ in range(2)]
    depth[1][:, :10] = np.nan
    mask(frame(0, moved()), measured(depth[0]))
    found = mask(frame(1, moved()), measured(depth[1]))
    assert (found[:, 10:] == 0).mean() > 0.99 and not (found == 255).any() and (found[:, :10] == 128).all()
    stereo = replace(CAMERA, baseline=0.1)
    assert deviation(np.full((1, 1), 2.0, np.float32), stereo)[0, 0] == pytest.approx(4 * 0.5 / 7)


def test_gaps_jumps_lost_poses_and_a_reset_forget_the_last_frame() -> None:
    def after(*steps) -> np.ndarray:
        mask = Moving(FIXED)
        mask(frame(0, moved()), measured(table()))
        for step in steps[:-1]:
            step(mask)
        return mask(steps[-1], measured(table()))

    assert (after(frame(1, moved()))[1:-1, 1:-1] == 0).all()
    for last in (frame(6, moved()), frame(-3, moved()), frame(0, moved()), frame(1, None)):
        assert (after(last) == 128).all()
    assert (after(lambda mask: mask.reset(), frame(1, moved())) == 128).all()
    assert (after(lambda mask: mask(frame(1, None), measured(table())), frame(2, moved())) == 128).all()
    other = replace(frame(1, moved()), camera=replace(CAMERA, fx=60.0))
    assert (after(other) == 128).all()


def test_warped_depth_is_what_the_moved_camera_measures() -> None:
    turn = np.eye(4)
    turn[:3, :3] = [[np.cos(0.1), 0, np.sin(0.1)], [0, 1, 0], [-np.sin(0.1), 0, np.cos(0.1)]]
    depth = np.full((60, 80), 2.0, np.float32)
    warped = warp_depth(depth, CAMERA, turn)
    # The wall z = 2 seen by the turned camera: depth along a ray r is 2 / (R^T r)_z.
    expected = 2 / (CAMERA.rays @ turn[:3, :3])[..., 2]
    known = np.isfinite(warped)
    assert known.mean() > 0.8
    np.testing.assert_allclose(warped[known], expected[known], atol=0.01)
    near = depth.copy()
    near[20:40, 30:50] = 1.0
    assert np.nanmin(warp_depth(near, CAMERA, np.eye(4))[22:38, 32:48]) == 1.0


@pytest.fixture
def by_place(tmp_path):
    """Disparity 1, plus 0.8 u on red pixels: max(red - green, 0) tells them."""
    shape = ["n", 2, 24, 32]
    nodes = [
        node("Gather", ["picture", "zero"], ["red"], axis=1),
        node("Gather", ["picture", "one"], ["green"], axis=1),
        node("Gather", ["grid", "zero"], ["u"], axis=1),
        node("Sub", ["red", "green"], ["difference"]),
        node("Relu", ["difference"], ["only"]),
        node("Mul", ["only", "u"], ["moves"]),
        node("Mul", ["moves", "share"], ["scaled"]),
        node("ReduceMean", ["focal", "axes"], ["length"], keepdims=1),
        node("Unsqueeze", ["length", "tail"], ["lengths"]),
        node("Mul", ["lengths", "nought"], ["nothing"]),
        node("Add", ["scaled", "unit"], ["sum"]),
        node("Add", ["sum", "nothing"], ["disparity"]),
    ]
    constants = [
        constant("zero", [1], [0], integer=True), constant("one", [1], [1], integer=True),
        constant("axes", [1], [1], integer=True), constant("tail", [2], [2, 3], integer=True),
        constant("share", [], [0.8]), constant("unit", [], [1.0]), constant("nought", [], [0.0]),
    ]  # fmt: skip
    inputs = {"picture": ["n", 3, 24, 32], "grid": shape, "focal": ["n", 2]}
    return write_graph(tmp_path / "video.onnx", nodes, inputs, {"disparity": ["n", 1, 24, 32]}, constants)


def red_box(column: int = 10) -> np.ndarray:
    image = np.full((60, 80, 3), 120, np.uint8)
    image[15:45, column : column + 40] = (255, 0, 0)
    return image


def test_the_network_is_asked_three_times_in_one_batch_and_its_disagreement_is_motion(by_place) -> None:
    mask = SpimoMask(MovingParameters(method="spimo", graph=str(by_place)), CPU)
    batches = []
    run = mask.graph.run
    mask.graph.run = lambda inputs: batches.append(len(inputs["grid"])) or run(inputs)
    found = mask(frame(0, None, red_box()))
    assert batches == [3]
    assert found.shape == (60, 80) and set(np.unique(found)) == {0, 255}
    assert (found[18:42, 14:46] == 255).all() and (found == 255).sum() < 34 * 44
    assert mask.disparity is not None and mask.disparity.shape == (24, 32)
    alone = mask.look(frame(0, None, red_box()), mask.grids[:1])[0]
    off = np.abs(mask.disparity - alone) > 1e-6
    assert off[8:16, 5:7].all() and not off[:5].any()  # what moves as if it stood elsewhere
    low = SpimoMask(MovingParameters(method="spimo", graph=str(by_place), horizon=0.0), CPU)
    assert not (low(frame(0, None, red_box()))[:28] == 255).any()


def test_both_masks_join_and_what_the_one_does_not_know_the_other_may(by_place) -> None:
    parameters = MovingParameters(method="both", graph=str(by_place), fixed_frame="map")
    mask = Moving(parameters)
    first = mask(frame(0, moved(), red_box()), measured(table()))
    assert (first[18:42, 14:46] == 255).all() and (first[:10] == 0).all()  # geometry knows nothing yet
    box = table()
    box[50:58, 60:75] = 0.7
    found = mask(frame(1, moved(), red_box()), measured(box))
    assert (found[18:42, 14:46] == 255).all() and (found[52:56, 62:73] == 255).all() and (found[:10] == 0).all()


def test_dispersion_and_grid_are_those_of_the_definition() -> None:
    depth = np.array([1.0, 1.1, 1.3])
    found = dispersion((1 / depth)[:, None, None].astype(np.float32))
    assert found[0, 0] == pytest.approx(np.var(depth, ddof=1) / np.mean(depth) ** 2)
    whole = position_grid(61, 81)
    np.testing.assert_allclose(position_grid(31, 41, (0.25, 0, 0.75, 0.5)), whole[:, :31, 20:61], atol=1e-6)


def test_an_outlier_is_what_disagrees_with_every_other_place_in_the_picture() -> None:
    """Boxes seem to be at half their depth where u < -0.5: a moving one, still ones in and out of the shift's reach."""
    u = np.array([[-0.75, -0.25, 0.25, 0.75]], np.float32)
    disparities = np.stack([np.where(u + shift < -0.5, 2.0, 1.0) for shift in (0, -0.5, 0.5)]).astype(np.float32)
    published, ours = (disagreement(disparities, u, rule)[0] > 0.03 for rule in ("dispersion", "outlier"))
    assert published.tolist() == [True, True, False, False]
    assert ours.tolist() == [True, False, False, False]
    np.testing.assert_allclose(elsewhere(disparities, u)[0], [1, 1.5, 1, 1])
    pair = dispersion(np.array([2.0, 1.0], np.float32)[:, None, None])[0, 0]
    assert disagreement(disparities, u, "outlier")[0, 0] == pytest.approx(pair)


def test_what_is_missing_is_named(by_place, tmp_path) -> None:
    with pytest.raises(BadInput, match="needs moving.graph"):
        make_moving(MovingParameters(method="spimo"))
    with pytest.raises(BadInput, match="needs moving.fixed_frame"):
        make_moving(MovingParameters(method="geometric"))
    with pytest.raises(BadModel):
        make_moving(MovingParameters(method="spimo", graph=str(tmp_path / "nothing.onnx")))
    other = write_graph(tmp_path / "other.onnx", [node("Relu", ["x"], ["y"])], {"x": [1, 3]}, {"y": [1, 3]})
    with pytest.raises(BadModel, match="takes x, not picture, grid, focal"):
        make_moving(MovingParameters(method="spimo", graph=str(other)))
    assert make_moving(MovingParameters()) is None


@pytest.mark.parametrize("drop", [False, True])
def test_the_cloud_says_what_moves_or_drops_it(drop) -> None:
    depth = np.full((60, 80), 1.5, np.float32)
    moving = np.zeros((60, 80), np.uint8)
    moving[10:20, 10:20], moving[30:, 40:] = 255, 128
    labels = np.ones((60, 80), np.uint16)
    image, confidence = np.zeros((60, 80, 3), np.uint8), np.ones((60, 80), np.float32)
    cloud = organised_cloud(CAMERA, depth, image, labels, confidence, None, moving, drop)
    assert cloud.dtype == MOVING_DTYPE and cloud.dtype.itemsize == 28
    np.testing.assert_array_equal(cloud["moving"], moving)
    np.testing.assert_array_equal(np.isnan(cloud["z"]), drop & (moving == 255))
    assert len(object_points(cloud, labels)) == 4800 - 100 * drop
    plain = organised_cloud(CAMERA, depth, image, labels, confidence)
    assert plain.dtype == CLOUD_DTYPE
    for name in CLOUD_DTYPE.names:
        kept = np.isfinite(cloud["z"])
        np.testing.assert_array_equal(cloud[name][kept], plain[name][kept])
