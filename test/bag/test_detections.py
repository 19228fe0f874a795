"""A detector's boxes as targets: what a message says, recordings with them, the class in anchors."""

from __future__ import annotations

from dataclasses import replace

import bags
import cv2
import numpy as np
import pytest
from cards import standing_boxes
from detection_arrays import array_message

from depth_prompt_ros.bag.detections import detections_of
from depth_prompt_ros.bag.frames import seen_rectified
from depth_prompt_ros.bag.messages import camera_info_message, image_message
from depth_prompt_ros.bag.reader import FrameReader
from depth_prompt_ros.bag.replay import replay
from depth_prompt_ros.errors import BadInput, NoTarget
from depth_prompt_ros.frame import Detection, Frame
from depth_prompt_ros.parameters import Parameters, SegmentationParameters
from depth_prompt_ros.stages.segmentation import make_segmenter


def test_a_message_gives_boxes_with_the_likeliest_class_and_keeps_its_order() -> None:
    found = detections_of(array_message([(10, 20, 40, 30, "cup", 0.5), (1, 2, 3, 4, "bowl", 0.9)], 0))
    assert found == (Detection((10, 20, 40, 30), "cup", 0.5), Detection((1, 2, 3, 4), "bowl", 0.9))
    likely = detections_of(array_message([(0, 0, 2, 2, "", 0)], 0, results=[("a", 0.2), ("b", 0.7), ("c", 0.1)]))
    assert (likely[0].name, likely[0].score) == ("b", 0.7)
    assert detections_of(array_message([(0, 0, 2, 2, "", 0)], 0, results=[]))[0].name == ""


def test_a_turned_box_is_the_upright_one_around_it_and_a_bad_one_keeps_its_place() -> None:
    turned = detections_of(array_message([(80, 90, 40, 20, "a", 1.0)], 0, theta=np.pi / 2))[0]
    np.testing.assert_allclose(turned.box, (90, 80, 20, 40), atol=1e-9)
    bad = [(0, 0, np.nan, 2, "a", 1.0), (0, 0, np.inf, 2, "b", 1.0), (1e300, 0, 2, 2, "c", 1.0), (3, 3, 9, 9, "d", 1.0)]
    found = detections_of(array_message(bad, 0))
    assert [each.box for each in found[:3]] == [(0, 0, 0, 0)] * 3
    assert found[3].name == "d"


def box_of(labels, number, margin=8):
    y, x = np.nonzero(labels == number)
    return x.min() - margin, y.min() - margin, np.ptp(x) + 2 * margin, np.ptp(y) + 2 * margin


def cards():
    frame, measurement, labels = standing_boxes((-0.12, 0.5, 0.12), (0.12, 0.5, 0.12))
    return frame, measurement, labels, [Detection(box_of(labels, number), f"card {number}", 0.9) for number in (1, 2)]


def test_each_box_becomes_the_label_of_its_place() -> None:
    frame, measurement, labels, (first, second) = cards()
    empty = Detection((0, 0, 0, 0), "nothing", 0.95)
    found = make_segmenter(SegmentationParameters(method="detections"))(
        replace(frame, detections=(second, empty, first)), measurement
    )
    assert set(np.unique(found)) == {0, 1, 3}
    for number, card in ((1, 2), (3, 1)):
        assert ((found == number) & (labels == card)).sum() / ((found == number) | (labels == card)).sum() > 0.9


@pytest.mark.parametrize(
    ("settings", "kept"),
    [({"min_score": 0.5}, {2}), ({"max_targets": 1}, {2}), ({}, {1, 2})],
)
def test_scores_decide_which_stay(settings, kept) -> None:
    frame, measurement, _, (first, second) = cards()
    given = (replace(first, score=0.3), second)
    found = make_segmenter(SegmentationParameters(method="detections", **settings))(
        replace(frame, detections=given), measurement
    )
    assert set(np.unique(found)) - {0} == kept


@pytest.mark.parametrize(
    ("given", "settings", "text"),
    [
        (None, {}, "no detections have come: publish vision_msgs/Detection2DArray on ~/detections"),
        ((), {}, "latest array of detections: it is empty"),
        ((Detection((0, 0, 9, 9), "a", 0.2),), {"min_score": 0.5}, "none of 1 has a score of 0.5"),
        ((Detection((900, 900, 9, 9), "a", 1.0),), {}, "no target in 1 detected boxes: .* outside the 320x240 picture"),
    ],
)
def test_no_target_is_an_answer_with_its_reason(given, settings, text) -> None:
    frame, measurement, *_ = cards()
    with pytest.raises(NoTarget, match=text):
        make_segmenter(SegmentationParameters(method="detections", **settings))(
            replace(frame, detections=given), measurement
        )


