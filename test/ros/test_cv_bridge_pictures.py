"""cv_bridge where it works: the distribution's if there is one, and some that fail in each way that is known."""

from __future__ import annotations

import importlib.util
import os
import sys
from types import SimpleNamespace

import numpy as np
import pytest

from depth_prompt_ros.bag.encodings.images import picture
from depth_prompt_ros.ros.cv_bridge_pictures import CvBridgePictures

BAYER = "bayer_rggb8"
RIGHT = """
import cv2, numpy as np
class CvBridge:
    used = 0
    def imgmsg_to_cv2(self, message, wanted):
        CvBridge.used += 1
        mosaic = np.frombuffer(message.data, np.uint8).reshape(message.height, message.width)
        return cv2.cvtColor(mosaic, cv2.COLOR_BAYER_BG2RGB)
"""
WRONG = {
    "missing": (
        "raise ImportError('numpy.core.multiarray failed to import')",
        "numpy.core.multiarray failed to import",
    ),
    "killed": ("import os, signal\nos.kill(os.getpid(), signal.SIGSEGV)", "it ended with code -11"),
    "colours": (RIGHT.replace("BG2RGB", "RG2RGB"), "it gives other colours"),
    "raises": (RIGHT.replace("return", "raise AttributeError('_ARRAY_API not found') #"), "_ARRAY_API not found"),
}


def message(encoding: str = BAYER, width: int = 8, height: int = 6, channels: int = 1) -> SimpleNamespace:
    step = width * channels
    data = np.random.default_rng(1).integers(0, 256, step * height, np.uint8)
    return SimpleNamespace(height=height, width=width, encoding=encoding, is_bigendian=0, step=step, data=data)


@pytest.fixture
def bridge(tmp_path, monkeypatch):
    """Puts a cv_bridge of this source where it is found."""

    def put(source: str) -> None:
        (tmp_path / "cv_bridge.py").write_text(source)
        monkeypatch.syspath_prepend(tmp_path)
        monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")]))
        monkeypatch.delitem(sys.modules, "cv_bridge", raising=False)

    yield put
    sys.modules.pop("cv_bridge", None)


def test_one_that_works_is_used_and_tried_once(bridge, caplog) -> None:
    bridge(RIGHT)
    convert = CvBridgePictures()
    with caplog.at_level("INFO", logger="depth_prompt_ros.ros.cv_bridge_pictures"):
        for _ in range(3):
            np.testing.assert_array_equal(picture(message(), convert), picture(message()))
    assert sys.modules["cv_bridge"].CvBridge.used == 3
    assert not caplog.messages


@pytest.mark.parametrize("kind", WRONG)
def test_one_that_does_not_work_is_left_alone_and_said_once(bridge, caplog, kind) -> None:
    source, said = WRONG[kind]
    bridge(source)
    convert = CvBridgePictures()
    with caplog.at_level("INFO", logger="depth_prompt_ros.ros.cv_bridge_pictures"):
        for _ in range(2):
            np.testing.assert_array_equal(picture(message(), convert), picture(message()))
    assert len(caplog.messages) == 1
    assert f"{BAYER} pictures are converted by rosbags-image" in caplog.text
    assert said in caplog.text
    assert "cv_bridge" not in sys.modules


def test_rows_with_padding_come_packed_and_one_that_fails_later_is_left_alone(bridge, caplog) -> None:
    bridge(RIGHT)
    convert, given = CvBridgePictures(), message()
    padded = np.zeros((6, 11), np.uint8)
    padded[:, :8] = given.data.reshape(6, 8)
    wide = SimpleNamespace(**{**vars(given), "step": 11, "data": padded.reshape(-1)})
    np.testing.assert_array_equal(picture(wide, convert), picture(given))
    assert sys.modules["cv_bridge"].CvBridge.used == 1
    sys.modules["cv_bridge"].CvBridge.imgmsg_to_cv2 = lambda *_: 1 / 0
    with caplog.at_level("INFO", logger="depth_prompt_ros.ros.cv_bridge_pictures"):
        for _ in range(2):
            np.testing.assert_array_equal(picture(given, convert), picture(given))
    assert [text for text in caplog.messages if "ZeroDivisionError" in text] == caplog.messages
    assert len(caplog.messages) == 1


@pytest.mark.parametrize(("encoding", "height"), [("nv12", 6), ("nv21", 6), ("bgr16", 4), ("yuv422_yuy2", 4)])
def test_what_a_cv_bridge_does_not_know_is_a_picture_all_the_same(bridge, encoding, height) -> None:
    bridge(RIGHT)
    given = message(encoding, height=height, channels={"bgr16": 6, "yuv422_yuy2": 2}.get(encoding, 1))
    np.testing.assert_array_equal(picture(given, CvBridgePictures()), picture(given))


@pytest.mark.skipif(importlib.util.find_spec("cv_bridge") is None, reason="there is no cv_bridge")
@pytest.mark.parametrize(("encoding", "channels"), [(BAYER, 1), ("bayer_gbrg8", 1), ("yuv422", 2), ("yuv422_yuy2", 2)])
def test_the_distributions_gives_what_a_replay_gives(encoding, channels) -> None:
    given = message(encoding, channels=channels)
    np.testing.assert_array_equal(picture(given, CvBridgePictures()), picture(given))
