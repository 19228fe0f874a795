"""The training loop goes on where it stopped, with the result of a run that never did."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from depth_prompt_ros.errors import BadInput
from depth_prompt_ros.learning import trainer
from depth_prompt_ros.learning.log import TrainingLog
from depth_prompt_ros.learning.trainer import Schedule, fit

SCHEDULE = Schedule(steps=30, batch=4, learning_rate=0.05, seed=3, validate_every=6)


@pytest.fixture(autouse=True)
def _save_often(monkeypatch) -> None:
    monkeypatch.setattr(trainer, "_SAVE_EVERY", 10)
    monkeypatch.setattr(trainer, "_REPORT_EVERY", 5)


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
    Full(monkeypatch, 1)
    with pytest.raises(BadInput, match=r"cannot write .*net.checkpoint .*No space left.*the last checkpoint is kept"):
        learn(tmp_path / "net.safetensors")
    assert trainer.Checkpoint(tmp_path / "net.safetensors", {})._verified()
    assert not (tmp_path / "net.checkpoint.part").exists()


def test_no_room_for_the_last_checkpoint_is_no_reason_to_lose_the_result(tmp_path, monkeypatch) -> None:
    Full(monkeypatch, 2)
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
