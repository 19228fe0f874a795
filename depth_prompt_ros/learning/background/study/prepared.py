"""The study on prepared sets: prompts, fine-tuning, fixed backgrounds and ablations, learned or given, as tables."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import torch

from depth_prompt_ros import __version__
from depth_prompt_ros.errors import BadInput
from depth_prompt_ros.graph.prompt import load_prompt
from depth_prompt_ros.learning.background.errors import DepthNetwork
from depth_prompt_ros.learning.background.study.carry_out import finished, require_same_study, usual_jobs
from depth_prompt_ros.learning.background.study.execute import LEARNED, RESULT
from depth_prompt_ros.learning.background.study.figures import Results
from depth_prompt_ros.learning.background.study.paper_tables import PreparedPart, page
from depth_prompt_ros.learning.background.study.plan import Effort, Run, StudiedNetwork, runs
from depth_prompt_ros.learning.background.study.prepared_sets import PreparedSets, sorted_sets
from depth_prompt_ros.networks import catalogue
from depth_prompt_ros.written_aside import write_text

Report = Callable[[str], None]


def study_prepared(
    networks: list[StudiedNetwork],
    effort: Effort,
    data: list[str],
    folder: Path,
    results: Path,
    given: Mapping[str, Path] | None = None,
    jobs: int = 0,
    report: Report = print,
    learn: bool = True,
) -> None:
    """Carry out what is not done yet and write the page; interrupted, the same call goes on where it stopped.

    Args:
        effort: its numbers of pictures are bounds: of what is held out of each learned set, and of each test set.
        data: sets, see :func:`sorted_sets`; for each network some of its side.
        folder: of the runs' results and weights.
        results: the page to write, Markdown.
        given: prompts and fine-tuned weights that are there already, by row; they are tested, once, not learned.
        jobs: runs at a time, each with its share of the cores; 0 = one per core, or one where there is a GPU.
        report: called with a line whenever something is done.
        learn: False writes the page of what is there; it names what is not.

    Raises:
        BadInput: no sets for a network, the folder holds a study made with other settings, or no such row.
        BadModel: a network without weights, or a given file of another network.
    """
    if given and len(networks) > 1:
        raise BadInput("what is given is of one network: give one --network")
    sets = sorted_sets(data, effort.validation, effort.test)
    for network in networks:
        DepthNetwork.frozen(network.name, network.weights, torch.device("cpu"))
        side = catalogue.find(network.name).size
        if side not in sets:
            raise BadInput(
                f"{network.name} takes pictures of {side} pixels, and no set has such: prepare with --size {side}"
            )
    require_same_study(folder, (effort, sets))
    planned = _with_given(list(runs(networks, effort)), given or {}, folder)
    done = sum((folder / run.folder / RESULT).exists() for run in planned)
    report(f"{done} of {len(planned)} runs are done, {len(planned) - done} are left")
    for number, run in enumerate(finished(planned if learn else [], sets, folder, jobs or usual_jobs()), start=1):
        report(f"{number} of {len(planned)}: {run.folder}")
    parts = [_part(network, planned, sets, folder) for network in networks]
    hours = sum(part.results.seconds for part in parts) / 3600
    made = f"Version {__version__}, PyTorch {torch.__version__}, {os.cpu_count()} cores, {hours:.1f} hours of runs."
    counted = replace(effort, train=max(len(each.open_train()) for each in sets.values()))
    write_text(results, page(parts, counted, made, _learned_from(next(iter(sets.values())), given or {})))


def _with_given(planned: list[Run], given: Mapping[str, Path], folder: Path) -> list[Run]:
    """What is left to do once given files are put where a run would leave its own; they count as one seed."""
    rows = {run.row for run in planned if run.method != "fixed"}
    for row, path in given.items():
        if row not in rows:
            raise BadInput(f"no learned row {row!r}; there are: {', '.join(sorted(rows))}")
        kept = []
        for run in planned:
            if run.row == row and run.schedule.seed == 0:
                _put(run, path, folder / run.folder / LEARNED)
            if run.row != row or run.schedule.seed == 0:
                kept.append(run)
        planned = kept
    return planned


def _put(run: Run, path: Path, target: Path) -> None:
    """Copy a given file there, once it is known to be of the run's network."""
    if run.settings is None:
        catalogue.load_frozen(run.network.name, path)
    else:
        load_prompt(path, run.network.name)
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(path, target)


def _part(network: StudiedNetwork, planned: list[Run], sets: dict[int, PreparedSets], folder: Path) -> PreparedPart:
    own, data = [run for run in planned if run.network == network], sets[catalogue.find(network.name).size]
    counts = {name: len(test) for name, test in data.open_tests().items()}
    ablated = any(run.row not in ("fixed", "1-BG", "PNet") and run.settings for run in own)
    return PreparedPart(network.name, Results(folder, own), data.within, data.beyond, counts, ablated)


def _learned_from(sets: PreparedSets, given: Mapping[str, Path]) -> str:
    parts = [f"{name}{f' (each picture a {every}th as often)' if every > 1 else ''}" for (name, _), every in
             zip(sets.learned, sets.every, strict=True)]  # fmt: skip
    said = f"Learned from {' and '.join(parts)}, at most {sets.held_out} pictures of each held out to choose with."
    return f"{said} Given, not learned: {', '.join(given)}." if given else said
