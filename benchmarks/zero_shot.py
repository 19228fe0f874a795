"""What frozen networks know of real frames, before any prompt: benchmarks/zero_shot.py FOLDER... [--network NAME].

A FOLDER holds pictures in rgb (or rgb320) and depth of the same names in depth (or depth320), or both beside each
other, PICTURE.jpg and PICTURE.png; depth is of any unit, 0 = unknown. Each whole picture goes through each network as
the catalogue says. AbsRel and the share within 1.25 are means over pictures of all folders and, per folder, AbsRel:
first with the medians made equal, as it is done for networks without a scale, then with scale and shift of disparity
fitted to the truth. `scale` is the median over pictures of true over found median, 1 for a network that knows metres.
Rows without a network: a constant depth, and a slope, disparity that grows from top to bottom.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from depth_prompt_ros.evaluation.metric.errors import pixel_errors
from depth_prompt_ros.graph.disparity import inverse_depth_up_to_scale
from depth_prompt_ros.networks import catalogue

NETWORKS = ("meter-xxs", "fastdepth", "scene-net", "scene-vit")
Float64 = NDArray[np.float64]
Answer = Callable[[NDArray[np.float32]], tuple[Float64, Float64]]
"""From (H, W, 3) RGB in [0, 1] to depth and disparity of any size, of any scale (and, of the second, shift)."""


def frames(folder: Path, limit: int) -> list[tuple[Path, Path]]:
    """Pictures that have depth, at most ``limit`` of them, spread over the folder."""
    inside = next((name for name in ("rgb", "rgb320") if (folder / name).is_dir()), "")
    depths = folder / inside.replace("rgb", "depth")
    pictures = sorted(path for path in (folder / inside).iterdir() if path.suffix in (".jpg", ".png"))
    found = [(path, depths / f"{path.stem}.png") for path in pictures]
    found = [(path, depth) for path, depth in found if depth.is_file() and depth != path]
    if not found:
        sys.exit(f"{folder} holds no picture with depth of the same name")
    chosen = np.linspace(0, len(found) - 1, min(limit, len(found))).astype(int)
    return [found[index] for index in chosen]


def answer_of(name: str) -> Answer:
    """A catalogue network at its own size for whole pictures."""
    entry, network = catalogue.find(name), catalogue.load_frozen(name)
    normalise = catalogue.Normalise(entry)

    @torch.no_grad()
    def answer(picture: NDArray[np.float32]) -> tuple[Float64, Float64]:
        small = torch.from_numpy(entry.resized(picture)).permute(2, 0, 1)[None]
        output = network(normalise(small))
        inverse = inverse_depth_up_to_scale(output, entry.output)
        disparity = output if entry.output == "disparity" else inverse
        return (1 / inverse)[0, 0].double().numpy(), disparity[0, 0].double().numpy()

    return answer


def constant(_: NDArray[np.float32]) -> tuple[Float64, Float64]:
    return np.ones((2, 2)), np.ones((2, 2))


def slope(picture: NDArray[np.float32]) -> tuple[Float64, Float64]:
    disparity = np.repeat(np.linspace(0.5, 1.5, picture.shape[0])[:, None], 2, 1)
    return 1 / disparity, disparity


def scores(answer: Answer, picture: Path, depth: Path) -> tuple[float, ...]:
    """AbsRel and share within 1.25 by medians, the same by fit, and the scale."""
    image = cv2.cvtColor(cv2.imread(str(picture)), cv2.COLOR_BGR2RGB).astype(np.float32) / 255
    truth = cv2.imread(str(depth), cv2.IMREAD_UNCHANGED).astype(np.float64) / 1000
    known = truth > 0
    true, size = truth[known], truth.shape[::-1]
    found, disparity = (cv2.resize(each, size, interpolation=cv2.INTER_LINEAR)[known] for each in answer(image))
    found = np.maximum(found, 1e-3 * found.max())
    scale = float(np.median(true) / np.median(found))
    terms = np.stack([disparity, np.ones_like(disparity)], 1)
    fitted = terms @ np.linalg.lstsq(terms, 1 / true, rcond=None)[0]
    by_median = pixel_errors(found * scale, true)
    by_fit = pixel_errors(1 / np.maximum(fitted, 0.1 / np.median(true)), true)
    return by_median["abs_rel"], by_median["delta1"], by_fit["abs_rel"], by_fit["delta1"], scale


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--network", action="append", dest="networks")
    parser.add_argument("--limit", type=int, default=12, help="pictures of each folder")
    given = parser.parse_args()
    listed = {folder: frames(folder, given.limit) for folder in given.folders}
    table = Table(
        "", "AbsRel", "< 1.25", "AbsRel, fitted", "< 1.25, fitted", "scale",
        *(f"{folder.name} ({len(listed[folder])})" for folder in listed),
    )  # fmt: skip
    rows: dict[str, Answer] = {"constant depth": constant, "slope": slope}
    rows |= {name: answer_of(name) for name in given.networks or NETWORKS}
    for name, answer in rows.items():
        found = {folder: np.array([scores(answer, *pair) for pair in pairs]) for folder, pairs in listed.items()}
        together = np.concatenate(list(found.values()))
        means = together[:, :4].mean(0)
        cells = [f"{value:.3f}" for value in means] + [f"{np.median(together[:, 4]):.2f}"]
        table.add_row(name, *cells, *(f"{each[:, 0].mean():.3f} / {each[:, 2].mean():.3f}" for each in found.values()))
    Console(width=200).print(table)


if __name__ == "__main__":
    main()