def test_boxes_on_a_raw_picture_move_with_it() -> None:
    """The box around what is drawn into a raw picture stays the box around it in the rectified one."""
    camera = replace(bags.CAMERA, width=320, height=240, fx=280, fy=280, cx=160, cy=120)
    info = replace(camera_info_message(camera, 1, "left"), d=np.array([-0.3, 0.08, 0, 0, 0]))
    raw = np.zeros((240, 320), np.uint8)
    raw[20:70, 30:120] = 255
    seen = cv2.undistort(raw, camera.K, info.d)
    y, x = np.nonzero(seen > 127)
    given = (Detection((30, 20, 90, 50), "a", 1.0),)
    found = seen_rectified({"detections": given, "left_camera_info": info}, rectified=False)
    assert found is not None
    left, top, width, height = found[0].box
    np.testing.assert_allclose(
        (left, top, left + width, top + height), (x.min(), y.min(), x.max() + 1, y.max() + 1), atol=1.5
    )
    assert seen_rectified({"detections": given, "left_camera_info": info}, rectified=True) == given
    assert seen_rectified({"left_camera_info": info}, rectified=False) is None


def test_a_box_that_a_damaged_lens_shows_nowhere_is_empty() -> None:
    info = replace(
        camera_info_message(bags.CAMERA, 1, "left"), d=np.full(8, 1e171), distortion_model="rational_polynomial"
    )
    (found,) = seen_rectified({"detections": (Detection((30, 20, 9, 5), "a", 1.0),), "left_camera_info": info}, False)
    assert found.box == (0, 0, 0, 0)


TOPICS = {"right_image": "", "right_camera_info": "", "depth_image": "/depth", "detections": "/detector/boxes"}


def recording(path, arrays, frames=3):
    """An RGB-D camera's recording with arrays of detections at the stamps of these frames."""
    frame, measurement, _, found = cards()
    camera = replace(frame.camera, baseline=0.0)
    records = []
    for number in range(frames):
        stamp = bags.stamp(number)
        records += [
            ("/left/image_rect", image_message(frame.image, "rgb8", stamp, "left"), stamp),
            ("/left/camera_info", camera_info_message(camera, stamp, "left"), stamp),
            ("/depth", image_message(np.nan_to_num(measurement.depth), "32FC1", stamp, "left"), stamp),
        ]
    for number, chosen in arrays.items():
        boxes = [(*found[place].box, found[place].name, found[place].score) for place in chosen]
        records.append(("/detector/boxes", array_message(boxes, bags.stamp(number)), bags.stamp(number) + 5_000_000))
    return bags.write(path, sorted(records, key=lambda record: record[2]))


def parameters(**segmentation):
    return Parameters.model_validate(
        {"topics": TOPICS, "segmentation": {"method": "detections", **segmentation}, "tom": {"method": "none"}}
    )


def test_a_recordings_detections_hold_until_the_next_and_none_comes_from_the_future(tmp_path) -> None:
    bag = recording(tmp_path / "bag", {1: (0,), 3: (0, 1), 4: ()}, frames=5)
    items = [recorded.content for recorded in FrameReader(bag, parameters()).read()]
    assert all(isinstance(item, Frame) for item in items)
    assert [None if item.detections is None else len(item.detections) for item in items] == [None, 1, 1, 2, 0]


def test_a_recordings_detections_are_the_replays_targets_with_their_class(tmp_path) -> None:
    bag = recording(tmp_path / "bag", {0: (1, 0), 2: ()})
    report = replay(bag, tmp_path / "out", parameters())
    assert report.frames == 3
    assert report.targets.total() == 4
    assert list(report.untargeted) == ["no target in the latest array of detections: it is empty"]
    written = bags.read_with_rosbags(tmp_path / "out")
    anchors = [content for topic, _, content in written if topic == "/object_depth/anchors"]
    named = [
        {value.key: value.value for value in status.values if value.key in ("label", "class", "score")}
        for status in anchors[0].status
    ]
    assert named == [
        {"label": "1", "class": "card 2", "score": "0.9"},
        {"label": "2", "class": "card 1", "score": "0.9"},
    ]
    labels = [content for topic, _, content in written if topic == "/object_depth/labels"]
    assert set(np.unique(np.frombuffer(labels[0].data.tobytes(), "<u2"))) == {0, 1, 2}


def test_a_topic_that_is_not_of_detections_is_named(tmp_path) -> None:
    bag = recording(tmp_path / "bag", {}, frames=1)
    wrong = parameters().model_copy(update={"topics": parameters().topics.model_copy(update={"detections": "/depth"})})
    with pytest.raises(
        BadInput, match=r"topics.detections\) is sensor_msgs/msg/Image, not vision_msgs/msg/Detection2D"
    ):
        FrameReader(bag, wrong)
    with pytest.raises(BadInput, match="is not in"):
        FrameReader(bag, parameters())
    other = parameters().model_copy(update={"segmentation": SegmentationParameters()})
    assert FrameReader(bag, other).frames == 1  # nobody asks for them
