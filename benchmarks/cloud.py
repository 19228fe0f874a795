"""The organised cloud's message beside Open3D's cloud of the same frame: python benchmarks/cloud.py.

Memory is kept from frame to frame, as the node keeps it.
"""

from __future__ import annotations

import sys

import numpy as np
import open3d as o3d
from alternating import milliseconds
from rich.console import Console

from depth_prompt_ros.bag.messages import cloud_message
from depth_prompt_ros.data.rendering.scenes import TABLETOP_CAMERA, render_tabletop_sequence
from depth_prompt_ros.memory import keep_freed_memory
from depth_prompt_ros.ros.convert import CloudMemory
from depth_prompt_ros.stages.cloud import organised_cloud

RATIO = 0.4
"""The bar."""


def main() -> None:
    keep_freed_memory()
    view, camera = next(iter(render_tabletop_sequence(frames=200, seed=2))), TABLETOP_CAMERA
    depth = np.where(np.isfinite(view.depth), view.depth, np.float32(1))
    confidence, memory = np.ones_like(depth), CloudMemory()
    intrinsics = o3d.camera.PinholeCameraIntrinsic(
        camera.width, camera.height, camera.fx, camera.fy, camera.cx, camera.cy
    )

    def rgbd() -> o3d.geometry.RGBDImage:
        return o3d.geometry.RGBDImage.create_from_color_and_depth(
            o3d.geometry.Image(view.left), o3d.geometry.Image(depth), 1.0, 1000.0, convert_rgb_to_intensity=False
        )

    ready, from_rgbd = rgbd(), o3d.geometry.PointCloud.create_from_rgbd_image
    steps = {
        "message, x y z rgb label confidence": lambda: cloud_message(
            organised_cloud(camera, depth, view.left, view.labels, confidence, memory(depth.shape)),
            view.stamp_ns,
            "left",
        ),
        "Open3D create_from_rgbd_image": lambda: from_rgbd(ready, intrinsics),
        "Open3D from the same arrays": lambda: from_rgbd(rgbd(), intrinsics),
    }
    spent = milliseconds(steps)
    console = Console()
    for name, value in spent.items():
        console.print(f"{value:6.2f} ms  {name}", highlight=False)
    ours, theirs, from_arrays = spent.values()
    met = ours / theirs <= RATIO
    verdict = "met   " if met else "MISSED"
    console.print(f"{verdict} message over create_from_rgbd_image: {ours / theirs:.2f} (at most {RATIO})")
    console.print(f"       over Open3D from the same arrays: {ours / from_arrays:.2f}")
    sys.exit(not met)


if __name__ == "__main__":
    main()
