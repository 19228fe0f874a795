"""The commands around learning, run as a user runs them on a few pictures."""

from __future__ import annotations

import csv
import io
import json
import re
import subprocess
import sys
import textwrap

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
    heading, learned = said.splitlines()[1], next(line for line in said.splitlines() if line.startswith("learned"))
    assert heading.split()[0] == "si_rmse"
    assert float(learned.split()[1]) > 0
    card = json.loads(out.with_suffix(".json").read_text())
    assert (card["prompt"], card["sees"], card["bias"], card["decorrelate"]) == ("pnet", "box", "False", "False")
    with out.with_suffix(".csv").open() as file:
        assert {row["name"] for row in csv.DictReader(file)} == {"si_rmse", "normals", "validation"}
    pictures = sorted(path.name for path in (tmp_path / "prompt-growth").iterdir())
    assert pictures == ["000002.png", "000004.png"]
    assert cv2.imread(str(out.with_suffix(".png"))).shape == (16 + 160, 5 * 160, 3)  # below their titles


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("learn", "background", "--out", "x.safetensors", "--sees", "box"), "only a prompting network sees anything"),
        (("learn", "background", "--out", "x.safetensors", "--pnet", "--sees", "all"), "none of mask, image, box"),
        (
            ("learn", "background", "--out", "x.safetensors", "nowhere"),
            "nowhere is no picture set: it has no images.npy",
        ),
        (("learn", "background", "--out", "x.safetensors", "--network", "dpt"), "no network named 'dpt'"),
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


SMALL = ("--steps", "100", "--batch", "1", "--validate-every", "50", "--float32")


