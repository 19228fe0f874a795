"""Inputs by path and by URL: a local web server, and fsspec's own memory and file systems."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import bags
import pytest

from depth_prompt_ros.bag.evaluation import many
from depth_prompt_ros.bag.evaluation.document import write_document
from depth_prompt_ros.bag.evaluation.many import evaluate_bags
from depth_prompt_ros.bag.truth.source import TruthSource
from depth_prompt_ros.errors import BadInput
from depth_prompt_ros.parameters import Parameters
from depth_prompt_ros.work.places import expanded, is_url, name_of, on_disk, part_named, version_of

fsspec = pytest.importorskip("fsspec")


@pytest.fixture
def store():
    """An object store in memory: no folders, only names."""
    system = fsspec.filesystem("memory")
    yield system
    system.store.clear()
    system.pseudo_dirs[:] = [""]


def put(store, folder: Path, url: str) -> str:
    for path in folder.rglob("*"):
        if path.is_file():
            store.pipe(f"{url.removeprefix('memory:/')}/{path.relative_to(folder)}", path.read_bytes())
    return url


def test_a_path_is_itself(tmp_path):
    with on_disk(tmp_path) as here:
        assert here == tmp_path
    assert not is_url(tmp_path) and not is_url("a/b")
    assert name_of("a/b/") == "b"
    (tmp_path / "kitchen").mkdir()
    assert part_named(tmp_path, ("kitchen.mcap", "kitchen")) == tmp_path / "kitchen"
    assert part_named(tmp_path, ("office",)) == tmp_path


def test_a_folder_is_fetched_and_dropped(tmp_path, store):
    (tmp_path / "set/sub").mkdir(parents=True)
    (tmp_path / "set/one").write_text("1")
    (tmp_path / "set/sub/two").write_text("2")
    url = put(store, tmp_path / "set", "memory://bucket/night/set")
    with on_disk(f"{url}/") as here:
        assert here.name == "set"
        assert {str(path.relative_to(here)) for path in here.rglob("*") if path.is_file()} == {"one", "sub/two"}
        assert (here / "sub/two").read_text() == "2"
    assert not here.parent.exists()
    with on_disk(f"{url}/one") as here:
        assert (here.name, here.read_text()) == ("one", "1")
    assert part_named("memory://bucket/night", ("other", "set")) == "memory:///bucket/night/set"
    assert part_named("memory://bucket/night", ("other",)) == "memory://bucket/night"


def test_patterns_in_urls_are_expanded(store):
    for name in ("b", "a", "other"):
        store.pipe(f"/bucket/{name}/metadata.yaml", b"1")
    assert expanded(["bags/*", "memory://bucket/?", "memory://bucket/other"]) == [
        "bags/*", "memory:///bucket/a", "memory:///bucket/b", "memory://bucket/other",
    ]  # fmt: skip
    with pytest.raises(BadInput, match="nothing matches memory://bucket/z"):
        expanded(["memory://bucket/z*"])


def test_a_version_changes_with_the_content_alone(store):
    store.pipe("/bucket/bag/a", b"1")
    before = version_of("memory://bucket/bag")
    assert version_of("memory://bucket/bag/") == before
    store.pipe("/bucket/bag/a", b"22")
    assert version_of("memory://bucket/bag") != before


@pytest.mark.parametrize("use", [version_of, lambda place: on_disk(place).__enter__()])
@pytest.mark.parametrize("url", ["memory://bucket/nothing", "nosuch://bucket/a"])
def test_what_cannot_be_read_is_one_line_with_the_url(store, use, url):
    with pytest.raises(BadInput, match=f"cannot read {url}: ") as caught:
        use(url)
    assert "\n" not in str(caught.value)


def test_without_fsspec_the_command_says_what_to_install(tmp_path, monkeypatch, capsys):
    import commands

    monkeypatch.setitem(sys.modules, "fsspec", None)
    assert commands.run(monkeypatch, ["replay", "s3://bucket/bag", "--out", str(tmp_path / "out")]) == 2
    assert "pip install 'depth_prompt_ros[cluster]'" in capsys.readouterr().err


def test_recordings_and_truth_from_a_store_are_evaluated_as_from_the_disk(tmp_path, store, monkeypatch):
    records = bags.stereo_records(2)
    truth = bags.rgbd_records([bags.np.full((12, 16), 1.3, bags.np.float32)] * 2, "32FC1")
    for name in ("kitchen", "office"):
        bags.write(tmp_path / "bags" / name, records)
        bags.write(tmp_path / "truths" / name, truth)
    put(store, tmp_path / "bags", "memory://bucket/bags")
    put(store, tmp_path / "truths", "memory://bucket/truths")

    def evaluate(folder, source, out):
        found = [f"{folder}/kitchen", f"{folder}/office", f"{folder}/missing"]
        with_topic = TruthSource("/depth/image_rect", bag=source)
        evaluated = evaluate_bags(found, out, Parameters(), with_topic, pipeline=bags.fake_pipeline)
        write_document(evaluated, out / "evaluation.json")
        said = json.loads((out / "evaluation.json").read_text())
        assert list(said.pop("failed")) == ["missing"]
        said.pop("times")
        return evaluated, said

    _, local = evaluate(str(tmp_path / "bags"), tmp_path / "truths", tmp_path / "one")
    _, remote = evaluate("memory://bucket/bags", "memory://bucket/truths", tmp_path / "two")
    assert remote == local
    monkeypatch.setattr(many, "on_disk", None)  # nothing is fetched again
    again, _ = evaluate("memory://bucket/bags", "memory://bucket/truths", tmp_path / "two")
    assert again.kept == ["kitchen", "office"]
    monkeypatch.undo()
    file = next(name for name in store.find("/bucket/bags/office") if name.endswith(".yaml"))
    store.pipe(file, store.cat(file) + b"\n")
    again, _ = evaluate("memory://bucket/bags", "memory://bucket/truths", tmp_path / "two")
    assert again.kept == ["kitchen"]
