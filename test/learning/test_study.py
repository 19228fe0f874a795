"""The study on made-up sets: every kind of run, going on where it stopped, figures and page."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from depth_prompt_ros.data.sets.picture_set import PictureSet
from depth_prompt_ros.errors import BadInput
from depth_prompt_ros.learning.background.resized import shrink
from depth_prompt_ros.learning.background.study import background
from depth_prompt_ros.learning.background.study.beyond import constant_errors, partial_errors
from depth_prompt_ros.learning.background.study.execute import mean_relative_depth
from depth_prompt_ros.learning.background.study.figures import Results, paired_gain, summarise
from depth_prompt_ros.learning.background.study.plan import ABLATIONS, Effort, StudiedNetwork, runs
from depth_prompt_ros.learning.background.study.sets import StudySets
from depth_prompt_ros.learning.trainer import Schedule, load_batch
from depth_prompt_ros.networks.catalogue import CATALOGUE

TINY = Schedule(steps=2, batch=2, learning_rate=1e-2, validate_every=2)
EFFORT = Effort(
    TINY, TINY, replace(TINY, recipe="paper"), replace(TINY, learning_rate=1e-4), 4, 3, 32,
    seeds=1, ablation_seeds=0, train=4, validation=4, test=4,
)  # fmt: skip
CPU = torch.device("cpu")
SIDE = 64
"""Pixels, of what is learned from: a network of any size learns a few steps as well at a small one."""


def _bumps(folder, size: int, off: float = 0.0) -> PictureSet:
    """Four pictures of a half sphere, nearer than the plane behind it."""

    def fill(aside) -> None:
        pictures = PictureSet.open(aside, mode="r+")
        y, x = np.mgrid[:size, :size] / size - 0.5
        for index in range(4):
            squared = 0.09 - (x - off) ** 2 - (y + 0.02 * index) ** 2
            pictures.masks[index] = squared > 0
            pictures.depths[index] = 1.5 - np.sqrt(np.maximum(squared, 0))
            pictures.images[index] = (255 * np.clip(2 - pictures.depths[index], 0, 1))[..., None]
            pictures.intrinsics[index] = 1.5 * size, 1.5 * size, (size - 1) / 2, (size - 1) / 2

    return PictureSet.open_or_make(folder, {"size": size, "off": off}, 4, (size, size), fill)


@pytest.fixture(scope="module")
def sets(tmp_path_factory) -> StudySets:
    folder = tmp_path_factory.mktemp("sets")
    _bumps(folder / "bumps", SIDE)
    _bumps(folder / "partial", 320, off=0.15)
    tests = {"in distribution": folder / "bumps", "out of distribution": folder / "bumps"}
    return StudySets(folder / "bumps", folder / "bumps", tests, folder / "partial", folder / "bumps")


def test_the_plan_has_every_row_and_seed_once() -> None:
    networks = [StudiedNetwork("scene-net", ablations=True), StudiedNetwork("scene-vit")]
    planned = list(runs(networks, Effort()))
    assert len({run.folder for run in planned}) == len(planned) == 2 * (1 + 4 * 3) + len(ABLATIONS)
    assert {run.settings.downs for run in planned if run.method == "PNet"} == {5}


def test_the_study_goes_through_resumes_and_writes_its_page(sets, tmp_path, monkeypatch) -> None:
    monkeypatch.setitem(CATALOGUE, "scene-net", replace(CATALOGUE["scene-net"], size=SIDE))
    monkeypatch.setattr(background, "make_sets", lambda *_: sets)
    networks, said = [StudiedNetwork("scene-net")], []
    where = {"cache": tmp_path, "folder": tmp_path / "runs", "results": tmp_path / "docs" / "page.md"}
    background.study_background(networks, EFFORT, **where, jobs=1, report=said.append)
    planned = len(list(runs(networks, EFFORT)))
    assert said[0] == f"0 of {planned} runs are done, {planned} are left"
    assert any(line.startswith(f"{planned} of {planned}: scene-net/fine-tuned") for line in said)
    page = (tmp_path / "docs" / "page.md").read_text()
    for row in (
        "constant depth",
        "mean shape",
        "none (white)",
        "original",
        "photographs",
        "fine-tuned",
        "fine-tuned, our schedule",
        "1-BG",
        "PNet",
        "none (white), scale and shift fitted",
        "original, scale and shift fitted",
        "1-BG, scale and shift fitted",
        "PNet, scale and shift fitted",
        "DPT | none (white)",
        "Omnidata | 1-BG",
    ):
        assert f"| {row} | " in page
    assert "virtual camera on" in page
    assert "## What survives a fit" in page
    assert "with both fitted" in page
    learned = [line for line in page.splitlines() if line.startswith(("| 1-BG |", "| PNet |", "| fine-tuned"))]
    assert learned and all(line.count("†") == 4 for line in learned)  # one run: no spread, in both figures of both sets
    assert not any("†" in line for line in page.splitlines() if line.startswith(("| constant", "| none", "| original")))
    assert "| 1-BG resampled, in distribution |" in page
    assert "Not run yet" not in page
    assert (tmp_path / "docs" / "page" / "scene-net.jpg").stat().st_size > 10_000
    learned = tmp_path / "runs" / "scene-net" / "1-BG-0" / "learned.safetensors"
    made = learned.stat().st_mtime_ns
    (tmp_path / "runs" / "scene-net" / "fine-tuned-0" / "result.json").unlink()
    said.clear()
    background.study_background(networks, EFFORT, **where, jobs=1, report=said.append)
    assert said[0] == f"{planned - 1} of {planned} runs are done, 1 are left"
    assert learned.stat().st_mtime_ns == made
    for run in ("fine-tuned-0", "PNet-0"):
        for file in (tmp_path / "runs" / "scene-net" / run).iterdir():
            file.unlink() if file.is_file() else None
    background.study_background(networks, EFFORT, **where, jobs=1, report=said.append, learn=False)
    page = (tmp_path / "docs" / "page.md").read_text()
    assert "Not run yet: scene-net/PNet-0, scene-net/fine-tuned-0." in page
    assert "| PNet |  |  |  |  |" in page
    with pytest.raises(BadInput, match="holds a study made with other settings"):
        background.study_background(networks, replace(EFFORT, seeds=2), **where, jobs=1, report=said.append)


def test_figures_of_seeds_and_objects_by_hand(tmp_path) -> None:
    figure = summarise(np.array([[1.0, 3.0], [2.0, 4.0]]))
    assert (figure.mean, figure.seeds) == (2.5, 2)
    assert figure.spread == pytest.approx(np.sqrt(0.5))
    assert 1.5 <= figure.low < figure.high <= 3.5
    found = paired_gain(np.array([[1.0, 1.0], [1.0, 3.0]]), np.array([[4.0, 2.0]]))  # seeds' means 1 and 2
    assert (found.share, found.low, found.high) == (0.5, 0.0, 0.75)
    assert str(found) == "50 % below [0, 75]"
    assert str(paired_gain(np.array([[3.0]]), np.array([[2.0]]))) == "50 % above [-50, -50]"
    run = next(runs([StudiedNetwork("scene-net")], Effort()))
    assert Results(tmp_path, [run]).missing == ["scene-net/fixed-0"]


def test_the_bootstrap_covers_the_mean_as_often_as_it_says() -> None:
    rng = np.random.default_rng(0)
    figures = [summarise(rng.normal(1, 0.5, (1, 60))) for _ in range(200)]
    assert 0.89 < np.mean([each.low <= 1 <= each.high for each in figures]) < 0.99


def test_shrinking_keeps_where_points_project(sets) -> None:
    whole = load_batch(PictureSet.open(sets.partial), np.arange(1), CPU)
    small = shrink(whole, 80)
    fx, _, cx, _ = small.intrinsics[0].tolist()
    inside = small.mask[0, 0, 40].nonzero().flatten()
    middle = float(inside.float().mean())
    assert (middle - cx) / fx == pytest.approx(0.15 * 320 / (1.5 * 320), abs=0.01)
    assert small.image.shape[2:] == (80, 80)


def test_the_virtual_camera_carries_a_true_depth_back(sets) -> None:
    """A network that knew the truth would make no error: scored pixels are the same with the camera on and off."""

    class Knows:
        size = 160

        def __call__(self, picture):
            return torch.ones_like(picture[:, :1])

    partial = PictureSet.open(sets.partial)
    off = partial_errors(Knows(), None, partial, False, CPU)
    np.testing.assert_allclose(off, constant_errors(partial, 160, CPU), rtol=1e-5)
    on = partial_errors(Knows(), None, partial, True, CPU)
    assert np.all(np.abs(on[:, 0] / off[:, 0] - 1) < 0.3)
    assert np.isfinite(on).all()


def test_the_mean_shape_is_the_mean_of_relative_depths(sets) -> None:
    train = PictureSet.open(sets.train)
    mean = mean_relative_depth(train, CPU)[0, 0].numpy()
    masks, depths = np.asarray(train.masks), np.asarray(train.depths)
    relative = [np.where(m, d / d[m].mean(), 0) for m, d in zip(masks, depths, strict=True)]
    inside = masks.sum(0)
    np.testing.assert_allclose(mean[inside > 0], np.sum(relative, 0)[inside > 0] / inside[inside > 0], rtol=1e-4)
    assert (mean[inside == 0] == 1).all()
