"""Stereo networks learn from pairs and from merged labels: what is varied, what is written, what the commands say."""

from __future__ import annotations

import csv
import json
import sys

import cv2
import numpy as np
import pytest

torch = pytest.importorskip("torch")

from safetensors.torch import load_file

from depth_prompt_ros.cli import main as command
from depth_prompt_ros.data.sets.stereo_set import StereoSet
from depth_prompt_ros.errors import BadInput
from depth_prompt_ros.learning.losses import sequence_loss
from depth_prompt_ros.learning.stereo import batch as stereo_batch
from depth_prompt_ros.learning.stereo import tom as stereo_tom
from depth_prompt_ros.learning.stereo.batch import PairBatch, load_pairs, vary
from depth_prompt_ros.learning.stereo.learn import opaque_truth
from depth_prompt_ros.learning.stereo.tom import make_labels

SIZE = (80, 128)
DISPARITY = 8


@pytest.fixture(scope="module")
def pairs(tmp_path_factory):
    """Four pairs of one textured wall, 8 px of disparity; a fifth of it is a mirror."""

    def fill(folder) -> None:
        data = StereoSet.open(folder, "r+")
        rng = np.random.default_rng(0)
        for index in range(len(data)):
            texture = cv2.GaussianBlur(
                rng.integers(0, 255, (SIZE[0], SIZE[1] + DISPARITY, 3)).astype(np.uint8), (5, 5), 1
            )
            data.lefts[index], data.rights[index] = texture[:, :-DISPARITY], texture[:, DISPARITY:]
            data.depths[index] = 100 * 0.1 / DISPARITY
            data.labels[index, 20:60, 30:62] = 1
            data.tom[index, 20:60, 30:62] = True
            data.cameras[index] = (100, 100, 63.5, 39.5, 0.1)

    folder = tmp_path_factory.mktemp("pairs") / "set"
    return folder, StereoSet.open_or_make(folder, {"made": "here"}, 4, SIZE, fill)


def batch_of(data: StereoSet) -> PairBatch:
    return load_pairs(data, opaque_truth(data).of, np.arange(4), torch.device("cpu"))


def test_a_batch_has_no_truth_on_tom(pairs) -> None:
    batch = batch_of(pairs[1])
    assert batch.left.shape == (4, 3, *SIZE)
    assert torch.allclose(batch.disparity[batch.mask > 0], torch.tensor(float(DISPARITY)), atol=1e-4)
    assert not batch.mask[:, :, 20:60, 30:62].any()
    assert float(batch.mask.mean()) == pytest.approx(1 - 40 * 32 / (80 * 128))
    heavy = load_pairs(pairs[1], pairs[1].disparity, np.arange(4), torch.device("cpu"), tom_weight=3.0)
    assert heavy.mask.unique().tolist() == [1.0, 3.0]
    assert bool((heavy.mask[:, 0, 20:60, 30:62] == 3).all())


@pytest.mark.parametrize("seed", range(4))
def test_a_window_still_matches_at_its_disparity(pairs, seed) -> None:
    window = stereo_batch._window(batch_of(pairs[1]), (64, 96), torch.Generator().manual_seed(seed))
    assert window.left.shape == (4, 3, 64, 96)
    disparity = float(window.disparity[window.mask > 0].mean())
    assert disparity != DISPARITY
    places = torch.arange(96.0).expand(4, 64, 96) - disparity
    inside = places[0, 0] >= 0
    grid = torch.stack(
        [2 * (places + 0.5) / 96 - 1, (2 * (torch.arange(64.0) + 0.5) / 64 - 1)[:, None].expand(4, 64, 96)], 3
    )
    seen = torch.nn.functional.grid_sample(window.right, grid, align_corners=False)
    right = (seen - window.left)[..., inside].abs().mean()
    wrong = (window.right - window.left)[..., inside].abs().mean()
    assert float(right) < 0.2 * float(wrong)


