"""What a graph costs is said in runs a second, whatever sides of its inputs are free."""

from __future__ import annotations

import re

import pytest

from depth_prompt_ros.errors import BadModel
from depth_prompt_ros.resources import resource_path
from depth_prompt_ros.runtime.cost import describe_graph


@pytest.mark.parametrize(
    ("name", "size"), [("object_depth", "160x160"), ("tom_mono", r"\d+x\d+"), ("things", r"\d+x\d+")]
)
def test_the_cost_of_a_shipped_graph(name, size) -> None:
    said = describe_graph(resource_path(f"models/{name}.onnx"))
    pattern = rf"{name}\.onnx: ([\d.e+]+) runs a second on this machine \(ONNX Runtime \S+ on the CPU, one of {size}\)"
    assert float(re.fullmatch(pattern, said)[1]) > 0


def test_no_graph_no_cost(tmp_path) -> None:
    with pytest.raises(BadModel, match="no graph at"):
        describe_graph(tmp_path / "none.onnx")
