"""The paper's schedule of background prompting (2306.05428): one step is plain SGD on pictures as they are."""

from __future__ import annotations

import csv
import json

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("open3d")

from commands import run

from depth_prompt_ros.data.sets.picture_set import PictureSet
from depth_prompt_ros.data.sets.rendered import open_or_render
from depth_prompt_ros.graph.prompt import PromptSettings, composite, make_prompt
from depth_prompt_ros.graph.weights import read_weights
from depth_prompt_ros.learning import losses
from depth_prompt_ros.learning.background import fine_tuning, learn
from depth_prompt_ros.learning.background.errors import DepthNetwork, on_white
from depth_prompt_ros.learning.background.paper import as_published, not_the_papers, paper_schedule
from depth_prompt_ros.learning.background.study.plan import OURS, PAPER_EFFORT, TUNED, Effort, StudiedNetwork, runs
from depth_prompt_ros.learning.trainer import Schedule, fit, load_batch
from depth_prompt_ros.networks import catalogue
from depth_prompt_ros.work.run import Where

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def objects(tmp_path_factory) -> PictureSet:
    folder = tmp_path_factory.mktemp("sets") / "objects"
    return open_or_render(folder, "objects", 2, 160, seed=9, where=Where(1))


def test_its_numbers() -> None:
    assert paper_schedule() == Schedule(150_000, 8, 5e-4, 0, bfloat16=False, recipe="paper", validate_every=3000)
    assert as_published(paper_schedule(7)) and not as_published(Schedule(7, 8, 5e-4))
    assert not_the_papers(paper_schedule()) == []
    assert [line.split(": ")[1] for line in not_the_papers(paper_schedule(100, 4), decorrelate=True)] == [
        "steps 100, the paper's 150000",
        "batch 4, the paper's 8",
        "decorrelated colours, the paper's are plain",
    ]


@pytest.mark.parametrize("recipe", ["paper", "decay"])
def test_large_gradients_are_not_clipped(tmp_path, recipe) -> None:
    """What a step was made with; ours scales it to norm 1."""
    steps = {}
    for name in (recipe, "one-cycle"):
        module = torch.nn.Linear(1, 1, bias=False)

        def loss_of(*_, module=module):
            return {"large": 30 * module.weight.sum()}

        fit(module, lambda _: None, loss_of, 1, Schedule(1, 1, 0.01, recipe=name), tmp_path / f"{name}.safetensors")
        steps[name] = float(module.weight.grad)
    assert steps == {recipe: 30.0, "one-cycle": pytest.approx(1.0, rel=1e-4)}


def test_one_step_of_a_prompt_is_plain_sgd(objects, tmp_path, monkeypatch) -> None:
    """No flip, no jitter, no bfloat16, no clipping: spectrum minus rate times gradient of the two losses, twice."""
    learned = {}
    monkeypatch.setattr(
        learn, "write_prompt", lambda out, prompt, *_: learned.update(prompt=prompt.spectrum.detach().clone())
    )
    schedule = paper_schedule(steps=10, batch=2, validate_every=0)
    learn.learn_background(objects, objects, tmp_path / "prompt.safetensors", schedule)
    network = DepthNetwork.frozen("scene-net", None, CPU)
    prompt = make_prompt(PromptSettings(), 160, torch.Generator().manual_seed(0))
    optimiser = torch.optim.SGD(prompt.parameters(), lr=5e-4, momentum=0.9)
    batch, norms = load_batch(objects, np.array([0, 1]), CPU), []
    for step in range(10):
        optimiser.param_groups[0]["lr"] = 5e-4 if step < 8 else 5e-5
        optimiser.zero_grad()
        depth = network(composite(batch.image, batch.mask, prompt(batch.image, batch.mask)))
        sum(losses.prompting_losses(depth, batch.depth, batch.mask, batch.intrinsics).values()).backward()
        norms.append(float(prompt.spectrum.grad.norm()))
        optimiser.step()
    assert max(norms) > 1.5  # what clipping would have shrunk
    torch.testing.assert_close(learned["prompt"], prompt.spectrum.detach(), rtol=1e-4, atol=1e-7)


def test_fine_tuning_has_the_prompts_schedule_and_decays_no_weight(objects, tmp_path) -> None:
    out = tmp_path / "tuned.safetensors"
    fine_tuning.fine_tune(objects, objects, out, paper_schedule(steps=2, batch=2, validate_every=0))
    network = DepthNetwork.frozen("scene-net", None, CPU)
    network.network.requires_grad_(True)
    optimiser = torch.optim.SGD(network.network.parameters(), lr=5e-4, momentum=0.9)
    batch = load_batch(objects, np.array([0, 1]), CPU)
    for rate in (5e-4, 5e-5):
        optimiser.param_groups[0]["lr"] = rate
        optimiser.zero_grad()
        depth = network(on_white(batch))
        sum(losses.prompting_losses(depth, batch.depth, batch.mask, batch.intrinsics).values()).backward()
        optimiser.step()
    tuned = read_weights(out)[0]
    for name, weight in network.network.named_parameters():
        torch.testing.assert_close(tuned[name], weight.detach(), rtol=1e-3, atol=1e-6)


def test_the_study_fine_tunes_as_the_paper_does_and_as_we_do_under_other_names() -> None:
    for effort in (Effort(), PAPER_EFFORT):
        planned = {run.row: run.schedule for run in runs([StudiedNetwork("scene-net")], effort)}
        assert as_published(planned[TUNED]) and planned[TUNED].learning_rate == 5e-4
        assert planned[OURS].recipe == "one-cycle"
    assert PAPER_EFFORT.single == PAPER_EFFORT.pnet == PAPER_EFFORT.tuned == paper_schedule()
    assert (PAPER_EFFORT.pnet_width, PAPER_EFFORT.pnet_downs, PAPER_EFFORT.pnet_side) == (64, 7, 384)


def test_steps_and_batch_given_beside_it_are_taken_and_said(objects, tmp_path, monkeypatch, capsys) -> None:
    folder, out = tmp_path / "set", tmp_path / "prompt.safetensors"
    open_or_render(folder, "objects", 2, 160, seed=9, where=Where(1))
    words = ["learn", "background", str(folder), "--validation", str(folder), "--out", str(out), "--paper-schedule"]
    assert run(monkeypatch, [*words, "--steps", "2", "--batch", "1", "--learning-rate", "1e-3"]) == 0
    said = capsys.readouterr().err
    assert "not as in the paper, as you asked: steps 2, the paper's 150000" in said
    assert "batch 1, the paper's 8" in said
    assert "learning rate 0.001, the paper's 0.0005" in said
    card = json.loads(out.with_suffix(".json").read_text())
    schedule = card["schedule"]
    assert (schedule["steps"], schedule["batch"], schedule["learning_rate"]) == (2, 1, 1e-3)
    assert (schedule["recipe"], schedule["bfloat16"], card["decorrelate"]) == ("paper", False, "False")
    with out.with_suffix(".csv").open() as file:
        assert {row["name"] for row in csv.DictReader(file)} >= {"si_rmse", "normals"}
    assert catalogue.find("scene-net").size == 160
