"""What a frame costs on this machine, for each way to find the target: python benchmarks/pipeline.py.

The bars are for pictures of 640x480; --width and --height measure others.

Each runs through ``depth-prompt bench`` in a process of its own, on the same rendered table-top.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Annotated, Any

import cv2
import typer
from rich.console import Console
from rich.table import Table

from depth_prompt_ros.bag.reader import read_frames
from depth_prompt_ros.bench.base import regressions
from depth_prompt_ros.bench.rendered_bag import render_bag
from depth_prompt_ros.bench.yardstick import MEANING, NAME
from depth_prompt_ros.parameters import Parameters, Topics

IN_PASSES = {"box": 2.5, "six": 4.0}
"""Of the yardstick, that a frame may take: one target in a box, six things on a table."""

STEADY = 1.3
RESIDENT_MIB = 250.0
HELP_SECONDS = 0.5
"""The bars: p95 over p50, memory, and the command's help."""

OPAQUE = 5
"""Label of an opaque object that hardly moves."""


def benchmark(
    repeat: Annotated[int, typer.Option(help="Frames measured for each way to find the target.", min=5)] = 60,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write the numbers here too.")] = None,
    base: Annotated[Path | None, typer.Option(help="What --json wrote before: slower by 15 % is a bar missed.")] = None,
    runtime: Annotated[str, typer.Option(help="What runs the networks: auto, onnxruntime, tensorrt.")] = "auto",
    device: Annotated[str, typer.Option(help="auto, cpu or cuda.")] = "auto",
    width: Annotated[int, typer.Option(help="Of the pictures, pixels.", min=64)] = 640,
    height: Annotated[int, typer.Option(help="Of the pictures, pixels.", min=64)] = 480,
    rembg_model: Annotated[
        str, typer.Option(help="rembg session name or local ONNX file; none: rembg is left out.")
    ] = "",
) -> None:
    """Measure and print a table; ends with 1 when a bar is missed."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        bag = render_bag(folder / "bag", width, height)
        found: dict[str, dict[str, Any]] = {
            "box": {"method": "box", "target_box": box_around(bag)},
            "six": {"method": "things", "max_targets": 6},
            "tabletop": {"method": "tabletop"},
        }
        if rembg_model:
            found["rembg"] = {"method": "rembg", "rembg_model": rembg_model}
        common = {"runtime": runtime, "device": device}
        runs = {way: bench(bag, {"segmentation": how, **common}, repeat, folder) for way, how in found.items()}
    help_seconds = seconds_of_help()
    bars = (bars_met(runs, help_seconds) if (width, height) == (640, 480) else {}) | not_slower(runs, base)
    show(runs, bars)
    if json_file is not None:
        json_file.write_text(json.dumps({"runs": runs, "help_seconds": help_seconds, "bars": bars}, indent=2) + "\n")
    if not all(bars.values()):
        raise typer.Exit(1)


def box_around(bag: Path) -> list[float]:
    frame = next(iter(read_frames(bag, Parameters(topics=Topics(labels="/labels")))))
    x, y, width, height = cv2.boundingRect((frame.labels == OPAQUE).astype("uint8"))
    left, top = max(0, x - 8), max(0, y - 8)
    return [left, top, min(frame.camera.width, x + width + 8) - left, min(frame.camera.height, y + height + 8) - top]


def bench(bag: Path, parameters: dict[str, Any], frames: int, folder: Path) -> dict[str, Any]:
    """What ``depth-prompt bench`` writes."""
    (folder / "params.yaml").write_text(json.dumps(parameters))
    subprocess.run(
        [sys.executable, "-m", "depth_prompt_ros.cli.main", "bench", str(bag), "--params", str(folder / "params.yaml"),
         "--frames", str(frames), "--json", str(folder / "bench.json")],
        check=True, stdout=subprocess.DEVNULL,
    )  # fmt: skip
    return json.loads((folder / "bench.json").read_text())


def seconds_of_help(times: int = 7) -> float:
    """Median wall time of ``depth-prompt --help``."""
    command = [sys.executable, "-m", "depth_prompt_ros.cli.main", "--help"]
    seconds = []
    for _ in range(times):
        began = time.perf_counter()
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        seconds.append(time.perf_counter() - began)
    return statistics.median(seconds)


def bars_met(runs: dict[str, Any], help_seconds: float) -> dict[str, bool]:
    bars = {}
    for way, most in IN_PASSES.items():
        content = runs[way]["custom"]
        passes, whole = content["segments_over_yardstick"]["whole"]["p50"], content["segments_ms"]["whole"]
        bars[f"{way}: {passes:.2f} R (at most {most:g})"] = passes <= most
        steady = whole["p95"] / whole["p50"]
        bars[f"{way}: p95 is {steady:.2f} of p50 (at most {STEADY:g})"] = steady <= STEADY
        peak = content["resident_mib"]["peak"]
        bars[f"{way}: {peak:.0f} MiB resident (at most {RESIDENT_MIB:g})"] = peak <= RESIDENT_MIB
    bars[f"depth-prompt --help: {help_seconds:.2f} s (under {HELP_SECONDS:g})"] = help_seconds < HELP_SECONDS
    return bars


def not_slower(runs: dict[str, Any], base: Path | None) -> dict[str, bool]:
    """A bar that is missed for each segment that grew."""
    before = {} if base is None else json.loads(base.read_text())["runs"]
    return {
        f"{way}, {line}": False
        for way, run in runs.items()
        if way in before
        for line in regressions(*(each["custom"]["segments_over_yardstick"] for each in (run, before[way])))
    }


def show(runs: dict[str, Any], bars: dict[str, bool]) -> None:
    console = Console(width=140)
    one = next(iter(runs.values()))["custom"]
    console.print(f"{one['cores']} cores of {one['cpu']}; {one['versions']}", highlight=False)
    console.print(f"{NAME} is {MEANING}", highlight=False)
    table = Table("segment, ms p50 / p95 and p50 over R", *runs)
    for segment in one["segments_ms"]:
        cells = []
        for run in runs.values():
            row, over = (run["custom"][kind][segment] for kind in ("segments_ms", "segments_over_yardstick"))
            cells.append(f"{row['p50']:.1f} / {row['p95']:.1f}  {over['p50']:.2f}")
        table.add_row(segment, *cells)
    table.add_section()
    table.add_row("R", *(f"{r['custom']['yardstick_ms']['p50']:.1f} ms" for r in runs.values()))
    table.add_row("runs in", *("\n".join(run["custom"]["runtimes"]) for run in runs.values()))
    table.add_row("targets", *(f"{run['custom']['targets']:.1f}" for run in runs.values()))
    console.print(table)
    for bar, met in bars.items():
        console.print(f"{'met   ' if met else 'MISSED'} {bar}", highlight=False)


if __name__ == "__main__":
    typer.run(benchmark)
