"""Weights of one's own: as a network with another name, and as --weights, wherever a network is chosen."""

from __future__ import annotations

import json
from pathlib import Path

import bags
import commands
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("open3d")

from safetensors import safe_open
from safetensors.torch import load_file, save_file

from depth_prompt_ros.bag.messages import camera_info_message, image_message
from depth_prompt_ros.errors import BadModel
from depth_prompt_ros.networks import catalogue, store
from depth_prompt_ros.networks.cost import describe_cost
from depth_prompt_ros.networks.entry import Source
from depth_prompt_ros.networks.own import own_names
from depth_prompt_ros.resources import resource_path


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("DEPTH_PROMPT_MODELS", str(tmp_path / "models"))
    return tmp_path / "models"


@pytest.fixture
def fine_tuned(tmp_path):
    """What somebody else's training leaves: tensors alone, all a little different."""
    tensors = load_file(str(resource_path("models/scene_net.safetensors")))
    path = tmp_path / "run" / "model.safetensors"
    path.parent.mkdir()
    save_file({key: value * 1.01 if value.is_floating_point() else value for key, value in tensors.items()}, str(path))
    return path


def first_tensor(network) -> torch.Tensor:
    return next(network.parameters()).detach()


def test_own_weights_have_a_name_of_their_own_and_the_published_stay(folder, fine_tuned) -> None:
    added = store.add_own("scene-net", fine_tuned.parent, "cups-1")
    assert added.path == folder / "own" / "cups-1.safetensors"
    assert own_names() == ["cups-1"]
    entry = catalogue.find("cups-1")
    assert (entry.name, entry.own, entry.size) == ("cups-1", True, catalogue.find("scene-net").size)
    assert "scene-net has" in entry.licence
    mine, published = catalogue.load_frozen("cups-1"), catalogue.load_frozen("scene-net")
    torch.testing.assert_close(first_tensor(mine), first_tensor(published) * 1.01, rtol=1e-3, atol=1e-3)
    with safe_open(str(added.path), framework="pt") as file:
        assert file.metadata()["network"] == "cups-1"
    with pytest.raises(BadModel, match="holds weights of 'cups-1', not of 'scene-net'"):
        catalogue.load_frozen("scene-net", added.path)
    store.check("cups-1")
    assert catalogue.find_any("cups-1").name == "cups-1"


@pytest.mark.parametrize(
    ("own", "message"),
    [("scene-vit", "is a published network's name"), ("a/b", "cannot be called"), ("../up", "cannot be called")],
)
def test_a_name_that_could_be_mistaken_is_refused(own, message, folder, fine_tuned) -> None:
    with pytest.raises(BadModel, match=message):
        store.add_own("scene-net", fine_tuned, own)
    assert own_names() == []


def test_weights_of_another_architecture_are_refused_and_leave_nothing(folder, fine_tuned) -> None:
    with pytest.raises(BadModel, match="does not fit scene-vit"):
        store.add_own("scene-vit", fine_tuned, "cups")
    with pytest.raises(BadModel, match="there is no file or folder"):
        store.add_own("scene-net", fine_tuned / "none", "cups")
    (fine_tuned.parent / "config.json").write_text("[1]")
    with pytest.raises(BadModel, match="is not a network's configuration"):
        store.add_own("scene-net", fine_tuned.parent, "cups")
    assert own_names() == []


@pytest.mark.parametrize("given", ["file", "folder", "checkpoint"])
def test_plain_weights_will_do_where_their_names_and_shapes_fit(given, folder, fine_tuned, tmp_path) -> None:
    path = fine_tuned if given == "file" else fine_tuned.parent
    if given == "checkpoint":
        path = tmp_path / "net.pt"
        torch.save({"state_dict": load_file(str(fine_tuned))}, path)
    published = catalogue.load_frozen("scene-net")
    torch.testing.assert_close(
        first_tensor(catalogue.load_frozen("scene-net", path)), first_tensor(published) * 1.01, rtol=1e-3, atol=1e-3
    )
    with pytest.raises(BadModel, match="does not fit scene-vit: .*give the file of that network"):
        catalogue.load_frozen("scene-vit", path)


def test_a_hub_id_is_the_network_that_was_published_there() -> None:
    assert catalogue.find("depth-anything/Depth-Anything-V2-Small-hf").name == "depth-anything-v2-small"
    assert catalogue.find("intel/dpt-large").name == "dpt-large"
    entry = catalogue.find("depth-anything-v2-small")
    assert isinstance(entry.source, Source)


def test_a_misspelt_network_is_guessed(folder, fine_tuned) -> None:
    store.add_own("scene-net", fine_tuned, "cups-1")
    for typed, meant in (("scene_net", "scene-net"), ("cups1", "cups-1")):
        with pytest.raises(BadModel, match=f"no network named '{typed}', did you mean {meant}[?] there are: .*cups-1"):
            catalogue.find(typed)


def test_the_cost_is_said_in_frames_a_second() -> None:
    said = describe_cost("scene-net", catalogue.load_frozen("scene-net"), 160)
    assert said.startswith("scene-net: ")
    assert "frames a second on this machine (CPU, PyTorch, 160x160, 1.5 million parameters)" in said


def test_from_the_folder_of_a_run_to_a_replayed_bag(folder, fine_tuned, tmp_path, monkeypatch, capsys) -> None:
    """As a user does it: add, learn a background through it, export, replay."""
    from depth_prompt_ros.data.rendering.scenes import TABLETOP_CAMERA, render_tabletop_sequence
    from depth_prompt_ros.data.sets.rendered import open_or_render
    from depth_prompt_ros.work.run import Where

    monkeypatch.chdir(tmp_path)
    open_or_render(tmp_path / "objects", "objects", 4, 160, 3, where=Where(1))
    assert commands.run(monkeypatch, ["models", "add", "scene-net", "run", "--own", "cups-1"]) == 0
    assert "verified by names and shapes" in capsys.readouterr().out
    learning = ["learn", "background", "objects", "--validation", "objects", "--steps", "2", "--batch", "1"]
    assert commands.run(monkeypatch, [*learning, "--network", "cups-1", "-o", "p.safetensors"]) == 0
    assert "cups-1: " in capsys.readouterr().err
    assert json.loads(Path("p.json").read_text())["network"] == "cups-1"
    export = ["export", "prompted", "p.safetensors", "-o", "mine.onnx"]
    assert commands.run(monkeypatch, export) == 2
    assert commands.run(monkeypatch, [*export, "--network", "cups-1"]) == 0
    assert "mine.onnx: " in (said := capsys.readouterr().out)
    assert "runs a second on this machine (ONNX Runtime" in said
    view, t = next(render_tabletop_sequence(frames=1, seed=4)), bags.stamp(0)
    records = [
        ("/left/image_rect", image_message(view.left, "rgb8", t, "left"), t),
        ("/right/image_rect", image_message(view.right, "rgb8", t, "right"), t),
        ("/left/camera_info", camera_info_message(TABLETOP_CAMERA, t, "left"), t),
        ("/right/camera_info", camera_info_message(TABLETOP_CAMERA, t, "right", right=True), t),
        ("/things", image_message(view.labels, "mono16", t, "left"), t),
    ]
    bags.write(tmp_path / "bag", records)
    Path("mine.yaml").write_text("prompted_depth: {graph: mine.onnx}\n")
    capsys.readouterr()
    words = ["replay", "bag", "-o", "out", "--params", "mine.yaml", "--labels", "things"]
    assert commands.run(monkeypatch, words) == 0
    assert "1 frames" in capsys.readouterr().out
