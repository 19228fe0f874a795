"""What more workers bring: python benchmarks/workers.py [RECORDINGS] [FRAMES] [TURNS].

A rendered table-top of stereo pairs at 640x480 is copied to so many recordings (6) of so many frames (10), which
``depth-prompt evaluate bag`` evaluates by one worker with one core, by one worker with all cores, and by two workers
with one core each, in turns (3). Printed are seconds on the clock and seconds of processor time of each turn, their
median ratios with the smallest and largest, and frames per second of processor time, which others disturb least.
"""

from __future__ import annotations

import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from itertools import islice
from pathlib import Path

from depth_prompt_ros.data.rendering.scenes import TABLETOP_CAMERA, render_tabletop_sequence
from depth_prompt_ros.demo.input_bag import StereoTruth, write_input_bag

TRUTH = "/truth/depth"
WAYS = {"one worker, one core": (1, 1), "one worker, all cores": (1, 0), "two workers, one core each": (2, 1)}


def write(folder: Path, recordings: int, frames: int) -> list[Path]:
    views = islice(render_tabletop_sequence(frames=200, seed=2), frames)
    first = folder / "bag0"
    write_input_bag(
        first,
        (StereoTruth(v.stamp_ns, v.left, v.right, TABLETOP_CAMERA, v.depth, v.labels, v.tom) for v in views),
    )
    for number in range(1, recordings):
        shutil.copytree(first, folder / f"bag{number}")
    return [folder / f"bag{number}" for number in range(recordings)]


def evaluate(bags: list[Path], out: Path, jobs: int, threads: int) -> tuple[float, float]:
    """Seconds on the clock, seconds of processor time."""
    limits = {"OMP_NUM_THREADS": str(threads), "OPENCV_FOR_THREADS_NUM": str(threads)} if threads else {}
    kept = {name: value for name, value in os.environ.items() if name != "OMP_NUM_THREADS"}
    began, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(
        [sys.executable, "-m", "depth_prompt_ros.cli.main", "evaluate", "bag", *map(str, bags), "--out", str(out),
         "--jobs", str(jobs)],
        env={**kept, **limits}, check=True, capture_output=True,
    )  # fmt: skip
    took, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    shutil.rmtree(out)
    return took, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def said(ratios: Iterable[float]) -> str:
    sorted_ratios = sorted(ratios)
    return f"{statistics.median(sorted_ratios):.2f} ({sorted_ratios[0]:.2f} to {sorted_ratios[-1]:.2f})"


def main() -> None:
    recordings, frames, turns = (int(word) for word in [*sys.argv[1:], *("6", "10", "3")[len(sys.argv) - 1 :]])
    found: dict[str, list[tuple[float, float]]] = {way: [] for way in WAYS}
    with tempfile.TemporaryDirectory() as disk:
        bags = write(Path(disk), recordings, frames)
        for turn in range(turns):
            for way, (jobs, threads) in WAYS.items():
                found[way].append(evaluate(bags, Path(disk) / "out", jobs, threads))
                print(
                    f"turn {turn + 1}, {way}: {found[way][-1][0]:.1f} s, processor {found[way][-1][1]:.1f} s",
                    flush=True,
                )
    single = found["one worker, one core"]
    for way, figures in list(found.items())[1:]:
        clock = said(one[0] / other[0] for one, other in zip(single, figures, strict=True))
        processor = said(other[1] / one[1] for one, other in zip(single, figures, strict=True))
        print(f"{way}: {clock} times as fast as one with one core, {processor} times its processor time")
    rate = recordings * frames / statistics.median(processor for _, processor in single)
    print(f"one worker, one core: {rate:.2f} frames per second of processor time, start and models included")


if __name__ == "__main__":
    main()
