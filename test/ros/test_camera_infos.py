"""Which camera_info belongs to a picture, while both come in."""

from __future__ import annotations

import pytest
from bags import CAMERA

from depth_prompt_ros.bag.messages import camera_info_message, stamp_of
from depth_prompt_ros.ros.inputs.camera_infos import CameraInfos


def infos(*stamps: int) -> CameraInfos:
    held = CameraInfos(["left", "right"], tolerance=10e-9)
    for stamp in stamps:
        for role in ("left", "right"):
            held.note(role, camera_info_message(CAMERA, stamp, role))
    return held


@pytest.mark.parametrize(
    ("stamps", "picture", "taken"),
    [
        ((100,), 100, 100), ((100,), 900, 100), ((100,), 5, 100), ((100, 200, 300), 250, 200), ((100, 200), 195, 200),
        ((100, 200), 150, 100), ((200, 100), 150, 100), ((0, 0, 0), 400, 0), ((300, 400), 50, 300),
    ],
)  # fmt: skip
def test_the_nearest_within_the_tolerance_else_the_latest_before_else_the_first(stamps, picture, taken) -> None:
    held = infos(*stamps)
    assert not held.missing()
    assert {role: stamp_of(info) for role, info in held.take(picture).items()} == {"left": taken, "right": taken}


def test_one_that_comes_with_each_picture_is_expected_with_the_next() -> None:
    held = infos()
    assert held.missing()
    held.note("left", camera_info_message(CAMERA, 100, "left"))
    assert held.missing()
    held.note("right", camera_info_message(CAMERA, 100, "right"))
    assert not held.missing()
    assert not held.expected(200)  # nothing is known of their rate yet
    held.take(100)
    assert not held.expected(200)  # it may be the only one
    for role in ("left", "right"):
        held.note(role, camera_info_message(CAMERA, 200, role))
    held.take(200)
    assert held.expected(300)
    assert not held.expected(205)
    held.take(300)  # it did not come
    assert not held.expected(400)


def test_after_a_jump_the_latest_still_holds() -> None:
    held = infos(500, 600)
    held.take(500)
    held.take(600)
    assert held.expected(700)
    held.forget()
    assert not held.expected(100)
    assert stamp_of(held.take(100)["left"]) == 600
    for role in ("left", "right"):
        held.note(role, camera_info_message(CAMERA, 90, role))
    assert stamp_of(held.take(100)["left"]) == 90
