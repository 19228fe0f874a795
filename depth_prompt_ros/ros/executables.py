"""The nodes' executables: what they say where ROS 2 is not there."""

from __future__ import annotations

import sys
from importlib import import_module


def object_depth() -> None:
    """Run the node that does everything."""
    _run("object_depth")


def stereo_depth() -> None:
    """Run the node that measures depth."""
    _run("stereo_depth")


def segmentation() -> None:
    """Run the node that finds targets and ToM regions."""
    _run("segmentation")


def prompted_depth() -> None:
    """Run the node of the prompted network."""
    _run("prompted_depth")


def depth_merge() -> None:
    """Run the node that merges."""
    _run("depth_merge")


def point_cloud() -> None:
    """Run the node that makes clouds."""
    _run("point_cloud")


def _run(node: str) -> None:
    try:
        main = import_module(f"depth_prompt_ros.ros.nodes.{node}").main
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] == "depth_prompt_ros":
            raise
        sys.stderr.write(_without(node, error.name or "") + "\n")
        sys.exit(2)
    main()


def _without(node: str, module: str) -> str:
    try:
        import_module("rclpy")
    except ImportError:
        return (
            f"{node}_node needs ROS 2 ({module} is not there): source a distribution first, for example "
            "source /opt/ros/jazzy/setup.bash; without ROS: depth-prompt replay BAG --out OUT"
        )
    return f"{node}_node needs {module}: rosdep install --from-paths src, or pip install it (docs/ros.md)"
