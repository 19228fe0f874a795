"""The training loop goes on where it stopped, with the result of a run that never did."""

from __future__ import annotations

import csv
import os
import signal
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from depth_prompt_ros.errors import BadInput
from depth_prompt_ros.learning import checkpoint, run_state, trainer
from depth_prompt_ros.learning.log import TrainingLog
from depth_prompt_ros.learning.trainer import Schedule, fit

SCHEDULE = Schedule(steps=30, batch=4, learning_rate=0.05, seed=3, validate_every=6)


@pytest.fixture(autouse=True)
def _save_often(monkeypatch) -> None:
    monkeypatch.setattr(run_state, "_SAVE_SECONDS", 0.0)
    monkeypatch.setattr(trainer, "_LOG_EVERY", 5)


def learn(out, stop_at: int = 0, schedule: Schedule = SCHEDULE) -> torch.Tensor:
    """Fit a line with dropout-like noise from the generator; Ctrl-C at step ``stop_at``."""
    torch.manual_seed(0)
    module = torch.nn.Linear(3, 1)
    points = torch.linspace(-1, 1, 30).view(10, 3)
    calls = 0

    def loss_of(batch, generator):
        nonlocal calls
        calls += 1
        if calls == stop_at:
            raise KeyboardInterrupt
        batch = batch + 0.1 * torch.rand(batch.shape, generator=generator)
        return {"square": (module(batch) - batch.sum(1, keepdim=True)).square().mean()}

    def validate(step):
        return float((module.weight - 1).abs().max())

    fit(module, lambda indices: points[indices], loss_of, len(points), schedule, out, validate=validate)
    return module.weight.detach()


def test_an_interrupted_run_ends_as_if_it_had_not_been(tmp_path) -> None:
    whole = learn(tmp_path / "whole.safetensors")
    with pytest.raises(KeyboardInterrupt):
        learn(tmp_path / "part.safetensors", stop_at=25)
    assert (tmp_path / "part.checkpoint").exists()
    assert torch.equal(learn(tmp_path / "part.safetensors"), whole)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "part.checkpoint",
        "part.csv",
        "whole.checkpoint",
        "whole.csv",
    ]
    part, complete = (list(csv.DictReader((tmp_path / f"{name}.csv").open())) for name in ("part", "whole"))
    assert [(row["step"], row["name"], row["value"]) for row in part] == [
        (row["step"], row["name"], row["value"]) for row in complete
    ]
    assert {row["name"] for row in part} == {"square", "validation"}


def test_going_on_with_other_settings_is_refused_by_name(tmp_path) -> None:
    out = tmp_path / "net.safetensors"
    with pytest.raises(KeyboardInterrupt):
        learn(out, stop_at=15)
    with pytest.raises(BadInput, match=r"net\.checkpoint is of a run with other settings, batch 4 \(now 5\)"):
        learn(out, schedule=replace(SCHEDULE, batch=5))
    assert (tmp_path / "net.checkpoint").exists()


def test_a_corrupt_checkpoint_is_named(tmp_path) -> None:
    (tmp_path / "net.checkpoint").write_bytes(b"not a checkpoint")
    with pytest.raises(BadInput, match=r"net\.checkpoint cannot be read: delete it"):
        learn(tmp_path / "net.safetensors")


def damaged(content: bytes, place: int) -> bytes:
    return content[:place] + bytes([content[place] ^ 0x10]) + content[place + 1 :]


