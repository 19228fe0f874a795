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
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from virtual_labels import NETWORK, REGIONS, picture_errors

from depth_prompt_ros.data.sets.stereo_set import StereoSet
from depth_prompt_ros.data.sets.tom_pictures import TomPicture, TomPictures, TomStereoSet
from depth_prompt_ros.evaluation.bootstrap import drawn, interval
from depth_prompt_ros.learning.markdown import table_head
from depth_prompt_ros.learning.tom.mono import Labels, Weights, learn_tom_mono
from depth_prompt_ros.learning.tom.painting import Painting
from depth_prompt_ros.learning.tom.virtual_labels import write_virtual_labels
from depth_prompt_ros.learning.trainer import Schedule
from depth_prompt_ros.parameters import RuntimeParameters
from depth_prompt_ros.resources import resource_path
from depth_prompt_ros.stages.classes import ClassMask

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


class FoundMasks:
    """Pictures with the masks that the shipped segmenter finds in them, in place of their own."""

    masks = "found by tom_masks"

    def __init__(self, pictures: TomPictures) -> None:
        self._pictures = pictures
        self._find = ClassMask(str(resource_path("models/tom_masks.yaml")), (), "tom", RuntimeParameters())

    def __len__(self) -> int:
        return len(self._pictures)

    def __iter__(self) -> Iterator[TomPicture]:
        for picture in self._pictures:
            yield TomPicture(picture.name, picture.image, self._find(picture.image))


def learned(pairs: Path, row: str, seed: int, epochs: int, work: Path) -> Path:
    """Weights of one run, labelled and learned if they are not there yet."""
    painting, found = ROWS[row]
    name = row.replace(",", "").replace(" ", "-").replace("(", "").replace(")", "")
    labels, out = work / f"labels-{name}", work / f"{name}-{seed}.safetensors"
    pictures: TomPictures = TomStereoSet(StereoSet.open(pairs))
    write_virtual_labels(FoundMasks(pictures) if found else pictures, str(pairs), labels, NETWORK, None, painting)
    if not out.exists():
        train = Labels([labels], NETWORK)
        steps = epochs * -(-len(train) // 16)
        learn_tom_mono(
            train, out, Schedule(steps, 16, 1.5e-3, seed), NETWORK, None, None, TERMS, whole=True, strong=True
        )
    return out


def line(name: str, seeds: list[NDArray[np.float64]], base: NDArray[np.float64], again: NDArray[np.int64]) -> str:
    """A row of the table, from the errors of every seed, (pictures, regions) in millimetres each."""
    cells = []
    for number, _ in enumerate(REGIONS):
        means = [float(np.nanmean(seed[:, number])) for seed in seeds]
        cell = f"{np.mean(means):.1f}" + (f" ± {np.std(means, ddof=1):.1f}" if len(means) > 1 else "")
        mine, its = np.mean(seeds, 0)[:, number], base[:, number]
        if seeds[0] is not base:
            low, high = interval(100 * (np.nanmean(mine[again], 1) / np.nanmean(its[again], 1) - 1))
            cell += f" ({100 * (np.nanmean(mine) / np.nanmean(its) - 1):+.1f} % [{low:+.1f}, {high:+.1f}])"
        cells.append(cell)
    return f"| {name} | {' | '.join(cells)} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pairs", type=Path)
    parser.add_argument("tests", type=Path, nargs="+", metavar="TEST")
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=5)
    given = parser.parse_args()
    given.work.mkdir(parents=True, exist_ok=True)
    runs = {
        row: [learned(given.pairs, row, seed, given.epochs, given.work) for seed in range(given.seeds)] for row in ROWS
    }
    for path in given.tests:
        test = StereoSet.open(path)
        base = picture_errors(test, None, None)
        again = drawn(len(base))
        print("\n".join(["", f"{path.name}, {len(base)} pictures: RMSE, mm", ""]))
        print("\n".join(table_head(["painted with", *REGIONS])))
        print(line("the network as it came", [base], base, again))
        for row, weights in runs.items():
            print(line(row, [picture_errors(test, each, None) for each in weights], base, again), flush=True)


if __name__ == "__main__":
    main()