def test_learning_that_is_stopped_at_step_50_of_100_goes_on(monkeypatch, capsys, objects, tmp_path) -> None:
    """In a process of its own, by the signal that systems and people send."""
    out = tmp_path / "prompt.safetensors"
    words = ["learn", "background", "--out", str(out), str(objects), "--validation", str(objects), *SMALL]
    program = textwrap.dedent(
        """
        import os, signal, sys
        from depth_prompt_ros.learning.background import learn
        vary, steps = learn.varied, []
        def at_50(*given):
            steps.append(0)
            if len(steps) == 50:
                os.kill(os.getpid(), signal.SIGTERM)
            return vary(*given)
        learn.varied = at_50
        from depth_prompt_ros.cli.main import main
        sys.argv = ["depth-prompt", *sys.argv[1:]]
        main()
        """
    )
    done = subprocess.run([sys.executable, "-c", program, *words], capture_output=True, text=True, check=False)
    assert done.returncode == 143, done.stderr
    assert "stopped at step 50 of 100: the same command goes on from" in " ".join(done.stderr.split())
    assert sorted(path.name for path in tmp_path.iterdir()) == ["prompt.checkpoint", "prompt.csv"]
    code, _, error = run(monkeypatch, capsys, *words)
    assert code == 0, error
    with out.with_suffix(".csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["step"] for row in rows if row["name"] == "validation"] == ["50", "100"]
    assert not out.with_suffix(".checkpoint").exists()
    card = json.loads(out.with_suffix(".json").read_text())
    assert card["run"]["steps"] == 100
    content = out.read_bytes()
    code, _, error = run(monkeypatch, capsys, *words, "--seed", "3")
    assert code == 2
    assert "is of a finished run: give another --out, or remove it" in error
    assert out.read_bytes() == content


@pytest.mark.parametrize("count", [1, 2, 3])
def test_fewer_than_four_validation_pictures_will_do(count, monkeypatch, capsys, objects, tmp_path) -> None:
    few = tmp_path / "few"

    def fill(aside) -> None:
        pictures, source = PictureSet.open(aside, mode="r+"), PictureSet.open(objects)
        for name in ("images", "depths", "masks", "intrinsics"):
            getattr(pictures, name)[:] = getattr(source, name)[:count]

    PictureSet.open_or_make(few, {}, count, (160, 160), fill)
    small = ("--steps", "1", "--batch", "1", "--validate-every", "1", "--float32")
    out = str(tmp_path / "p.safetensors")
    code, _, error = run(
        monkeypatch, capsys, "learn", "background", "-o", out, str(objects), "--validation", str(few), *small
    )
    assert code == 0, error


@pytest.mark.parametrize("verb", ["background", "scene-network", "mirror", "things", "tom-masks", "stereo", "video"])
def test_a_wrong_ending_is_refused_before_anything_is_rendered(verb, monkeypatch, capsys, tmp_path) -> None:
    monkeypatch.chdir(tmp_path)
    others = {"background": [], "scene-network": []}.get(verb, ["nowhere"])
    validation = ["--validation", "nowhere"] if verb in ("mirror", "things", "stereo") else []
    code, _, error = run(monkeypatch, capsys, "learn", verb, *others, *validation, "--out", "net.pt")
    assert code == 2
    assert "--out net.pt is to be weights: give it the ending .safetensors" in error
    assert not list(tmp_path.iterdir())


def test_wrong_sets_are_refused_before_anything_is_rendered(monkeypatch, capsys, objects, tmp_path) -> None:
    monkeypatch.chdir(tmp_path)
    words = ("learn", "background", "--out", "x.safetensors", "--network", "scene-net")
    code, _, error = run(monkeypatch, capsys, *words, "--validation", "nowhere")
    assert code == 2
    assert "nowhere is no picture set" in error

    def fill(aside) -> None:
        PictureSet.open(aside, mode="r+").masks[:] = True

    PictureSet.open_or_make(tmp_path / "small", {}, 2, (32, 32), fill)
    code, _, error = run(monkeypatch, capsys, *words, "--validation", "small")
    assert code == 2
    assert "the pictures are 32 pixels wide, the network takes 160" in error
    assert [path.name for path in tmp_path.iterdir()] == ["small"]


def test_curves_go_to_tensorboard(monkeypatch, capsys, objects, tmp_path) -> None:
    pytest.importorskip("tensorboardX")
    from depth_prompt_ros.learning.log import LISTENERS

    sets = (str(objects), "--validation", str(objects), "--steps", "2", "--batch", "1", "--validate-every", "2")
    words = ("learn", "--tensorboard", str(tmp_path / "curves"), "background", "-o", str(tmp_path / "p.safetensors"))
    code, _, error = run(monkeypatch, capsys, *words, *sets, "--float32")
    assert code == 0, error
    (events,) = (tmp_path / "curves").iterdir()
    content = events.read_bytes()
    assert b"validation" in content
    assert b"normals" in content
    assert LISTENERS.get() == ()


def test_a_bar_has_no_question_mark_and_says_the_rate() -> None:
    from rich.console import Console

    from depth_prompt_ros.cli import progress

    shown = io.StringIO()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("rich.console.Console", lambda **_: Console(file=shown, force_terminal=True, width=120))
        with progress.progress("learning", "steps") as report:
            report(1, 100, {"disparity": 0.5}, 49.5)
    said = re.sub(r"\x1b\[[^a-zA-Z]*[a-zA-Z]", "", shown.getvalue())
    assert "?" not in said
    assert "1/100" in said
    assert "2 steps/s" in said
    assert "disparity 0.5000" in said


def test_figures_are_a_table(capsys, tmp_path) -> None:
    from depth_prompt_ros.cli.progress import print_figures

    print_figures(tmp_path / "x", {"epe": 1.23456, "pairs": 3})
    print_figures(tmp_path / "x", {"none (white)": {"si_rmse": 0.5}, "learned": {"si_rmse": 0.25, "cosine": 1.0}})
    said = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert ["epe", "1.235"] in said
    assert ["pairs", "3"] in said
    assert ["si_rmse", "cosine"] in said
    assert ["learned", "0.25", "1"] in said


def test_a_study_writes_into_its_own_folder_and_can_be_shrunk(monkeypatch, capsys, tmp_path) -> None:
    from depth_prompt_ros.learning.background.study import background

    seen = {}

    def study(studied, effort, cache, out, results, *_, **__) -> None:
        seen.update(effort=effort, results=results)
        raise KeyboardInterrupt

    monkeypatch.setattr(background, "study_background", study)
    monkeypatch.chdir(tmp_path)
    code, _, error = run(monkeypatch, capsys, "study", "background", "--steps", "7", "--pictures", "12", "--seeds", "1")
    assert code == 130
    assert error == "stopped"
    effort = seen["effort"]
    assert {effort.single.steps, effort.pnet.steps, effort.tuned.steps} == {7}
    assert effort.single.validate_every == 7
    assert (effort.train, effort.validation, effort.test, effort.seeds) == (12, 12, 12, 1)
    assert str(seen["results"]) == "study-background/background.md"
