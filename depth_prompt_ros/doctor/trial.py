"""One frame of a recording through the pipeline: what it would do with all, or why it could not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np

from depth_prompt_ros.bag.reader import FrameReader, SkippedFrame
from depth_prompt_ros.bag.storage.recording import RawMessage
from depth_prompt_ros.doctor.finding import Finding, note, ok, wrong
from depth_prompt_ros.errors import BadFrame, DepthPromptError
from depth_prompt_ros.frame import Frame
from depth_prompt_ros.parameters import Parameters

_MISALIGNED = 1.5
_LITTLE = 0.3


def try_a_frame(bag: Path, parameters: Parameters) -> Iterator[Finding]:
    """Count the frames that can be used, and run the one in their middle."""
    try:
        reader = FrameReader(bag, parameters)
    except DepthPromptError as error:
        yield wrong(f"no frame can be read: {error}", "mend what is said above first")
        return
    usable, reasons, middle = 0, Counter[str](), None
    for recorded in reader.read():
        content = recorded.content
        if isinstance(content, SkippedFrame):
            reasons[content.reason] += 1
        elif not isinstance(content, RawMessage):
            usable += 1
            if middle is None or usable <= (reader.frames - sum(reasons.values())) // 2:
                middle = content
    for reason, count in reasons.items():
        yield Finding("note" if usable else "wrong", f"{count} of {reader.frames} frames are skipped: {reason}")
    if middle is None:
        yield wrong("no frame can be used: the pipeline would write nothing", "mend what is said above first")
        return
    yield ok(f"{usable} of {reader.frames} frames can be used")
    yield from _run(middle, parameters)


def _run(frame: Frame, parameters: Parameters) -> Iterator[Finding]:
    from depth_prompt_ros.pipeline import ObjectDepthPipeline
    from depth_prompt_ros.stages.stereo.pair import vertical_disparity

    if frame.right is not None:
        grey = [cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY) for picture in (frame.image, frame.right)]
        rows = vertical_disparity(*(np.asarray(picture, np.uint8) for picture in grey))
        if rows is None:
            yield note("too few features to tell whether rows match", "is the lens cap on?")
        elif rows > _MISALIGNED:
            yield wrong(
                f"rows of the pair are {rows:.1f} px apart: it is not rectified", "rectified: false, or calibrate again"
            )
        else:
            yield ok(f"rows of the pair match to {rows:.1f} px")
    try:
        result = ObjectDepthPipeline(parameters)(frame)
    except (BadFrame, DepthPromptError) as error:
        yield wrong(f"the middle frame cannot be used: {error}", "mend that in the parameters or the recording")
        return
    measured = float(np.isfinite(result.measurement.depth).mean())
    said = f"a frame in the middle: {measured:.0%} of it measured, {np.isfinite(result.depth).mean():.0%} after merging"
    if measured < _LITTLE:
        yield note(said, "little is measured: light, texture, stereo.num_disparities, or swapped or unrectified eyes")
    else:
        yield ok(said)
    seconds = sum(result.seconds.values())
    yield note(f"it took {seconds * 1e3:.0f} ms, models loaded: {1 / seconds:.1f} frames a second on this machine")
    if result.reason:
        yield note(f"no target: {result.reason}", "the scene is then written as it was measured")
    anchors = Counter(target.anchor for target in result.targets)
    if anchors:
        yield ok("targets by anchor: " + ", ".join(f"{anchor} {count}" for anchor, count in sorted(anchors.items())))
    for target in result.targets:
        if target.anchor == "refused":
            yield note(f"target {target.label} is refused: {target.reason}")
