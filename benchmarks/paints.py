"""What painting does: benchmarks/paints.py PAIRS TEST... --work FOLDER [--seeds 3] [--epochs 5].

2307.15052 fine-tunes a network on its own answers to pictures whose transparent and mirror surfaces are painted over.
Here the same network learns, with the same steps, from answers to pictures that are not painted ("Ft. Base", the
paper's control), painted in random colours, in blotches, in their neighbours' colours, and painted where a segmenter
found glass instead of where it is (proxy masks). PAIRS and TEST are stereo sets, as depth-prompt render --kind tom and
tom-unseen make them. Scores are the Booster protocol's, as in benchmarks/virtual_labels.py. Learned rows are means over
seeds, ± is the standard deviation over them; the change to the network as it came is of each picture's mean over seeds,
brackets hold its 95 % interval over pictures. Labels and weights that FOLDER holds are not made again.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from virtual_labels import NETWORK, REGIONS, picture_errors

from depth_prompt_ros.data.sets.found_masks import FoundMasks
from depth_prompt_ros.data.sets.stereo_set import StereoSet
from depth_prompt_ros.data.sets.tom_pictures import TomFolder, TomPictures, TomStereoSet
from depth_prompt_ros.evaluation.bootstrap import drawn, interval
from depth_prompt_ros.learning.markdown import table_head
from depth_prompt_ros.learning.tom.mono import Labels, Weights, learn_tom_mono
from depth_prompt_ros.learning.tom.painting import Painting
from depth_prompt_ros.learning.tom.virtual_labels import write_virtual_labels
from depth_prompt_ros.learning.trainer import Schedule
from depth_prompt_ros.stages.classes import tom_segmenter

Float64 = NDArray[np.float64]

_COLOURS = 2
"""Labels of two colours are as near to the truth as those of five (models/README.md), in half the time."""

ROWS = {
    "nothing (Ft. Base)": (Painting(paint="none"), False),
    "colours": (Painting(_COLOURS), False),
    "texture": (Painting(_COLOURS, paint="texture"), False),
    "neighbours": (Painting(paint="neighbours"), False),
    "colours, where a segmenter finds glass": (Painting(_COLOURS), True),
}
"""By what a row is called: how pictures are painted, and whether on found masks."""

TERMS = Weights(gradients=0.1, squares=8.0, tom=3.0)
"""As the shipped network was learned."""


def with_found_masks(pictures: TomPictures, folder: Path) -> TomPictures:
    """The pictures with what the shipped segmenter finds in them in place of their own masks, kept in ``folder``."""
    detect, file = tom_segmenter()
    FoundMasks(folder, f"found by {file.stem}").find(((each.name, each.image) for each in pictures), detect)
    return TomFolder(folder)


def learned(row: str, pairs: Path, seeds: int, epochs: int, work: Path) -> list[Path]:
    """Weights of every seed, labelled and learned as far as they are not there yet."""
    painting, found = ROWS[row]
    name = "".join(letter for letter in row.replace(" ", "-") if letter not in ",()")
    pictures: TomPictures = TomStereoSet(StereoSet.open(pairs))
    if found:
        pictures = with_found_masks(pictures, work / "found")
    write_virtual_labels(pictures, str(pairs), work / f"labels-{name}", NETWORK, painting=painting)
    train, files = Labels([work / f"labels-{name}"], NETWORK), []
    for seed in range(seeds):
        files.append(work / f"{name}-{seed}.safetensors")
        if not files[-1].exists():
            schedule = Schedule(epochs * -(-len(train) // 16), 16, 1.5e-3, seed)
            learn_tom_mono(train, files[-1], schedule, NETWORK, terms=TERMS, whole=True, strong=True)
    return files


def cell(seeds: list[Float64], base: Float64) -> str:
    """Of one region: the mean over seeds, and its change to the network as it came; (pictures,) millimetres each."""
    means = [float(np.nanmean(seed)) for seed in seeds]
    spread = f" ± {np.std(means, ddof=1):.1f}" if len(means) > 1 else ""
    mine, again = np.mean(seeds, 0), drawn(len(base))
    low, high = interval(100 * (np.nanmean(mine[again], 1) / np.nanmean(base[again], 1) - 1))
    change = 100 * (np.nanmean(mine) / np.nanmean(base) - 1)
    return f"{np.mean(means):.1f}{spread} ({change:+.1f} % [{low:+.1f}, {high:+.1f}])"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pairs", type=Path)
    parser.add_argument("tests", type=Path, nargs="+", metavar="TEST")
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=5)
    given = parser.parse_args()
    given.work.mkdir(parents=True, exist_ok=True)
    runs = {row: learned(row, given.pairs, given.seeds, given.epochs, given.work) for row in ROWS}
    for path in given.tests:
        test = StereoSet.open(path)
        base = picture_errors(test, None, None)
        print(
            "\n".join(["", f"{path.name}, {len(base)} pictures: RMSE, mm", "", *table_head(["painted with", *REGIONS])])
        )
        print(f"| the network as it came | {' | '.join(f'{each:.1f}' for each in np.nanmean(base, 0))} |")
        for row, files in runs.items():
            seeds = [picture_errors(test, weights, None) for weights in files]
            cells = [cell([seed[:, region] for seed in seeds], base[:, region]) for region in range(len(REGIONS))]
            print(f"| {row} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
