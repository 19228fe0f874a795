"""Errors speak of what was typed: the extra of that command, the parameter that was meant, the file that failed."""

from __future__ import annotations

import configparser
import logging
import os
import re
from pathlib import Path

import bags
import commands
import pytest

from depth_prompt_ros.bag.replay import replay
from depth_prompt_ros.cli import main as command
from depth_prompt_ros.errors import BadInput, BadModel
from depth_prompt_ros.parameters import Parameters
from depth_prompt_ros.resources import resource_path

ROOT = Path(__file__).parents[2]
DISTRIBUTIONS = {"rerun": "rerun-sdk", "cuda": "cuda-python", "open3d": "open3d-cpu", "skimage": "scikit-image"}


def requirements(extra: str, settings: configparser.ConfigParser) -> set[str]:
    """What an extra installs, extras within extras too."""
    found = set()
    for line in settings["options.extras_require"][extra].split("\n"):
        if inner := re.match(r"depth_prompt_ros\[(\w+)\]", line):
            found |= requirements(inner[1], settings)
        elif line.strip():
            found.add(re.split(r"[>;= ]", line.strip())[0])
    return found


@pytest.mark.parametrize("library", command.EXTRAS)
def test_the_extra_that_is_named_brings_the_library(library) -> None:
    settings = configparser.ConfigParser()
    settings.read(ROOT / "setup.cfg")
    for extra in command.EXTRAS[library]:
        assert DISTRIBUTIONS.get(library, library) in requirements(extra, settings)


@pytest.mark.parametrize(
    ("words", "library", "extra"),
    [
        (["demo"], "jinja2", "demo"),
        (["evaluate", "cleargrasp", "x"], "jinja2", "evaluate"),
        (["demo"], "open3d", "demo"),
        (["render"], "open3d", "tabletop"),
        (["learn", "background"], "open3d", "learn"),
        (["models", "list"], "safetensors", "networks"),
        (["replay", "x"], "torch", "learn"),
    ],
)
def test_the_extra_is_that_of_the_command(words, library, extra, monkeypatch, capsys) -> None:
    def app() -> None:
        raise ModuleNotFoundError(name=library)

    monkeypatch.setattr(command, "app", app)
    assert commands.run(monkeypatch, words) == 2
    assert capsys.readouterr().err == f"this needs {library}: pip install 'depth_prompt_ros[{extra}]'\n"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (
            {"stereo": {"num_disparitys": 64}},
            "num_disparitys: there is no such entry, did you mean stereo.num_dis",
        ),
        ({"segmentaton": {"method": "box"}}, "segmentaton: there is no such entry, did you mean segmentation?"),
        ({"num_disparities": 64}, "num_disparities: there is no such entry, did you mean stereo.num_disparities?"),
        ({"tom": {"target_box": [1, 2, 3, 4]}}, "did you mean segmentation.target_box?"),
        ({"devise": "cpu"}, "did you mean device?"),
        ({"stereo": {"xyz": 1}}, "stereo.xyz: there is no such entry"),
    ],
)
def test_a_misspelt_parameter_is_guessed(content, said) -> None:
    with pytest.raises(BadInput) as error:
        Parameters.checked(content, "mine.yaml")
    assert said in str(error.value)
    assert "did you mean" in said or "did you mean" not in str(error.value)


