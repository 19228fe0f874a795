"""Commands whose files may grow to a few KiB: such a limit stands in for a full disk, and needs no root."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from pathlib import Path

import bags
import numpy as np
import pytest

from depth_prompt_ros.data.sets.array_folder import made_before
from depth_prompt_ros.errors import BadInput
from depth_prompt_ros.written_aside import write_picture, write_text, written_aside


def limited(size: int, *arguments: object) -> subprocess.CompletedProcess[str]:
    """The command, no file of which may become larger."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    return subprocess.run(
        [sys.executable, "-m", "depth_prompt_ros.cli.main", *map(str, arguments)], check=False, capture_output=True,
        text=True, env=environment, preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (size, size)),
    )  # fmt: skip


def one_line(done: subprocess.CompletedProcess[str], *words: str) -> None:
    assert done.returncode == 2, done.stderr
    assert "Traceback" not in done.stderr
    assert all(word in done.stderr for word in words), done.stderr


def left(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def test_a_set_that_does_not_fit_is_refused_before_anything_is_rendered(tmp_path) -> None:
    done = limited(40_000, "render", "--out", tmp_path / "set", "--count", "3", "--size", "160")
    one_line(done, "cannot write the picture set", "needs 0.2 MiB")
    assert left(tmp_path) == []


def test_a_recording_that_is_written_from_a_data_set_leaves_nothing_half(tmp_path) -> None:
    scene = tmp_path / "scenes" / "one"
    scene.mkdir(parents=True)
    rng = np.random.default_rng(0)
    write_picture(scene / "image.png", rng.integers(0, 256, (120, 160, 3)).astype(np.uint8))
    write_picture(scene / "depth.png", rng.integers(500, 1500, (120, 160)).astype(np.uint16))
    (scene / "camera.json").write_text('{"fx": 150, "fy": 150, "cx": 80, "cy": 60}')
    out = tmp_path / "out"
    done = limited(30_000, "to-bag", "scenes", tmp_path / "scenes", "--out", out / "bag")
    one_line(done, "cannot write")
    assert left(out) == []


def test_what_is_printed_into_a_full_file_is_one_line_too() -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "depth_prompt_ros.cli.main", "parameters"], check=False, stdout=full,
            stderr=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        )  # fmt: skip
    assert done.returncode == 2
    assert done.stderr.strip().splitlines() == [line for line in done.stderr.strip().splitlines() if "No space" in line]


def test_a_file_is_whole_or_what_it_was(tmp_path) -> None:
    path = tmp_path / "a" / "x.txt"
    write_text(path, "first")

    def fail() -> None:
        with written_aside(path, more="; nothing is lost") as aside:
            aside.write_text("half")
            raise OSError(28, "No space left on device")

    with pytest.raises(BadInput, match=r"cannot write .*x.txt \(No space left on device\): make room.*nothing is lost"):
        fail()
    assert path.read_text() == "first"
    assert left(tmp_path) == ["a/x.txt"]


def test_a_picture_needs_an_ending_and_a_folder(tmp_path) -> None:
    grey = np.zeros((4, 4), np.uint8)
    with pytest.raises(BadInput, match="give a name that ends in .png or .jpg"):
        write_picture(tmp_path / "x.nothing", grey)
    bags.write(tmp_path / "bag", bags.stereo_records(1))
    with pytest.raises(BadInput, match="cannot write"):
        write_picture(tmp_path / "bag" / "metadata.yaml" / "x.png", grey)
    assert not made_before(tmp_path / "none", {})
