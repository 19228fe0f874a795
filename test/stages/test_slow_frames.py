"""What is said of frames that take long."""

from __future__ import annotations

import logging

from depth_prompt_ros.parameters import Parameters
from depth_prompt_ros.stages.slow_frames import SlowFrames


def test_a_slow_frame_is_said_once_with_what_decides_it(caplog) -> None:
    slow_frames = SlowFrames()
    parameters = Parameters.checked({"prompted_depth": {"graph": "/mine/large.onnx"}}, "the test")
    with caplog.at_level(logging.WARNING):
        slow_frames.look_at({"stereo": 0.2, "graph": 0.3}, parameters)
        assert not caplog.messages
        for _ in range(3):
            slow_frames.look_at({"stereo": 0.5, "graph": 9.5}, parameters)
    (said,) = caplog.messages
    assert said == (
        "a frame takes 10.0 s on this machine (0.1 frames a second), 9.5 s of it graph "
        "(prompted_depth.graph /mine/large.onnx)"
    )


def test_the_shipped_graph_is_called_so(caplog) -> None:
    SlowFrames().look_at({"graph": 4.0}, Parameters())
    assert caplog.messages[0].endswith("4.0 s of it graph (prompted_depth.graph as shipped)")