def test_colours_rows_and_holes_vary_and_stay_in_range(pairs) -> None:
    generator = torch.Generator().manual_seed(1)
    batch = batch_of(pairs[1])
    varied = vary(batch, (64, 96), generator)
    assert float(varied.left.amin()) >= 0 and float(varied.right.amax()) <= 1
    again = vary(batch, (64, 96), torch.Generator().manual_seed(1))
    assert torch.equal(varied.right, again.right)
    grey = torch.full((1, 3, 1, 1), 0.4)
    for saturation, hue in ((0.3, 0.5), (1.4, -0.2)):
        matrix = stereo_batch._matrices(torch.tensor([[saturation]]), torch.tensor([[hue]]))
        assert torch.allclose(torch.einsum("nij,njhw->nihw", matrix, grey), grey, atol=1e-5)
    pale = stereo_batch._matrices(torch.zeros(1, 1), torch.zeros(1, 1))[0] @ torch.tensor([1.0, 0.0, 0.0])
    assert torch.allclose(pale, torch.tensor([0.299] * 3))
    erased = [stereo_batch._erased(batch.right, generator) != batch.right for _ in range(6)]
    assert 0.02 < float(torch.stack(erased).float().mean()) < 0.3
    moved = torch.stack([stereo_batch._moved(batch.right, generator) != batch.right for _ in range(6)])
    assert 0.2 < float(moved.any(dim=4).any(dim=3).any(dim=2).float().mean()) < 0.8
    ramp = torch.arange(80.0).view(1, 1, 80, 1).expand(8, 1, 80, 4)
    rows = (stereo_batch._moved(ramp, generator) - ramp)[:, 0, 40, 0]
    assert float(rows.abs().amax()) <= 1.5
    assert len(rows.unique()) > 2


def test_later_steps_weigh_more_whatever_their_number() -> None:
    truth, mask = torch.zeros(1, 1, 2, 2), torch.tensor([[[[1.0, 1.0], [0.0, 1.0]]]])
    for count in (2, 6, 16):
        first = [torch.zeros(1, 1, 2, 2)] * count
        last = list(first)
        first[0], last[-1] = torch.full((1, 1, 2, 2), 3.0), torch.full((1, 1, 2, 2), 3.0)
        assert float(sequence_loss(last, truth, mask)) == pytest.approx(3)
        assert float(sequence_loss(first, truth, mask)) == pytest.approx(3 * 0.9**15, rel=1e-4)


def run(monkeypatch, capsys, *arguments: str) -> tuple[int, str, str]:
    monkeypatch.setattr(sys, "argv", ["depth-prompt", "learn", *arguments])
    with pytest.raises(SystemExit) as stopped:
        command.main()
    said = capsys.readouterr()
    return int(stopped.value.code or 0), said.out, " ".join(said.err.split())


