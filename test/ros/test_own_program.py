"""The live node in a program of one's own, as the docs have it."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import rclpy

from depth_prompt_ros.ros.nodes import object_depth

PAGE = Path(__file__).parents[2] / "docs/ros.md"


def test_the_program_in_the_docs_makes_an_active_node_and_ends() -> None:
    code = PAGE.read_text().split("### In a program of one's own")[1].split("```python\n")[1].split("```")[0]
    before, spins, after = code.partition("executor.spin()")
    assert spins
    made: dict[str, Any] = {}
    exec(before, made)  # noqa: S102 (it is ours)
    node, executor = made["node"], made["executor"]
    assert type(node) is object_depth.ObjectDepthNode
    thread = threading.Thread(target=executor.spin, daemon=True)
    thread.start()
    assert node.settings.topics.depth_image == "depth"
    assert node.inputs is not None
    assert set(node.inputs.arrived) == {"left_image", "left_camera_info", "depth_image"}
    exec(after.partition("\n")[2], made)  # noqa: S102
    assert node.inputs is None
    executor.shutdown()
    node.destroy_node()
    rclpy.try_shutdown()
    thread.join(5)
    assert not thread.is_alive()