def test_files_that_a_parameter_file_names_are_relative_to_it(tmp_path, monkeypatch) -> None:
    folder = tmp_path / "robot"
    (folder / "nets").mkdir(parents=True)
    (folder / "nets" / "own.onnx").touch()
    (folder / "mine.yaml").write_text(
        "stereo: {onnx: nets/stereo.yaml}\ntom: {mono: ~/mono.yaml, text_network: /opt/text.yaml}\n"
        "prompted_depth: {graph: models/object_depth.onnx}\nsegmentation: {rembg_model: nets/own.onnx}\n"
        "engine_folder: engines\n"
    )
    monkeypatch.chdir(tmp_path)
    read = Parameters.from_yaml(Path("robot/mine.yaml"))
    assert read.stereo.onnx == "robot/nets/stereo.yaml"
    assert read.tom.mono == str(Path("~/mono.yaml").expanduser())
    assert read.tom.text_network == "/opt/text.yaml"
    assert read.prompted_depth.graph == "models/object_depth.onnx"
    assert read.segmentation.rembg_model == "robot/nets/own.onnx"
    assert read.segmentation.onnx == ""
    assert read.engine_folder == "robot/engines"
    (folder / "models").mkdir()
    (folder / "models" / "object_depth.onnx").touch()
    assert Parameters.from_yaml(Path("robot/mine.yaml")).prompted_depth.graph == "robot/models/object_depth.onnx"
    (folder / "mine.yaml").write_text("segmentation: {rembg_model: isnet}\n")
    assert Parameters.from_yaml(Path("robot/mine.yaml")).segmentation.rembg_model == "isnet"


@pytest.mark.parametrize("name", ["zed.yaml", "zed", "config/zed.yaml"])
def test_a_shipped_preset_is_taken_by_its_name(name, tmp_path, monkeypatch, caplog) -> None:
    monkeypatch.chdir(tmp_path)
    with caplog.at_level(logging.INFO):
        assert Parameters.from_yaml(Path(name)) == Parameters.from_yaml(resource_path("config/zed.yaml"))
    assert "the shipped" in caplog.text
    Path(name).parent.mkdir(exist_ok=True)
    Path(name).write_text("rectified: false")
    assert Parameters.from_yaml(Path(name)).rectified == "false"


def test_a_preset_that_is_none_is_said_with_those_that_are(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(BadInput, match=r"from zet.yaml: there is no such file; shipped are oak_d.yaml"):
        Parameters.from_yaml(Path("zet.yaml"))
    with pytest.raises(BadInput, match=r"from mine/zet.yaml: No such file"):
        Parameters.from_yaml(Path("mine/zet.yaml"))


@pytest.mark.parametrize("storage", ["mcap", "sqlite3"])
@pytest.mark.parametrize("error", [BadModel("no graph"), KeyboardInterrupt(), RuntimeError("broken")])
def test_a_replay_that_fails_before_its_first_frame_leaves_nothing(error, storage, tmp_path) -> None:
    """Thirty frames that fail in one way stop it; the transforms before them have been written by then."""
    records = [bags.transform_record("/tf", 0, bags.stamp(0) - 1), *bags.stereo_records(40)]
    bag = bags.write(tmp_path / "in", records)

    def pipeline(_):
        raise error

    with pytest.raises((BadInput, KeyboardInterrupt)) as stopped:
        replay(bag, tmp_path / "out", Parameters(), storage, pipeline=pipeline)
    assert [path.name for path in tmp_path.iterdir()] == ["in"]
    if isinstance(stopped.value, BadInput):
        assert "nothing was written" in str(stopped.value)


def test_what_was_written_before_a_failure_stays(tmp_path) -> None:
    bag = bags.write(tmp_path / "in", bags.stereo_records(40))
    seen = []

    def pipeline(frame):
        seen.append(frame)
        if len(seen) > 3:
            raise RuntimeError("broken")
        return bags.fake_pipeline(frame)

    with pytest.raises(BadInput, match="the results up to there are in"):
        replay(bag, tmp_path / "out", Parameters(), pipeline=pipeline, topics=["depth"])
    assert len(bags.read_with_rosbags(tmp_path / "out")) == 3


@pytest.mark.skipif(os.geteuid() == 0 and not Path("/proc").is_dir(), reason="root may write everywhere")
def test_a_folder_that_cannot_be_written_is_one_line(monkeypatch, capsys) -> None:
    def app() -> None:
        Path("/proc/nothing/here").mkdir(parents=True)

    monkeypatch.setattr(command, "app", app)
    assert commands.run(monkeypatch, ["render"]) == 2
    said = capsys.readouterr().err
    assert said.startswith("cannot use /proc/nothing")
    assert len(said.splitlines()) == 1
