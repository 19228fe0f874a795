"""Pictures of live messages: what NumPy does not view without a copy goes through cv_bridge where that works."""

from __future__ import annotations

import hashlib
import logging
import subprocess
import sys
from types import SimpleNamespace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from depth_prompt_ros.bag.encodings.images import picture, rgb_by_rosbags
from depth_prompt_ros.errors import in_one_line

logger = logging.getLogger(__name__)

_SIZE = (16, 12)
_PATIENCE_S = 60.0
_TRIAL = """
import hashlib, sys
import numpy as np
from cv_bridge import CvBridge
from types import SimpleNamespace
height, width, encoding, step = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], int(sys.argv[4])
data = np.frombuffer(bytes.fromhex(sys.argv[5]), np.uint8)
message = SimpleNamespace(height=height, width=width, encoding=encoding, step=step, is_bigendian=0, data=data)
found = np.ascontiguousarray(CvBridge().imgmsg_to_cv2(message, "rgb8"))
print(found.shape, hashlib.sha256(found.tobytes()).hexdigest())
"""


class CvBridgePictures:
    """Converts encodings with cv_bridge if it gives what a replay gives, else as a replay does, with rosbags-image.

    A distribution's cv_bridge is built for its own NumPy and OpenCV; with another it fails, or takes the process with
    it. So each encoding is tried first, once, in a process of its own, on a small picture.
    """

    def __init__(self) -> None:
        self._bridge: Any = None
        self._works: dict[str, bool] = {}

    def __call__(self, message: Any) -> NDArray[np.uint8]:
        """(H, W, 3) uint8 RGB of an Image without padding; raises what rosbags-image raises."""
        if self._tried(message.encoding):
            try:
                found: NDArray[np.uint8] = self._bridge.imgmsg_to_cv2(message, "rgb8")
            except Exception as error:  # noqa: BLE001 (whatever it meets; rosbags-image has the word then)
                self._give_up(message.encoding, in_one_line(error))
            else:
                return found
        return rgb_by_rosbags(message)

    def _give_up(self, encoding: str, reason: str) -> None:
        self._works[encoding] = False
        logger.info("%s pictures are converted by rosbags-image, cv_bridge does not work: %s", encoding, reason)

    def _tried(self, encoding: str) -> bool:
        if encoding not in self._works:
            if reason := _why_not(encoding):
                self._give_up(encoding, reason)
                return False
            from cv_bridge import CvBridge

            self._bridge, self._works[encoding] = CvBridge(), True
        return self._works[encoding]


def _why_not(encoding: str) -> str:
    """Why cv_bridge cannot be used for an encoding; empty if it can."""
    width, height = _SIZE
    from rosbags.image.image import to_cvtype

    bits, _, _, channels = to_cvtype(encoding)
    step = width * channels * bits // 8
    data = np.random.default_rng(0).integers(0, 256, step * height, np.uint8)
    message = SimpleNamespace(height=height, width=width, encoding=encoding, is_bigendian=0, step=step, data=data)
    try:
        ours = np.ascontiguousarray(rgb_by_rosbags(message))
    except Exception as error:  # noqa: BLE001 (it says the same of the picture itself)
        return in_one_line(error)
    given = [str(value) for value in (height, width, encoding, step)] + [message.data.tobytes().hex()]
    try:
        trial = subprocess.run(  # noqa: S603 (this very Python)
            [sys.executable, "-c", _TRIAL, *given], capture_output=True, text=True, timeout=_PATIENCE_S, check=False
        )
    except (OSError, subprocess.SubprocessError) as error:
        return str(error)
    if trial.returncode:
        return (trial.stderr.strip().splitlines() or [f"it ended with code {trial.returncode}"])[-1]
    expected = f"{ours.shape} {hashlib.sha256(ours.tobytes()).hexdigest()}"
    return "" if trial.stdout.strip().splitlines()[-1:] == [expected] else "it gives other colours"


_CONVERT = CvBridgePictures()


def live_picture(message: Any) -> NDArray[np.uint8]:
    """As :func:`depth_prompt_ros.bag.encodings.images.picture`, with cv_bridge where it works."""
    return picture(message, _CONVERT)
