"""Engines on disk: loaded only for their own key and whole."""

from __future__ import annotations

import errno
from dataclasses import replace
from pathlib import Path

import pytest

from depth_prompt_ros.errors import BadModel
from depth_prompt_ros.runtime.tensorrt.engine_file import (
    EngineKey,
    StaleEngine,
    engine_folder,
    file_sha256,
    graph_files,
    read_engine,
    require_writable,
    write_engine,
)

KEY = EngineKey("ab" * 32, 8, "10.16.1.11", "NVIDIA Orin", "8.7", 16)
ENGINE = bytes(range(256)) * 40
NOTES = {"size": "160", "network": "scene-net"}


@pytest.fixture
def engine(tmp_path) -> Path:
    path = KEY.file_in(tmp_path / "engines", Path("object_depth.onnx"))
    write_engine(path, KEY, NOTES, ENGINE)
    return path


def test_what_was_written_comes_back_and_nothing_lies_beside_it(engine) -> None:
    assert read_engine(engine, KEY) == (ENGINE, NOTES)
    assert [path.name for path in engine.parent.iterdir()] == [engine.name]
    assert engine.name.startswith("object_depth-")


@pytest.mark.parametrize(
    "change",
    [{"graph_sha256": "cd" * 32}, {"most_targets": 4}, {"tensorrt": "11.4.0"}, {"gpu": "RTX 4090"},
     {"compute_capability": "8.9"}, {"processors": 8}],
)  # fmt: skip
def test_an_engine_of_another_graph_version_or_gpu_is_another_file_and_refused_under_this_name(engine, change) -> None:
    other = replace(KEY, **change)
    assert other.file_in(engine.parent, Path("object_depth.onnx")) != engine
    with pytest.raises(StaleEngine, match=f"is for {next(iter(change))} "):
        read_engine(engine, other)


@pytest.mark.parametrize("kept", [0, 10, 26, 200, -1])
def test_a_truncated_engine_is_never_loaded(engine, kept) -> None:
    engine.write_bytes(engine.read_bytes()[:kept])
    with pytest.raises(StaleEngine, match="truncated or damaged|not an engine of this package"):
        read_engine(engine, KEY)


def test_a_flipped_bit_and_a_foreign_file_are_found(engine) -> None:
    content = bytearray(engine.read_bytes())
    content[-100] ^= 1
    engine.write_bytes(bytes(content))
    with pytest.raises(StaleEngine, match="truncated or damaged"):
        read_engine(engine, KEY)
    engine.write_bytes(b"ftrt" + ENGINE)
    with pytest.raises(StaleEngine, match="not an engine of this package"):
        read_engine(engine, KEY)
    engine.unlink()
    with pytest.raises(StaleEngine, match="none was built"):
        read_engine(engine, KEY)


def test_a_full_disk_leaves_the_old_engine(engine, monkeypatch) -> None:
    def full(self, content):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(BadModel, match=r"No space left on device.*set engine_folder"):
        write_engine(engine, KEY, NOTES, b"new")
    monkeypatch.undo()
    assert read_engine(engine, KEY)[0] == ENGINE
    assert len(list(engine.parent.iterdir())) == 1


def test_a_folder_that_is_a_file_is_a_clear_error(tmp_path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(BadModel, match="set engine_folder to another disk"):
        write_engine(tmp_path / "file" / "a.engine", KEY, NOTES, ENGINE)
    with pytest.raises(BadModel, match="set engine_folder to another disk"):
        require_writable(tmp_path / "file")
    require_writable(tmp_path / "new")
    assert not list((tmp_path / "new").iterdir())


def test_weights_that_are_kept_outside_count(tmp_path) -> None:
    onnx = pytest.importorskip("onnx")
    from graphs import constant, node, write_graph

    weights = [constant("w", [600], [1.0] * 600)]
    path = write_graph(tmp_path / "n.onnx", [node("Add", ["a", "w"], ["b"])], {"a": [600]}, {"b": [600]}, weights)
    onnx.save(onnx.load(str(path)), str(path), save_as_external_data=True, location="n.weights", size_threshold=0)
    assert graph_files(path) == [path, tmp_path / "n.weights"]
    before = file_sha256(*graph_files(path))
    (tmp_path / "n.weights").write_bytes(b"\0" * 2400)
    assert file_sha256(*graph_files(path)) != before


def test_the_timing_cache_is_shared_by_graphs_and_not_by_gpus(tmp_path) -> None:
    path = KEY.timing_cache_in(tmp_path)
    assert replace(KEY, graph_sha256="00").timing_cache_in(tmp_path) == path
    assert replace(KEY, gpu="NVIDIA RTX A4000").timing_cache_in(tmp_path) != path
    assert replace(KEY, tensorrt="11.0").timing_cache_in(tmp_path) != path
    assert " " not in path.name


def test_where_engines_are(monkeypatch, tmp_path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert engine_folder() == tmp_path / "depth_prompt_ros" / "engines"
    assert engine_folder("/data/engines") == Path("/data/engines")


def test_the_hash_of_a_file_is_its_contents(tmp_path) -> None:
    import hashlib

    (tmp_path / "f").write_bytes(b"x" * 3_000_000)
    assert file_sha256(tmp_path / "f") == hashlib.sha256(b"x" * 3_000_000).hexdigest()
