"""Learning end to end on a handful of pictures: it lowers the loss, repeats under a seed, and freezes the network."""

from __future__ import annotations

import json

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("open3d")

from depth_prompt_ros.data.sets.picture_set import PictureSet
from depth_prompt_ros.data.sets.rendered import open_or_render
from depth_prompt_ros.errors import BadInput
from depth_prompt_ros.graph.weights import read_weights
from depth_prompt_ros.learning.background.learn import learn_background
from depth_prompt_ros.learning.background.scene_network import learn_scene_network
from depth_prompt_ros.learning.trainer import Schedule, write_weights
from depth_prompt_ros.networks import catalogue
from depth_prompt_ros.work.run import Where


@pytest.fixture(scope="module", autouse=True)
def _one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def objects(tmp_path_factory) -> PictureSet:
    return open_or_render(tmp_path_factory.mktemp("sets") / "objects", "objects", 8, 160, seed=9)


@pytest.fixture(scope="module")
def scenes(tmp_path_factory) -> PictureSet:
    return open_or_render(tmp_path_factory.mktemp("sets") / "scenes", "scenes", 8, 160, seed=9)


def test_a_background_beats_white_after_few_steps_and_repeats_under_its_seed(objects, tmp_path) -> None:
    schedule = Schedule(steps=12, batch=4, learning_rate=0.05, bfloat16=False)
    frozen = catalogue.load_frozen("scene-net").state_dict()
    figures = learn_background(objects, objects, tmp_path / "a.safetensors", schedule)
    again = learn_background(objects, objects, tmp_path / "b.safetensors", schedule)
    assert figures["learned"]["si_rmse"] < 0.8 * figures["white"]["si_rmse"]
    assert figures == again
    first, second = (read_weights(tmp_path / f"{name}.safetensors")[0]["picture"] for name in "ab")
    assert torch.equal(first, second)
    assert (tmp_path / "a.png").stat().st_size > 1000
    after = catalogue.load_frozen("scene-net").state_dict()
    assert all(torch.equal(frozen[key], after[key]) for key in frozen)


def test_the_scene_network_learns_and_its_card_says_how(scenes, tmp_path) -> None:
    out, losses = tmp_path / "net.safetensors", []
    schedule = Schedule(steps=50, batch=2, learning_rate=2e-3, bfloat16=False)
    figures = learn_scene_network(scenes, scenes, out, schedule, report=lambda *row: losses.append(row[2]))
    card = json.loads(out.with_suffix(".json").read_text())
    assert card["network"] == "scene-net"
    assert card["schedule"]["steps"] == 50
    assert card["test"] == figures
    assert np.isfinite([list(terms.values()) for terms in losses]).all()
    assert catalogue.load_frozen("scene-net", out)
    assert not list(tmp_path.glob("*.part"))


def test_pictures_that_cannot_be_learned_from_are_named(objects, tmp_path) -> None:
    schedule = Schedule(steps=1, batch=1, learning_rate=0.1)
    empty = PictureSet(objects.images, objects.depths, objects.masks.copy(), objects.intrinsics)
    empty.masks[3] = False
    unknown = PictureSet(
        objects.images, np.where(objects.masks, np.nan, objects.depths), objects.masks, objects.intrinsics
    )
    small = PictureSet(
        *(array[:, :64, :64] for array in (objects.images, objects.depths, objects.masks)), objects.intrinsics
    )
    for wrong, message in (
        (empty, "picture 3 of 8 in the set has no object in its mask"),
        (unknown, "picture 0 of 8 in the set has no known depth on its object"),
        (small, "the pictures are 64 pixels wide, the network takes 160"),
    ):
        with pytest.raises(BadInput, match=message):
            learn_background(wrong, objects, tmp_path / "a.safetensors", schedule)
    assert not list(tmp_path.iterdir())


def test_fine_tuned_weights_load_whatever_names_the_network_was_published_with(tmp_path, monkeypatch) -> None:
    """FastDepth's published file numbers its convolutions; fine-tuned ones carry the module's own names."""
    from depth_prompt_ros.learning.background.fine_tuning import fine_tune

    torch.manual_seed(0)
    monkeypatch.setenv("DEPTH_PROMPT_MODELS", str(tmp_path))
    network = catalogue.find("fastdepth").build()
    convolutions = [layer for layer in network.modules() if isinstance(layer, torch.nn.Conv2d)]
    tensors = {
        f"{i}.{part}": getattr(layer, part) for i, layer in enumerate(convolutions) for part in ("weight", "bias")
    }
    write_weights(tmp_path / "fastdepth.safetensors", tensors, {"network": "fastdepth"}, {})
    pictures = open_or_render(tmp_path / "set", "objects", 2, 224, seed=1, where=Where(1))
    out = tmp_path / "tuned.safetensors"
    fine_tune(pictures, pictures, out, Schedule(steps=1, batch=1, learning_rate=1e-3, bfloat16=False), "fastdepth")
    tuned = catalogue.load_frozen("fastdepth", out)
    assert not torch.equal(tuned.stem.weight, catalogue.load_frozen("fastdepth").stem.weight)
