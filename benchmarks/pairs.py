"""Semi-global matching on real pairs, how good and over R how dear: python benchmarks/pairs.py FOLDER.

The folder of benchmarks/middlebury.py. Disparity is compared where it is measured; R takes turns with the matches.
"""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import typer
from middlebury import CHOSEN_ON, JUDGED_BY, read_pair
from rich.console import Console
from rich.table import Table

from depth_prompt_ros.bench.yardstick import MEANING, NAME, Yardstick
from depth_prompt_ros.evaluation import metrics
from depth_prompt_ros.memory import keep_freed_memory
from depth_prompt_ros.parameters import StereoParameters
from depth_prompt_ros.stages.stereo import make_stereo_matcher

ROUNDS = 7


def main(folder: Path) -> None:
    """Print a row a pair."""
    keep_freed_memory()
    yardstick, console = Yardstick(), Console(width=120)
    table = Table("pair", "disparities", "bad-2, %", "bad-1, %", "EPE, px", "coverage, %", f"time / {NAME}")
    for name in (*CHOSEN_ON, *JUDGED_BY):
        pair = read_pair(folder, name)
        match = make_stereo_matcher(StereoParameters(num_disparities=pair.disparities))
        found, spent = match(pair.frame).disparity, []
        assert found is not None
        for _ in range(ROUNDS):
            once, began = yardstick(), time.perf_counter()
            match(pair.frame)
            spent.append((time.perf_counter() - began) / once)
        valid, known = np.isfinite(found), np.isfinite(pair.truth)
        scores = (
            100 * metrics.bad_n(found, pair.truth, valid),
            100 * metrics.bad_n(found, pair.truth, valid, 1.0),
            metrics.epe(found, pair.truth),
            100 * metrics.coverage(found, known),
            float(np.median(spent)),
        )
        table.add_row(name, str(pair.disparities), *(f"{score:.2f}" for score in scores))
    console.print(table)
    console.print(f"{NAME}: {MEANING}", highlight=False)


if __name__ == "__main__":
    typer.run(main)
