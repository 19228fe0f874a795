"""One recording through the pipeline, scored frame by frame, into a folder of numbers and pictures."""

from __future__ import annotations

import json
import resource
import shutil
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from depth_prompt_ros.bag.evaluation.inputs import digest
from depth_prompt_ros.bag.failures import FailuresInARow, made_or_skipped
from depth_prompt_ros.bag.reader import FrameReader, SkippedFrame
from depth_prompt_ros.bag.storage.recording import RawMessage
from depth_prompt_ros.bag.truth.frames import FrameTruths
from depth_prompt_ros.bag.truth.source import TruthSource
from depth_prompt_ros.data.known.mesh_file import files_of
from depth_prompt_ros.errors import BadInput
from depth_prompt_ros.evaluation.bags.frame_scores import TrueFrame, score_frame
from depth_prompt_ros.evaluation.bags.latency import Latency
from depth_prompt_ros.evaluation.bags.steadiness import Steadiness
from depth_prompt_ros.evaluation.bags.totals import Totals
from depth_prompt_ros.evaluation.bags.worst import WorstFrames
from depth_prompt_ros.frame import Frame
from depth_prompt_ros.parameters import Parameters
from depth_prompt_ros.timing import timed
from depth_prompt_ros.written_aside import folder_aside

if TYPE_CHECKING:
    from depth_prompt_ros.result import FrameDepth

Pipeline = Callable[[Frame], "FrameDepth"]

SUMMARY, TIMES, FRAMES, PICTURES = "summary.json", "times.json", "frames.jsonl", "pictures"
"""What lies in the folder of an evaluated recording."""

LAYOUT = 3
"""Of these files; raised when what is in them changes, so that none of an older kind is taken for finished."""


def input_digests(bag: Path, source: TruthSource) -> dict[str, str]:
    """SHA-256 of the recording, and of the other recording or folder with its truth; of meshes their beginnings.

    Raises:
        BadInput: one is not there.
    """
    found = {"bag": digest(bag)}
    if source.bag is not None:
        found["truth_bag"] = digest(Path(source.bag))
    if source.folder is not None:
        found["truth_folder"] = digest(Path(source.folder))
    if source.meshes is not None:
        found["truth_meshes"] = " ".join(digest(file)[:16] for file in files_of(source.meshes))
    return found


def evaluate_bag(
    bag: Path,
    out: Path,
    parameters: Parameters,
    source: TruthSource,
    signature: dict[str, Any],
    pipeline: Pipeline,
    progress: Callable[[int, int], None] | None = None,
) -> dict[str, Any]:
    """Run every left image of a recording through the pipeline exactly once, in order, and score it.

    Everything is written aside and renamed at the end: ``out`` is there whole or not at all. Memory holds one frame,
    the one before, the pictures of the worst, and some bytes of stamps and seconds a frame.

    Args:
        bag: rosbag2 folder, or a lone ``.mcap`` or ``.db3`` file; one without its end is read as far as it goes.
        out: folder to make; one that is there is replaced.
        parameters: input topics and tolerance.
        source: of the truth, already that of this recording.
        signature: what the figures depend on, kept beside them.
        pipeline: from frame to result.
        progress: called with the number of left images done and their total.

    Returns:
        The summary.

    Raises:
        BadInput: an unreadable recording, truth that does not fit, no usable frame, or 30 frames in a row that failed
            in one way that nothing was prepared for.
    """
    try:
        with folder_aside(out) as aside:
            summary = _evaluate(bag, aside, parameters, source, pipeline, progress)
            said = json.dumps({"signature": signature, **summary}, indent=1, allow_nan=False)
            (aside / SUMMARY).write_text(said + "\n")
            shutil.rmtree(out, ignore_errors=True)
            aside.replace(out)
    except OSError as error:
        raise BadInput(f"cannot write to {out} ({error.strerror}): make room, and repeat the command") from error
    return summary


def _evaluate(
    bag: Path,
    folder: Path,
    parameters: Parameters,
    source: TruthSource,
    pipeline: Pipeline,
    progress: Callable[[int, int], None] | None,
) -> dict[str, Any]:
    began = time.perf_counter()
    reader = FrameReader(bag, parameters)
    truths = FrameTruths(source, bag, reader.stamps)
    totals, latency, steadiness = Totals(), Latency(), Steadiness()
    skipped: Counter[str] = Counter()
    worst = WorstFrames()
    failures = FailuresInARow(lambda: "nothing of it was kept")
    frames = reader.read()
    with (folder / FRAMES).open("w", encoding="utf-8") as lines:
        for number in range(reader.frames):
            seconds: dict[str, float] = {}
            with timed(seconds, "read"):
                recorded = next(frames, None)
            if recorded is None:  # the recording ends before its index says so
                break
            content = recorded.content
            assert not isinstance(content, RawMessage)
            messages = truths.messages(number)
            truth = truths.read(number, messages, content) if isinstance(content, Frame) else TrueFrame()
            result = _run(pipeline, content, seconds) if isinstance(content, Frame) else content
            if isinstance(result, SkippedFrame):
                skipped[result.reason] += 1
                failures.look_at(result)
            else:
                failures.look_at(result.frame)
                latency.add(seconds)
                plan = source.grasps_every > 0 and number % source.grasps_every == 0
                line = score_frame(number, result, truth, steadiness, plan).to_dict()
                totals.add(line)
                lines.write(json.dumps(line, allow_nan=False, separators=(",", ":")) + "\n")
                worst.look_at(line, result, truth)
            if progress is not None:
                progress(number + 1, reader.frames)
    _check(bag, totals, skipped, truths, source)
    pictures = worst.write(folder / PICTURES)
    took = time.perf_counter() - began
    times = {
        "seconds": took,
        "frames_per_second": totals.frames / took,
        "latency_ms": latency.milliseconds(),
        "peak_memory_mib": _peak_memory(),
    }
    (folder / TIMES).write_text(json.dumps(times, indent=1) + "\n")
    return {
        "left_images": reader.frames,
        "skipped": dict(sorted(skipped.items())),
        "unpaired": {topic: count for topic, count in reader.unpaired.items() if count},
        "damage": reader.recording.damage,
        "truth_matched": truths.matched,
        **totals.figures(),
        "worst": pictures,
    }


def _run(pipeline: Pipeline, frame: Frame, seconds: dict[str, float]) -> FrameDepth | SkippedFrame:
    with timed(seconds, "pipeline"):
        result = made_or_skipped(pipeline, frame)
    if not isinstance(result, SkippedFrame):
        seconds.update(result.seconds)
    return result


def _check(bag: Path, totals: Totals, skipped: Counter[str], truths: FrameTruths, source: TruthSource) -> None:
    """Refuse an evaluation that says nothing.

    Raises:
        BadInput: no frame was used, or the truth is known nowhere.
    """
    if not totals.frames:
        raise BadInput(f"no frame of {bag} could be used: {'; '.join(skipped)}")
    known = any(sums["all"].known for sums in totals.sums.values() if "all" in sums)
    if source.known and not known:
        problem = f": {truths.problem}" if truths.problem else ""
        raise BadInput(
            f"the truth of {bag} is known at no pixel of the frames used ({truths.matched} have one){problem}"
        )


def _peak_memory() -> float:
    """Largest resident memory of this process so far, MiB (getrusage: KiB on Linux, bytes on macOS)."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (2**20 if sys.platform == "darwin" else 2**10)
