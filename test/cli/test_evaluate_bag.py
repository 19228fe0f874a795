"""depth-prompt evaluate bag on a rendered recording, with the package's own pipeline."""

from __future__ import annotations

import json
import re

import commands
import pytest

from depth_prompt_ros.cli import extras
from depth_prompt_ros.data.rendering.scenes import render_tabletop_sequence
from depth_prompt_ros.demo.input_bag import TRUE_DEPTH_TOPIC, TRUE_TOM_TOPIC, StereoTruth, write_input_bag


@pytest.fixture(scope="module")
def bag(tmp_path_factory):
    path = tmp_path_factory.mktemp("bags") / "table"
    views = render_tabletop_sequence(2, 1)
    write_input_bag(path, (StereoTruth(v.stamp_ns, v.left, v.right, v.camera, v.depth, v.labels, v.tom) for v in views))
    return path


def test_one_json_and_one_page(tmp_path, bag, monkeypatch, capsys):
    torn = tmp_path / "torn.mcap"
    torn.write_bytes(b"no bag")
    words = ["evaluate", "bag", str(bag), str(torn), "--out", str(tmp_path / "out"), "--truth-topic", TRUE_DEPTH_TOPIC]
    assert commands.run(monkeypatch, [*words, "--tom-topic", TRUE_TOM_TOPIC]) == 1
    said = capsys.readouterr()
    assert [line.split(":")[0] for line in said.err.splitlines() if "could not" in line] == [
        "torn.mcap could not be evaluated"
    ]
    assert "transparent or mirror: ours" in said.out
    found = json.loads((tmp_path / "out/evaluation.json").read_text())
    ours, measured = (found["together"]["metrics"][name] for name in ("ours", "measured"))
    assert ours["tom"]["rmse"] < measured["tom"]["rmse"]
    assert ours["targets"]["coverage"] > measured["targets"]["coverage"]
    assert ours["all"]["bad_2"] < measured["all"]["bad_2"]
    page = (tmp_path / "out/evaluation.html").read_text()
    assert "torn.mcap could not be evaluated" in page
    assert len(re.findall(r'src="data:image/', page)) == 4  # overview, curves, two frames
    assert not re.findall(r'(?:src|href)="(?!data:|#)', page)
    assert "Worst frames first" in page
    assert len(re.findall("<canvas", page)) == 2 * 3  # measured, ours and truth of two frames
    assert commands.run(monkeypatch, [*words, "--tom-topic", TRUE_TOM_TOPIC]) == 1
    assert "done before: table" in capsys.readouterr().out


def test_what_the_page_needs_is_asked_for_before_the_work(tmp_path, bag, monkeypatch, capsys):
    monkeypatch.setattr(extras, "find_spec", lambda _: None)
    assert commands.run(monkeypatch, ["evaluate", "bag", str(bag), "--out", str(tmp_path / "out")]) == 2
    assert capsys.readouterr().err == "this needs matplotlib: pip install 'depth_prompt_ros[evaluate]'\n"
    assert not (tmp_path / "out").exists()


def test_no_recording_that_can_be_evaluated_writes_nothing(tmp_path, monkeypatch, capsys):
    assert commands.run(monkeypatch, ["evaluate", "bag", str(tmp_path / "no"), "--out", str(tmp_path / "out")]) == 1
    assert "no could not be evaluated" in capsys.readouterr().err
    assert not (tmp_path / "out/evaluation.json").exists()
