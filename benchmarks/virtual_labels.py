"""How near virtual labels and fine-tuned networks come to the truth: benchmarks/virtual_labels.py SET [WEIGHTS...].

SET is a stereo set, as depth-prompt render --kind tom makes it. Scores are the Booster protocol's: scale and shift
fitted per picture in disparity, root mean square of depth in millimetres on ToM and on other pixels, means over
pictures. Networks that are given look at the pictures as they are, and at painted ones.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from depth_prompt_ros.data.sets.stereo_set import StereoSet
from depth_prompt_ros.data.sets.tom_pictures import TomPicture, TomStereoSet
from depth_prompt_ros.evaluation.tom.booster import Truth, mono_scores
from depth_prompt_ros.learning.tom.painting import Painting
from depth_prompt_ros.learning.tom.virtual_labels import Teacher

NETWORK = "scene-net"
PAINTINGS = {
    "1 (grey)": Painting(1),
    "2": Painting(2),
    "5": Painting(5),
    "10": Painting(10),
    "5, each thing its own": Painting(5, per_instance=True),
    "5, mirrored too": Painting(5, mirrored=True),
}
REGIONS = ("ToM", "Other", "All")


def picture_errors(pairs: StereoSet, weights: Path | None, painting: Painting | None) -> NDArray[np.float64]:
    """(pictures, regions) RMSE in millimetres, NaN where a picture has no pixel of a region.

    Without a painting the pictures are looked at as they are.
    """
    teacher = Teacher(NETWORK, weights, painting or Painting(), torch.device("cpu"))
    errors = np.full((len(pairs), len(REGIONS)), np.nan)
    for index, picture in enumerate(TomStereoSet(pairs)):
        camera = pairs.camera(index)
        truth = Truth.within_range(pairs.disparity(index), camera.fx * camera.baseline * 1000, picture.tom)
        if painting is None:
            picture = TomPicture(picture.name, picture.image, np.zeros_like(picture.tom))  # noqa: PLW2901
        found = mono_scores(teacher([picture])[0].disparity, truth)
        errors[index] = [found.get(region, {}).get("rmse", np.nan) for region in REGIONS]
    return errors


def scores(pairs: StereoSet, weights: Path | None, painting: Painting | None) -> tuple[float, ...]:
    """RMSE in millimetres of every region, means over pictures."""
    return tuple(np.nanmean(picture_errors(pairs, weights, painting), 0).tolist())


def main(folder: Path, weights: Sequence[Path]) -> None:
    pairs = StereoSet.open(folder)
    table = Table(*("network", "colours", *(f"{region}, mm" for region in REGIONS)))
    base: tuple[float, ...] = ()

    def add(name: str, colours: str, found: tuple[float, ...]) -> None:
        changes = [f"{one:.1f} ({100 * (one / first - 1):+.1f} %)" for one, first in zip(found, base, strict=True)]
        table.add_row(name, colours, *changes)

    base = scores(pairs, None, None)
    add(NETWORK, "not painted", base)
    for colours, painting in PAINTINGS.items():
        add(NETWORK, colours, scores(pairs, None, painting))
    for path in weights:
        add(path.name, "not painted", scores(pairs, path, None))
        add(path.name, "1 (grey)", scores(pairs, path, Painting(1)))
        add(path.name, "5", scores(pairs, path, Painting(5)))
    Console(width=120).print(table)


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    main(Path(sys.argv[1]), [Path(name) for name in sys.argv[2:]])
