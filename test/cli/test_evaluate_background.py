"""depth-prompt evaluate background: prompts that are there, beside white and the original, plain and fitted."""

from __future__ import annotations

import json

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("open3d")

from commands import run

from depth_prompt_ros.data.sets.rendered import open_or_render
from depth_prompt_ros.graph.prompt import FixedBackground, PromptSettings
from depth_prompt_ros.learning.background.given import given_errors, given_gains, given_table
from depth_prompt_ros.learning.background.learn import write_prompt
from depth_prompt_ros.resources import resource_path
from depth_prompt_ros.work.run import Where


@pytest.fixture(scope="module")
def objects(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sets") / "objects"
    return folder, open_or_render(folder, "objects", 3, 160, seed=9, where=Where(1))


@pytest.fixture
def white_prompt(tmp_path):
    """A learned background that is white: its rows are white's."""
    path = tmp_path / "white.safetensors"
    write_prompt(path, FixedBackground(torch.ones(1, 3, 160, 160)), PromptSettings(), "scene-net", 160, {})
    return path


def test_prompts_are_runs_of_one_row_and_a_white_one_gives_whites_errors(objects, white_prompt) -> None:
    shipped = resource_path("models/background.safetensors")
    errors = given_errors([shipped, white_prompt], "scene-net", None, objects[1])
    assert {row: each.shape for row, each in errors.items()} == {
        "constant depth": (1, 3, 2),
        **{
            f"{row}{kind}": (2 if row == "learned" else 1, 3, 2)
            for row in ("white", "original", "learned")
            for kind in ("", ", scale and shift fitted")
        },
    }
    for kind in ("", ", scale and shift fitted"):
        np.testing.assert_allclose(errors[f"learned{kind}"][1], errors[f"white{kind}"][0], atol=1e-5)
    rows = {row.name: row for row in given_table(errors, "objects").rows}
    assert rows["learned"].values["si_rmse"] == pytest.approx(errors["learned"][..., 0].mean(), rel=1e-5)
    assert rows["learned"].values["si_rmse_spread"] > 0.05
    assert rows["white"].values["si_rmse_spread"] is None
    assert (rows["learned"].note, rows["white"].note) == ("2 prompts", "")
    assert [line.split(":")[0] for line in given_gains(errors)] == ["learned", "learned, scale and shift fitted"]


def test_the_command_takes_the_shipped_prompt_and_says_what_it_gains(objects, tmp_path, monkeypatch, capsys) -> None:
    out = tmp_path / "numbers.json"
    assert run(monkeypatch, ["evaluate", "background", str(objects[0]), "--json", str(out)]) == 0
    said = capsys.readouterr().out
    assert "learned: si-RMSE" in said and "learned, scale and shift fitted: si-RMSE" in said
    rows = json.loads(out.read_text())["objects"]
    assert rows["learned"]["si_rmse"] < rows["white"]["si_rmse"]
    assert rows["white, scale and shift fitted"]["si_rmse"] < rows["white"]["si_rmse"]
    wrong = ["evaluate", "background", str(objects[0]), "--network", "scene-vit"]
    assert run(monkeypatch, [*wrong, "--prompt", str(resource_path("models/background.safetensors"))]) == 2
    assert "is a prompt for network 'scene-net', not 'scene-vit'" in capsys.readouterr().err
