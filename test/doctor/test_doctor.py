"""depth-prompt doctor on tiny recordings: each thing that is wrong is found, with what to do."""

from __future__ import annotations

import sys
from dataclasses import replace

import bags
import commands
import numpy as np
import pytest

from depth_prompt_ros.bag.messages import camera_info_message, header, image_message
from depth_prompt_ros.camera import CameraModel
from depth_prompt_ros.doctor import machine
from depth_prompt_ros.doctor.calibration import look_at_calibration
from depth_prompt_ros.doctor.recording import look_at_recording
from depth_prompt_ros.doctor.topics import Recorded
from depth_prompt_ros.errors import BadInput
from depth_prompt_ros.parameters import Parameters

CAMERA = CameraModel(128, 96, 110.0, 110.0, 63.5, 47.5, baseline=0.06)


def pair_records(frames=4, late_ns=0, camera=CAMERA):
    """A flat, textured wall at 0.66 m, 10 pixels of disparity."""
    wall = np.random.default_rng(0).integers(0, 255, (96, 160, 3), np.uint8)
    records = []
    for number in range(frames):
        t = bags.stamp(number)
        late = t + late_ns
        records += [
            ("/left/camera_info", camera_info_message(camera, t, "left"), t),
            ("/left/image_rect", image_message(wall[:, 10:138].copy(), "rgb8", t, "left"), t),
            ("/right/image_rect", image_message(wall[:, 20:148].copy(), "rgb8", late, "right"), late),
            ("/right/camera_info", camera_info_message(camera, late, "right", right=True), late),
        ]
    return records


def findings(path, **parameters):
    return list(look_at_recording(path, Parameters.checked(parameters, "the test")))


def wrong_ones(found):
    return [finding for finding in found if finding.state == "wrong"]


def said(found):
    return "\n".join(f"{finding.state} {finding.what} -> {finding.advice}" for finding in found)


def test_a_good_recording_has_nothing_wrong_and_says_how_near_it_sees(tmp_path) -> None:
    found = findings(bags.write(tmp_path / "bag", pair_records()))
    text = said(found)
    assert wrong_ones(found) == [], text
    assert "ok /right/image_rect: 4 of 4 left images have a partner within 20 ms" in text
    assert "/left/image_rect: sensor_msgs/msg/Image, 4 messages, 10.0 Hz" in text
    assert "baseline 60.0 mm: disparity 22 px at 0.3 m, 13 px at 0.5 m, 7 px at 1 m, 3 px at 2 m" in text
    assert "ok stereo.num_disparities 128 sees from 0.05 m on" in text
    assert "ok 4 of 4 frames can be used" in text
    assert "ok rows of the pair match to 0.0 px" in text
    assert "a frame in the middle" in text


def test_without_the_right_camera_info_it_says_what_is_missing_for_what(tmp_path) -> None:
    records = [record for record in pair_records() if record[0] != "/right/camera_info"]
    found = wrong_ones(findings(bags.write(tmp_path / "bag", records)))
    assert "right/camera_info (topics.right_camera_info)" in found[0].what
    assert "the baseline is not known without it" in found[0].advice
    assert "--baseline" in found[0].advice
    assert "cannot use this recording" in found[-1].what


def test_eyes_that_are_40_ms_apart_are_measured_and_the_tolerance_is_named(tmp_path) -> None:
    bag = bags.write(tmp_path / "bag", pair_records(late_ns=40_000_000))
    found = wrong_ones(findings(bag))
    assert "0 of 4 left images have a partner within 20 ms; stamps are 40.0 ms apart" in found[0].what
    assert "a steady delay of one eye" in found[0].advice
    assert "--tolerance 0.044" in found[0].advice
    assert "4 of 4 frames are skipped" in said(found)
    assert wrong_ones(findings(bag, sync={"tolerance": 0.044})) == []


def test_partners_that_are_missing_are_told_from_late_ones(tmp_path) -> None:
    records = [record for number, record in enumerate(pair_records(8)) if number % 16 < 4 or number % 4 < 2]
    found = findings(bags.write(tmp_path / "bag", records))
    assert "the partners are missing, not late" in said(found)


def test_a_depth_camera_under_other_names_is_found_and_tried(tmp_path) -> None:
    depth = np.full((12, 16), 800, np.uint16)
    names = {"/left/image_rect": "/cam/color/image_raw", "/left/camera_info": "/cam/color/camera_info"}
    records = [(names.get(topic, topic), *more) for topic, *more in bags.rgbd_records([depth] * 3, "16UC1")]
    found = findings(bags.write(tmp_path / "bag", records))
    first = wrong_ones(found)[0]
    assert "by their names others are the camera's" in first.what
    assert first.advice == (
        "put into --params: topics: {left_image: /cam/color/image_raw, left_camera_info: /cam/color/camera_info, "
        "depth_image: /depth/image_rect}"
    )
    assert "ok 3 of 3 frames can be used" in said(found)
    assert "16x12, 16UC1" in said(found)


