"""What a 640x480 frame costs on this machine: milliseconds of each stage, frames per second, memory, ratios.

    python benchmarks/pipeline.py [--json FILE] [--rembg-model FILE.onnx]

Every way to find the target runs in a process of its own, on frames of the rendered table-top sequence. The cloud
counts as a stage.
"""

from __future__ import annotations

import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict
from itertools import islice
from pathlib import Path
from typing import Annotated, Any

import cv2
import numpy as np
import typer
from rich.console import Console
from rich.table import Table

from depth_prompt_ros.data.scenes import TABLETOP_CAMERA, render_tabletop_sequence

FRAMES_PER_SECOND = 6.0
RESIDENT_MIB = 600.0
HELP_SECONDS = 0.5
CLOUD_RATIO = 0.5
"""The bars."""

FOLDER = Path(__file__).parent


def benchmark(
    repeat: Annotated[int, typer.Option(help="Frames measured for each way to find the target.", min=5)] = 40,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write the numbers here too.")] = None,
    rembg_model: Annotated[
        str, typer.Option(help="rembg session name or local ONNX file; none: rembg is left out.")
    ] = "",
) -> None:
    """Measure and print a table; ends with 1 when a bar is missed."""
    with tempfile.TemporaryDirectory() as folder:
        frames = Path(folder) / "frames.npz"
        box = render_frames(frames)
        found = {
            "box": {"method": "box", "target_box": box},
            "tabletop": {"method": "tabletop"},
        }
        if rembg_model:
            found["rembg"] = {"method": "rembg", "rembg_model": rembg_model}
        runs = {name: in_a_process("run_pipeline.py", frames, json.dumps(how), repeat) for name, how in found.items()}
        ratios = in_a_process("run_ratios.py", frames)
    help_seconds = seconds_of_help()
    bars = bars_met(runs, ratios, help_seconds)
    machine = {
        "cpu": cpu_name(), "cores": len(os.sched_getaffinity(0)), "load": round(os.getloadavg()[0], 2),
        "python": platform.python_version(), "numpy": np.__version__, "opencv": cv2.__version__,
    }  # fmt: skip
    show(machine, runs, ratios, help_seconds, bars)
    if json_file is not None:
        content = {"machine": machine, "runs": runs, "ratios": ratios, "help_seconds": help_seconds, "bars": bars}
        json_file.write_text(json.dumps(content, indent=2) + "\n")
    if not all(bars.values()):
        raise typer.Exit(1)


def render_frames(path: Path, count: int = 4) -> list[float]:
    """Save neighbouring frames of a sequence; the box around an opaque object, which hardly moves."""
    views = list(islice(render_tabletop_sequence(frames=200, seed=2), count))
    np.savez(
        path,
        left=[view.left for view in views],
        right=[view.right for view in views],
        camera=json.dumps(asdict(TABLETOP_CAMERA)),
    )
    x, y, width, height = cv2.boundingRect((views[0].labels == 5).astype(np.uint8))
    camera = TABLETOP_CAMERA
    left, top = max(0, x - 8), max(0, y - 8)
    return [left, top, min(camera.width, x + width + 8) - left, min(camera.height, y + height + 8) - top]


def in_a_process(script: str, *arguments: object) -> Any:
    """What a script of this folder prints as JSON."""
    command = [sys.executable, str(FOLDER / script), *map(str, arguments)]
    return json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout)  # noqa: S603


def seconds_of_help(times: int = 7) -> float:
    """Median wall time of ``depth-prompt --help``."""
    command = [sys.executable, "-m", "depth_prompt_ros.cli.main", "--help"]
    seconds = []
    for _ in range(times):
        began = time.perf_counter()
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)  # noqa: S603
        seconds.append(time.perf_counter() - began)
    return statistics.median(seconds)


def bars_met(runs: dict[str, Any], ratios: dict[str, float], help_seconds: float) -> dict[str, bool]:
    bars = {}
    for name in ("box", "tabletop"):
        bars[f"{name}: at least {FRAMES_PER_SECOND:g} frames/s"] = runs[name]["frames_per_second"] >= FRAMES_PER_SECOND
        bars[f"{name}: at most {RESIDENT_MIB:g} MiB resident"] = runs[name]["peak_mib"] <= RESIDENT_MIB
    bars[f"depth-prompt --help: under {HELP_SECONDS:g} s"] = help_seconds < HELP_SECONDS
    bars[f"cloud: at most {CLOUD_RATIO:g} of Open3D's time"] = (
        ratios["cloud / Open3D from the same arrays"] <= CLOUD_RATIO
    )
    return bars


def cpu_name() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.split(":")[1].strip()
    return platform.machine()


def show(
    machine: dict[str, Any], runs: dict[str, Any], ratios: dict[str, float], help_seconds: float, bars: dict[str, bool]
) -> None:
    console = Console()
    console.print(", ".join(f"{name} {value}" for name, value in machine.items()), highlight=False)
    table = Table("stage, ms (p50 / p95)", *runs)
    stages = list(dict.fromkeys(stage for run in runs.values() for stage in run["stages_ms"]))
    for stage in stages:
        table.add_row(stage, *("{p50:.1f} / {p95:.1f}".format(**run["stages_ms"][stage]) for run in runs.values()))
    table.add_section()
    table.add_row("frames/s", *(f"{run['frames_per_second']:.1f}" for run in runs.values()))
    table.add_row("targets", *(f"{run['targets']:.1f}" for run in runs.values()))
    for moment in ("imported", "loaded", "peak"):
        table.add_row(f"MiB resident, {moment}", *(f"{run[f'{moment}_mib']:.0f}" for run in runs.values()))
    console.print(table)
    for name, ratio in ratios.items():
        console.print(f"{name}: {ratio:.2f}", highlight=False)
    console.print(f"depth-prompt --help: {help_seconds:.2f} s", highlight=False)
    for bar, met in bars.items():
        console.print(f"{'met   ' if met else 'MISSED'} {bar}", highlight=False)


if __name__ == "__main__":
    typer.run(benchmark)
