"""Learning a mirror through a tiny frozen CLIP: it learns, goes on where it stopped, and says what is wrong."""

from __future__ import annotations

import csv
import json

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

from clips import TINY, published, tiny_clip, tiny_clipseg, use_tiny
from commands import run
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from depth_prompt_ros.data.sets.metric_set import MetricSet
from depth_prompt_ros.errors import BadInput
from depth_prompt_ros.evaluation.metric.errors import mean_errors, picture_errors
from depth_prompt_ros.learning.clip.mirror import Plan, learn_mirror, new_network, parameter_groups
from depth_prompt_ros.learning.losses import scale_invariant_log_loss
from depth_prompt_ros.learning.trainer import Schedule
from depth_prompt_ros.networks import store
from depth_prompt_ros.networks.clip_mirror import learned_file
from depth_prompt_ros.stages.text.phrases import Tokeniser

SIZE = (32, 48)


@pytest.fixture
def clip(monkeypatch, tmp_path):
    use_tiny(monkeypatch, tmp_path / "models")
    for name, network in (("clip-tiny", tiny_clip()), ("clipseg-tiny", tiny_clipseg())):
        path = tmp_path / f"{name}.safetensors"
        save_file({key: value.contiguous() for key, value in published(network).items()}, str(path))
        store.add(name, path)
    return "clip-tiny"


