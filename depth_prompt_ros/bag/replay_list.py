"""A list of recordings to replay into a folder of recordings: what is done is kept, what fails is said."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from depth_prompt_ros.bag.evaluation.inputs import configuration, digest, versions
from depth_prompt_ros.bag.evaluation.many import recordings
from depth_prompt_ros.bag.outputs import chosen_topics
from depth_prompt_ros.bag.replay import replay
from depth_prompt_ros.bag.storage.writer import Storage
from depth_prompt_ros.bag.truth.source import TruthSource
from depth_prompt_ros.errors import BadInput
from depth_prompt_ros.parameters import Parameters
from depth_prompt_ros.work.items import Item, Outcome, Progress, Worker
from depth_prompt_ros.work.places import Place, is_url, on_disk, version_of
from depth_prompt_ros.work.run import Report, Where, run_list
from depth_prompt_ros.written_aside import folder_aside

NOTE = "replay.json"
"""What a recording was made of, and what is to be said of it; beside its metadata.yaml."""


@dataclass(frozen=True)
class ReplayJob:
    """One recording after the other with one pipeline.

    Attributes:
        parameters, storage, topics: see :func:`depth_prompt_ros.bag.replay.replay`.
        basis: what the results depend on beside the recordings.
    """

    parameters: Parameters
    storage: Storage
    topics: Sequence[str] | None
    basis: dict[str, Any]

    def before(self, folder: Path) -> Any:
        """See :class:`depth_prompt_ros.work.items.Job`."""
        try:
            found: Any = json.loads((folder / NOTE).read_text())
        except (OSError, ValueError):
            found = {} if folder.exists() else None
        return found

    def worker(self) -> Worker:
        """See :class:`depth_prompt_ros.work.items.Job`."""
        pipeline: Any = None

        def run(item: Item, folder: Path, before: Any, progress: Progress) -> Outcome:
            nonlocal pipeline
            version = {"fetched": version_of(item.what)} if is_url(item.what) else {"input": digest(Path(item.what))}
            signature = json.loads(json.dumps({**version, **self.basis}))
            if before is not None:
                if before.get("signature") == signature:
                    return Outcome(kept=True, said=before["said"])
                raise BadInput("its output is there, made of something else: give another folder or remove it")
            if pipeline is None:
                from depth_prompt_ros.pipeline import ObjectDepthPipeline

                pipeline = ObjectDepthPipeline(self.parameters)
            with folder_aside(folder) as aside:
                made = aside / folder.name
                with on_disk(item.what) as bag:
                    report = replay(bag, made, self.parameters, self.storage, self.topics, pipeline, progress)
                said = report.summary().replace(str(made), item.name)
                if not report.frames:
                    raise BadInput(f"no frame could be used: {'; '.join(said.splitlines()[1:])}")
                said += f"\n{report.damage}" if report.damage else ""
                (made / NOTE).write_text(json.dumps({"signature": signature, "said": said}, indent=1) + "\n")
                made.replace(folder)
            return Outcome(said=said)

        return run


def replay_list(
    bags: Sequence[Place],
    out: Path,
    parameters: Parameters,
    storage: Storage = "mcap",
    topics: Sequence[str] | None = None,
    where: Where | None = None,
    report: Report | None = None,
) -> Iterator[tuple[Item, Outcome]]:
    """Replay each recording into ``out/NAME``, whole or not at all, and yield what became of it, in any order.

    One that is there and was made of the same recording, parameters, models and versions is not made again; one of
    something else is left alone and said to be a problem. See :func:`depth_prompt_ros.bag.replay.replay` for the rest.

    Raises:
        BadInput: ``out`` cannot be written, or an output has no such name.
        BadModel: a model that cannot be used.
    """
    chosen_topics(topics)
    settings = {name: value for name, value in configuration(parameters, TruthSource()).items() if name != "truth"}
    basis = {**settings, "versions": versions(), "storage": storage, "topics": topics and sorted(topics)}
    job = ReplayJob(parameters, storage, topics, basis)
    yield from run_list(recordings(bags), job, out, where or Where(), report)