def test_a_recording_without_a_camera_is_said(tmp_path) -> None:
    bag = bags.write(tmp_path / "bag", [bags.transform_record("/tf", 0, bags.stamp(0))])
    assert "name the topics in a parameter file" in said(findings(bag))


def test_a_search_that_is_too_short_says_what_would_do(tmp_path) -> None:
    found = findings(bags.write(tmp_path / "bag", pair_records()), stereo={"num_disparities": 16})
    assert "note stereo.num_disparities 16 sees from 0.44 m on, nothing nearer -> 32 sees from 0.3 m on" in said(found)


def look(infos, **parameters):
    camera = {"left_image": "/left/image_raw", "left_camera_info": "/left", "right_camera_info": "/right"}
    found = {camera[role]: Recorded(1, message=message) for role, message in infos.items()}
    return said(look_at_calibration(camera, found, Parameters.checked(parameters, "the test")))


def infos(**changes):
    left, right = (camera_info_message(CAMERA, 0, "left", right=side) for side in (False, True))
    return {"left_camera_info": replace(left, **changes), "right_camera_info": right}


def test_calibrations_that_cannot_be_used_are_said() -> None:
    assert "focal length" in look(infos(k=np.zeros(9), p=np.zeros(12)))
    assert "left camera_info is 64x96 but right is 128x96" in look(infos(width=64))
    bent = np.array([-0.2, 0.1, 0.0, 0.0, 0.0])
    assert "wrong the pictures look unrectified (image_raw, with distortion" in look(infos(d=bent), rectified=True)
    assert "ok raw pictures: they are rectified here" in look(infos(d=bent)), "auto goes by the name"


def test_sizes_that_differ_are_named() -> None:
    image = image_message(np.zeros((48, 64), np.uint8), "mono8", 0, "left")
    text = look({"left_image": image, **infos()})
    assert "ok /left/image_raw: 64x48, mono8" in text
    assert "wrong /left is 128x96 but /left/image_raw is 64x48" in text


def test_stamps_of_a_clock_that_goes_back_are_noted(tmp_path) -> None:
    records = pair_records(4)
    for _, message, _ in records[12:]:
        message.header = header(bags.stamp(0) - 1_000_000_000, "left")
    assert "left stamps go back 1 times" in said(findings(bags.write(tmp_path / "bag", records)))


def test_the_machine_is_described_with_reasons(monkeypatch) -> None:
    monkeypatch.delenv("ROS_DISTRO", raising=False)
    text = said(machine.look_at_machine(Parameters()))
    assert "ok networks run in ONNX Runtime" in text
    assert "models/object_depth.onnx: 6.4 MB, sha256" in text
    monkeypatch.setenv("ROS_DISTRO", "jazzy")
    monkeypatch.setattr(machine, "find_spec", lambda name: None)
    monkeypatch.delitem(sys.modules, "rclpy", raising=False)
    assert "wrong ROS_DISTRO is jazzy but rclpy cannot be imported" in said(machine.look_at_machine(Parameters()))


def test_a_runtime_that_cannot_be_used_and_a_missing_library_are_wrong(monkeypatch) -> None:
    monkeypatch.setattr(machine.system_libraries, "missing", lambda: ["libGL.so.1"])
    text = said(machine.look_at_machine(Parameters(device="cuda")))
    assert "wrong the network metric_depth.onnx cannot be run: device is cuda" in text
    assert "sudo apt-get install -y libgl1" in text


def test_the_command_prints_and_says_by_its_exit_code(tmp_path, monkeypatch, capsys) -> None:
    good = bags.write(tmp_path / "good", pair_records())
    assert commands.run(monkeypatch, ["doctor", str(good)]) == 0
    printed = capsys.readouterr().out
    assert "ok    4 of 4 frames can be used" in printed
    late = bags.write(tmp_path / "late", pair_records(late_ns=40_000_000))
    assert commands.run(monkeypatch, ["doctor", str(late)]) == 1
    printed = capsys.readouterr().out
    assert "      -> a steady delay of one eye" in printed
    assert printed.endswith("things wrong\n")
    assert commands.run(monkeypatch, ["doctor", str(tmp_path / "none")]) == 2
    with pytest.raises(BadInput):
        findings(tmp_path / "none")
