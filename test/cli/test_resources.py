from __future__ import annotations

from pathlib import Path

import pytest

from depth_prompt_ros import resources
from depth_prompt_ros.errors import BadInput
from depth_prompt_ros.resources import resource_path


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
