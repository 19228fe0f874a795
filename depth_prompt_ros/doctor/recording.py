"""A recording: everything that decides whether and how well the pipeline can use it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from depth_prompt_ros.bag.storage.recording import Recording
from depth_prompt_ros.doctor.calibration import look_at_calibration
from depth_prompt_ros.doctor.finding import Finding, wrong
from depth_prompt_ros.doctor.stamps import look_at_stamps
from depth_prompt_ros.doctor.topics import camera_topics, complete, describe_topics, read_topics, with_topics
from depth_prompt_ros.doctor.trial import try_a_frame
from depth_prompt_ros.parameters import Parameters


def look_at_recording(bag: Path, parameters: Parameters) -> Iterator[Finding]:
    """Topics, stamps, calibration, and one frame through the pipeline.

    Raises:
        BadInput: nothing in it can be read.
    """
    recording = Recording(bag)
    camera, found_topics = camera_topics(recording, parameters)
    found = read_topics(recording, camera)
    yield from describe_topics(recording, found)
    yield from found_topics
    yield from look_at_stamps(camera, found, parameters)
    yield from look_at_calibration(camera, found, parameters)
    if complete(camera):
        yield from try_a_frame(bag, with_topics(parameters, camera))
    else:
        yield wrong("the pipeline cannot use this recording: topics are missing", "see above")
