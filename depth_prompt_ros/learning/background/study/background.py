"""The whole background study: sets, runs, what goes beyond the paper, pictures, page."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from depth_prompt_ros import __version__
from depth_prompt_ros.data.sets.picture_set import PictureSet
from depth_prompt_ros.errors import BadInput
from depth_prompt_ros.graph.prompt import FixedBackground, load_prompt
from depth_prompt_ros.learning.background.errors import DepthNetwork
from depth_prompt_ros.learning.background.scene_network import evaluate_scene_network, mean_disparity
from depth_prompt_ros.learning.background.study import beyond, pictures, published
from depth_prompt_ros.learning.background.study.carry_out import finished, require_same_study, usual_jobs
from depth_prompt_ros.learning.background.study.execute import RESULT
from depth_prompt_ros.learning.background.study.figures import Figure, Results, summarise
from depth_prompt_ros.learning.background.study.more import More, more_runs
from depth_prompt_ros.learning.background.study.more_tables import more_lines
from depth_prompt_ros.learning.background.study.plan import Effort, Run, StudiedNetwork, runs
from depth_prompt_ros.learning.background.study.sets import StudySets, make_sets
from depth_prompt_ros.learning.background.study.tables import NetworkPart, page
from depth_prompt_ros.learning.trainer import pick_device
from depth_prompt_ros.networks import catalogue
from depth_prompt_ros.written_aside import write_text

Report = Callable[[str], None]
NOTHING_MORE = More()


def study_background(
    networks: list[StudiedNetwork],
    effort: Effort,
    cache: Path,
    folder: Path,
    results: Path,
    meshes: Path | None = None,
    jobs: int = 0,
    more: More = NOTHING_MORE,
    report: Report = print,
    learn: bool = True,
) -> None:
    """Carry out what is not done yet and write the page; interrupted, the same call goes on where it stopped.

    Args:
        cache: folder of rendered picture sets.
        folder: of the runs' results and weights.
        results: the page to write, Markdown; pictures go into a folder beside it.
        meshes: folder of scanned objects for a third test set.
        jobs: runs at a time, each with its share of the cores; 0 = one per core, or one where there is a GPU.
        more: rows beyond the usual ones.
        report: called with a line whenever something is done.
        learn: False writes the page of what is there; it names what is not. Each network needs its first single
            background.

    Raises:
        BadInput: the folder holds a study made with other settings, or nothing to write a page of.
        BadModel: a network without weights.
    """
    jobs = jobs or usual_jobs()
    sizes = sorted({catalogue.find(network.name).size for network in networks})
    for network in networks:
        DepthNetwork.frozen(network.name, network.weights, torch.device("cpu"))
    sets = {size: make_sets(cache, size, effort, meshes, report) for size in sizes}
    require_same_study(folder, effort)
    planned = [*runs(networks, effort), *more_runs(networks, effort, more)]
    done = sum((folder / run.folder / RESULT).exists() for run in planned)
    report(f"{done} of {len(planned)} runs are done, {len(planned) - done} are left")
    for number, run in enumerate(finished(planned if learn else [], sets, folder, jobs), start=1):
        report(f"{number} of {len(planned)}: {run.folder}")
    parts = []
    for network in networks:
        own = [run for run in planned if run.network == network]
        its = sets[catalogue.find(network.name).size]
        part = _part(network, own, its, folder, results)
        parts.append(replace(part, more=more_lines(network, own, part.results, its, folder, effort, more)))
        report(f"{network.name}: tables and pictures")
    hours = sum(part.results.seconds for part in parts) / 3600
    made = (
        f"Version {__version__}, PyTorch {torch.__version__}, {os.cpu_count()} cores, {hours:.1f} hours of runs, "
        f"{jobs} at a time."
    )
    write_text(results, page(parts, effort, made))


def _part(network: StudiedNetwork, own: list[Run], sets: StudySets, folder: Path, results: Path) -> NetworkPart:
    device = pick_device()
    frozen = DepthNetwork.frozen(network.name, network.weights, device)
    learned = folder / next(run.folder for run in own if run.row == "1-BG") / "learned.safetensors"
    if not learned.exists():
        raise BadInput(f"{learned} has not been learned yet: run the study without --page-only")
    prompt = load_prompt(learned, network.name).to(device)
    test = PictureSet.open(next(iter(sets.tests.values())))
    picture = results.parent / results.stem / f"{network.name}.jpg"
    pictures.write_prompt_sheet(picture, frozen, folder, own, test, device)
    return NetworkPart(
        network.name,
        published.like(network.name),
        Results(folder, own),
        _competence(frozen, sets, device),
        f"{results.stem}/{picture.name}",
        _beyond(frozen, prompt, own, folder, sets, device),
        _remarks(frozen, prompt, test, device),
    )


def _competence(frozen: DepthNetwork, sets: StudySets, device: torch.device) -> str:
    scenes = PictureSet.open(sets.scenes)
    found = evaluate_scene_network(frozen.disparity, scenes, mean_disparity(scenes, device), device)
    return (
        f"on {len(scenes)} unseen scenes it leaves {100 * found['unexplained_variance']:.0f} % of the disparity's "
        f"variance unexplained (a constant {100 * found['unexplained_variance_constant']:.0f} %, the mean scene "
        f"{100 * found['unexplained_variance_mean_scene']:.0f} %); AbsRel {found['abs_rel']:.2f} "
        f"({found['abs_rel_constant']:.2f}, {found['abs_rel_mean_scene']:.2f})."
    )


def _beyond(
    frozen: DepthNetwork, prompt: torch.nn.Module, own: list[Run], folder: Path, sets: StudySets, device: torch.device
) -> list[tuple[str, Figure, Figure, str]]:
    partial, test = PictureSet.open(sets.partial), PictureSet.open(next(iter(sets.tests.values())))
    found = []

    def add(name: str, errors: np.ndarray, remark: str) -> None:
        found.append((name, summarise(errors[None, :, 0]), summarise(errors[None, :, 1]), remark))

    constant = beyond.constant_errors(partial, frozen.size, device)
    add("off-centre and partly seen: constant depth", constant, f"{len(partial)} pictures")
    prompts: dict[str, torch.nn.Module | None] = {"white": None, "1-BG": prompt}
    for row in ("PNet", "PNet, box-aligned mask"):
        for run in own:
            file = folder / run.folder / "learned.safetensors"
            if run.row == row and run.schedule.seed == 0 and file.exists():
                prompts[row] = load_prompt(file, frozen.name).to(device)
    for name, each in prompts.items():
        for used in (False, True):
            errors = beyond.partial_errors(frozen, each, partial, used, device)
            add(f"off-centre and partly seen: {name}", errors, f"virtual camera {'on' if used else 'off'}")
    entry = catalogue.find(frozen.name)
    if isinstance(prompt, FixedBackground) and entry.multiple < entry.size:
        for share in (0.8, 1.2, 1.6):
            size = round(share * entry.size / entry.multiple) * entry.multiple
            errors = beyond.resampled_errors(frozen, prompt.picture, test, size, device)
            add("1-BG resampled, in distribution", errors, f"{size} pixels instead of {entry.size}")
    return found


def _remarks(frozen: DepthNetwork, prompt: torch.nn.Module, test: PictureSet, device: torch.device) -> list[str]:
    ratio, difference = beyond.batching(frozen, prompt, test, device)
    said = (
        f"Four targets in one batch take {ratio:.2f} of the time of four runs (PyTorch, {torch.get_num_threads()} "
        f"threads); their depths differ by at most {difference:.0e}."
    )
    return [said]
