"""Whether memory grows over many frames, and whether two pipelines disturb each other: python benchmarks/growth.py.

Frames are matched once and then given as depth images, so that 2,000 of them take a minute.
"""

from __future__ import annotations

import gc
import sys
import threading
import tracemalloc
from itertools import islice

import numpy as np
from rich.console import Console

from depth_prompt_ros.bag.outputs import output_messages
from depth_prompt_ros.bench.measure import resident_mib
from depth_prompt_ros.data.rendering.scenes import TABLETOP_CAMERA, render_tabletop_sequence
from depth_prompt_ros.frame import Frame
from depth_prompt_ros.parameters import Parameters, StereoParameters
from depth_prompt_ros.pipeline import ObjectDepthPipeline
from depth_prompt_ros.stages.stereo import make_stereo_matcher

FRAMES, SETTLED = 2000, 200
GROWTH_KIB, RESIDENT_MIB = 64.0, 8.0
"""The bars: of Python's and NumPy's allocations, and of the process, from the settled state to the end."""

PARAMETERS = Parameters.checked({"segmentation": {"method": "labels"}}, "the benchmark")


def frames() -> list[Frame]:
    match, made = make_stereo_matcher(StereoParameters()), []
    for view in islice(render_tabletop_sequence(frames=200, seed=2), 4):
        pair = Frame(view.stamp_ns, "left", view.left, TABLETOP_CAMERA, view.right)
        one = np.where(view.labels == 5, view.labels, 0).astype(np.uint16)
        made.append(Frame(view.stamp_ns, "left", view.left, TABLETOP_CAMERA, depth=match(pair).depth, labels=one))
    return made


def run(pipeline: ObjectDepthPipeline, recorded: list[Frame], count: int) -> list[np.ndarray]:
    """Depth of the last round."""
    depths = []
    for number in range(count):
        result = pipeline(recorded[number % len(recorded)])
        list(output_messages(result, ("points", "object_points"), PARAMETERS))
        depths = [*depths[-3:], result.depth]
    return depths


def main() -> None:
    recorded, pipeline = frames(), ObjectDepthPipeline(PARAMETERS)
    tracemalloc.start()
    run(pipeline, recorded, SETTLED)
    gc.collect()
    settled, settled_mib = tracemalloc.get_traced_memory()[0], resident_mib("VmRSS")
    run(pipeline, recorded, FRAMES)
    gc.collect()
    grown = (tracemalloc.get_traced_memory()[0] - settled) / 1024
    resident = resident_mib("VmRSS") - settled_mib
    tracemalloc.stop()

    alone = run(pipeline, recorded, 8)
    answers: list[list[np.ndarray]] = [[], []]

    def work(place: int) -> None:
        answers[place] = run(ObjectDepthPipeline(PARAMETERS), recorded, 40)

    threads = [threading.Thread(target=work, args=(place,)) for place in (0, 1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    same = all(np.array_equal(a, b, equal_nan=True) for found in answers for a, b in zip(found, alone, strict=True))
    bars = {
        f"allocated after {FRAMES} frames: {grown:+.0f} KiB (at most {GROWTH_KIB:g})": grown <= GROWTH_KIB,
        f"resident after {FRAMES} frames: {resident:+.1f} MiB (at most {RESIDENT_MIB:g})": resident <= RESIDENT_MIB,
        f"two pipelines at once give what one gives alone, bit for bit: {same}": same,
    }
    for bar, met in bars.items():
        Console().print(f"{'met   ' if met else 'MISSED'} {bar}", highlight=False)
    sys.exit(not all(bars.values()))


if __name__ == "__main__":
    main()
