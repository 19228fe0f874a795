"""What a mask of what moves costs beside depth alone: python benchmarks/moving.py [VIDEO.onnx].

Processor time of one thread, median of 20 runs; without a graph a network of a quarter of the published width looks at
160x120. ``moving.method spimo`` looks at each picture with three position grids; the first look is the depth.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import numpy as np

from depth_prompt_ros.camera import CameraModel
from depth_prompt_ros.frame import DepthMeasurement, Frame
from depth_prompt_ros.parameters import MovingParameters, RuntimeParameters
from depth_prompt_ros.stages.moving.geometric import GeometricMask
from depth_prompt_ros.stages.moving.spimo import SpimoMask

CAMERA = CameraModel(640, 480, 500.0, 500.0, 319.5, 239.5)


def random_network(out: Path) -> Path:
    """A graph with random weights."""
    from depth_prompt_ros.learning.trainer import write_weights
    from depth_prompt_ros.networks.video.depth_net import VideoDepthNet, VideoSettings
    from depth_prompt_ros.runtime.export.video import export_video

    settings = VideoSettings("adaptive", 0.25, 11)
    notes = {"network": "video-adaptive", "settings": json.dumps(asdict(settings)), "look": "160"}
    write_weights(out.with_suffix(".safetensors"), VideoDepthNet(settings).state_dict(), notes, {})
    export_video(out, out.with_suffix(".safetensors"), CAMERA.height, CAMERA.width)
    return out


def milliseconds(run: Callable[[], object]) -> float:
    """Of processor time, median of 20."""
    taken = []
    for _ in range(20):
        began = time.process_time()
        run()
        taken.append(time.process_time() - began)
    return 1000 * float(np.median(taken))


def main() -> None:
    """Print the figures."""
    with tempfile.TemporaryDirectory() as folder:
        graph = Path(sys.argv[1]) if len(sys.argv) > 1 else random_network(Path(folder) / "video.onnx")
        rng = np.random.default_rng(0)
        image = rng.integers(0, 255, (CAMERA.height, CAMERA.width, 3), np.uint8)
        depth = rng.uniform(0.5, 1.0, image.shape[:2]).astype(np.float32)
        frame = Frame(1, "camera", image, CAMERA, depth=depth, pose=np.eye(4))
        parameters = MovingParameters(method="both", graph=str(graph), fixed_frame="map")
        spimo = SpimoMask(parameters, RuntimeParameters(device="cpu", threads=1))
        alone = milliseconds(lambda: spimo.look(frame, spimo.grids[:1]))
        both = milliseconds(lambda: spimo(frame))
        geometric = GeometricMask(parameters)
        measured = DepthMeasurement(depth, np.ones_like(depth))
        stamps = iter(range(1, 1000))

        def warped() -> None:
            geometric(Frame(next(stamps) * 10**8, "camera", image, CAMERA, depth=depth, pose=np.eye(4)), measured)

        print(f"depth alone {alone:.1f} ms, mask and depth {both:.1f} ms: {both / alone:.2f} times")
        print(f"geometric mask {milliseconds(warped):.1f} ms, {CAMERA.width}x{CAMERA.height}")


if __name__ == "__main__":
    main()
