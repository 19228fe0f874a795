"""A list of recordings to evaluate: what is done is kept, what fails is said."""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from depth_prompt_ros.bag.evaluation.inputs import configuration, device, versions
from depth_prompt_ros.bag.evaluation.one import LAYOUT, SUMMARY, Pipeline, evaluate_bag, input_digests
from depth_prompt_ros.bag.truth.source import TruthSource
from depth_prompt_ros.errors import BadInput
from depth_prompt_ros.parameters import Parameters
from depth_prompt_ros.work.items import Item, Outcome, Progress, Worker
from depth_prompt_ros.work.places import Place, expanded, is_url, name_of, on_disk, version_of
from depth_prompt_ros.work.run import Report, Where, run_list

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
class EvaluationJob:
    """One recording after the other with one pipeline.

    Attributes:
        parameters: of the pipeline.
        source: of the truth of all recordings.
        basis: what the figures depend on beside the recordings.
        pipeline: made from the parameters at the first recording that needs it, if not given.
    """

    parameters: Parameters
    source: TruthSource
    basis: dict[str, Any]
    pipeline: Pipeline | None = None

    def before(self, folder: Path) -> Any:
        """See :class:`depth_prompt_ros.work.items.Job`."""
        try:
            return json.loads((folder / SUMMARY).read_text())["signature"]
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def worker(self) -> Worker:
        """See :class:`depth_prompt_ros.work.items.Job`."""
        pipeline = self.pipeline

        def evaluate(item: Item, folder: Path, before: Any, progress: Progress) -> Outcome:
            nonlocal pipeline
            source = self.source.of(item.what)
            places = {"bag": item.what, "truth_bag": source.bag, "truth_folder": source.folder}
            versions_of = {name: version_of(place) for name, place in places.items() if is_url(place)}
            signature: dict[str, Any] = {**self.basis, **({"fetched": versions_of} if versions_of else {})}
            if len(versions_of) == sum(place is not None for place in places.values()) and _same(before, signature):
                return Outcome(kept=True)
            with ExitStack() as fetched:
                paths = {
                    name: None if place is None else fetched.enter_context(on_disk(place))
                    for name, place in places.items()
                }
                bag, source = paths["bag"], replace(source, bag=paths["truth_bag"], folder=paths["truth_folder"])
                assert bag is not None
                signature = {"input": input_digests(bag, source), **signature}
                if before == json.loads(json.dumps(signature)):
                    return Outcome(kept=True)
                pipeline = pipeline or _make_pipeline(self.parameters)
                evaluate_bag(bag, folder, self.parameters, source, signature, pipeline, progress)
            return Outcome()

        return evaluate


def evaluate_bags(
    bags: Sequence[Place],
    out: Path,
    parameters: Parameters,
    source: TruthSource,
    where: Where | None = None,
    pipeline: Pipeline | None = None,
    report: Report | None = None,
) -> Evaluated:
    """Evaluate each recording into ``out/bags/NAME``; one that is there with the same signature is not done again.

    The signature is the digest of the recording and its truth, the parameters, the models and the versions. A recording
    that fails, or whose process dies, is named with the reason, and the others go on.

    Args:
        bags: recordings, paths or URLs; those of one name in several folders are told apart by a number.
        out: folder of the evaluation, on this machine.
        parameters: of the pipeline.
        source: of the truth.
        where: processes or cluster; None: one after the other in this process.
        pipeline: made from the parameters if not given; only in this process.
        report: called with a recording's name, frames done and their total; several workers say the last, 1 of 1.

    Raises:
        BadInput: no recording, a source that cannot be, or ``out`` cannot be written.
        BadModel: a model that cannot be used.
    """
    if not bags:
        raise BadInput("no recording is given")
    source.check()
    evaluated = Evaluated(configuration(parameters, source), versions(), device())
    basis = {"configuration": evaluated.configuration, "versions": evaluated.versions, "layout": LAYOUT}
    job = EvaluationJob(parameters, source, basis, pipeline)
    items = recordings(bags)
    said = dict(run_list(items, job, out / BAGS, where or Where(), report))
    for item in items:
        if said[item].problem:
            evaluated.failed[item.name] = said[item].problem
            continue
        evaluated.folders[item.name] = out / BAGS / item.name
        if said[item].kept:
            evaluated.kept.append(item.name)
    return evaluated


def recordings(bags: Sequence[Place]) -> list[Item]:
    """An item a recording, by its own name; a second one of the same name gets ``-2``.

    Raises:
        BadInput: a URL with ``*`` or ``?`` matches nothing.
        ModuleNotFoundError: one is a URL, and fsspec is not installed.
    """
    items: dict[str, Item] = {}
    for bag in expanded(bags):
        stem = name_of(bag)
        name, count = stem, 1
        while name in items:
            count += 1
            name = f"{stem}-{count}"
        items[name] = Item(name, bag)
    return list(items.values())


def _same(before: Any, signature: dict[str, Any]) -> bool:
    """Whether an earlier signature says the same but for digests, which unchanged URLs need not have again."""
    if not isinstance(before, dict):
        return False
    rest = {name: value for name, value in before.items() if name != "input"}
    return bool(rest == json.loads(json.dumps(signature)))


def _make_pipeline(parameters: Parameters) -> Pipeline:
    from depth_prompt_ros.pipeline import ObjectDepthPipeline

    return ObjectDepthPipeline(parameters)
