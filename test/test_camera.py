"""Camera geometry: round trips, closed forms, and every CameraInfo that cannot be used."""

from __future__ import annotations

import math
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from depth_prompt_ros.camera import CameraModel, VirtualCamera
from depth_prompt_ros.errors import BadFrame
from depth_prompt_ros.rotation import cross

CAMERA = CameraModel(160, 120, 150.0, 140.0, 77.3, 61.8, baseline=0.07, cx_offset=3.5)


def info(fx: float = 500.0, tx: float = 0.0, upper: bool = False, **changes: object) -> SimpleNamespace:
    """A CameraInfo as rclpy (lower case) or rosbags (upper case) gives it."""
    content = {
        "width": 640, "height": 480, "d": np.array([0.1, -0.2, 0.0, 0.0, 0.0]),
        "k": np.array([510.0, 0, 300, 0, 511, 200, 0, 0, 1]),
        "p": np.array([fx, 0, 320, tx, 0, 505, 240, 0, 0, 0, 1, 0]),
    } | changes  # fmt: skip
    for name in "dkp" if upper else "":
        content[name.upper()] = content.pop(name)
    return SimpleNamespace(**content)


@pytest.mark.parametrize("upper", [False, True])
def test_rectified_camera_is_that_of_p_whatever_d_says(upper: bool) -> None:
    camera = CameraModel.from_camera_info(info(upper=upper), info(tx=-500 * 0.06, upper=upper))
    assert camera == CameraModel(640, 480, 500, 505, 320, 240, baseline=0.06)


def test_principal_points_may_differ() -> None:
    right = info(p=np.array([500.0, 0, 331, -50, 0, 505, 240, 0, 0, 0, 1, 0]))
    camera = CameraModel.from_camera_info(info(), right)
    assert camera.cx_offset == 11
    assert camera.baseline == pytest.approx(0.1)


def test_picture_that_is_not_rectified_uses_k_without_distortion() -> None:
    camera = CameraModel.from_camera_info(info(d=np.zeros(5)), rectified=False)
    assert (camera.fx, camera.fy, camera.cx, camera.cy) == (510, 511, 300, 200)
    bent = CameraModel.from_camera_info(info(), rectified=False)  # is rectified, and then that of P
    assert (bent.fx, bent.fy, bent.cx, bent.cy) == (500, 505, 320, 240)


NAN_P = np.array([500.0, 0, np.nan, 0, 0, 505, 240, 0, 0, 0, 1, 0])
INF_K = np.array([np.inf, 0, 320, 0, 505, 240, 0, 0, 1])


@pytest.mark.parametrize(
    ("left", "right", "says"),
    [
        (info(fx=0.0), None, "left camera_info's P has focal length fx=0 "),
        (info(fx=-4.0), None, "focal length fx=-4 "),
        (info(p=NAN_P), None, "left camera_info has NaN or infinite values"),
        (info(k=INF_K), None, "left camera_info has NaN or infinite values"),
        (info(width=0), None, "picture size 0x480"),
        (info(height=-1), None, "picture size 640x-1"),
        (info(), info(tx=0.0), "no baseline"),
        (info(width=60000, height=60000), None, "picture size 60000x60000: that is no camera's"),
        (
            info(p=np.array([500.0, 0, 320, 0, 0, 1e8, 240, 0, 0, 0, 1, 0])),
            None,
            r"fx=500 fy=1e\+08 for a picture of 640x480",
        ),
        (info(p=np.array([1e200, 0, 320, 0, 0, 1e200, 240, 0, 0, 0, 1, 0])), None, r"fx=1e\+200"),
        (info(fx=1e-9), None, "fx=1e-09"),
        (info(), info(tx=40.0), r"P\[0,3\] = 40, left 0: .* 0.08 m to the left .* wrong sign .* are exchanged"),
        (info(), info(tx=-40.0, width=320), "left camera_info is 640x480 but right is 320x480"),
        (info(), info(tx=-40.0, p=NAN_P), "right camera_info has NaN"),
        (info(), info(fx=0.0, tx=-40.0), "right camera_info's P has focal length"),
        (info(tx=-40.0), info(), "are exchanged"),
    ],
)
def test_camera_info_that_cannot_be_used(left: SimpleNamespace, right: SimpleNamespace | None, says: str) -> None:
    with pytest.raises(BadFrame, match=says):
        CameraModel.from_camera_info(left, right)


