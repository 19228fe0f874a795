"""Times of our steps over those of the libraries' own on one saved frame, as JSON: run_ratios.py FRAMES.npz."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable

import cv2
import numpy as np
import open3d as o3d

from depth_prompt_ros.camera import CameraModel
from depth_prompt_ros.frame import Frame
from depth_prompt_ros.parameters import StereoParameters
from depth_prompt_ros.stages.cloud import organised_cloud
from depth_prompt_ros.stages.stereo import make_stereo_matcher

ROUNDS = 30


def ratio(ours: Callable[[], object], theirs: Callable[[], object]) -> float:
    """Median time of the one over that of the other; both alternate, so that other load falls on both."""
    seconds: tuple[list[float], list[float]] = ([], [])
    for number in range(ROUNDS + 3):
        for step, times in zip((ours, theirs), seconds, strict=True):
            began = time.perf_counter()
            step()
            if number >= 3:
                times.append(time.perf_counter() - began)
    return float(np.median(seconds[0]) / np.median(seconds[1]))


def main(frames_file: str) -> None:
    saved = np.load(frames_file)
    left, right = saved["left"][0], saved["right"][0]
    camera = CameraModel(**json.loads(str(saved["camera"])))
    frame = Frame(0, "left", left, camera, right)
    parameters = StereoParameters()
    match = make_stereo_matcher(parameters)
    measurement = match(frame)

    grey = [cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY) for picture in (left, right)]
    block = parameters.block_size
    sgbm = cv2.StereoSGBM_create(
        parameters.min_disparity, parameters.num_disparities, block, P1=8 * block**2, P2=32 * block**2,
        mode=cv2.STEREO_SGBM_MODE_SGBM_3WAY,
    )  # fmt: skip

    labels = np.ones(measurement.depth.shape, np.uint16)
    intrinsics = o3d.camera.PinholeCameraIntrinsic(
        camera.width, camera.height, camera.fx, camera.fy, camera.cx, camera.cy
    )
    depth = np.where(np.isfinite(measurement.depth), measurement.depth, np.float32(1))

    def rgbd_image() -> o3d.geometry.RGBDImage:
        return o3d.geometry.RGBDImage.create_from_color_and_depth(
            o3d.geometry.Image(left), o3d.geometry.Image(depth), 1.0, 1000.0, convert_rgb_to_intensity=False
        )

    def ours() -> object:
        return organised_cloud(camera, depth, left, labels, measurement.confidence)

    from_image = o3d.geometry.PointCloud.create_from_rgbd_image
    rgbd = rgbd_image()
    answer = {
        "cloud / Open3D from the same arrays": ratio(ours, lambda: from_image(rgbd_image(), intrinsics)),
        "cloud / Open3D create_from_rgbd_image alone": ratio(ours, lambda: from_image(rgbd, intrinsics)),
        "stereo / OpenCV SGBM 3-way alone": ratio(lambda: match(frame), lambda: sgbm.compute(*grey)),
    }
    print(json.dumps(answer))


if __name__ == "__main__":
    main(*sys.argv[1:])
