"""What was measured, as a table and as JSON in the shape of ros2_benchmark's reports."""

from __future__ import annotations

import hashlib
import os
import platform
from datetime import datetime, timezone
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np
from rich.table import Table

from depth_prompt_ros import __version__
from depth_prompt_ros.bench import yardstick
from depth_prompt_ros.bench.measure import Measured
from depth_prompt_ros.parameters import Parameters

PERCENTILES = (50, 95, 99)
_COMPARED = (50, 95)
_LIBRARIES = ("numpy", "opencv-python-headless", "opencv-python", "onnxruntime", "onnxruntime-gpu", "open3d-cpu",
              "open3d", "rosbags", "tensorrt", "cuda-python", "torch")  # fmt: skip


def as_json(measured: Measured, bag: Path, parameters: Parameters) -> dict[str, Any]:
    """Everything, under ros2_benchmark's names where it has one; milliseconds, MiB.

    https://github.com/NVIDIA-ISAAC-ROS/ros2_benchmark
    """
    whole = 1000 * np.array(measured.segments["whole"])
    jitter = np.abs(np.diff(whole)) if len(whole) > 1 else np.zeros(1)
    return {
        "BasicPerformanceMetrics.RECEIVED_DURATION": float(whole.sum()),
        "BasicPerformanceMetrics.MEAN_FRAME_RATE": frames_per_second(measured),
        "BasicPerformanceMetrics.NUM_FRAMES_SENT": measured.sent,
        "BasicPerformanceMetrics.NUM_MISSED_FRAMES": sum(measured.missed.values()),
        "BasicPerformanceMetrics.FIRST_SENT_RECEIVED_LATENCY": 1000 * measured.first,
        "BasicPerformanceMetrics.LAST_SENT_RECEIVED_LATENCY": float(whole[-1]),
        "BasicPerformanceMetrics.MAX_JITTER": float(jitter.max()),
        "BasicPerformanceMetrics.MIN_JITTER": float(jitter.min()),
        "BasicPerformanceMetrics.MEAN_JITTER": float(jitter.mean()),
        "BasicPerformanceMetrics.STD_DEV_JITTER": float(jitter.std()),
        "custom": {
            "segments_ms": {name: _percentiles(seconds) for name, seconds in measured.segments.items()},
            "yardstick_ms": _percentiles(measured.yardstick),
            "segments_over_yardstick": over_yardstick(measured),
            "load_ms": 1000 * measured.load,
            "targets": float(np.mean(measured.targets)),
            "missed": measured.missed,
            "resident_mib": measured.resident_mib,
            "gpu_mib": measured.gpu_mib,
            "runtimes": measured.runtimes,
            "versions": versions(),
            "cpu": cpu_name(),
            "cores": cores(),
        },
        "metadata": {
            "BenchmarkMetadata.NAME": "depth_prompt_ros pipeline, one process, no middleware",
            "BenchmarkMetadata.TEST_DATETIME": datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "BenchmarkMetadata.DEVICE_HOSTNAME": platform.node(),
            "BenchmarkMetadata.DEVICE_ARCH": platform.machine(),
            "BenchmarkMetadata.DEVICE_OS": f"{platform.system()} {platform.release()}",
            "BenchmarkMetadata.INPUT_DATA_PATH": str(bag),
            "BenchmarkMetadata.INPUT_DATA_SIZE": sum(path.stat().st_size for path in _files(bag)),
            "BenchmarkMetadata.INPUT_DATA_HASH": input_hash(bag),
            "BenchmarkMetadata.CONFIG": parameters.model_dump_json(),
        },
    }


def as_table(measured: Measured) -> Table:
    """Milliseconds of each segment, and over R; what no network and no matcher does is summed up as rest."""
    heads = [*(f"p{share}" for share in PERCENTILES), *(f"p{share} / {yardstick.NAME}" for share in _COMPARED)]
    table, ratios = Table("segment, ms", *heads), over_yardstick(measured)
    names = [name for name in measured.segments if name not in ("rest", "whole")]
    for name in [*names, "rest", "whole"]:
        if name == "rest":
            table.add_section()
        row = _percentiles(measured.segments[name])
        shares = [f"{row[f'p{share}']:.2f}" for share in PERCENTILES]
        table.add_row(name, *shares, *(f"{ratios[name][f'p{share}']:.2f}" for share in _COMPARED))
    return table


def summary(measured: Measured) -> list[str]:
    """The other figures, a line each."""
    gpu = "" if measured.gpu_mib is None else f"; GPU {measured.gpu_mib:.0f} MiB in use by all programs"
    machine = f"{cores()} cores of {cpu_name()}; graph in {measured.runtimes[0]}"
    once = 1000 * float(np.median(measured.yardstick))
    lines = [
        f"{yardstick.NAME} = {once:.1f} ms, p50: {yardstick.MEANING}",
        f"{frames_per_second(measured):.1f} frames per second, {np.mean(measured.targets):.1f} targets, {machine}",
        f"cold: {1000 * measured.load:.0f} ms to load, {1000 * measured.first:.0f} ms for the first frame",
        "resident: " + ", ".join(f"{value:.0f} MiB {when}" for when, value in measured.resident_mib.items()) + gpu,
    ]
    return lines + [f"missed {count}: {reason}" for reason, count in measured.missed.items()]


def over_yardstick(measured: Measured) -> dict[str, dict[str, float]]:
    """Percentiles of each segment over the median pass of semi-global matching in the same run."""
    once = float(np.median(measured.yardstick))
    return {
        name: {f"p{share}": float(np.percentile(seconds, share)) / once for share in _COMPARED}
        for name, seconds in measured.segments.items()
    }


def frames_per_second(measured: Measured) -> float:
    """Of warm frames, one after the other."""
    return len(measured.segments["whole"]) / sum(measured.segments["whole"])


def versions() -> dict[str, str]:
    """Of this package, Python and the libraries that matter and are there."""
    found = {"depth_prompt_ros": __version__, "python": platform.python_version()}
    return found | {library: version(library) for library in _LIBRARIES if _is_there(library)}


def input_hash(bag: Path) -> str:
    """sha256 of a bag's files in the order of their names."""
    digest = hashlib.sha256()
    for path in _files(bag):
        with path.open("rb") as file:
            while block := file.read(2**20):
                digest.update(block)
    return digest.hexdigest()


def cpu_name() -> str:
    """CPU model name as reported by the kernel."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.is_file() else []
    return next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), platform.machine())


def cores() -> int:
    """Number of CPU cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _files(bag: Path) -> list[Path]:
    return sorted(path for path in bag.rglob("*") if path.is_file()) if bag.is_dir() else [bag]


def _is_there(library: str) -> bool:
    try:
        return bool(version(library))
    except PackageNotFoundError:
        return False


def _percentiles(seconds: list[float]) -> dict[str, float]:
    return {f"p{share}": float(1000 * np.percentile(seconds, share)) for share in PERCENTILES}
