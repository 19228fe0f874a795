"""Fine-tuning on virtual labels: its losses by hand, its augmentations, its schedule, what it leaves."""

from __future__ import annotations

import dataclasses
import json
import sys
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file

from depth_prompt_ros.cli import main as command
from depth_prompt_ros.data.sets.tom_pictures import TomPicture
from depth_prompt_ros.errors import BadInput, BadModel
from depth_prompt_ros.learning import losses, run_state
from depth_prompt_ros.learning.tom import mono as tom_mono
from depth_prompt_ros.learning.tom.mono import (
    LabelledBatch,
    Labels,
    Weights,
    augmented,
    learn_tom_mono,
    paper_schedule,
)
from depth_prompt_ros.learning.tom.painting import Painting
from depth_prompt_ros.learning.tom.virtual_labels import VirtualLabel, write_virtual_labels
from depth_prompt_ros.learning.trainer import Schedule, fit
from depth_prompt_ros.networks import catalogue

CPU = torch.device("cpu")


@pytest.fixture(autouse=True)
def _one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def maps(seed: int, count: int = 2, size: int = 16) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Prediction, target and mask in float64."""
    generator = torch.Generator().manual_seed(seed)
    shape = (count, 1, size, size)
    prediction, target = (torch.rand(shape, generator=generator, dtype=torch.float64) * 3 - 1 for _ in range(2))
    return prediction, target, (torch.rand(shape, generator=generator) < 0.8).double()


def numpy_gradients(residual: np.ndarray, mask: np.ndarray) -> float:
    """Pixel by pixel: sums over a whole batch at 1, 1/2, 1/4 and 1/8 of the picture."""
    total = 0.0
    for step in (1, 2, 4, 8):
        r, m = residual[:, ::step, ::step], mask[:, ::step, ::step] > 0
        differences = 0.0
        for n, y, x in zip(*np.nonzero(m), strict=True):
            if x + 1 < m.shape[2] and m[n, y, x + 1]:
                differences += abs(r[n, y, x + 1] - r[n, y, x])
            if y + 1 < m.shape[1] and m[n, y + 1, x]:
                differences += abs(r[n, y + 1, x] - r[n, y, x])
        total += differences / m.sum()
    return total


def test_the_three_terms_are_those_of_numpy() -> None:
    prediction, target, mask = maps(0)
    p, t, m = (each.numpy()[:, 0] for each in (prediction, target, mask))
    fitted = np.stack(
        [
            np.polyval(np.polyfit(one[inside > 0], other[inside > 0], 1), one)
            for one, other, inside in zip(p, t, m, strict=True)
        ]
    )
    found = losses.virtual_label_losses(prediction, target, mask)
    aligned = ((fitted - t)[m > 0] ** 2).sum() / (2 * m.sum()) + 0.5 * numpy_gradients(fitted - t, m)
    assert float(found["scale_shift_invariant"]) == pytest.approx(aligned, rel=1e-4)
    assert float(found["gradients"]) == pytest.approx(numpy_gradients(p - t, m), rel=1e-6)
    assert float(found["squares"]) == pytest.approx(((p - t)[m > 0] ** 2).sum() / (2 * m.sum()), rel=1e-6)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 99), st.floats(0.2, 5).filter(lambda scale: abs(scale - 1) > 0.05), st.floats(-3, 3))
def test_the_first_term_alone_ignores_scale_and_shift(seed: int, scale: float, shift: float) -> None:
    _, target, mask = maps(seed)
    noise = 0.05 * maps(seed + 1)[0]
    once = losses.virtual_label_losses(target + noise, target, mask)
    again = losses.virtual_label_losses(scale * (target + noise) + shift, target, mask)
    assert float(again["scale_shift_invariant"]) == pytest.approx(float(once["scale_shift_invariant"]), rel=1e-3)
    assert abs(float(again["squares"] - once["squares"])) > 1e-6
    assert abs(float(again["gradients"] - once["gradients"])) > 1e-6
    shifted = losses.virtual_label_losses(target + noise + 1, target, mask)
    assert float(shifted["gradients"]) == pytest.approx(float(once["gradients"]), rel=1e-6)
    assert float(shifted["squares"]) > float(once["squares"]) + 0.25


def test_terms_are_weighed_one_by_one() -> None:
    prediction, target, mask = maps(1)
    plain = losses.virtual_label_losses(prediction.float(), target, mask)
    tom = torch.zeros_like(mask)
    tom[..., :5] = 1
    batch = LabelledBatch(torch.zeros(0), target, mask, tom)
    assert Weights().losses(prediction, batch) == plain
    weighed = Weights(gradients=0.1, squares=4).losses(prediction, batch)
    expected = (plain["scale_shift_invariant"], 0.1 * plain["gradients"], 4 * plain["squares"])
    torch.testing.assert_close(tuple(weighed.values()), expected)
    squares = (prediction.float() - target).square() * mask
    more = (squares.sum() + 2 * (squares * tom).sum()) / (2 * mask.sum() + 4 * (mask * tom).sum())
    torch.testing.assert_close(Weights(tom=3).losses(prediction, batch)["squares"], more)


def test_a_perfect_answer_costs_nothing_and_the_gradient_is_that_of_finite_differences() -> None:
    prediction, target, mask = maps(3, count=1, size=10)
    assert all(float(term) < 1e-5 for term in losses.virtual_label_losses(target, target, mask).values())
    prediction.requires_grad_(True)
    assert torch.autograd.gradcheck(
        lambda p: sum(losses.virtual_label_losses(p, target, mask).values()), (prediction,), atol=1e-4
    )


def labelled(count: int = 4, height: int = 8, width: int = 12) -> LabelledBatch:
    """Red holds the column, green the row, both in the disparity too."""
    y, x = torch.meshgrid(torch.arange(float(height)), torch.arange(float(width)), indexing="ij")
    image = torch.stack([x / width, y / height, torch.full_like(x, 0.5)]).repeat(count, 1, 1, 1)
    return LabelledBatch(image, (100 * y + x).repeat(count, 1, 1, 1), *torch.ones(2, count, 1, height, width))


def test_windows_and_flips_move_picture_and_label_alike_and_differ_by_picture() -> None:
    batch = augmented(labelled(40), 5, torch.Generator().manual_seed(0))
    assert batch.image.shape == (40, 3, 5, 5)
    assert batch.disparity.shape == batch.valid.shape == (40, 1, 5, 5)
    rows, columns = batch.disparity // 100, batch.disparity % 100
    across = columns[..., 0, 1] - columns[..., 0, 0]
    assert 8 < int((across < 0).sum()) < 32
    assert set(rows[:, 0, 0, 0].tolist()) == {0, 1, 2, 3}
    assert set(columns.amin((2, 3))[:, 0].tolist()) == set(range(8))
    same = (batch.image[:, 2] - 0.5).abs().amax((1, 2)) == 0  # no jitter: the picture still holds its own place
    assert 8 < int(same.sum()) < 32
    torch.testing.assert_close(batch.image[same, 0] * 12, columns[same, 0])
    torch.testing.assert_close(batch.image[same, 1] * 8, rows[same, 0])


def test_jitter_stays_within_the_papers_ranges() -> None:
    image = torch.full((400, 3, 2, 2), 0.5)
    ones = torch.ones(400, 1, 2, 2)
    found = augmented(LabelledBatch(image, ones, ones, ones), None, torch.Generator().manual_seed(0)).image[:, :, 0, 0]
    assert float(found.min()) > 0.5**1.2 * 0.5 * 0.8 - 1e-6
    assert float(found.max()) < 0.5**0.8 * 1.2 * 1.2 + 1e-6
    assert float(found.max()) > 0.6 and float(found.min()) < 0.25
    white = augmented(
        LabelledBatch(torch.ones_like(image), ones, ones, ones), None, torch.Generator().manual_seed(0)
    ).image
    assert float(white.max()) == 1


def test_strong_colours_exchange_channels_and_leave_depth_alone() -> None:
    image = torch.tensor([0.9, 0.5, 0.1]).view(1, 3, 1, 1).expand(60, 3, 4, 4)
    depth, ones = torch.rand(60, 1, 4, 4), torch.ones(60, 1, 4, 4)
    found = augmented(LabelledBatch(image, depth, ones, ones), None, torch.Generator().manual_seed(0), strong=True)
    orders = {tuple(order) for order in found.image.mean((2, 3)).argsort(1).tolist()}
    assert len(orders) == 6
    assert float(found.image[:, :, 0, 0].sub(found.image.mean((2, 3))).abs().max()) > 0.005  # noise
    assert bool(((found.disparity == depth) | (found.disparity == depth.flip(3))).all())


def test_a_window_lies_within_its_own_picture() -> None:
    batch = labelled(30, 8, 12)
    batch.valid[:15, :, :, 8:] = 0
    batch.valid[15:, :, 6:] = 0
    assert augmented(batch, 6, torch.Generator().manual_seed(0)).valid.all()


def test_the_rate_falls_to_095_of_itself_after_each_epoch(tmp_path) -> None:
    module = torch.nn.Linear(1, 1, bias=False)
    path = []

    def loss_of(*_):
        path.append(module.weight.item())
        return {"x": module.weight.sum()}

    fit(module, lambda _: None, loss_of, 6, Schedule(9, 2, 0.1, recipe="decay"), tmp_path / "a")
    twin = torch.nn.Parameter(torch.tensor([path[0]]))
    oracle = torch.optim.NAdam([twin], lr=0.1)
    expected = []
    for step in range(9):
        oracle.param_groups[0]["lr"] = 0.1 * 0.95 ** (step // 3)
        expected.append(twin.item())
        twin.grad = torch.ones(1)
        oracle.step()
    assert path == pytest.approx(expected, abs=1e-5)
    assert paper_schedule(100) == Schedule(260, 8, 1e-7, 0, bfloat16=False, recipe="decay")


class Pictures(list):
    """In memory."""


def pictures(count: int, height: int = 48, width: int = 60, seed: int = 0) -> Pictures:
    rng = np.random.default_rng(seed)
    tom = np.zeros((height, width), bool)
    tom[10:40, 10:40] = True
    return Pictures(
        TomPicture(f"{seed}-{n}", rng.integers(0, 255, (height, width, 3), np.uint8), tom) for n in range(count)
    )


@pytest.fixture(scope="module")
def folders(tmp_path_factory) -> list[Path]:
    """Wide and high pictures."""
    path = tmp_path_factory.mktemp("labels")
    for seed, (height, width) in enumerate([(48, 60), (60, 48)]):
        write_virtual_labels(
            pictures(3, height, width, seed), "memory", path / str(seed), "scene-net", painting=Painting(2)
        )
    return [path / "0", path / "1"]


def test_pictures_of_two_shapes_share_a_batch(folders) -> None:
    labels = Labels(folders, "scene-net")
    assert len(labels) == 6
    batch = labels.load(np.array([0, 5]), CPU)
    assert batch.image.shape == (2, 3, 192, 192)
    assert batch.valid.sum((1, 2, 3)).tolist() == [160 * 192, 192 * 160]
    assert batch.valid[0, 0, 160:].sum() == batch.valid[1, 0, :, 160:].sum() == 0
    torch.testing.assert_close(batch.disparity[0, 0, 160:], batch.disparity[0, 0, 159:160].expand(32, 192))
    with pytest.raises(BadInput, match="holds labels made with scene-net: dpt-large cannot learn from them"):
        Labels(folders, "dpt-large")


def test_pictures_are_mirrored_to_squares_with_their_labels(folders) -> None:
    """As NumPy's reflect pads: the border's own pixels once, the odd one below or to the right; nothing is left out."""
    labels = Labels(folders, "scene-net")
    plain, squares = (labels.load(np.array([0, 5]), CPU, square) for square in (False, True))
    assert squares.image.shape == (2, 3, 192, 192)
    assert bool(squares.valid.all())
    for part in ("image", "disparity", "tom"):
        one, whole = getattr(plain, part)[0, :, :160].numpy(), getattr(squares, part)[0].numpy()
        np.testing.assert_array_equal(whole, np.pad(one, ((0, 0), (16, 16), (0, 0)), "reflect"))
        other, whole = getattr(plain, part)[1, :, :, :160].numpy(), getattr(squares, part)[1].numpy()
        np.testing.assert_array_equal(whole, np.pad(other, ((0, 0), (0, 0), (16, 16)), "reflect"))
    odd = VirtualLabel(
        np.zeros((2, 5, 3), np.uint8), np.zeros((2, 5), bool), np.arange(10, dtype=np.float32).reshape(2, 5)
    )
    grown = tom_mono.mirrored_to_a_square(odd).disparity
    np.testing.assert_array_equal(grown, np.pad(odd.disparity, ((1, 2), (0, 0)), "reflect"))


def test_learning_goes_towards_the_labels_and_leaves_weights_card_and_log(folders, tmp_path) -> None:
    out = tmp_path / "mono.safetensors"
    train = Labels(folders, "scene-net")
    base = catalogue.load_frozen("scene-net")
    student = tom_mono.RelativeDisparityNetwork(base, catalogue.Normalise(catalogue.find("scene-net")), "disparity")
    terms = Weights(gradients=0.5, squares=2)
    before = tom_mono.label_loss(student, train, CPU, terms)
    schedule = paper_schedule(6, epochs=6, batch=3, learning_rate=3e-4)
    figure = learn_tom_mono(train, out, schedule, validation=train, terms=terms)
    assert figure < 0.9 * before
    learned = catalogue.load_frozen("scene-net", out)
    state, original = learned.state_dict(), base.state_dict()
    statistics = [key for key in state if "running" in key or "batches" in key]
    assert statistics and all(torch.equal(state[key], original[key]) for key in statistics)
    assert all(not torch.equal(state[key], original[key]) for key in ("stem.0.weight", "head.bias"))
    card = json.loads(out.with_suffix(".json").read_text())
    assert card["schedule"]["recipe"] == "decay"
    assert card["terms"] == {"scale_shift_invariant": 1, "gradients": 0.5, "squares": 2, "tom": 1}
    assert [note["labels"] for note in card["data"]] == [3, 3]
    assert "source" not in str(card["data"])
    assert load_file(out)["stem.0.weight"].dtype == torch.float16
    log = out.with_suffix(".csv").read_text()
    assert all(name in log for name in ("scale_shift_invariant", "gradients", "squares"))


@pytest.mark.parametrize(
    ("bounds", "whole", "crop", "sides"),
    [
        ("short side", False, 160, (160, 192)),
        ("short side", True, None, (160, 192)),
        ("long side", False, None, (192, 192)),
        ("long side", True, None, (160, 192)),
    ],
)
def test_windows_are_for_fixed_short_sides_and_squares_for_fixed_long_ones(
    folders, tmp_path, monkeypatch, bounds, whole, crop, sides
) -> None:
    entry = dataclasses.replace(catalogue.find("scene-net"), bounds=bounds)
    monkeypatch.setitem(catalogue.CATALOGUE, "scene-net", entry)
    crops = []

    def seen(batch, side, generator, strong):
        crops.append((side, tuple(batch.image.shape[2:])))
        return augmented(batch, side, generator, strong)

    monkeypatch.setattr(tom_mono, "augmented", seen)
    schedule = paper_schedule(3, epochs=1, batch=3)
    learn_tom_mono(Labels(folders[:1], "scene-net"), tmp_path / "mono.safetensors", schedule, whole=whole)
    assert crops == [(crop, sides)]


def test_a_share_of_the_installed_weights_is_kept(folders, tmp_path) -> None:
    labels, schedule = Labels(folders[:1], "scene-net"), paper_schedule(3, epochs=2, batch=3, learning_rate=1e-3)
    states = {}
    for keep in (0.0, 0.25, 1.0):
        out = tmp_path / f"mono-{keep}.safetensors"
        learn_tom_mono(labels, out, schedule, keep=keep)
        states[keep] = {key: value.float() for key, value in load_file(out).items()}
    base = catalogue.load_frozen("scene-net").state_dict()
    for key in ("head.weight", "stem.0.weight", "stem.1.bias"):
        assert float((states[0.0][key] - base[key]).abs().max()) > 1e-4
        torch.testing.assert_close(states[0.25][key], 0.75 * states[0.0][key] + 0.25 * base[key], atol=2e-3, rtol=2e-3)
        torch.testing.assert_close(states[1.0][key], base[key], atol=2e-3, rtol=2e-3)


def test_an_interrupted_fine_tuning_ends_as_if_it_had_not_been(folders, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(run_state, "_SAVE_SECONDS", 0.0)
    labels, schedule = Labels(folders[:1], "scene-net"), paper_schedule(3, epochs=4, batch=3, learning_rate=1e-4)
    learn_tom_mono(labels, tmp_path / "whole.safetensors", schedule)
    losses_of, calls = losses.virtual_label_losses, []

    def stop(*arguments):
        calls.append(1)
        if len(calls) == 4:
            raise KeyboardInterrupt
        return losses_of(*arguments)

    monkeypatch.setattr(tom_mono.losses, "virtual_label_losses", stop)
    with pytest.raises(KeyboardInterrupt):
        learn_tom_mono(labels, tmp_path / "part.safetensors", schedule)
    monkeypatch.setattr(tom_mono.losses, "virtual_label_losses", losses_of)
    learn_tom_mono(labels, tmp_path / "part.safetensors", schedule)
    whole, part = (load_file(tmp_path / f"{name}.safetensors") for name in ("whole", "part"))
    assert all(torch.equal(whole[key], part[key]) for key in whole)


def test_the_command_learns_and_names_what_it_cannot_use(folders, tmp_path, monkeypatch, capsys) -> None:
    out = tmp_path / "mono.safetensors"

    def run(*arguments: str) -> int:
        monkeypatch.setattr(sys, "argv", ["depth-prompt", "learn", "tom-mono", *arguments])
        with pytest.raises(SystemExit) as stopped:
            command.main()
        return int(stopped.value.code or 0)

    options = ("--out", str(out), "--epochs", "1", "--batch", "3", "--learning-rate", "1e-4")
    small = ("--one-cycle", "--bfloat16", "--whole", "--gradients", "0.1", "--squares", "4", "--tom", "3", "--strong")
    assert run(str(folders[0]), "--validation", str(folders[1]), *options, *small) == 0
    assert f"{out}: loss on {folders[1]} " in capsys.readouterr().out.replace("\n", "")
    card = json.loads(out.with_suffix(".json").read_text())
    assert (card["schedule"]["steps"], card["schedule"]["recipe"]) == (1, "one-cycle")
    assert card["terms"] == {"scale_shift_invariant": 1, "gradients": 0.1, "squares": 4, "tom": 3}
    assert (card["whole"], card["strong"]) == (True, True)
    out.unlink()
    assert run(str(tmp_path), *options) == 2
    assert "holds no virtual labels" in capsys.readouterr().err
    assert run(str(folders[0]), "--network", "dpt", *options) == 2
    assert "no network named 'dpt'" in capsys.readouterr().err
    with pytest.raises(BadModel, match="holds weights of 'scene-vit'"):
        learn_tom_mono(
            Labels(folders, "scene-net"),
            out,
            paper_schedule(6),
            weights=catalogue.weights_path(catalogue.find("scene-vit")),
        )
