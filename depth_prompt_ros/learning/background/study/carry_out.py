"""Carry out the planned runs of a study, some at a time, and go on where it stopped."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path

import torch

from depth_prompt_ros.errors import BadInput
from depth_prompt_ros.learning.background.study.execute import execute
from depth_prompt_ros.learning.background.study.plan import Run
from depth_prompt_ros.learning.background.study.sets import LearningSets
from depth_prompt_ros.networks import catalogue
from depth_prompt_ros.work.processes import end_with_parent
from depth_prompt_ros.written_aside import write_text


def usual_jobs() -> int:
    """Runs at a time: one where there is a GPU, else one a core."""
    return 1 if torch.cuda.is_available() else os.cpu_count() or 1


def finished(planned: list[Run], sets: Mapping[int, LearningSets], folder: Path, jobs: int) -> Iterator[Run]:
    """Each run when it is done: one after the other here, or several at a time in processes of their own.

    Args:
        sets: by the side of the networks' pictures.
        folder: of results and weights.
    """
    if jobs == 1:
        for run in planned:
            execute(run, sets[catalogue.find(run.network.name).size], folder)
            yield run
        return
    context, threads = multiprocessing.get_context("spawn"), max(1, (os.cpu_count() or 1) // jobs)
    with ProcessPoolExecutor(jobs, mp_context=context, initializer=_begin, initargs=(threads,)) as pool:
        waiting = {
            pool.submit(execute, run, sets[catalogue.find(run.network.name).size], folder): run for run in planned
        }
        for done in as_completed(waiting):
            done.result()
            yield waiting[done]


def _begin(threads: int) -> None:
    end_with_parent()
    torch.set_num_threads(threads)


def require_same_study(folder: Path, settings: object) -> None:
    """Refuse to resume a study with settings other than those it was started with.

    Raises:
        BadInput: those of ``folder`` are others.
    """
    note, described = folder / "study.txt", repr(settings)
    folder.mkdir(parents=True, exist_ok=True)
    if not note.exists():
        write_text(note, described)
    elif note.read_text() != described:
        raise BadInput(f"{folder} holds a study made with other settings ({note}): give another folder")
