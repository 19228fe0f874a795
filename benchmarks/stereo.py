"""How good and how dear stereo matching is on the real motorcycle pair: python benchmarks/stereo.py [NETWORK.yaml ...].

Semi-global matching check by check, its confidence, and described stereo networks beside it.
"""

from __future__ import annotations

import multiprocessing
import sys
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from depth_prompt_ros.bench.measure import resident_mib
from depth_prompt_ros.demo.motorcycle import motorcycle_pair
from depth_prompt_ros.evaluation import metrics
from depth_prompt_ros.frame import Frame
from depth_prompt_ros.parameters import StereoParameters
from depth_prompt_ros.stages.stereo import make_stereo_matcher

PARAMETERS = StereoParameters(num_disparities=80)
UNCHECKED = PARAMETERS.model_copy(update={"left_right_tolerance": 1e6, "min_texture": 0.0, "speckle_area": 0})
CHECKED = PARAMETERS.model_copy(update={"min_texture": 0.0, "speckle_area": 0})
DENSE = PARAMETERS.model_copy(update={"matcher": "onnx", "left_right_check": False})
RUNS = 10
EDGES = (0.0, 0.5, 0.7, 0.8, 0.9, 0.95, 1.0)

Float32 = NDArray[np.float32]


class Matched:
    """Disparity of one matcher, which has seen its first frame (and looked at its rows) before."""

    def __init__(self, frame: Frame, parameters: StereoParameters) -> None:
        self._frame, self._match = frame, make_stereo_matcher(parameters)
        self._match(frame)

    def __call__(self) -> Float32:
        """(H, W) float32 pixels, NaN = invalid."""
        disparity = self._match(self._frame).disparity
        assert disparity is not None
        return disparity


def full_size_check(frame: Frame) -> Callable[[], Float32]:
    """The right picture matched at full size too, 1 px apart at most."""
    assert frame.right is not None
    mirrored = Frame(0, "right", flipped(frame.right), frame.camera, flipped(frame.image))
    left, right = Matched(frame, UNCHECKED), Matched(mirrored, UNCHECKED)

    def disparity() -> Float32:
        found = left()
        columns = np.arange(found.shape[1]) - np.nan_to_num(found).round().astype(int)
        seen = np.take_along_axis(right()[:, ::-1], np.maximum(columns, 0), axis=1)
        return np.where(np.abs(seen - found) <= 1, found, np.float32(np.nan))

    return disparity


def flipped(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return np.ascontiguousarray(picture[:, ::-1])


def main() -> None:
    pair = motorcycle_pair()
    frame = Frame(pair.stamp_ns, "left", pair.left, pair.camera, pair.right)
    truth = pair.camera.disparity_from_depth(pair.depth)
    steps: dict[str, Callable[[], Float32]] = {
        "SGBM with OpenCV's own check": Matched(frame, UNCHECKED),
        "right picture at full size": full_size_check(frame),
        "right picture at half size": Matched(frame, CHECKED),
        "and texture, and speckles": Matched(frame, PARAMETERS),
    }
    table = Table("motorcycle, 741x500, 80 disparities", "EPE, px", "bad-2 of valid, %", "coverage, %", "CPU, ms")
    for name, step in steps.items():
        began = time.process_time()
        disparity = step()
        spent = 1000 * (time.process_time() - began)
        valid = np.isfinite(disparity)
        scores = (
            metrics.epe(disparity, truth),
            100 * metrics.bad_n(disparity, truth, valid),
            100 * metrics.coverage(disparity, np.isfinite(truth)),
        )
        table.add_row(name, *(f"{score:.2f}" for score in scores), f"{spent:.0f}")
    Console().print(table)

    measurement = make_stereo_matcher(PARAMETERS)(frame)
    error = np.abs(measurement.disparity - truth)
    table = Table("confidence", "pixels, %", "within 1 px, %", "bad-2, %")
    for low, high in pairwise(EDGES):
        chosen = np.isfinite(error) & (measurement.confidence > low) & (measurement.confidence <= high)
        share = chosen.sum() / np.isfinite(error).sum()
        right, bad = np.mean(error[chosen] <= 1), np.mean(error[chosen] > 2)
        table.add_row(f"{low:g} to {high:g}", *(f"{100 * value:.1f}" for value in (share, right, bad)))
    Console().print(table)
    compare_networks(frame, truth)


def compare_networks(frame: Frame, truth: Float32) -> None:
    """Networks that answer everywhere, and with the mirrored pair's answer as a check, beside semi-global matching."""
    ways = {"SGBM": PARAMETERS}
    for path in sys.argv[1:]:
        name = Path(path).stem
        ways[name] = DENSE.model_copy(update={"onnx": path})
        checked = {"onnx": path, "left_right_check": True}
        ways[f"{name}, checked"] = DENSE.model_copy(update=checked)
    table = Table(
        "motorcycle", "EPE of answers, px", "EPE where SGBM answers, px", "bad-2 of all, %",
        "bad-2 where SGBM answers, %", "coverage, %", "ms per 640x480 pair",
        "CPU ms", "MiB",
    )  # fmt: skip
    known, by_sgbm = np.isfinite(truth), np.isfinite(Matched(frame, PARAMETERS)())
    for name, parameters in ways.items():
        disparity = Matched(frame, parameters)()
        with multiprocessing.get_context("spawn").Pool(1) as pool:  # memory of its own
            spent, cpu, mib = pool.apply(cost, (parameters,))
        scores = (
            metrics.epe(disparity, truth),
            metrics.epe(disparity, truth, by_sgbm),
            100 * metrics.bad_n(disparity, truth),
            100 * metrics.bad_n(disparity, truth, by_sgbm),
            100 * metrics.coverage(disparity, known),
        )
        table.add_row(name, *(f"{score:.2f}" for score in scores), f"{spent:.0f}", f"{cpu:.0f}", f"{mib:.0f}")
    Console(width=140).print(table)


def cost(parameters: StereoParameters) -> tuple[float, float, float]:
    """Milliseconds of one 640x480 pair, by the clock and of all cores, medians; most memory that matching adds, MiB."""
    pair = motorcycle_pair()
    left, right = (cv2.resize(picture, (640, 480)) for picture in (pair.left, pair.right))
    frame = Frame(0, "left", left, pair.camera.scaled(640, 480), right)
    before, match, spent = resident_mib("VmRSS"), make_stereo_matcher(parameters), []
    for _ in range(RUNS):
        began = time.perf_counter(), time.process_time()
        match(frame)
        spent.append((time.perf_counter() - began[0], time.process_time() - began[1]))
    clock, cpu = (1000 * float(each) for each in np.median(spent, 0))
    return clock, cpu, resident_mib("VmHWM") - before


if __name__ == "__main__":
    main()
