"""config/*.yaml: every file is one that replay and the nodes accept, and says only what differs from the defaults."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from depth_prompt_ros.bag.outputs import NAMESPACE, TOPICS
from depth_prompt_ros.parameters import Parameters

CONFIG = Path(__file__).parents[2] / "config"
PRESETS = sorted(path.name for path in CONFIG.glob("*.yaml") if path.name != "object_depth.yaml")


def leaves(values: dict[str, Any], path: str = "") -> dict[str, Any]:
    found = {}
    for name, value in values.items():
        found |= leaves(value, f"{path}{name}.") if isinstance(value, dict) else {f"{path}{name}": value}
    return found


def test_the_file_with_all_parameters_holds_the_defaults() -> None:
    assert Parameters.from_yaml(CONFIG / "object_depth.yaml") == Parameters()


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_is_accepted_and_holds_only_what_differs(name: str) -> None:
    parameters = Parameters.from_yaml(CONFIG / name)
    said = leaves(yaml.safe_load((CONFIG / name).read_text())["/**"]["ros__parameters"])
    defaults, resulting = leaves(Parameters().model_dump()), leaves(parameters.model_dump())
    assert said == {key: value for key, value in resulting.items() if value != defaults[key]}


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_reads_a_pair_or_depth_and_never_half_of_either(name: str) -> None:
    topics = Parameters.from_yaml(CONFIG / name).topics
    assert topics.left_image and topics.left_camera_info
    assert bool(topics.right_image) == bool(topics.right_camera_info) != bool(topics.depth_image)


def test_rviz_shows_topics_that_are_published() -> None:
    manager = yaml.safe_load((CONFIG / "object_depth.rviz").read_text())["Visualization Manager"]
    shown = [part["Topic"]["Value"] for part in manager["Displays"] + manager["Tools"] if "Topic" in part]
    ours = {topic for topic in shown if topic.startswith(NAMESPACE)}
    assert {f"{NAMESPACE}/points", f"{NAMESPACE}/object_points", f"{NAMESPACE}/target_point"} <= ours
    assert ours - {f"{NAMESPACE}/target_point"} <= {f"{NAMESPACE}/{topic}" for topic in TOPICS}
