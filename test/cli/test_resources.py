from __future__ import annotations

import logging
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


@pytest.mark.parametrize("name", ["models/background.safetensors", "config/object_depth.yaml"])
def test_a_shipped_file_is_taken_by_its_name_where_there_is_no_such_file_and_logged(
    name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.chdir(tmp_path)
    with caplog.at_level(logging.INFO, resources.__name__):
        assert named_file(Path(name)) == resource_path(name)
    assert [record.getMessage() for record in caplog.records] == [
        f"{name} is not here: the shipped {resource_path(name)} is taken"
    ]
    (tmp_path / name).parent.mkdir()
    (tmp_path / name).write_bytes(b"mine")
    assert named_file(Path(name)).read_bytes() == b"mine"


@pytest.mark.parametrize(
    "name",
    [
        "object_depth.onnx",  # what the README's export writes
        "background.safetensors",
        "object_depth.yaml",
        "setup.py",
        "depth_prompt_ros/py.typed",
        "models/../setup.py",
        "models/nowhere.safetensors",
    ],
)
def test_no_other_missing_file_becomes_a_shipped_one(
    name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.chdir(tmp_path)
    with caplog.at_level(logging.INFO, resources.__name__):
        assert named_file(Path(name)) == Path(name)
        assert named_file(tmp_path / name) == tmp_path / name
    assert not caplog.records


def test_commands_take_shipped_files_by_name_outside_a_checkout(monkeypatch, tmp_path) -> None:
    pytest.importorskip("torch")
    from depth_prompt_ros.graph.prompt import load_prompt
    from depth_prompt_ros.parameters import Parameters, RuntimeParameters
    from depth_prompt_ros.runtime.choose import open_graph

    monkeypatch.chdir(tmp_path)
    assert load_prompt(Path("models/background.safetensors"), "scene-net") is not None
    assert open_graph(Path("models/object_depth.onnx"), RuntimeParameters()).metadata["network"] == "scene-net"
    assert Parameters.from_yaml(Path("config/object_depth.yaml")) == Parameters()
