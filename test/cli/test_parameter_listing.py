from __future__ import annotations

from pathlib import Path

import yaml

from depth_prompt_ros.parameter_listing import entries, markdown_table, ros_yaml
from depth_prompt_ros.parameters import Parameters

ROOT = Path(__file__).resolve().parents[2]
CONFIG = ROOT / "config" / "object_depth.yaml"
MEND = "parameters.py has changed: run make parameters"


def test_shipped_file_and_page_list_the_parameters_as_they_are() -> None:
    assert CONFIG.read_text() == ros_yaml(), MEND
    page = (ROOT / "docs" / "parameters.md").read_text()
    listed = page.partition("<!-- parameters -->\n")[2].partition("<!-- end of parameters -->")[0]
    assert listed == markdown_table(), MEND


def test_shipped_file_reads_back_as_the_defaults() -> None:
    assert Parameters.from_yaml(CONFIG) == Parameters()


def test_shipped_file_has_nothing_that_ros_cannot_read() -> None:
    def values(tree: object) -> list[object]:
        return [v for child in tree.values() for v in values(child)] if isinstance(tree, dict) else [tree]

    for value in values(yaml.safe_load(ros_yaml())):
        assert value is not None
        assert value != []
        assert isinstance(value, bool | int | float | str | list)


def test_what_is_unset_becomes_valid_when_uncommented() -> None:
    text = ros_yaml()
    for entry in entries():
        if not entry.default:
            text = text.replace(f"# {entry.path[-1]}: ", f"{entry.path[-1]}: ")
    box = yaml.safe_load(text)["/**"]["ros__parameters"]["segmentation"]["target_box"]
    assert box == [0.0, 0.0, 0.0, 0.0]


def test_every_parameter_but_topics_is_described() -> None:
    listed = entries()
    assert {"rectified", "stereo", "segmentation", "topics"} <= {entry.path[0] for entry in listed}
    assert [entry.path for entry in listed if not entry.description and entry.path[0] != "topics"] == []


def test_range_and_choices_are_spelt_out() -> None:
    allowed = {".".join(entry.path): entry.allowed for entry in entries()}
    assert allowed["stereo.num_disparities"] == "at least 16, at most 1024, a multiple of 16"
    assert allowed["segmentation.method"].startswith("one of point, box")
