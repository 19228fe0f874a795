"""Learning which pixels are transparent or mirror: losses, augmentation, a run on a few pictures, what it leaves."""

from __future__ import annotations

import json
import sys

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("onnxscript")

from depth_prompt_ros.cli import main as command
from depth_prompt_ros.data.sets.tom_mask_set import TomMaskSet
from depth_prompt_ros.errors import BadInput, BadModel
from depth_prompt_ros.learning import run_state
from depth_prompt_ros.learning.augmentation import augment
from depth_prompt_ros.learning.losses import mask_losses
from depth_prompt_ros.learning.tom import masks as tom_masks
from depth_prompt_ros.learning.tom.masks import learn_tom_masks
from depth_prompt_ros.learning.trainer import Schedule, write_weights
from depth_prompt_ros.networks.tom_net import TomNet, load_tom_net
from depth_prompt_ros.parameters import RUNTIME_DEFAULTS
from depth_prompt_ros.stages.classes import ClassMask

SHORT = Schedule(steps=40, batch=4, learning_rate=5e-3, bfloat16=False, validate_every=20)


@pytest.fixture(scope="module", autouse=True)
def _one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def pictures(count: int = 12, seed: int = 0, size: tuple[int, int] = (64, 96)) -> TomMaskSet:
    """Noise on grey; what is called transparent is a smooth ellipse."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[: size[0], : size[1]]
    images, masks = [], []
    for _ in range(count):
        cy, cx = rng.uniform(0.3, 0.7, 2) * size
        mask = np.hypot((y - cy) / 16, (x - cx) / 24) < 1
        noise = np.where(mask, 0, rng.normal(0, 50, size))
        images.append(np.clip(128 + noise, 0, 255).astype(np.uint8)[..., None].repeat(3, -1))
        masks.append(mask)
    return TomMaskSet(np.stack(images), np.stack(masks))


@pytest.fixture
def small(monkeypatch) -> None:
    monkeypatch.setattr(TomNet, "SIZE", (64, 96))
    monkeypatch.setattr(TomNet, "RUN_SIZE", (64, 96))


def test_mask_losses_are_zero_for_the_mask_and_count_small_things_as_much_as_large() -> None:
    mask = torch.zeros(2, 1, 8, 8)
    mask[0, :, :4], mask[1, :, 0, 0] = 1, 1
    right = mask_losses(40 * mask - 20, mask)
    assert float(right["cross_entropy"]) < 1e-6
    assert float(right["dice"]) < 1e-6
    large, little = mask.clone(), mask.clone()
    large[0], little[1] = 0, 0
    missed = [mask_losses(40 * found - 20, mask)["dice"] for found in (large, little)]
    assert float(missed[0]) == pytest.approx(0.5, abs=1e-4)
    assert float(missed[1]) == pytest.approx(0.5, abs=1e-4)
    half = mask_losses(torch.zeros(2, 1, 8, 8), mask)
    assert float(half["cross_entropy"]) == pytest.approx(np.log(2), rel=1e-5)
    assert float(half["dice"]) == pytest.approx(1 - (32 / 64 + 1 / 33) / 2, rel=1e-5)


def test_pictures_without_anything_transparent_have_a_cross_entropy_alone() -> None:
    none = torch.zeros(1, 1, 4, 4)
    logits = torch.full((1, 1, 4, 4), 2.0, requires_grad=True)
    losses = mask_losses(logits, none)
    assert losses["dice"].item() == 0
    sum(losses.values()).backward()
    assert (logits.grad > 0).all()


def test_masks_stay_on_their_things_whatever_is_done_to_the_picture() -> None:
    """A red thing on grey: red is known after any window, turn and mirror image, before colours are touched."""
    mask = torch.zeros(6, 1, 64, 80)
    mask[:, :, 20:40, 30:60] = 1
    image = torch.cat([0.5 + 0.5 * mask, 0.5 - 0.5 * mask, 0.5 - 0.5 * mask], 1)
    from depth_prompt_ros.learning import augmentation

    generator = torch.Generator().manual_seed(1)
    for _ in range(5):
        moved, follows = augmentation._mosaic(*augmentation._moved(image, mask, generator), generator)
        assert ((moved[:, :1] > 0.75) == (follows > 0)).float().mean() > 0.99
        assert follows.mean() > 0.02
    assert not torch.equal(moved[0], moved[1])


def test_augmented_pictures_are_pictures_and_repeat_under_their_seed() -> None:
    given = pictures(6)
    image = torch.from_numpy(given.pictures).permute(0, 3, 1, 2).float() / 255
    mask = torch.from_numpy(given.tom)[:, None].float()
    first = augment(image, mask, torch.Generator().manual_seed(3))
    again = augment(image, mask, torch.Generator().manual_seed(3))
    other = augment(image, mask, torch.Generator().manual_seed(4))
    assert first[0].shape == image.shape
    assert set(first[1].unique().tolist()) == {0.0, 1.0}
    assert 0 <= float(first[0].min()) < float(first[0].max()) <= 1
    assert torch.equal(first[0], again[0])
    assert not torch.equal(first[0], other[0])


def test_a_short_run_finds_what_it_learned_and_runs_without_pytorch_as_it_did(small, tmp_path) -> None:
    out = tmp_path / "tom.safetensors"
    figures = learn_tom_masks([pictures()], [pictures(4, seed=5)], out, SHORT)
    assert figures["iou"] > 0.6
    card = json.loads(out.with_suffix(".json").read_text())
    assert card["network"] == "tom-net"
    assert card["validation"] == {"pictures": 4, **figures}
    detect = ClassMask(str(tmp_path / "tom.yaml"), (), "tom", RUNTIME_DEFAULTS)
    unseen = pictures(4, seed=5)
    found = np.stack([detect(picture) for picture in unseen.pictures])
    assert (found & unseen.tom).sum() / (found | unseen.tom).sum() == pytest.approx(figures["iou"], abs=0.02)
    with torch.no_grad():
        logits = load_tom_net(out).eval()(torch.from_numpy(unseen.pictures[:1]).permute(0, 3, 1, 2).float() / 255)
    threshold = np.log(figures["threshold"] / (1 - figures["threshold"]))
    assert ((logits[0, 0].numpy() > threshold) == found[0]).mean() > 0.995
    assert not list(tmp_path.glob("*.part"))


def test_an_interrupted_run_goes_on_and_a_longer_one_starts_from_its_weights(small, monkeypatch, tmp_path) -> None:
    monkeypatch.setattr(run_state, "_SAVE_SECONDS", 0.0)
    few = Schedule(steps=6, batch=2, learning_rate=1e-3, bfloat16=False, validate_every=3)
    whole, stopped = tmp_path / "whole.safetensors", tmp_path / "stopped.safetensors"
    monkeypatch.setattr(tom_masks, "export_pictures", lambda *_: None)
    learn_tom_masks([pictures(5)], [], whole, few)
    calls = 0

    def interrupting(*given):
        nonlocal calls
        calls += 1
        if calls == 5:
            raise KeyboardInterrupt
        return augment(*given)

    monkeypatch.setattr(tom_masks, "augment", interrupting)
    with pytest.raises(KeyboardInterrupt):
        learn_tom_masks([pictures(5)], [], stopped, few)
    learn_tom_masks([pictures(5)], [], stopped, few)
    first, second = load_tom_net(whole).state_dict(), load_tom_net(stopped).state_dict()
    assert all(torch.equal(first[key], second[key]) for key in first)
    further = Schedule(steps=1, batch=2, learning_rate=0.0, bfloat16=False, validate_every=1)
    learn_tom_masks([pictures(5)], [], tmp_path / "more.safetensors", further, weights=whole)
    more = load_tom_net(tmp_path / "more.safetensors").state_dict()
    assert torch.equal(more["head.weight"], first["head.weight"])


def test_sets_of_any_size_are_learned_from_together() -> None:
    sets = [pictures(2), pictures(3, size=(48, 48)), pictures(2, size=(100, 160))]
    joined = tom_masks._Pictures(sets)
    batch = joined.load(np.arange(7), (64, 96), torch.device("cpu"))
    assert batch.image.shape == (7, 3, 64, 96)
    np.testing.assert_array_equal(batch.tom[1, 0].numpy() > 0, sets[0].tom[1])
    spread = (batch.image.amax(1) - 128 / 255).abs() * batch.tom[:, 0]
    assert float(spread.mean()) < 0.2 * float((batch.image.amax(1) - 128 / 255).abs().mean())


def test_nothing_transparent_to_learn_from_or_to_validate_on(tmp_path) -> None:
    empty = TomMaskSet(np.zeros((20, 64, 96, 3), np.uint8), np.zeros((20, 64, 96), bool))
    with pytest.raises(BadInput, match="no picture to learn from has a transparent or mirror pixel"):
        learn_tom_masks([empty], [pictures(2)], tmp_path / "x.safetensors", SHORT)
    with pytest.raises(BadInput, match="no picture to validate on has a transparent or mirror pixel"):
        learn_tom_masks([pictures(2)], [empty], tmp_path / "x.safetensors", SHORT)
    assert not list(tmp_path.iterdir())


def test_weights_of_another_network_are_refused(tmp_path) -> None:
    write_weights(tmp_path / "other.safetensors", {"a": torch.zeros(1)}, {"network": "scene-net"}, {})
    with pytest.raises(BadModel, match=r"other\.safetensors holds weights of 'scene-net', not of 'tom-net'"):
        load_tom_net(tmp_path / "other.safetensors")
    write_weights(tmp_path / "older.safetensors", {"a": torch.zeros(1)}, {"network": "tom-net"}, {})
    with pytest.raises(BadModel, match=r"older\.safetensors does not fit tom-net: .*Missing key"):
        load_tom_net(tmp_path / "older.safetensors")


def test_every_pixel_near_by_can_move_an_answer() -> None:
    torch.manual_seed(0)
    picture = torch.rand(1, 3, *TomNet.SIZE, requires_grad=True)
    network = TomNet().eval()
    assert sum(parameter.numel() for parameter in network.parameters()) < 1e6
    network(picture)[0, 0, 128, 160].backward()
    assert float((picture.grad[0, 0] != 0).float().mean()) > 0.9


def test_the_command_learns_from_a_folder_and_evaluates_what_it_learned(small, monkeypatch, capsys, tmp_path) -> None:
    given = pictures(6)

    def fill(aside) -> None:
        made = TomMaskSet.open(aside, mode="r+")
        made.pictures[:], made.tom[:] = given.pictures, given.tom

    TomMaskSet.open_or_make(tmp_path / "set", {}, 6, (64, 96), fill)
    out = tmp_path / "tom.safetensors"

    def run(*arguments: str) -> str:
        monkeypatch.setattr(sys, "argv", ["depth-prompt", *arguments])
        with pytest.raises(SystemExit) as stopped:
            command.main()
        assert not stopped.value.code
        return capsys.readouterr().out

    said = run("learn", "tom-masks", "--out", str(out), str(tmp_path / "set"), "--steps", "4", "--batch", "2",
               "--validate-every", "2", "--float32")  # fmt: skip
    assert "balanced_error" in said
    described = str(out.with_suffix(".yaml"))
    said = run("evaluate", "tom-masks", str(tmp_path / "set"), "--network", described, "--sheets", str(tmp_path / "s"))
    assert "set" in said
    assert (tmp_path / "s" / "set.jpg").stat().st_size > 1000