def test_learning_then_fine_tuning_leaves_weights_cards_logs_pictures(monkeypatch, capsys, pairs, tmp_path) -> None:
    folder = str(pairs[0])
    base, tuned = tmp_path / "base.safetensors", tmp_path / "tuned.safetensors"
    few = (
        folder,
        "--validation",
        folder,
        "--steps",
        "3",
        "--batch",
        "2",
        "--validate-every",
        "2",
        "--float32",
    )
    code, said, _ = run(monkeypatch, capsys, "stereo", "--out", str(base), *few)
    assert code == 0
    figures = {line.split()[0] for line in said.splitlines() if line.startswith(("epe", "bad2"))}
    assert figures == {"epe", "bad2", "epe_tom", "bad2_tom", "epe_other", "bad2_other"}
    assert sorted(path.name for path in (tmp_path / "base-growth").iterdir()) == ["000002.png", "000003.png"]
    height, width = cv2.imread(str(tmp_path / "base.png")).shape[:2]
    assert width == 4 * 128
    assert height - 4 * 80 in (16, 32, 48)  # titles
    rows = list(csv.DictReader((tmp_path / "base.csv").open()))
    assert [row["name"] for row in rows] == ["validation", "disparity", "validation"]

    mono = tmp_path / "mono"
    for part in ("labels", "pictures", "masks"):
        (mono / part).mkdir(parents=True)
    (mono / "labels.json").write_text("{}")
    for index in range(4):
        np.save(mono / "labels" / f"{index:06d}.npy", np.add.outer(np.arange(40.0), np.arange(64.0)).astype(np.float32))
        cv2.imwrite(str(mono / "pictures" / f"{index:06d}.png"), np.zeros((40, 64, 3), np.uint8))
        cv2.imwrite(str(mono / "masks" / f"{index:06d}.png"), np.zeros((40, 64), np.uint8))
    merged = ("--mono", str(mono), "--labels", str(tmp_path / "labels"), "--weights", str(base), "--pairs", "3")
    code, said, _ = run(monkeypatch, capsys, "tom-stereo", "--out", str(tuned), *merged, *few)
    assert code == 0
    assert f"{tmp_path / 'labels'}: epe " in said
    assert sorted(path.name for path in (tmp_path / "labels").glob("*.png")) == [f"{n:06d}.png" for n in range(3)]
    card = json.loads(tuned.with_suffix(".json").read_text())
    assert (card["network"], card["start"]) == ("raft-stereo-small", "base.safetensors")
    assert set(card["label_errors"]) == set(figures)
    assert (
        card["data"] == "3 pairs, disparity of the network itself merged with virtual mono disparity on ToM, anchored"
    )
    before, after = load_file(base), load_file(tuned)
    means = [name for name in before if name.endswith("running_mean")]
    assert means and all(torch.equal(before[name], after[name]) for name in means)
    assert not torch.equal(before["encoder.stem.0.weight"], after["encoder.stem.0.weight"])

    again = tmp_path / "again.safetensors"
    code, _, error = run(monkeypatch, capsys, "tom-stereo", "--out", str(again), *merged, *few, "--paper")
    assert code == 2
    assert "holds labels made with" in error
    code, _, error = run(monkeypatch, capsys, "stereo", "--out", str(again), *few, "--network", "scene-net")
    assert code == 2
    assert "no stereo network named 'scene-net'" in error


def test_labels_outside_tom_are_the_networks_own_unless_the_truth_is_asked_for(pairs, tmp_path, monkeypatch) -> None:
    """A network that says 3 px everywhere labels everything so; the true disparity is a request, named in the card."""
    flat = np.ones((20, 32), np.float32)
    monkeypatch.setattr(
        stereo_tom, "_network_disparity", lambda *_: lambda index: np.full(pairs[1].size, 3, np.float32)
    )
    own = make_labels(pairs[1], lambda _: flat, tmp_path / "own", 1)
    tom = np.asarray(pairs[1].tom[0])
    assert (own.of(0)[~tom] == 3).all()
    assert own.described.startswith("disparity of the network itself merged")
    true = make_labels(pairs[1], lambda _: flat, tmp_path / "true", 1, "truth")
    np.testing.assert_allclose(true.of(0)[~tom], pairs[1].disparity(0)[~tom], atol=1 / 256)
    assert true.described.startswith("disparity of the set's truth merged")
    with pytest.raises(BadInput, match="holds labels made with"):
        make_labels(pairs[1], lambda _: flat, tmp_path / "own", 1, "truth")


def test_labels_outside_tom_can_be_those_of_block_matching(pairs, tmp_path) -> None:
    flat = np.ones((20, 32), np.float32)
    labels = make_labels(pairs[1], lambda index: flat + index, tmp_path / "labels", 1, "sgbm", anchored=False)
    label, tom = labels.of(0), np.asarray(pairs[1].tom[0])
    assert labels.count == 1
    assert np.isfinite(label[~tom]).mean() > 0.5
    assert np.nanmedian(np.abs(label - DISPARITY)) < 0.2
    assert np.abs(label[tom] - DISPARITY).max() < 0.2
