"""This machine: versions, what runs the networks and why, system libraries, shipped models, ROS."""

from __future__ import annotations

import hashlib
import os
import platform
import sys
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path

from depth_prompt_ros import __version__, system_libraries
from depth_prompt_ros.doctor.finding import Finding, note, ok, wrong
from depth_prompt_ros.errors import DepthPromptError
from depth_prompt_ros.parameters import Parameters
from depth_prompt_ros.resources import model_folder, resource_path

_BASE = ("numpy", "opencv-python-headless", "onnxruntime", "rosbags", "mcap", "pydantic", "pillow")
_OTHERS = ("onnxruntime-gpu", "open3d", "open3d-cpu", "torch", "transformers", "tensorrt", "cuda-python", "rembg")
_SHIPPED = (
    "object_depth.onnx",
    "metric_depth.onnx",
    "things.onnx",
    "tom_mono.onnx",
    "tom_masks.onnx",
    "background.safetensors",
)
_SHOWN = 12


def look_at_machine(parameters: Parameters) -> Iterator[Finding]:
    """Findings in the order in which they matter for a bug report.

    Args:
        parameters: runtime and device that are asked for, and the networks.
    """
    yield ok(f"depth_prompt_ros {__version__}, Python {platform.python_version()}, {platform.platform(terse=True)}")
    yield ok(", ".join(f"{name} {found}" for name in _BASE if (found := _version(name))))
    others = [f"{name} {found}" for name in _OTHERS if (found := _version(name))]
    yield note(f"optional libraries: {', '.join(others) or 'none'}")
    yield from _libraries()
    yield from _networks(parameters)
    yield from _models()
    yield _ros()


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return ""


def _libraries() -> Iterator[Finding]:
    missing = system_libraries.missing()
    if missing:
        yield wrong(f"system libraries are missing: {', '.join(missing)}", system_libraries.advice(missing))
    else:
        yield ok("system libraries: all that the installed wheels link are there")


def _networks(parameters: Parameters) -> Iterator[Finding]:
    """What runs the shipped graph, and why it is that."""
    from depth_prompt_ros.runtime.choose import open_graph
    from depth_prompt_ros.runtime.onnxruntime_graph import cuda_missing
    from depth_prompt_ros.runtime.tensorrt import cuda
    from depth_prompt_ros.stages.prompted_depth import SHIPPED_GRAPH

    given = parameters.prompted_depth.graph
    path = Path(given) if given else resource_path(SHIPPED_GRAPH)
    gpu = cuda.find_gpu()
    try:
        graph = open_graph(path, parameters)
    except DepthPromptError as error:
        yield wrong(f"the network {path.name} cannot be run: {error}", "set runtime and device to auto, or mend that")
        return
    yield ok(f"networks run in {graph.runs_in} (runtime {parameters.runtime}, device {parameters.device})")
    if not graph.on_gpu:
        why = gpu if isinstance(gpu, str) else cuda_missing() or "it was not asked for"
        yield note(f"no GPU is used: {why}", "docs/runtime.md" if not isinstance(gpu, str) else "")


def _models() -> Iterator[Finding]:
    for name in _SHIPPED:
        try:
            path = resource_path(f"models/{name}")
        except DepthPromptError as error:
            yield wrong(str(error), "pip install --force-reinstall depth_prompt_ros")
            continue
        digest = hashlib.sha256(path.read_bytes()).hexdigest()[:_SHOWN]
        yield ok(f"models/{name}: {path.stat().st_size / 1e6:.1f} MB, sha256 {digest}")
    added = sorted(model_folder().glob("**/*.safetensors")) if model_folder().is_dir() else []
    yield note(f"networks in {model_folder()}: {', '.join(path.stem for path in added) or 'none'}")


def _ros() -> Finding:
    distribution = os.environ.get("ROS_DISTRO", "")
    if "rclpy" in sys.modules or find_spec("rclpy") is not None:
        return ok(
            f"ROS 2 {distribution or 'of no name'} is sourced, {os.environ.get('RMW_IMPLEMENTATION', 'default rmw')}"
        )
    if distribution:
        return wrong(
            f"ROS_DISTRO is {distribution} but rclpy cannot be imported by this Python",
            "use the Python that the distribution was made for; venv --system-site-packages (docs/ros.md)",
        )
    return note("no ROS 2 is sourced: the live nodes cannot run, everything else can")
