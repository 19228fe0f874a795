"""Many recordings replayed into a folder: each once, whole or not at all, whatever becomes of the others."""

from __future__ import annotations

import bags
import commands
import pytest

from depth_prompt_ros import pipeline as package_pipeline
from depth_prompt_ros.bag.replay_list import replay_list
from depth_prompt_ros.errors import BadInput
from depth_prompt_ros.parameters import Parameters
from depth_prompt_ros.work.run import Where


@pytest.fixture
def recordings(tmp_path):
    return [bags.write(tmp_path / "in" / name, bags.stereo_records(2)) for name in ("a", "b")]


@pytest.fixture
def fake(monkeypatch):
    """The pipeline of this process; returns the stamps that it has seen."""
    seen = []

    class Fake:
        def __init__(self, parameters):
            pass

        def __call__(self, frame):
            seen.append(frame.stamp_ns)
            return bags.fake_pipeline(frame)

    monkeypatch.setattr(package_pipeline, "ObjectDepthPipeline", Fake)
    return seen


def run(found, out, **changes):
    listed = replay_list(found, out, **{"parameters": Parameters(), "topics": ["depth"], **changes})
    return {item.name: outcome for item, outcome in listed}


def messages(path):
    return [(topic, log_ns, bytes(content.data)) for topic, log_ns, content in bags.read_with_rosbags(path)]


def test_each_becomes_a_recording_and_is_kept(tmp_path, recordings, fake):
    found = run(recordings, tmp_path / "out")
    assert [path.name for path in sorted((tmp_path / "out").iterdir())] == ["a", "b"]
    assert len(messages(tmp_path / "out/a")) == 2
    assert "2 frames in" in found["a"].said
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "out").rglob("*")}
    again = run(recordings, tmp_path / "out")
    assert all(outcome.kept and outcome.said == found[name].said for name, outcome in again.items())
    assert len(fake) == 4
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "out").rglob("*")} == before


def test_an_output_of_something_else_is_left_alone(tmp_path, recordings, fake):
    run(recordings[:1], tmp_path / "out")
    before = messages(tmp_path / "out/a")
    said = run(recordings, tmp_path / "out", storage="sqlite3")
    assert "made of something else" in said["a"].problem
    assert not said["b"].problem
    assert messages(tmp_path / "out/a") == before
    bags.write(tmp_path / "other/a", bags.stereo_records(1))
    assert "made of something else" in run([tmp_path / "other/a"], tmp_path / "out")["a"].problem


def test_bad_ones_are_named_and_leave_nothing(tmp_path, recordings, fake):
    torn = tmp_path / "torn.mcap"
    torn.write_bytes(b"\x89MCAP0\r\nnothing")
    empty = bags.write(tmp_path / "empty", [record for record in bags.stereo_records(1) if "right" not in record[0]])
    said = run([torn, empty, tmp_path / "missing", *recordings], tmp_path / "out")
    assert [name for name, outcome in said.items() if outcome.problem] == ["torn.mcap", "empty", "missing"]
    assert [path.name for path in sorted((tmp_path / "out").iterdir())] == ["a", "b"]


def test_an_unknown_output_is_refused_at_once(tmp_path, recordings):
    with pytest.raises(BadInput, match="nonsense"):
        run(recordings, tmp_path / "out", topics=["nonsense"])
    assert not (tmp_path / "out").exists()


def test_processes_write_what_one_writes(tmp_path, recordings):
    """With the package's own pipeline: spawned processes know no fake one."""
    for name, jobs in (("one", 1), ("two", 2)):
        run(recordings, tmp_path / name, where=Where(jobs))
    for name in ("a", "b"):
        assert messages(tmp_path / "one" / name) == messages(tmp_path / "two" / name)


def test_the_command_takes_one_or_many(tmp_path, recordings, fake, monkeypatch, capsys):
    words = ["--out", str(tmp_path / "one"), "--topics", "depth"]
    assert commands.run(monkeypatch, ["replay", str(recordings[0]), *words]) == 0
    assert (tmp_path / "one/metadata.yaml").is_file()
    words = [*map(str, recordings), str(tmp_path / "missing"), "--out", str(tmp_path / "many"), "--topics", "depth"]
    capsys.readouterr()
    assert commands.run(monkeypatch, ["replay", *words]) == 1
    said = capsys.readouterr()
    assert f"{tmp_path / 'many/a'}: 2 frames in" in said.out
    assert "missing could not be replayed: " in said.err
    assert messages(tmp_path / "many/a") == messages(tmp_path / "one")
    assert commands.run(monkeypatch, ["replay", *words]) == 1
    assert f"{tmp_path / 'many/a'} (done before): 2 frames" in capsys.readouterr().out
