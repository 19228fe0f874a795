"""The commands around learning, run as a user runs them on a few pictures."""

from __future__ import annotations

import csv
import json
import sys

import cv2
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("open3d")

from depth_prompt_ros.cli import main as command
from depth_prompt_ros.data.sets.picture_set import PictureSet
from depth_prompt_ros.work.run import Where


def run(monkeypatch, capsys, *arguments: str) -> tuple[int, str, str]:
    monkeypatch.setattr(sys, "argv", ["depth-prompt", *arguments])
    with pytest.raises(SystemExit) as stopped:
        command.main()
    said = capsys.readouterr()
    return int(stopped.value.code or 0), said.out, " ".join(said.err.split())


@pytest.fixture(scope="module")
def objects(tmp_path_factory):
    from depth_prompt_ros.data.sets.rendered import open_or_render

    folder = tmp_path_factory.mktemp("sets") / "objects"
    open_or_render(folder, "objects", 4, 160, 3, where=Where(1))
    return folder


def test_render_writes_a_set_and_its_sheet(monkeypatch, capsys, tmp_path) -> None:
    out = tmp_path / "set"
    code, said, _ = run(monkeypatch, capsys, "render", "--out", str(out), "--count", "2", "--size", "32")
    assert code == 0
    assert f"{out}: 2 pictures" in said
    assert len(PictureSet.open(out)) == 2
    assert cv2.imread(str(out / "sheet.png")) is not None
    code, _, error = run(monkeypatch, capsys, "render", "--out", str(tmp_path / "x"), "--kind", "objects-scanned")
    assert code == 2
    assert "give --meshes FOLDER" in error


def test_learn_background_leaves_prompt_card_log_and_growing_pictures(monkeypatch, capsys, objects, tmp_path) -> None:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    sets = (str(objects), "--validation", str(objects))
    small = ("--steps", "4", "--batch", "2", "--validate-every", "2", "--float32")
    flags = ("--pnet", "--width", "4", "--downs", "3", "--sees", "box", "--no-bias", "--no-decorrelation")
    out = tmp_path / "prompt.safetensors"
    code, said, _ = run(monkeypatch, capsys, "learn", "background", "--out", str(out), *sets, *small, *flags)
    torch.set_num_threads(threads)
    assert code == 0
    assert json.loads(said[said.index("{") :])["learned"]["si_rmse"] > 0
    card = json.loads(out.with_suffix(".json").read_text())
    assert (card["prompt"], card["sees"], card["bias"], card["decorrelate"]) == ("pnet", "box", "False", "False")
    with out.with_suffix(".csv").open() as file:
        assert {row["name"] for row in csv.DictReader(file)} == {"si_rmse", "normals", "validation"}
    pictures = sorted(path.name for path in (tmp_path / "prompt-growth").iterdir())
    assert pictures == ["000002.png", "000004.png"]
    assert cv2.imread(str(out.with_suffix(".png"))).shape == (160, 5 * 160, 3)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("learn", "background", "--out", "x", "--sees", "box"), "only a prompting network sees anything"),
        (("learn", "background", "--out", "x", "--pnet", "--sees", "all"), "none of mask, image, box"),
        (("learn", "background", "--out", "x", "nowhere"), "nowhere is no picture set: it has no images.npy"),
        (("learn", "background", "--out", "x", "--network", "dpt"), "no network named 'dpt'"),
        (("prepare", "abo", "nowhere", "--out", "x"), "nowhere is not abo: expected OBJECT/render/SCENE/render_K.jpg"),
        (("study", "background", "--network", "dpt"), "no network named 'dpt'"),
    ],
)
def test_what_cannot_be_done_is_one_line_and_exit_code_2(arguments, message, monkeypatch, capsys, tmp_path) -> None:
    monkeypatch.chdir(tmp_path)
    code, _, error = run(monkeypatch, capsys, *arguments)
    assert code == 2
    assert message in error.replace("│ ", "").replace(" │", "")
    assert not list(tmp_path.iterdir())
