"""Run the pipeline in this process on saved frames, print JSON: run_pipeline.py FRAMES.npz SEGMENTATION_JSON REPEAT."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import numpy as np

from depth_prompt_ros.camera import CameraModel
from depth_prompt_ros.frame import Frame
from depth_prompt_ros.parameters import Parameters
from depth_prompt_ros.pipeline import ObjectDepthPipeline
from depth_prompt_ros.stages.cloud import object_points, organised_cloud

WARM_UP = 3


def memory_mib(entry: str) -> float:
    """``VmRSS`` or ``VmHWM`` of this process (getrusage would count what ran before exec)."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(entry):
            return int(line.split()[1]) / 1024
    raise LookupError(entry)


def main(frames_file: str, segmentation: str, repeat: str) -> None:
    imported = memory_mib("VmRSS")
    parameters = Parameters.checked({"segmentation": json.loads(segmentation)}, "the benchmark")
    pipeline = ObjectDepthPipeline(parameters)
    loaded = memory_mib("VmRSS")
    saved = np.load(frames_file)
    camera = CameraModel(**json.loads(str(saved["camera"])))
    pairs = list(zip(saved["left"], saved["right"], strict=True))
    stages: dict[str, list[float]] = {}
    targets = []
    for number in range(WARM_UP + int(repeat)):
        left, right = pairs[number % len(pairs)]
        frame = Frame(number, "left", left, camera, right)
        began = time.perf_counter()
        result = pipeline(frame)
        done = time.perf_counter()
        object_points(organised_cloud(camera, result.depth, frame.image, result.labels, result.confidence))
        ended = time.perf_counter()
        if number < WARM_UP:
            continue
        targets.append(len(result.targets))
        for stage, seconds in (result.seconds | {"cloud": ended - done, "whole": ended - began}).items():
            stages.setdefault(stage, []).append(seconds)
    milliseconds = {stage: 1000 * np.array(seconds) for stage, seconds in stages.items()}
    answer = {
        "stages_ms": {
            stage: {"p50": float(np.percentile(values, 50)), "p95": float(np.percentile(values, 95))}
            for stage, values in milliseconds.items()
        },
        "frames_per_second": 1000 / float(milliseconds["whole"].mean()),
        "targets": float(np.mean(targets)),
        "imported_mib": imported,
        "loaded_mib": loaded,
        "peak_mib": memory_mib("VmHWM"),
    }
    print(json.dumps(answer))


if __name__ == "__main__":
    main(*sys.argv[1:])