def window(left: int, top: int, width: int, height: int) -> SimpleNamespace:
    return SimpleNamespace(x_offset=left, y_offset=top, width=width, height=height, do_rectify=False)


K_FULL, P_FULL = (800.0, 810.0, 645.0, 485.0), (790.0, 805.0, 640.0, 480.0, -79.0)  # fx, fy, cx, cy, and P[0,3]


def full(**changes: object) -> SimpleNamespace:
    """A CameraInfo of a sensor of 1280 x 960."""
    fx, fy, cx, cy = K_FULL
    content = {"width": 1280, "height": 960, "k": np.array([fx, 0, cx, 0, fy, cy, 0, 0, 1.0]), "d": np.zeros(5)}
    fx, fy, cx, cy, tx = P_FULL
    content["p"] = np.array([fx, 0, cx, tx, 0, fy, cy, 0, 0, 0, 1.0, 0])
    return info(**(content | changes))


@pytest.mark.parametrize(
    ("changes", "size", "left", "top", "binning"),
    [
        ({}, (1280, 960), 0, 0, (1, 1)),
        ({"roi": window(0, 0, 0, 0)}, (1280, 960), 0, 0, (1, 1)),
        ({"roi": window(0, 0, 1280, 960)}, (1280, 960), 0, 0, (1, 1)),
        ({"roi": window(400, 200, 320, 240)}, (320, 240), 400, 200, (1, 1)),
        ({"roi": window(400, 200, 320, 240), "width": 320, "height": 240}, (320, 240), 400, 200, (1, 1)),
        ({"roi": window(0, 200, 0, 0)}, (1280, 760), 0, 200, (1, 1)),
        ({"binning_x": 2, "binning_y": 2}, (640, 480), 0, 0, (2, 2)),
        ({"binning_x": 4, "binning_y": 2}, (320, 480), 0, 0, (4, 2)),
        ({"roi": window(400, 200, 321, 240), "binning_x": 2, "binning_y": 2}, (160, 120), 400, 200, (2, 2)),
    ],
)
def test_window_and_binning_change_the_camera_as_image_geometry_does(changes, size, left, top, binning) -> None:
    """image_geometry's PinholeCameraModel: offsets off the principal point, then everything over the binning."""
    for rectified, (fx, fy, cx, cy) in ((True, P_FULL[:4]), (False, K_FULL)):
        camera = CameraModel.from_camera_info(full(**changes), rectified=rectified)
        expected = (fx / binning[0], fy / binning[1], (cx - left) / binning[0], (cy - top) / binning[1])
        assert (camera.width, camera.height) == size
        assert (camera.fx, camera.fy, camera.cx, camera.cy) == pytest.approx(expected)


@pytest.mark.parametrize("changes", [{}, {"binning_x": 2, "binning_y": 2}, {"roi": window(400, 200, 320, 240)}])
def test_the_baseline_is_metres_whatever_the_window_and_binning(changes) -> None:
    left = full(p=np.array([790.0, 0, 640, 0, 0, 790, 480, 0, 0, 0, 1, 0]), **changes)
    assert CameraModel.from_camera_info(left, full(**changes)).baseline == pytest.approx(0.1)


def test_without_p_the_camera_is_that_of_k() -> None:
    camera = CameraModel.from_camera_info(info(p=np.zeros(12)))
    assert (camera.fx, camera.fy, camera.cx, camera.cy) == (510, 511, 300, 200)
    with pytest.raises(BadFrame, match="no baseline"):
        CameraModel.from_camera_info(info(p=np.zeros(12)), info(p=np.zeros(12)))


def test_a_window_outside_of_the_sensor_is_refused_with_its_numbers() -> None:
    with pytest.raises(BadFrame, match=r"size -720x960 \(1280x960 with roi -720x960 at \(2000, 0\)\)"):
        CameraModel.from_camera_info(full(roi=window(2000, 0, 0, 960)))


def test_rays_are_those_of_k() -> None:
    x, y = np.meshgrid(np.arange(160), np.arange(120))
    expected = np.stack([x, y, np.ones_like(x)], -1) @ np.linalg.inv(CAMERA.K).T
    np.testing.assert_allclose(CAMERA.rays, expected, atol=1e-6)
    assert CAMERA.rays.dtype == np.float32