def test_a_checkpoint_that_has_changed_is_refused_wherever_it_has(tmp_path) -> None:
    out = tmp_path / "net.safetensors"
    with pytest.raises(KeyboardInterrupt):
        learn(out, stop_at=15)
    content = (tmp_path / "net.checkpoint").read_bytes()
    for place in range(0, len(content), max(1, len(content) // 60)):
        (tmp_path / "net.checkpoint").write_bytes(damaged(content, place))
        with pytest.raises(
            BadInput, match=r"net\.checkpoint (has changed since it was written|cannot be read).*: delete"
        ):
            learn(out)
    for size in (0, 10, 40, 100, len(content) - 1):
        (tmp_path / "net.checkpoint").write_bytes(content[:size])
        with pytest.raises(BadInput, match=r"net\.checkpoint .*: delete it to learn from the start"):
            learn(out)
    (tmp_path / "net.checkpoint").write_bytes(content)
    learn(out)


def test_a_finished_run_is_not_lost_when_its_result_cannot_be_written(tmp_path, monkeypatch) -> None:
    out = tmp_path / "net.safetensors"
    weight = learn(out)
    tensors = {"weight": weight}

    def fill_the_disk(content, path, metadata) -> None:
        Path(path).write_bytes(b"half")
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(trainer, "save_file", fill_the_disk)
        with pytest.raises(BadInput, match=r"net.safetensors .*No space left.* run is in .*net.checkpoint, repeat"):
            trainer.write_weights(out, tensors, {}, {})
    assert sorted(path.name for path in tmp_path.iterdir()) == ["net.checkpoint", "net.csv"]
    rows = (tmp_path / "net.csv").read_text()
    with monkeypatch.context() as patch:
        patch.setattr(torch.optim.AdamW, "step", lambda *_: pytest.fail("it learns again"))
        assert torch.equal(learn(out), weight)
    assert (tmp_path / "net.csv").read_text() == rows
    trainer.write_weights(out, tensors, {}, {})
    assert sorted(path.name for path in tmp_path.iterdir()) == ["net.csv", "net.json", "net.safetensors"]


class Full:
    """A disk with room for so many files of checkpoints."""

    def __init__(self, monkeypatch, room: int) -> None:
        self.room, replace_file = room, Path.replace

        def replacing(path, target):
            if path.name.endswith(".checkpoint.part"):
                if not self.room:
                    raise OSError(28, "No space left on device")
                self.room -= 1
            return replace_file(path, target)

        monkeypatch.setattr(Path, "replace", replacing)


def test_a_full_disk_keeps_the_last_checkpoint(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(run_state, "_SAVE_SECONDS", 0.0)
    monkeypatch.setattr(run_state, "_SHARE", 0)
    Full(monkeypatch, 1)
    with pytest.raises(BadInput, match=r"cannot write .*net.checkpoint .*No space left.*the last checkpoint is kept"):
        learn(tmp_path / "net.safetensors")
    assert checkpoint._verified(tmp_path / "net.checkpoint")
    assert not (tmp_path / "net.checkpoint.part").exists()


def test_no_room_for_the_last_checkpoint_is_no_reason_to_lose_the_result(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(run_state, "_SAVE_SECONDS", 1e9)
    Full(monkeypatch, 0)
    learn(tmp_path / "net.safetensors")


def test_a_full_disk_at_the_log_is_said(tmp_path) -> None:
    with pytest.raises(BadInput, match=r"cannot write the log .*net\.csv \(No space left on device\)"):
        TrainingLog(tmp_path / "net.csv", 1)._write(Path("/dev/full"), "w", [["x"] * 9000])


def test_every_sample_is_seen_once_an_epoch_and_a_step_alone_decides_which() -> None:
    order = trainer._Order(10, SCHEDULE)
    seen = [order.indices(step) for step in range(1, 6)]
    assert sorted(np.concatenate(seen)) == sorted([*range(10)] * 2)
    np.testing.assert_array_equal(trainer._Order(10, SCHEDULE).indices(4), seen[3])
    assert not np.array_equal(trainer._Order(10, replace(SCHEDULE, seed=4)).indices(4), seen[3])


def test_the_best_validated_state_is_the_result(tmp_path) -> None:
    module = torch.nn.Linear(1, 1, bias=False)
    figures = iter([3.0, 1.0, 2.0])
    states = []

    def validate(step):
        states.append(module.weight.detach().clone())
        return next(figures)

    schedule = Schedule(steps=6, batch=1, learning_rate=0.1, validate_every=2)
    fit(module, lambda _: None, lambda *_: {"x": module.weight.sum()}, 3, schedule, tmp_path / "a", validate=validate)
    assert torch.equal(module.weight, states[1])
    assert not torch.equal(states[1], states[2])


def test_the_papers_recipe_drops_its_rate_for_the_last_fifth(tmp_path) -> None:
    module = torch.nn.Linear(1, 1, bias=False)
    start, path = module.weight.item(), []
    schedule = Schedule(steps=10, batch=1, learning_rate=0.1, recipe="paper")

    def loss_of(*_):
        path.append(module.weight.item())
        return {"x": module.weight.sum()}

    fit(module, lambda _: None, loss_of, 3, schedule, tmp_path / "a")
    speed, expected = 0.0, [start]
    for step in range(9):
        speed = 0.9 * speed + 1
        expected.append(expected[-1] - (0.1 if step < 8 else 0.01) * speed)
    assert path == pytest.approx(expected, abs=1e-5)


class Stops:
    """Sends this process a signal in the middle of a step, or of a validation."""

    def __init__(self, number: int, at_step: int = 0, at_validation: int = 0) -> None:
        self.number, self.at_step, self.at_validation = number, at_step, at_validation

    def learn(self, out, steps: int = 30) -> torch.Tensor:
        torch.manual_seed(0)
        module, points = torch.nn.Linear(3, 1), torch.linspace(-1, 1, 30).view(10, 3)
        started = []

        def loss_of(batch, generator):
            started.append(0)
            if len(started) == self.at_step:
                os.kill(os.getpid(), self.number)
            batch = batch + 0.1 * torch.rand(batch.shape, generator=generator)
            return {"square": (module(batch) - batch.sum(1, keepdim=True)).square().mean()}

        def validate(step):
            if step == self.at_validation:
                os.kill(os.getpid(), self.number)
            return float((module.weight - 1).abs().max())

        schedule = replace(SCHEDULE, steps=steps)
        fit(module, lambda places: points[places], loss_of, len(points), schedule, out, validate=validate)
        return module.weight.detach()


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
@pytest.mark.parametrize("where", [{"at_step": 1}, {"at_step": 17}, {"at_step": 30}, {"at_validation": 12}])
def test_a_signal_keeps_the_step_that_is_going_on_and_the_run_ends_as_if_there_had_been_none(
    number, code, where, tmp_path, monkeypatch
) -> None:
    monkeypatch.setattr(run_state, "_SAVE_SECONDS", 1e9)
    whole = learn(tmp_path / "whole.safetensors")
    with pytest.raises(KeyboardInterrupt) as stopped:
        Stops(number, **where).learn(tmp_path / "part.safetensors")
    step = where.get("at_step") or where["at_validation"]
    assert str(stopped.value).startswith(f"stopped at step {step} of 30: the same command goes on from ")
    assert stopped.value.code == code
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
    assert torch.equal(Stops(0).learn(tmp_path / "part.safetensors"), whole)
    part, complete = (list(csv.DictReader((tmp_path / f"{name}.csv").open())) for name in ("part", "whole"))
    assert [(row["step"], row["name"], row["value"]) for row in part] == [
        (row["step"], row["name"], row["value"]) for row in complete
    ]


def test_the_state_is_saved_by_time(tmp_path, monkeypatch) -> None:
    now, saved = [0.0], []
    monkeypatch.setattr(run_state.time, "monotonic", lambda: now[0])
    save = checkpoint.Checkpoint.save
    monkeypatch.setattr(
        checkpoint.Checkpoint, "save", lambda self, state: (saved.append(state["step"]), save(self, state))
    )
    monkeypatch.setattr(run_state, "_SAVE_SECONDS", 30.0)
    module = torch.nn.Linear(1, 1)

    def loss_of(*_):
        now[0] += 7.0
        return {"x": module.weight.sum()}

    fit(module, lambda _: None, loss_of, 3, Schedule(20, 1, 0.1), tmp_path / "a")
    assert saved == [5, 10, 15, 20]


def test_saving_that_takes_long_is_done_less_often() -> None:
    clock = run_state.Clock(0.0)
    clock.time(lambda: None)
    clock._cost = 60.0
    assert not clock.due()
    assert run_state._SHARE * clock._cost == 1200


def test_the_bar_is_told_from_the_first_step_on(tmp_path) -> None:
    module, told = torch.nn.Linear(1, 1), []
    fit(
        module, lambda _: None, lambda *_: {"x": module.weight.sum()}, 3, Schedule(40, 1, 0.1), tmp_path / "a",
        lambda *each: told.append(each),
    )  # fmt: skip
    assert told[0][:2] == (1, 40)
    assert told[-1][:2] == (40, 40)
    assert told[-1][3] == 0
    assert all(set(losses) == {"x"} for _, _, losses, _ in told)


def test_a_finished_run_is_not_overwritten(tmp_path) -> None:
    out = tmp_path / "net.safetensors"
    weight = learn(out)
    trainer.write_weights(out, {"weight": weight}, {}, {"seconds": 1})
    content = out.read_bytes()
    with pytest.raises(
        BadInput, match=r"net.safetensors is of a finished run with other options, batch 4 \(now 5\): give"
    ):
        learn(out, schedule=replace(SCHEDULE, batch=5))
    with pytest.raises(BadInput, match="is of a finished run: give another --out, or remove it"):
        learn(out)
    assert out.read_bytes() == content
    out.with_suffix(".json").unlink()
    with pytest.raises(BadInput, match="is of a finished run: give another --out"):
        learn(out, schedule=replace(SCHEDULE, batch=5))


@pytest.mark.parametrize("there", [True, False])
def test_bfloat16_is_used_where_the_processor_has_it(monkeypatch, there) -> None:
    monkeypatch.setattr(trainer, "_has_bfloat16", lambda _: there)
    layer, picture = torch.nn.Linear(2, 2), torch.ones(1, 2)
    for wanted in (True, False):
        with trainer.in_bfloat16(torch.device("cpu"), wanted):
            assert layer(picture).dtype == (torch.bfloat16 if wanted and there else torch.float32)
