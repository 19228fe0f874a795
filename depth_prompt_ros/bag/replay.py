"""A recording through the pipeline into a new bag, frame by frame."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from depth_prompt_ros.bag.failures import FailuresInARow, made_or_skipped
from depth_prompt_ros.bag.outputs import NAMESPACE, chosen_topics, output_messages
from depth_prompt_ros.bag.reader import FrameReader, SkippedFrame
from depth_prompt_ros.bag.storage.recording import RawMessage
from depth_prompt_ros.bag.storage.writer import BagWriter, Storage
from depth_prompt_ros.bag.tf.transforms import TF, TF_STATIC, TRANSFORM_TYPE, TransformTree
from depth_prompt_ros.errors import BadInput
from depth_prompt_ros.frame import Frame
from depth_prompt_ros.parameters import Parameters, fixed_frame

if TYPE_CHECKING:
    from depth_prompt_ros.result import FrameDepth


@dataclass
class ReplayReport:
    """What a replay did.

    Attributes:
        out: the bag it wrote.
        frames: frames that went through the pipeline.
        skipped: left images that did not, by reason.
        gaps: for a reason of pairing the smallest and largest distance to the nearest stamp, seconds.
        unpaired: messages of other image topics without a left image, by topic.
        targets: targets seen, by anchor.
        untargeted: frames without a target, written as they were measured, by reason.
        stage_seconds: time in each stage of the pipeline, all frames together.
        seconds: time of the whole replay.
        damage: what is wrong with the recording, empty if nothing.
    """

    out: Path
    frames: int = 0
    skipped: Counter[str] = field(default_factory=Counter)
    gaps: dict[str, tuple[float, float]] = field(default_factory=dict)
    unpaired: dict[str, int] = field(default_factory=dict)
    targets: Counter[str] = field(default_factory=Counter)
    untargeted: Counter[str] = field(default_factory=Counter)
    stage_seconds: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0
    damage: str = ""

    def summary(self) -> str:
        """A few lines for people: frames, speed, and every frame that was left out with its cause."""
        rate = self.frames / self.seconds if self.seconds else 0.0
        where = f"-> {self.out}" if self.frames else "and nothing to write"
        lines = [f"{self.frames} frames in {self.seconds:.1f} s ({rate:.2g} frames per second) {where}"]
        if self.targets:
            lines.append("targets by anchor: " + ", ".join(f"{kind} {n}" for kind, n in sorted(self.targets.items())))
        lines += [f"{count} written as measured: {reason}" for reason, count in self.untargeted.items()]
        for reason, count in self.skipped.items():
            near = ""
            if reason in self.gaps:
                smallest, largest = self.gaps[reason]
                near = f" (the nearest was {smallest:.4f} to {largest:.4f} s away)"
            lines.append(f"skipped {count}: {reason}{near}")
        lines += [
            f"{count} messages on {topic} belong to no left image" for topic, count in self.unpaired.items() if count
        ]
        return "\n".join(lines)

    def count_frame(self, result: FrameDepth) -> None:
        """Count a frame that was written."""
        self.frames += 1
        if result.reason:
            self.untargeted[result.reason] += 1
        self.targets.update(target.anchor for target in result.targets)
        self.stage_seconds.update(result.seconds)

    def count(self, skipped: SkippedFrame) -> None:
        """Count a skipped frame by its reason."""
        self.skipped[skipped.reason] += 1
        if skipped.gap_s is not None:
            smallest, largest = self.gaps.get(skipped.reason, (skipped.gap_s, skipped.gap_s))
            self.gaps[skipped.reason] = (min(smallest, skipped.gap_s), max(largest, skipped.gap_s))


def replay(
    bag: Path,
    out: Path,
    parameters: Parameters,
    storage: Storage = "mcap",
    topics: Sequence[str] | None = None,
    pipeline: Callable[[Frame], FrameDepth] | None = None,
    progress: Callable[[int, int], None] | None = None,
    look: Callable[[FrameDepth], None] | None = None,
) -> ReplayReport:
    """Run every left image of a bag through the pipeline exactly once, in order, and write the results.

    The output bag has the chosen topics below ``/object_depth`` and the input's ``/tf`` and ``/tf_static``.
    Records carry the left image's time of recording, headers its stamp and frame_id.
    Frames that cannot be used are skipped and counted, whatever is wrong with them; without a single one that can,
    nothing is left behind. What was written stays readable when an error, a full disk, Ctrl-C or SIGTERM ends the
    replay; after SIGKILL an MCAP holds all finished frames as a stream, and so does a sqlite3 bag.

    Args:
        bag: rosbag2 folder, or a lone ``.mcap`` or ``.db3`` file; one without its end is read as far as it goes.
        out: folder to make.
        parameters: input topics, tolerance and everything for the pipeline.
        storage: ``mcap`` or ``sqlite3``.
        topics: outputs, see :func:`depth_prompt_ros.bag.outputs.chosen_topics`; None = all but ``points``.
        pipeline: made from the parameters if not given.
        progress: called with the number of left images done and their total.
        look: called with the result of every frame that was written.

    Raises:
        BadInput: an unreadable bag, a missing topic, an output that exists, a full disk, or 30 frames in a row that
            failed in one way that nothing was prepared for; see FrameReader and BagWriter.
    """
    start = time.perf_counter()
    chosen = chosen_topics(topics)
    if out.exists():
        raise BadInput(f"output {out} exists already: give another name or remove it")
    reader = FrameReader(bag, parameters)
    if pipeline is None:
        from depth_prompt_ros.pipeline import ObjectDepthPipeline

        pipeline = ObjectDepthPipeline(parameters)
    transforms = [reader.recording.topic(topic) for topic in (TF, TF_STATIC)]
    transforms = [topic for topic in transforms if reader.recording.types.get(topic) == TRANSFORM_TYPE]
    fixed = fixed_frame(parameters)
    tree = TransformTree(reader.recording) if fixed else None
    report = ReplayReport(out, unpaired=reader.unpaired)
    done = 0
    failures = FailuresInARow(
        lambda: f"the results up to there are in {out}" if report.frames else "nothing was written"
    )

    def outputs(frame: Frame) -> tuple[FrameDepth, list[tuple[str, Any]]]:
        result = pipeline(frame)
        return result, list(output_messages(result, chosen, parameters))

    with BagWriter(out, storage) as writer:
        try:
            for recorded in reader.read(others=transforms):
                content = recorded.content
                if isinstance(content, RawMessage):
                    writer.write_raw(content.topic, content.msgtype, content.data, content.log_ns, content.qos)
                    continue
                if isinstance(content, Frame):
                    if tree is not None:
                        content = replace(content, pose=tree.pose(content.frame_id, fixed, content.stamp_ns))
                    made = made_or_skipped(outputs, content)
                    if isinstance(made, SkippedFrame):
                        content = made
                    else:
                        result, messages = made
                        for topic, message in messages:
                            writer.write(f"{NAMESPACE}/{topic}", message, recorded.log_ns)
                        writer.flush()
                        report.count_frame(result)
                        if look is not None:
                            look(result)
                if isinstance(content, SkippedFrame):
                    report.count(content)
                failures.look_at(content)
                done += 1
                if progress is not None:
                    progress(done, reader.frames)
        finally:
            if not report.frames:
                writer.discard()
    report.damage = reader.recording.damage
    report.seconds = time.perf_counter() - start
    return report