def test_rays_of_some_pixels_and_along_a_direction_are_those_of_all() -> None:
    rows, columns = np.array([0, 7, 119]), np.array([159, 3, 0])
    np.testing.assert_array_equal(CAMERA.rays_at(rows, columns), CAMERA.rays[rows, columns])
    direction = np.array([0.3, -0.2, 0.9])
    np.testing.assert_allclose(CAMERA.rays_dot(direction), CAMERA.rays @ direction, rtol=1e-6)
    assert CAMERA.rays_dot(direction).dtype == np.float32


def test_back_projected_points_project_to_their_pixels() -> None:
    depth = np.random.default_rng(0).uniform(0.2, 5, (120, 160)).astype(np.float32)
    depth[3, 4] = np.nan
    points = CAMERA.back_project(depth)
    assert np.isnan(points[3, 4]).all()
    np.testing.assert_array_equal(points[..., 2], depth)
    pixels = points @ CAMERA.K.T
    x, y = np.meshgrid(np.arange(160), np.arange(120))
    known = np.isfinite(depth)
    np.testing.assert_allclose((pixels[..., 0] / pixels[..., 2])[known], x[known], atol=1e-3)
    np.testing.assert_allclose((pixels[..., 1] / pixels[..., 2])[known], y[known], atol=1e-3)


