"""The page of an evaluation: one HTML file with tables, curves and the worst frames."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np

from depth_prompt_ros.bag.evaluation.document import FramesRead, read_summary, read_times
from depth_prompt_ros.bag.evaluation.many import Evaluated
from depth_prompt_ros.bag.evaluation.one import PICTURES
from depth_prompt_ros.evaluation.bags.plots import Curves
from depth_prompt_ros.evaluation.bags.tables import (
    accuracy_table,
    grasp_table,
    latency_table,
    steadiness_table,
    target_table,
)
from depth_prompt_ros.evaluation.clouds import Clouds
from depth_prompt_ros.evaluation.pictures import Picture
from depth_prompt_ros.evaluation.report import CloudRow, Figure, Gallery, Report, Section, to_html
from depth_prompt_ros.written_aside import write_text


def write_page(evaluated: Evaluated, read: FramesRead, path: Path, command: str) -> None:
    """Write the page aside, and rename it.

    Args:
        evaluated: at least one recording.
        read: of their frames, as :func:`.document.write_document` gives it.
        path: of the HTML file.
        command: that made it.
    """
    write_text(path, to_html(_report(evaluated, read, command)))


def _report(evaluated: Evaluated, read: FramesRead, command: str) -> Report:
    sections = [
        _section(number, name, folder, read.curves[name])
        for number, (name, folder) in enumerate(evaluated.folders.items(), 1)
    ]
    if len(sections) > 1 or evaluated.failed:
        failed = [f"{name} could not be evaluated: {reason}" for name, reason in evaluated.failed.items()]
        tables = [accuracy_table(read.together)]
        sections.insert(
            0, Section("together", "All recordings together", "Each pixel once.", tables=tables, remarks=failed)
        )
    versions = ", ".join(f"{name} {number}" for name, number in evaluated.versions.items())
    machine = ", ".join(f"{name} {value}" for name, value in evaluated.device.items())
    facts = {"Made by": command, "With": versions, "On": machine}
    folder = next(iter(evaluated.folders.values()))
    worst = read_summary(folder)["worst"][0]
    return Report(
        "Recordings, frame by frame",
        "Every frame once. All numbers, of each frame too, are in evaluation.json; click a picture to enlarge it.",
        Figure("overview", f"Frame {worst['number']}", worst["caption"], _picture(folder, worst), photo=True),
        sections,
        facts,
    )


def _section(number: int, name: str, folder: Path, curves: Curves) -> Section:
    summary, times = read_summary(folder), read_times(folder)
    tables = [
        accuracy_table(summary), target_table(summary), grasp_table(summary), steadiness_table(summary),
        latency_table(times),
    ]  # fmt: skip
    caption = "Of targets where a frame has some, else of the whole picture; flying pixels at edges."
    galleries = [
        Gallery("Over time", [Figure("curves", "Every frame", caption, curves.draw())], 1),
        Gallery("Worst frames first", [_worst(folder, frame) for frame in summary["worst"]], 1),
    ]
    return Section(
        f"bag{number}",
        name,
        _introduction(summary),
        tables=[table for table in tables if table is not None],
        galleries=galleries,
        clouds=[
            CloudRow(f"Frame {frame['number']}", Clouds.load(folder / PICTURES / frame["clouds"]))
            for frame in summary["worst"]
            if "clouds" in frame
        ],
        remarks=_remarks(summary),
    )


def _introduction(summary: dict[str, Any]) -> str:
    digest = summary["signature"]["input"]["bag"]
    return f"{summary['frames']} of {summary['left_images']} frames evaluated. SHA-256 of the recording: {digest}."


def _remarks(summary: dict[str, Any]) -> list[str]:
    """Anchors, refusals, and whatever was left out, with its cause."""
    targets = summary["targets"]
    remarks = []
    if targets["anchors"]:
        anchors = ", ".join(f"{name} {count}" for name, count in targets["anchors"].items())
        remarks.append(f"Targets by anchor: {anchors}; {targets['refused']} refused.")
    if targets["mean_residual"] is not None:
        off = f"{100 * targets['mean_residual']:.2f} % off"
        remarks.append(f"Fits rest on {targets['mean_inliers']:.0f} pixels and are {off}, on average.")
    remarks += [f"{count} frames without a target: {reason}" for reason, count in summary["untargeted"].items()]
    remarks += [f"Skipped {count}: {reason}" for reason, count in summary["skipped"].items()]
    remarks += [f"{count} messages on {topic} belong to no picture." for topic, count in summary["unpaired"].items()]
    return remarks + ([summary["damage"]] if summary["damage"] else [])


def _worst(folder: Path, frame: dict[str, Any]) -> Figure:
    found = [f"RMSE {frame['rmse']:.1f} mm"] if frame["rmse"] is not None else []
    found += [f"coverage {frame['coverage']:.1f} %"] if frame["coverage"] is not None else []
    title = f"Frame {frame['number']}, stamp {frame['stamp_ns']}, {', '.join(found)}"
    return Figure(f"frame_{frame['number']}", title, frame["caption"], _picture(folder, frame), photo=True)


def _picture(folder: Path, frame: dict[str, Any]) -> Picture:
    found = cv2.imread(str(folder / PICTURES / frame["picture"]), cv2.IMREAD_COLOR)
    assert found is not None
    return np.ascontiguousarray(found[..., ::-1], np.uint8)
