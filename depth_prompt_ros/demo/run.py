"""Write the two bags, replay them, score the answers against the truth, and report."""

from __future__ import annotations

import platform
import shutil
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
from rich.console import Console

from depth_prompt_ros import __version__
from depth_prompt_ros.bag.replay import replay
from depth_prompt_ros.bag.storage.writer import Storage
from depth_prompt_ros.demo.input_bag import StereoTruth, write_input_bag
from depth_prompt_ros.demo.motorcycle import motorcycle_pair, motorcycle_parameters
from depth_prompt_ros.demo.recorded import RESULT_TOPICS, read_cloud, read_outcomes
from depth_prompt_ros.demo.sections import motorcycle_section, overview, tabletop_section
from depth_prompt_ros.demo.tabletop import all_by_itself_parameters, given_labels_parameters, tabletop_frames
from depth_prompt_ros.errors import BadInput
from depth_prompt_ros.evaluation.outcome import Outcome
from depth_prompt_ros.evaluation.report import Report, write_report
from depth_prompt_ros.parameters import Parameters
from depth_prompt_ros.stages.cloud import write_ply


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
    out: Path,
    frames: int = 24,
    seed: int = 1,
    scenes: int = 5,
    storage: Storage = "mcap",
    console: Console | None = None,
) -> Demo:
    """Run the whole demonstration into ``out``; what an earlier run left there is replaced, nothing else is touched.

    Args:
        frames: length of the table-top sequence.
        seed: other objects, textures and light for another number.
        scenes: number of other scenes, two frames each, with the seeds after ``seed``.
        console: where to say what is being done; None = nowhere.

    Raises:
        BadInput: ``out`` cannot be written.
    """
    bags = _Bags(out / "bags", storage)
    steps = Steps(console or Console(quiet=True))
    with steps.step("write the motorcycle bag"):
        bags.write("motorcycle", [motorcycle_pair()])
    with steps.step("replay it"):
        motorcycle = bags.replay("motorcycle", "motorcycle_depth", motorcycle_parameters(), "points")
    with steps.step(f"render and write the table-top bag, {frames} frames"):
        bags.write("tabletop", tabletop_frames(frames, seed))
    with steps.step("replay it with labels given"):
        given = bags.replay("tabletop", "tabletop_depth", given_labels_parameters(), "object_points")
    with steps.step("replay it on white in place of the learned background"):
        white = bags.replay("tabletop", "tabletop_depth_on_white", given_labels_parameters("white"))
    with steps.step("replay it with everything found by itself"):
        found = bags.replay("tabletop", "tabletop_depth_by_itself", all_by_itself_parameters())
    others = {}
    with steps.step(f"render and replay {scenes} other scenes, 2 frames each"):
        for number in range(seed + 1, seed + 1 + scenes):
            bags.write(f"scene_{number}", tabletop_frames(2, number))
            others[f"Scene {number}"] = bags.replay(
                f"scene_{number}", f"scene_{number}_depth", given_labels_parameters()
            )
    with steps.step("score and draw"):
        sections = [motorcycle_section(motorcycle[0]), tabletop_section(given, found, white, others)]
    write_ply(out / "cloud.ply", read_cloud(bags.folder / "motorcycle_depth", "points", motorcycle[0].stamp_ns))
    stamp_ns = given[len(given) // 2].stamp_ns
    write_ply(out / "cloud_tabletop.ply", read_cloud(bags.folder / "tabletop_depth", "object_points", stamp_ns))
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
            "table-top cloud": out / "cloud_tabletop.ply", "bags, in and out": bags.folder,
        },
    )  # fmt: skip


@dataclass(frozen=True)
class _Bags:
    """The bags of one run, below one folder; those of an earlier run are replaced."""

    folder: Path
    storage: Storage

    def write(self, name: str, frames: Iterable[StereoTruth]) -> None:
        write_input_bag(self._fresh(name), frames, self.storage)

    def replay(self, given: str, result: str, parameters: Parameters, *more_topics: str) -> list[Outcome]:
        topics = [*RESULT_TOPICS, *more_topics]
        replay(self.folder / given, self._fresh(result), parameters, storage=self.storage, topics=topics)
        return list(read_outcomes(self.folder / given, self.folder / result))

    def _fresh(self, name: str) -> Path:
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise BadInput(f"cannot write to {self.folder}: {error.strerror}; give another --out") from error
        shutil.rmtree(self.folder / name, ignore_errors=True)
        return self.folder / name


def _facts(steps: Steps) -> dict[str, str]:
    versions = (
        f"depth_prompt_ros {__version__}, Python {platform.python_version()}, NumPy {np.__version__}, "
        f"OpenCV {cv2.__version__}"
    )
    facts = {name.capitalize(): f"{seconds:.1f} s" for name, seconds in steps.seconds.items()}
    return {"Made by": "depth-prompt demo", "With": versions} | facts