@given(st.floats(0.1, 20))
def test_disparity_of_depth_and_back(depth: float) -> None:
    disparity = CAMERA.disparity_from_depth([depth])
    np.testing.assert_allclose(disparity, 150 * 0.07 / depth - 3.5, rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(CAMERA.depth_from_disparity(disparity), depth, rtol=1e-4)


def test_disparity_is_the_shift_between_both_cameras_pictures_of_a_point() -> None:
    point = np.array([0.1, -0.05, 0.8])
    left = CAMERA.K @ point
    right_k = CAMERA.K + np.array([[0, 0, CAMERA.cx_offset], [0, 0, 0], [0, 0, 0]])
    right = right_k @ (point - [CAMERA.baseline, 0, 0])
    shift = left[0] / left[2] - right[0] / right[2]
    assert CAMERA.disparity_from_depth(0.8) == pytest.approx(shift, rel=1e-5)


@pytest.mark.parametrize("disparity", [-3.5, -4.0, np.nan])
def test_no_depth_at_or_beyond_infinity(disparity: float) -> None:
    assert np.isnan(CAMERA.depth_from_disparity(disparity))


@pytest.mark.parametrize("depth", [0.0, -1.0, np.nan])
def test_no_disparity_of_impossible_depth(depth: float) -> None:
    assert np.isnan(CAMERA.disparity_from_depth(depth))


@given(st.integers(20, 400), st.integers(20, 400))
def test_scaled_camera_sees_the_same_rays_at_the_pictures_corners(width: int, height: int) -> None:
    scaled = CAMERA.scaled(width, height)
    for camera in (CAMERA, scaled):
        assert (camera.width, camera.height) == ((160, 120) if camera is CAMERA else (width, height))
    for end in (0, 1):  # a picture reaches from -0.5 to width - 0.5
        assert (end * width - 0.5 - scaled.cx) / scaled.fx == pytest.approx((end * 160 - 0.5 - 77.3) / 150, abs=1e-9)
        assert (end * height - 0.5 - scaled.cy) / scaled.fy == pytest.approx((end * 120 - 0.5 - 61.8) / 140, abs=1e-9)
    disparities = CAMERA.disparity_from_depth(0.9) * width / 160, scaled.disparity_from_depth(0.9)
    assert disparities[0] == pytest.approx(disparities[1], rel=1e-4)


def test_scaled_agrees_with_opencv_resizing_a_picture_of_rays() -> None:
    smaller = cv2.resize(CAMERA.rays, (80, 60), interpolation=cv2.INTER_AREA)
    np.testing.assert_allclose(CAMERA.scaled(80, 60).rays, smaller, atol=1e-5)


def plane_inverse_depth(camera: CameraModel, normal: np.ndarray, offset: float) -> np.ndarray:
    """1/z of the plane ``normal @ point = offset``."""
    return (camera.rays.astype(np.float64) @ normal / offset).astype(np.float32)


def test_normals_of_a_plane() -> None:
    normal = np.array([0.3, 0.5, 0.9])
    normal /= np.linalg.norm(normal)
    depth = 1 / plane_inverse_depth(CAMERA, normal, 0.8)
    normals = CAMERA.normals(depth)
    assert np.isnan(normals[0]).all()
    assert np.isnan(normals[:, 0]).all()
    np.testing.assert_allclose(normals[1:, 1:], np.broadcast_to(-normal, (119, 159, 3)), atol=2e-3)


def test_normals_of_a_sphere_point_from_its_middle() -> None:
    camera = CameraModel(400, 400, 800.0, 800.0, 199.5, 199.5)
    middle, radius = np.array([0.05, -0.03, 1.0]), 0.15
    rays = camera.rays.astype(np.float64)
    a, b, c = (rays**2).sum(-1), rays @ middle, middle @ middle - radius**2
    root = b**2 - a * c
    with np.errstate(invalid="ignore"):
        depth = ((b - np.sqrt(root)) / a).astype(np.float32)
    expected = (camera.back_project(depth) - middle) / radius
    normals = camera.normals(depth)
    facing = (root > 0.25 * root.max()) & np.isfinite(normals).all(-1)
    assert facing.sum() > 10_000
    assert np.einsum("ij,ij->i", normals[facing], expected[facing]).min() > 0.999


def test_normals_need_both_neighbours() -> None:
    depth = np.ones((120, 160), np.float32)
    depth[50, 60] = np.nan
    missing = np.isnan(CAMERA.normals(depth)).all(-1)
    assert missing[50, 60] and missing[50, 61] and missing[51, 60]
    assert not missing[49, 60] and not missing[50, 59] and not missing[52, 60]


def box_mask(left: int, top: int, width: int, height: int) -> np.ndarray:
    mask = np.zeros((CAMERA.height, CAMERA.width), bool)
    mask[top : top + height, left : left + width] = True
    return mask


boxes = st.builds(box_mask, st.integers(0, 140), st.integers(0, 100), st.integers(6, 90), st.integers(6, 70))


@given(boxes, st.sampled_from([64, 96, 129]), st.floats(0.3, 1.0))
@settings(max_examples=40)
def test_target_is_in_the_middle_and_fills_its_share(mask: np.ndarray, size: int, fill: float) -> None:
    view = VirtualCamera.looking_at(CAMERA, mask, size, fill)
    y, x = np.nonzero(mask)
    seen = np.stack([x, y, np.ones_like(x)], -1) @ view.homography.T
    seen = seen[:, :2] / seen[:, 2:]
    reach = np.abs(seen - (size - 1) / 2).max()
    assert reach == pytest.approx(fill * size / 2, rel=1e-6)
    low, high = seen.min(0), seen.max(0)
    longer = np.argmax(high - low)
    assert (low + high)[longer] / 2 == pytest.approx((size - 1) / 2, abs=0.1 * size * fill)


@given(boxes)
@settings(max_examples=40)
def test_virtual_camera_is_a_rotation_of_the_real_one(mask: np.ndarray) -> None:
    view = VirtualCamera.looking_at(CAMERA, mask, 96)
    np.testing.assert_allclose(view.rotation @ view.rotation.T, np.eye(3), atol=1e-12)
    assert np.linalg.det(view.rotation) == pytest.approx(1)
    np.testing.assert_allclose(view.homography, view.K @ view.rotation @ np.linalg.inv(CAMERA.K), atol=1e-9)
    assert abs(view.rotation[0, 1]) < 1e-12  # no roll: the picture's down stays down


@given(boxes, st.floats(-0.5, 0.5), st.floats(-0.5, 0.5))
@settings(max_examples=40)
def test_inverse_depth_of_a_plane_to_the_virtual_camera_and_back(mask: np.ndarray, a: float, b: float) -> None:
    view = VirtualCamera.looking_at(CAMERA, mask, 192, fill=0.7)
    normal = np.array([a, b, 1.0])
    real = plane_inverse_depth(CAMERA, normal, 0.7)
    virtual_camera = CameraModel(192, 192, view.focal, view.focal, 95.5, 95.5)
    virtual = plane_inverse_depth(virtual_camera, view.rotation @ normal, 0.7)  # the same plane in the turned frame
    back = view.unwarp_inverse_depth(virtual)
    np.testing.assert_allclose(back[mask], real[mask], rtol=2e-4)  # OpenCV 4 warps in steps of 1/32 pixel

    there = view.warp_inverse_depth(real)
    inside = view.warp(np.ones(real.shape, np.uint8), cv2.INTER_NEAREST) > 0
    # One real pixel's change is all that taking the nearest may be off.
    gradient = max(np.abs(np.diff(real, axis=axis)).max() for axis in (0, 1)) / real[mask].min()
    np.testing.assert_allclose(there[inside], virtual[inside], rtol=0.05 + 2 * gradient)


def test_invalid_inverse_depth_is_not_mixed_into_its_neighbours() -> None:
    real = np.zeros((120, 160), np.float32)
    real[::2, ::2] = 1.25
    view = VirtualCamera.looking_at(CAMERA, box_mask(20, 30, 60, 50), 128)
    virtual = view.warp_inverse_depth(real)
    assert 0.1 < np.mean(virtual > 0) < 0.4
    ratio = CAMERA.rays @ view.rotation[2].astype(np.float32)
    assert (virtual[virtual > 0] > 1.25 / ratio.max() * 0.999).all()
    assert (virtual[virtual > 0] < 1.25 / ratio.min() * 1.001).all()


def test_nothing_beyond_the_real_or_virtual_picture() -> None:
    view = VirtualCamera.looking_at(CAMERA, box_mask(0, 0, 30, 30), 96, fill=0.5)
    picture = view.warp(np.full((120, 160, 3), 40, np.uint8), border=255)
    assert picture.shape == (96, 96, 3)
    assert (picture[:5, :5] == 255).all()
    assert (picture[48:, 48:] == 40).all()
    back = view.unwarp_inverse_depth(np.ones((96, 96), np.float32))
    assert back[119, 159] == 0
    assert back[15, 15] > 0


def test_shrinking_averages_so_that_fine_patterns_do_not_alias() -> None:
    camera = CameraModel(640, 480, 500.0, 500.0, 319.5, 239.5)
    stripes = np.zeros((480, 640), np.uint8)
    stripes[:, ::2] = 200
    view = VirtualCamera.looking_at(camera, np.ones((480, 640), bool), 96)
    inner = view.warp(stripes)[24:-24, 24:-24].astype(float)
    assert inner.mean() == pytest.approx(100, abs=2)
    assert inner.std() < 25
    plain = cv2.warpPerspective(stripes, view.homography, (96, 96))[24:-24, 24:-24]
    assert plain.std() > 2 * inner.std()


def test_shrinking_and_not_shrinking_show_the_same_place() -> None:
    camera = CameraModel(640, 480, 500.0, 500.0, 319.5, 239.5)
    x, y = np.meshgrid(np.arange(640, dtype=np.float32), np.arange(480, dtype=np.float32))
    smooth = (np.sin(x / 60) + np.cos(y / 50)).astype(np.float32)
    for fill in (0.4, 1.0):
        view = VirtualCamera.looking_at(camera, np.ones((480, 640), bool), 128, fill)
        inner = slice(52, 76)
        direct = cv2.warpPerspective(smooth, view.homography, (128, 128))
        np.testing.assert_allclose(view.warp(smooth)[inner, inner], direct[inner, inner], atol=0.02)


def test_one_pixel_is_a_target_too() -> None:
    view = VirtualCamera.looking_at(CAMERA, box_mask(80, 60, 1, 1), 64)
    assert math.isfinite(view.focal)
    assert view.warp(np.full((120, 160), 9, np.uint8)).max() == 9


def test_empty_mask_is_refused() -> None:
    with pytest.raises(BadFrame, match="mask is empty"):
        VirtualCamera.looking_at(CAMERA, np.zeros((120, 160), bool), 64)


def test_a_cross_product_is_numpys_bit_for_bit() -> None:
    for one, other in np.random.default_rng(0).normal(size=(50, 2, 3)):
        assert cross(one, other).tobytes() == np.cross(one, other).tobytes()
