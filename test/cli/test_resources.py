from __future__ import annotations

from pathlib import Path

import pytest

from depth_prompt_ros import resources
from depth_prompt_ros.errors import BadInput
from depth_prompt_ros.resources import named_file, resource_path


@pytest.mark.parametrize(
    ("code", "models"),
    [
        ("checkout/depth_prompt_ros", "checkout/models"),
        ("venv/lib/python3.12/site-packages/depth_prompt_ros", "venv/share/depth_prompt_ros/models"),
        ("install/x/lib/python3.10/site-packages/depth_prompt_ros", "install/x/share/depth_prompt_ros/models"),
        ("install/local/lib/python3.10/dist-packages/depth_prompt_ros", "install/share/depth_prompt_ros/models"),
    ],
)
def test_found_in_a_checkout_a_pip_and_a_colcon_install(
    code: str, models: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / code).mkdir(parents=True)
    (tmp_path / models).mkdir(parents=True)
    (tmp_path / models / "x.onnx").touch()
    monkeypatch.setattr(resources, "__file__", str(tmp_path / code / "resources.py"))
    assert resource_path("models/x.onnx") == tmp_path / models / "x.onnx"


def test_the_shipped_parameters_are_found() -> None:
    assert resource_path("config/object_depth.yaml").is_file()


def test_what_is_not_installed_is_named() -> None:
    with pytest.raises(BadInput, match="models/nothing.onnx is not installed"):
        resource_path("models/nothing.onnx")


def test_a_shipped_file_is_meant_by_its_name_where_there_is_no_such_file(monkeypatch, tmp_path) -> None:
    monkeypatch.chdir(tmp_path)
    shipped = resource_path("models/background.safetensors")
    for name in ("models/background.safetensors", "background.safetensors"):
        assert named_file(Path(name)) == shipped
    assert named_file(Path("object_depth.yaml")) == resource_path("config/object_depth.yaml")
    own = tmp_path / "background.safetensors"
    own.write_bytes(b"mine")
    assert named_file(Path("background.safetensors")).read_bytes() == b"mine"
    assert named_file(Path("nowhere.safetensors")) == Path("nowhere.safetensors")
    assert named_file(tmp_path / "object_depth.onnx") == tmp_path / "object_depth.onnx"


def test_commands_take_shipped_files_by_name_outside_a_checkout(monkeypatch, tmp_path) -> None:
    pytest.importorskip("torch")
    from depth_prompt_ros.graph.prompt import load_prompt
    from depth_prompt_ros.parameters import Parameters, RuntimeParameters
    from depth_prompt_ros.runtime.choose import open_graph

    monkeypatch.chdir(tmp_path)
    assert load_prompt(Path("background.safetensors"), "scene-net") is not None
    assert open_graph(Path("models/object_depth.onnx"), RuntimeParameters()).metadata["network"] == "scene-net"
    assert Parameters.from_yaml(Path("object_depth.yaml")) == Parameters()
