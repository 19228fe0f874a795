"""Tables of what a study was asked beyond its usual rows, for one network."""

from __future__ import annotations

from pathlib import Path

from depth_prompt_ros.errors import BadInput, BadModel
from depth_prompt_ros.graph.prompt import load_prompt
from depth_prompt_ros.learning.background.errors import Compose, DepthNetwork, on_white
from depth_prompt_ros.learning.background.learn import composer
from depth_prompt_ros.learning.background.study.execute import LEARNED, RESULT
from depth_prompt_ros.learning.background.study.figures import Results, summarise
from depth_prompt_ros.learning.background.study.more import (
    More,
    errors_with,
    rembg_masks,
    sides_of,
    true_mask,
    worse_masks,
)
from depth_prompt_ros.learning.background.study.plan import OURS, TUNED, Effort, Run, StudiedNetwork
from depth_prompt_ros.learning.background.study.sets import LearningSets
from depth_prompt_ros.learning.background.study.tables import figure
from depth_prompt_ros.learning.markdown import table_head
from depth_prompt_ros.learning.trainer import pick_device
from depth_prompt_ros.networks import catalogue
from depth_prompt_ros.parameters import SegmentationParameters

_MASKED = ("1-BG", "PNet")


def more_lines(
    network: StudiedNetwork,
    own: list[Run],
    results: Results,
    sets: LearningSets,
    folder: Path,
    effort: Effort,
    more: More,
) -> list[str]:
    """Data efficiency, sides and mask quality, as far as they were asked, in Markdown."""
    lines = _objects(results, effort, more) + _sides(network, results, more)
    return lines + (_masks(network, own, sets, folder) if more.masks else [])


def _objects(results: Results, effort: Effort, more: More) -> list[str]:
    if not more.objects:
        return []
    rows = ("1-BG", TUNED, OURS)
    lines = ["### Data efficiency: si-RMSE by the number of objects that are learned from", ""]
    lines += table_head(["objects", *(f"{test}: {row}" for test in results.tests for row in rows)])
    for count in sorted({*more.objects, effort.train}):
        named = "" if count == effort.train else f", {count} objects"
        found = [results.of(row + named, test) for test in results.tests for row in rows]
        cells = [figure(each.si_rmse, learned=True) if each else "" for each in found]
        lines.append(f"| {count} | {' | '.join(cells)} |")
    return [*lines, ""]


def _sides(network: StudiedNetwork, results: Results, more: More) -> list[str]:
    sides = sides_of(network, more)
    if not sides:
        return []
    own = catalogue.find(network.name).size
    lines = ["### Prompts of other sides, each learned at its own: si-RMSE of 1-BG", ""]
    lines += table_head(["pixels", *results.tests])
    for side in sorted({*sides, own}):
        found = [results.of("1-BG" if side == own else f"1-BG, {side} pixels", test) for test in results.tests]
        cells = [figure(each.si_rmse, learned=True) if each else "" for each in found]
        lines.append(f"| {side} | {' | '.join(cells)} |")
    return [*lines, "", "All are scored at the set's side; at other sides the answer is resized to it.", ""]


def _masks(network: StudiedNetwork, own: list[Run], sets: LearningSets, folder: Path) -> list[str]:
    device = pick_device()
    frozen = DepthNetwork.frozen(network.name, network.weights, device)
    composes: dict[str, Compose] = {"none (white)": on_white}
    for run in own:
        if run.row in _MASKED and run.schedule.seed == 0 and run.settings and (folder / run.folder / RESULT).exists():
            prompt = load_prompt(folder / run.folder / LEARNED, network.name).to(device)
            composes[run.row] = composer(prompt, run.settings)
    kinds = {"true": true_mask, **worse_masks()}
    remark = "Pixels of erosion, dilation and shift are shares of the square root of a mask's area."
    try:
        kinds["rembg's, of the picture with its own background"] = rembg_masks(SegmentationParameters())
    except (BadInput, BadModel):  # says where this machine keeps them
        remark += " No row of rembg's masks: rembg or its weights were not there."
    tests = sets.open_tests()
    lines = ["### Masks that are worse than the truth: si-RMSE on the true mask, first seed", ""]
    lines += table_head(["mask", *(f"{test}: IoU | {' | '.join(composes)}" for test in tests)])
    for kind, masks in kinds.items():
        cells = []
        for test in tests.values():
            errors, overlap = errors_with(masks, frozen, composes, test, device)
            cells += [f"{overlap:.3f}", *(figure(summarise(each[None, :, 0])) for each in errors.values())]
        lines.append(f"| {kind} | {' | '.join(cells)} |")
    return [*lines, "", remark, ""]
