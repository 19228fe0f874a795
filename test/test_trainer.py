"""The training loop goes on where it stopped, with the result of a run that never did."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

from depth_prompt_ros.errors import BadInput
from depth_prompt_ros.learning import trainer
from depth_prompt_ros.learning.trainer import Schedule, fit

SCHEDULE = Schedule(steps=30, batch=4, learning_rate=0.05, seed=3)


@pytest.fixture(autouse=True)
def _save_often(monkeypatch) -> None:
    monkeypatch.setattr(trainer, "_SAVE_EVERY", 10)


def learn(out, stop_at: int = 0, schedule: Schedule = SCHEDULE) -> torch.Tensor:
    """Fit a line with dropout-like noise from the generator; Ctrl-C at step ``stop_at``."""
    torch.manual_seed(0)
    module = torch.nn.Linear(3, 1)
    points = torch.linspace(-1, 1, 30).view(10, 3)
    calls = 0

    def loss_of(indices, generator):
        nonlocal calls
        calls += 1
        if calls == stop_at:
            raise KeyboardInterrupt
        batch = points[indices] + 0.1 * torch.rand(len(indices), 3, generator=generator)
        return (module(batch) - batch.sum(1, keepdim=True)).square().mean()

    fit(module, loss_of, len(points), schedule, out)
    return module.weight.detach()


def test_an_interrupted_run_ends_as_if_it_had_not_been(tmp_path) -> None:
    whole = learn(tmp_path / "whole.safetensors")
    with pytest.raises(KeyboardInterrupt):
        learn(tmp_path / "part.safetensors", stop_at=25)
    assert (tmp_path / "part.checkpoint").exists()
    assert torch.equal(learn(tmp_path / "part.safetensors"), whole)
    assert not list(tmp_path.iterdir())


def test_going_on_with_other_settings_is_refused_by_name(tmp_path) -> None:
    out = tmp_path / "net.safetensors"
    with pytest.raises(KeyboardInterrupt):
        learn(out, stop_at=15)
    with pytest.raises(BadInput, match=r"net\.checkpoint is of a run with other settings, batch 4 \(now 5\)"):
        learn(out, schedule=Schedule(steps=30, batch=5, learning_rate=0.05, seed=3))
    assert (tmp_path / "net.checkpoint").exists()


def test_a_corrupt_checkpoint_is_named(tmp_path) -> None:
    (tmp_path / "net.checkpoint").write_bytes(b"not a checkpoint")
    with pytest.raises(BadInput, match=r"net\.checkpoint is corrupt: delete it"):
        learn(tmp_path / "net.safetensors")


def test_a_full_disk_keeps_the_last_checkpoint(tmp_path, monkeypatch) -> None:
    out, save, saved = tmp_path / "net.safetensors", torch.save, []

    def fill_the_disk(content, path) -> None:
        if saved:
            path.write_bytes(b"half")
            raise OSError(28, "No space left on device")
        saved.append(path)
        save(content, path)

    monkeypatch.setattr(torch, "save", fill_the_disk)
    with pytest.raises(BadInput, match=r"cannot write checkpoint .*No space left on device"):
        learn(out)
    assert torch.load(tmp_path / "net.checkpoint", weights_only=True)["state"]["step"] == 10
    assert not (tmp_path / "net.checkpoint.part").exists()
