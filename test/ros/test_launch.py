"""The launch files; only where ROS is sourced and the package built."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("launch_ros")
packages = pytest.importorskip("ament_index_python.packages")

from launch import LaunchContext, LaunchDescription
from launch.actions import DeclareLaunchArgument
from launch.launch_description_sources import get_launch_description_from_python_launch_file
from launch_ros.actions import Node

try:
    packages.get_package_share_path("depth_prompt_ros")
except packages.PackageNotFoundError:
    pytest.skip("the package is not built", allow_module_level=True)

LAUNCH = Path(__file__).parents[2] / "launch"


def description(name: str) -> LaunchDescription:
    return get_launch_description_from_python_launch_file(str(LAUNCH / name))


def started(**arguments: str) -> list[Node]:
    """The nodes that object_depth.launch.py would start."""
    context = LaunchContext()
    context.launch_configurations.update(arguments)
    entities: list[Any] = []
    for entity in description("object_depth.launch.py").entities:
        entities += entity.visit(context) or []
    return [entity for entity in entities if isinstance(entity, Node) and entity.node_package == "depth_prompt_ros"]


@pytest.mark.parametrize("name", sorted(path.name for path in LAUNCH.glob("*.launch.py")))
def test_every_argument_says_what_it_is(name: str) -> None:
    arguments = [entity for entity in description(name).entities if isinstance(entity, DeclareLaunchArgument)]
    assert arguments
    assert all(argument.description for argument in arguments)


def test_one_node_by_default_and_one_a_stage() -> None:
    assert [node.node_executable for node in started()] == ["object_depth_node"]
    assert len(started(composed="false")) == 5


def test_a_preset_is_found_by_its_name_and_no_file_is_said() -> None:
    started(params_file="object_depth.yaml")
    with pytest.raises(FileNotFoundError, match=r"there is no none\.yaml; the package has .*object_depth\.yaml"):
        started(params_file="none.yaml")
