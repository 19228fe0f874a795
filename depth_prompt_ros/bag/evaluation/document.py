"""The one JSON of an evaluation: what it was of and with, all figures, all frames, and the times apart."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from depth_prompt_ros.bag.evaluation.many import Evaluated
from depth_prompt_ros.bag.evaluation.one import FRAMES, SUMMARY, TIMES
from depth_prompt_ros.evaluation.bags.plots import Curves
from depth_prompt_ros.evaluation.bags.sums import METRICS, SUM_NAMES
from depth_prompt_ros.evaluation.bags.totals import Totals
from depth_prompt_ros.written_aside import written_aside

FORMAT = "depth_prompt_ros evaluation of recordings, 1"


@dataclass(frozen=True)
class FramesRead:
    """What all frames say, each read once; no frame is kept.

    Attributes:
        together: figures of all recordings; labels mean nothing across recordings and are left out.
        curves: of each recording, by its name.
    """

    together: dict[str, Any]
    curves: dict[str, Curves]


def write_document(evaluated: Evaluated, path: Path) -> FramesRead:
    """Write the evaluation, frame by frame, aside, and rename it.

    All but ``times`` is the same for the same recordings, configuration and versions on the same device.

    Returns:
        What the page needs of the frames.
    """
    read = read_frames(evaluated)
    head = {
        "format": FORMAT,
        "configuration": evaluated.configuration,
        "versions": evaluated.versions,
        "device": evaluated.device,
        "units": {column.key: column.unit for column in METRICS},
        "sum_names": SUM_NAMES,
        "failed": evaluated.failed,
        "together": read.together,
    }
    with written_aside(path) as aside, aside.open("w", encoding="utf-8") as file:
        file.write(json.dumps(head, indent=1, allow_nan=False)[:-2] + ',\n "bags": [')
        for number, (name, folder) in enumerate(evaluated.folders.items()):
            file.write(",\n" if number else "\n")
            _write_bag(file, name, folder)
        times = {name: read_times(folder) for name, folder in evaluated.folders.items()}
        file.write(f'\n ],\n "times": {json.dumps(times)}\n}}\n')
    return read


def read_frames(evaluated: Evaluated) -> FramesRead:
    """Every frame of every recording, one after the other."""
    totals, curves = Totals(), {}
    for name, folder in evaluated.folders.items():
        curves[name] = Curves(read_summary(folder)["frames"])
        for line in frame_lines(folder):
            frame = json.loads(line)
            totals.add(frame)
            curves[name].add(frame)
    together = totals.figures()
    del together["targets"]["by_label"]
    return FramesRead(together, curves)


def frame_lines(folder: Path) -> Iterator[str]:
    """The frames of an evaluated recording, a line of JSON each."""
    with (folder / FRAMES).open(encoding="utf-8") as lines:
        for line in lines:
            yield line.rstrip("\n")


def read_summary(folder: Path) -> dict[str, Any]:
    """What an evaluated recording's frames say together, and what it was."""
    found: dict[str, Any] = json.loads((folder / SUMMARY).read_text())
    return found


def read_times(folder: Path) -> dict[str, Any]:
    """Seconds, percentiles and peak memory of an evaluated recording."""
    found: dict[str, Any] = json.loads((folder / TIMES).read_text())
    return found


def _write_bag(file: IO[str], name: str, folder: Path) -> None:
    summary = read_summary(folder)
    signature = summary.pop("signature")
    said = {"name": name, "input": signature["input"], **summary}
    file.write(json.dumps(said, allow_nan=False)[:-1] + ', "frames": [')
    for number, line in enumerate(frame_lines(folder)):
        file.write(",\n  " if number else "\n  ")
        file.write(line)
    file.write("]}")
