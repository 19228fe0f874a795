"""A list of recordings to evaluate: what is done is kept, what fails is said, several at a time in own processes."""

from __future__ import annotations

import json
import multiprocessing
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import wait
from multiprocessing.context import SpawnProcess
from pathlib import Path
from typing import Any

from depth_prompt_ros.bag.evaluation.inputs import configuration, device, versions
from depth_prompt_ros.bag.evaluation.one import LAYOUT, SUMMARY, Pipeline, evaluate_bag, input_digests
from depth_prompt_ros.bag.truth.source import TruthSource
from depth_prompt_ros.errors import BadInput, BadModel, DepthPromptError
from depth_prompt_ros.parameters import Parameters

BAGS = "bags"


@dataclass
class Evaluated:
    """What became of a list of recordings.

    Attributes:
        configuration, versions, device: what the figures depend on, and where they were computed.
        folders: of each recording that was evaluated, by its name, in the order given.
        failed: why the others were not, by name.
        kept: names of those that an earlier run had done.
    """

    configuration: dict[str, Any]
    versions: dict[str, str]
    device: dict[str, Any]
    folders: dict[str, Path] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)
    kept: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class _Work:
    """One recording: picklable, for a process of its own."""

    name: str
    bag: Path
    out: Path
    parameters: Parameters
    source: TruthSource
    basis: dict[str, Any]

    def signature(self) -> dict[str, Any]:
        return {"input": input_digests(self.bag, self.source), **self.basis}


def evaluate_bags(
    bags: Sequence[Path],
    out: Path,
    parameters: Parameters,
    source: TruthSource,
    jobs: int = 1,
    pipeline: Pipeline | None = None,
    report: Callable[[str, int, int], None] | None = None,
) -> Evaluated:
    """Evaluate each recording into ``out/bags/NAME``; one that is there with the same signature is not done again.

    The signature is the digest of the recording and its truth, the parameters, the models and the versions. A recording
    that fails, or whose process dies, is named with the reason, and the others go on.

    Args:
        bags: recordings; those of one name in several folders are told apart by a number.
        out: folder of the evaluation.
        parameters: of the pipeline.
        source: of the truth.
        jobs: recordings at a time; with more than one each has a process of its own, which loads the models.
        pipeline: made from the parameters if not given; only with one job.
        report: called with a recording's name, frames done and their total; with several jobs when it is done (1, 1).

    Raises:
        BadInput: no recording, a source that cannot be, or ``out`` cannot be written.
        BadModel: with one job a model that cannot be used; with several it is said of each recording.
    """
    if not bags:
        raise BadInput("no recording is given")
    source.check()
    evaluated = Evaluated(configuration(parameters, source), versions(), device())
    basis = {"configuration": evaluated.configuration, "versions": evaluated.versions, "layout": LAYOUT}
    try:
        (out / BAGS).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise BadInput(f"cannot write to {out}: {error.strerror}") from error
    listed = [
        _Work(name, bag, out / BAGS / name, parameters, source.of(bag), basis)
        for name, bag in zip(_names(bags), bags, strict=True)
    ]
    if jobs > 1 and pipeline is None:
        outcomes = _in_processes(listed, jobs, report)
    else:
        outcomes = _one_by_one(listed, parameters, pipeline, report)
    said = dict(outcomes)
    for work in listed:
        problem, kept = said[work.name]
        if problem:
            evaluated.failed[work.name] = problem
            continue
        evaluated.folders[work.name] = work.out
        if kept:
            evaluated.kept.append(work.name)
    return evaluated


_Outcome = tuple[str, tuple[str, bool]]
"""A name, and why it failed or empty, and whether it was done before."""


def _one_by_one(
    listed: Sequence[_Work],
    parameters: Parameters,
    pipeline: Pipeline | None,
    report: Callable[[str, int, int], None] | None,
) -> Iterator[_Outcome]:
    for work in listed:
        try:
            signature = work.signature()
            if _done(work.out, signature):
                yield work.name, ("", True)
                continue
            if pipeline is None:
                pipeline = _make_pipeline(parameters)

            def progress(done: int, total: int, name: str = work.name) -> None:
                if report is not None:
                    report(name, done, total)

            evaluate_bag(work.bag, work.out, work.parameters, work.source, signature, pipeline, progress)
            yield work.name, ("", False)
        except BadModel:
            raise
        except DepthPromptError as error:
            yield work.name, (" ".join(str(error).splitlines()), False)


def _in_processes(
    listed: Sequence[_Work], jobs: int, report: Callable[[str, int, int], None] | None
) -> Iterator[_Outcome]:
    """Each recording in a fresh process, at most ``jobs`` at a time; one that dies takes no other with it."""
    context = multiprocessing.get_context("spawn")
    waiting = list(reversed(listed))
    running: dict[int, tuple[_Work, SpawnProcess, Any]] = {}
    try:
        while waiting or running:
            while waiting and len(running) < jobs:
                work = waiting.pop()
                ours, theirs = context.Pipe(duplex=False)
                process = context.Process(target=_work, args=(work, theirs), daemon=True)
                process.start()
                theirs.close()
                running[process.sentinel] = work, process, ours
            for sentinel in wait(list(running)):
                assert isinstance(sentinel, int)
                work, process, ours = running.pop(sentinel)
                process.join()
                try:
                    said = ours.recv()
                except EOFError:
                    said = None
                ours.close()
                if report is not None:
                    report(work.name, 1, 1)
                yield work.name, said or (f"its process ended with code {process.exitcode} and said nothing", False)
    finally:
        for _, process, _ in running.values():
            process.terminate()


def _work(work: _Work, said: Any) -> None:
    """What a process does: one recording, and one message about it; it ends when the process that began it does."""
    threading.Thread(target=_end_with_parent, daemon=True).start()
    try:
        _, outcome = next(_one_by_one([work], work.parameters, None, None))
    except BadModel as error:
        outcome = (" ".join(str(error).splitlines()), False)
    said.send(outcome)
    said.close()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    assert parent is not None
    wait([parent.sentinel])
    os._exit(1)


def _make_pipeline(parameters: Parameters) -> Pipeline:
    from depth_prompt_ros.pipeline import ObjectDepthPipeline

    return ObjectDepthPipeline(parameters)


def _done(out: Path, signature: dict[str, Any]) -> bool:
    """An earlier run finished this very work."""
    try:
        found = json.loads((out / SUMMARY).read_text())["signature"]
    except (OSError, ValueError, KeyError, TypeError):
        return False
    return bool(found == json.loads(json.dumps(signature)))


def _names(bags: Sequence[Path]) -> list[str]:
    """Each recording's own name; a second one of the same name gets ``-2``."""
    names: list[str] = []
    for bag in bags:
        stem = bag.resolve().name
        name, count = stem, 1
        while name in names:
            count += 1
            name = f"{stem}-{count}"
        names.append(name)
    return names
