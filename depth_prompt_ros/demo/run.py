"""Write the two bags, replay them, score the answers against the truth, and report."""

from __future__ import annotations

import platform
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
from rich.console import Console

from depth_prompt_ros import __version__
from depth_prompt_ros.bag.replay import replay
from depth_prompt_ros.bag.writer import Storage
from depth_prompt_ros.demo.input_bag import write_input_bag
from depth_prompt_ros.demo.motorcycle import motorcycle_pair, motorcycle_parameters
from depth_prompt_ros.demo.recorded import RESULT_TOPICS, read_cloud, read_outcomes
from depth_prompt_ros.demo.sections import motorcycle_section, overview, tabletop_section
from depth_prompt_ros.demo.tabletop import all_by_itself_parameters, given_labels_parameters, tabletop_frames
from depth_prompt_ros.evaluation.outcome import Outcome
from depth_prompt_ros.evaluation.report import Report, write_report
from depth_prompt_ros.parameters import Parameters
from depth_prompt_ros.stages.cloud import write_ply

BAGS = ("motorcycle", "motorcycle_depth", "tabletop", "tabletop_depth", "tabletop_depth_by_itself")
"""Folders below ``bags``; each run replaces them."""


@dataclass
class Steps:
    """Says on the console what is being done, and remembers how many seconds each step took."""

    console: Console
    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Announce and time a block."""
        start = time.perf_counter()
        with self.console.status(name):
            yield
        self.seconds[name] = time.perf_counter() - start
        self.console.print(f"{self.seconds[name]:6.1f} s  {name}", highlight=False)


@dataclass(frozen=True)
class Demo:
    """What the demo left behind: its report, and every file and folder it wrote, by what it is."""

    report: Report
    written: dict[str, Path]


def run_demo(
    out: Path, frames: int = 24, seed: int = 1, storage: Storage = "mcap", console: Console | None = None
) -> Demo:
    """Run the whole demonstration into ``out``; what an earlier run left there is replaced, nothing else is touched.

    Args:
        frames: length of the table-top sequence.
        seed: other objects, textures and light for another number.
        console: where to say what is being done; None = nowhere.

    Raises:
        BadInput: ``out`` cannot be written.
    """
    bags = out / "bags"
    bags.mkdir(parents=True, exist_ok=True)
    for name in BAGS:
        shutil.rmtree(bags / name, ignore_errors=True)
    steps = Steps(console or Console(quiet=True))
    with steps.step("write the motorcycle bag"):
        write_input_bag(bags / "motorcycle", [motorcycle_pair()], storage)
    with steps.step("replay it"):
        motorcycle = _replayed(bags, "motorcycle", "motorcycle_depth", motorcycle_parameters(), storage, "points")
    with steps.step(f"render and write the table-top bag, {frames} frames"):
        write_input_bag(bags / "tabletop", tabletop_frames(frames, seed), storage)
    with steps.step("replay it with labels given"):
        given = _replayed(bags, "tabletop", "tabletop_depth", given_labels_parameters(), storage, "object_points")
    with steps.step("replay it with everything found by itself"):
        found = _replayed(bags, "tabletop", "tabletop_depth_by_itself", all_by_itself_parameters(), storage)
    with steps.step("score and draw"):
        sections = [motorcycle_section(motorcycle[0]), tabletop_section(given, found)]
    write_ply(out / "cloud.ply", read_cloud(bags / "motorcycle_depth", "points", motorcycle[0].stamp_ns))
    stamp_ns = given[len(given) // 2].stamp_ns
    write_ply(out / "cloud_tabletop.ply", read_cloud(bags / "tabletop_depth", "object_points", stamp_ns))
    report = Report(
        "Metric object depth, also on glass and mirrors",
        "Two recordings, replayed by depth-prompt and compared with their ground truth. Every number is also in "
        "report.json; click a picture to enlarge it.",
        overview(given),
        sections,
        _facts(steps),
    )
    html, numbers, pictures = write_report(report, out)
    return Demo(
        report,
        {
            "report": html, "numbers": numbers, "pictures": pictures, "cloud": out / "cloud.ply",
            "table-top cloud": out / "cloud_tabletop.ply", "bags, in and out": bags,
        },
    )  # fmt: skip


def _replayed(
    bags: Path, given: str, result: str, parameters: Parameters, storage: Storage, *more_topics: str
) -> list[Outcome]:
    replay(bags / given, bags / result, parameters, storage=storage, topics=[*RESULT_TOPICS, *more_topics])
    return list(read_outcomes(bags / given, bags / result))


def _facts(steps: Steps) -> dict[str, str]:
    versions = (
        f"depth_prompt_ros {__version__}, Python {platform.python_version()}, NumPy {np.__version__}, "
        f"OpenCV {cv2.__version__}"
    )
    facts = {name.capitalize(): f"{seconds:.1f} s" for name, seconds in steps.seconds.items()}
    return {"Made by": "depth-prompt demo", "With": versions} | facts