def bright_is_near(folder, count: int = 16, seed: int = 0) -> MetricSet:
    """Depth is 4 m where a picture is dark and 1 m where it is bright."""
    rng = np.random.default_rng(seed)

    def fill(aside) -> None:
        made = MetricSet.open(aside, mode="r+")
        for index in range(count):
            bright = rng.random((SIZE[0] // 16, SIZE[1] // 16)).repeat(16, 0).repeat(16, 1)
            made.images[index] = (255 * bright[..., None]).astype(np.uint8)
            made.depths[index] = 4 - 3 * bright
            made.depths[index, :2] = np.nan

    return MetricSet.open_or_make(folder, {"seed": seed}, count, SIZE, fill)


def learn(tmp_path, out, steps: int = 60, plan: Plan | None = None, rate: float = 3e-3, **others):
    train, test = bright_is_near(tmp_path / "train"), bright_is_near(tmp_path / "test", 8, 1)
    schedule = Schedule(steps, 4, rate, 0, False, "cosine", validate_every=steps)
    return learn_mirror([train], [test], out, schedule, plan or Plan(size=SIZE), "clip-tiny", **others)


def test_it_learns_and_the_file_gives_what_the_card_says(clip, tmp_path) -> None:
    out = tmp_path / "mirror.safetensors"
    figures = learn(tmp_path, out, steps=120)
    constant = mean_errors(
        picture_errors(np.full(SIZE, 2.0, np.float32), depth, 10.0)
        for depth in MetricSet.open(tmp_path / "test").depths
    )
    assert figures["abs_rel"] < 0.7 * constant["abs_rel"]
    card = json.loads(out.with_suffix(".json").read_text())
    assert card["validation"]["abs_rel"] == round(figures["abs_rel"], 5)
    network, notes = learned_file.load_mirror(out)
    assert notes["clip"] == "clip-tiny" and notes["clip_sha256"] == learned_file.clip_sha256(network.clip)
    assert set(load_file(out)) == set(network.learned.state_dict())
    rows = list(csv.DictReader(out.with_suffix(".csv").open()))
    assert [float(row["value"]) for row in rows if row["name"] == "validation"][-1] == round(figures["abs_rel"], 5)
    assert out.with_suffix(".png").is_file() and list((tmp_path / "mirror-growth").iterdir())
    assert not out.with_suffix(".checkpoint").exists()


def test_interrupted_it_goes_on_to_the_same_result(clip, tmp_path, monkeypatch) -> None:
    from depth_prompt_ros.learning import run_state, trainer

    monkeypatch.setattr(run_state, "_SAVE_SECONDS", 0.0)
    learn(tmp_path, tmp_path / "whole.safetensors", steps=10)

    class Stop(Exception):
        pass

    def stop(*_) -> None:
        raise Stop

    monkeypatch.setattr(trainer, "_LOG_EVERY", 6)
    with pytest.raises(Stop):
        learn(tmp_path, tmp_path / "parts.safetensors", steps=10, report=stop)
    assert (tmp_path / "parts.checkpoint").is_file()
    learn(tmp_path, tmp_path / "parts.safetensors", steps=10)
    whole, parts = (load_file(tmp_path / f"{name}.safetensors") for name in ("whole", "parts"))
    assert all(torch.equal(whole[key], parts[key]) for key in whole)


def test_it_goes_on_at_another_size_from_what_was_learned(clip, tmp_path) -> None:
    first, then = tmp_path / "first.safetensors", tmp_path / "then.safetensors"
    learn(tmp_path, first, steps=30)
    learn(tmp_path, then, 1, Plan(size=(48, 64)), rate=0.0, start=first)
    before, after = load_file(first), load_file(then)
    assert all(torch.equal(before[key], after[key]) for key in before)
    assert learned_file.load_mirror(then)[1]["size"] == "64x48"
    with pytest.raises(BadInput, match="was learned through clip-tiny with the condition mirror"):
        learn(tmp_path, then, 1, Plan("vector", size=SIZE), start=first)


def test_rates_are_the_decoders_and_ten_times_it_without_decay() -> None:
    groups = parameter_groups(new_network(tiny_clip(), Plan()).learned, 1e-4)
    assert [(group["lr"], group["weight_decay"]) for group in groups] == [(1e-4, 0.01), (1e-3, 0.0)]
    assert [tuple(each.shape) for each in groups[1]["params"]] == [(64, TINY.text_width)]
    assert len(parameter_groups(new_network(tiny_clip(), Plan("none")).learned, 1e-4)) == 1


def test_the_decoder_starts_from_clipsegs() -> None:
    clipseg = tiny_clipseg()
    started = new_network(clipseg, Plan(pretrained=True)).learned["decoder"].state_dict()
    assert all(torch.equal(value, clipseg.decoder.state_dict()[key]) for key, value in started.items())
    with pytest.raises(BadInput, match="no decoder to start from: choose clipseg-rd64"):
        new_network(tiny_clip(), Plan(pretrained=True))


@pytest.mark.parametrize("kind", ["vector", "sentence", "none", "image"])
def test_every_condition_can_be_learned_and_read_again(clip, tmp_path, kind) -> None:
    out = tmp_path / "learned.safetensors"
    plan = Plan(kind, sentence="how far?", size=SIZE)
    figures = learn(tmp_path, out, 4, plan, tokeniser=Tokeniser.of_pairs([]))
    assert np.isfinite(list(figures.values())).all()
    assert learned_file.load_mirror(out)[1]["condition"] == kind


def test_what_cannot_be_learned_is_one_clear_error(clip, tmp_path) -> None:
    out = tmp_path / "mirror.safetensors"
    for plan, words in (
        (Plan(size=(32, 40)), "40x32 is no whole number of patches of 16"),
        (Plan(size=SIZE, cap=0.5), "no picture to learn from has depth of at most 0.5 m"),
        (Plan("sentence", size=SIZE, sentence="x"), "give CLIP's vocabulary"),
        (Plan(size=SIZE, pretrained=True), "no decoder to start from"),
    ):
        with pytest.raises(BadInput, match=words):
            learn(tmp_path, out, 2, plan)
    with pytest.raises(BadInput, match="is empty"):
        learn(tmp_path, out, 2, Plan("sentence", size=SIZE, sentence=" "), tokeniser=Tokeniser.of_pairs([]))
    with pytest.raises(BadInput, match="no CLIP named 'clip-other'"):
        learn_mirror([], [], out, Schedule(1, 1, 1e-3), Plan(), "clip-other")
    assert not out.exists()


def test_the_command_learns_and_refuses(clip, tmp_path, monkeypatch, capsys) -> None:
    bright_is_near(tmp_path / "train")
    bright_is_near(tmp_path / "test", 8, 1)
    out = tmp_path / "m.safetensors"
    words = ["learn", "mirror", str(tmp_path / "train"), "--validation", str(tmp_path / "test"), "--out", str(out)]
    small = ["--height", "32", "--width", "48", "--steps", "2", "--batch", "2", "--clip", "clip-tiny"]
    assert run(monkeypatch, [*words, *small]) == 0
    assert "abs_rel" in capsys.readouterr().out
    with safe_open(str(out), "pt") as file:
        assert file.metadata()["size"] == "48x32"
    words[-1] = str(tmp_path / "other.safetensors")
    assert run(monkeypatch, [*words, "--clip", "clip-vit-b-16"]) == 2
    assert "no weights of clip-vit-b-16" in capsys.readouterr().err


def test_the_loss_is_the_stated_one() -> None:
    generator = torch.Generator().manual_seed(0)
    prediction, target = (
        torch.rand((2, 1, 4, 5), generator=generator) + 1,
        torch.rand((2, 1, 4, 5), generator=generator) + 2,
    )
    mask = (torch.rand((2, 1, 4, 5), generator=generator) < 0.7).float()
    g = np.log(prediction.numpy()[mask.numpy() > 0]) - np.log(target.numpy()[mask.numpy() > 0])
    expected = 10 * np.sqrt(np.mean(g**2) - np.mean(g) ** 2 + 0.15 * np.mean(g) ** 2)
    assert float(scale_invariant_log_loss(prediction, target, mask)) == pytest.approx(float(expected), rel=1e-4)
    assert float(scale_invariant_log_loss(prediction, target, 0 * mask)) == 0


def test_errors_by_hand() -> None:
    truth = np.array([[1.0, 2.0, np.nan, 20.0]], np.float32)
    errors = picture_errors(np.array([[1.1, 4.0, 5.0, 5.0]], np.float32), truth, cap=10.0)
    assert errors["abs_rel"] == pytest.approx((0.1 + 1.0) / 2, rel=1e-5)
    assert errors["sq_rel"] == pytest.approx((0.01 + 2.0) / 2, rel=1e-5)
    assert errors["rmse"] == pytest.approx(np.sqrt((0.01 + 4) / 2), rel=1e-5)
    assert errors["rmse_log"] == pytest.approx(np.sqrt((np.log(1.1) ** 2 + np.log(2) ** 2) / 2), rel=1e-5)
    assert errors["log10"] == pytest.approx((np.log10(1.1) + np.log10(2)) / 2, rel=1e-5)
    assert [errors[f"delta{n}"] for n in (1, 2, 3)] == [0.5, 0.5, 0.5]
    assert np.isnan(picture_errors(truth, np.full_like(truth, np.nan), 10.0)["rmse"])
