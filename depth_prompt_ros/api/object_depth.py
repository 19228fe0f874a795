"""ObjectDepth: the models, loaded once; called with pictures and a camera it gives metric depth and clouds."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from depth_prompt_ros.api.answer import Answer
from depth_prompt_ros.api.cameras import camera_infos
from depth_prompt_ros.api.pictures import as_depth, as_labels, as_picture
from depth_prompt_ros.api.targets import with_targets
from depth_prompt_ros.camera import CameraModel
from depth_prompt_ros.errors import DepthPromptError, WrongType, WrongValue
from depth_prompt_ros.frame import Frame
from depth_prompt_ros.parameter_file import parameters_of
from depth_prompt_ros.parameters import NODE, Parameters
from depth_prompt_ros.pipeline import ObjectDepthPipeline
from depth_prompt_ros.rectification import rectify

logger = logging.getLogger(__name__)

Pictures = tuple[NDArray[np.uint8], NDArray[np.uint8] | None]
"""The (left) one, and of a pair the right one."""

FRAME_ID = "camera"
"""Of pictures that come without a header."""


class ObjectDepth:
    """Metric, dense depth of the things to grasp in a stereo pair or an RGB-D picture.

    Example:
        >>> estimate = ObjectDepth()
        >>> answer = estimate("left.png", right="right.png", camera="camera.yaml")  # doctest: +SKIP
        >>> answer.save_ply("scene.ply")  # doctest: +SKIP

    Attributes:
        parameters: everything that it was told.
    """

    def __init__(self, parameters: Parameters | Mapping[str, Any] | str | os.PathLike[str] | None = None) -> None:
        """Load every model.

        Args:
            parameters: as in docs/parameters.md: a mapping, a parameter file, or None for the defaults.

        Raises:
            TypeError, ValueError: parameters that are none or do not fit together, or a model that cannot be used.
        """
        with _errors_of_python():
            self.parameters = _parameters(parameters)
            self._pipeline = ObjectDepthPipeline(self.parameters)

    def __call__(
        self,
        image: Any,
        *,
        camera: Any,
        right: Any = None,
        depth: Any = None,
        right_camera: Any = None,
        baseline: float | None = None,
        box: Sequence[float] | None = None,
        point: Sequence[float] | None = None,
        text: str = "",
        labels: Any = None,
        tom: Any = None,
        bgr: bool = False,
    ) -> Answer:
        """Depth of one pair of pictures, or of one picture with a depth camera's image.

        Pictures are (H, W) grey or (H, W, 3) RGB uint8 arrays, PIL pictures or paths; a pair is rectified, or is made
        so with the parameter ``rectified`` false.

        Args:
            image: the (left) picture.
            camera: its camera: ``{"fx", "fy", "cx", "cy"}`` in pixels (and ``"baseline"`` in metres), a 3x3 matrix, the
                path of a camera_info YAML, of OpenCV's storage or of such numbers, a ``sensor_msgs/CameraInfo``, or a
                :class:`depth_prompt_ros.CameraModel`.
            right: the right picture of a pair; or
            depth: of a depth camera, aligned to the picture: (H, W) floats in metres (0 and NaN = nothing) or uint16
                in millimetres, a PIL picture of 16 bits, or the path of a 16-bit PNG or an ``.npy``.
            right_camera: the right one's, in place of a baseline.
            baseline: metres from the left to the right camera, where ``camera`` does not say it.
            box: pixel x, y, width and height around what to grasp; or
            point: pixel x, y on it; or
            text: its names, commas between them (parameter ``segmentation.text_network``); or
            labels: (H, W) integers, 0 = background. None of these: as the parameters say, by default every thing.
            tom: (H, W) bool, transparent and mirror pixels; None: a network and the measurement tell.
            bgr: arrays of pictures have blue first, as of ``cv2.imread``; PIL pictures and paths say it themselves.

        Raises:
            TypeError: something of another kind than these.
            ValueError: sizes that differ, metres that are millimetres, a file that cannot be read, a pair without a
                baseline, and whatever else cannot be used.
        """
        with _errors_of_python():
            parameters = with_targets(self.parameters, box, point, labels is not None, text, tom is not None)
            pictures = (as_picture(image, "image", bgr), None if right is None else as_picture(right, "right", bgr))
            frame = self._frame(pictures, depth, (camera, right_camera, baseline), labels, tom)
            if parameters != self._pipeline.parameters:
                self._pipeline.change(parameters)()
            return Answer(self._pipeline(frame))

    def _frame(self, pictures: Pictures, depth: Any, cameras: tuple[Any, Any, Any], labels: Any, tom: Any) -> Frame:
        left, right = pictures
        if (right is None) == (depth is None):
            raise WrongValue("give right, the right picture of a pair, or depth, that of a depth camera: one of them")
        unit = self.parameters.depth
        arrays: dict[str, NDArray[Any] | None] = {
            "right": right,
            "depth": None if depth is None else as_depth(depth, unit.unit, unit.float_unit),
            "labels": None if labels is None else as_labels(labels, "labels"),
            "tom": None if tom is None else as_labels(tom, "tom"),
        }
        for name, array in arrays.items():
            if array is not None and array.shape[:2] != left.shape[:2]:
                raise WrongValue(f"{name} is {_size(array)} but image is {_size(left)}: give pictures of one size")
        if arrays["right"] is not None and np.ptp(left) and np.array_equal(left, arrays["right"]):
            raise WrongValue("right is the same picture as image: give the one that the right camera took")
        infos = camera_infos(*cameras, (left.shape[1], left.shape[0]), right is not None)
        rectified = self.parameters.rectified != "false"  # pictures have no topic whose name would tell
        model = CameraModel.from_camera_info(*infos, rectified=rectified, side="camera" if right is None else "left")
        if rectified and _only_raw(infos[0]):
            logger.warning(
                "the camera has lens distortion and no projection matrix: its pictures are taken for rectified; if "
                "lines are bent in them set the parameter rectified to false"
            )
        if not rectified:
            left = rectify(left, infos[0], "left", right is not None)
            for name, array in arrays.items():
                eye, info = ("right", infos[1]) if name == "right" else ("left", infos[0])
                if array is not None:
                    arrays[name] = rectify(array, info, eye, right is not None, nearest=eye == "left")
        mask = arrays["tom"]
        return Frame(
            0,
            FRAME_ID,
            left,
            model,
            arrays["right"],
            arrays["depth"],
            arrays["labels"],
            None if mask is None else mask > 0,
        )


def _parameters(given: Any) -> Parameters:
    if given is None:
        return Parameters()
    if isinstance(given, Parameters):
        return given
    if isinstance(given, Mapping):
        source = "the given parameters"
        return Parameters.checked(parameters_of(dict(given), NODE, source), source)
    if isinstance(given, (str, os.PathLike)):
        return Parameters.from_yaml(Path(given))
    raise WrongType(f"parameters are {type(given).__name__}, expected a mapping, the path of a YAML file or Parameters")


@contextmanager
def _errors_of_python() -> Iterator[None]:
    """Whatever the package refuses is a ValueError or a TypeError to a caller from Python."""
    try:
        yield
    except (WrongType, WrongValue):
        raise
    except DepthPromptError as error:
        raise WrongValue(str(error)) from error


def _only_raw(info: Any) -> bool:
    projection = np.asarray(getattr(info, "p", getattr(info, "P", ())), np.float64)
    distortion = np.asarray(getattr(info, "d", getattr(info, "D", ())), np.float64)
    return bool(distortion.any() and not projection.any())


def _size(array: NDArray[Any]) -> str:
    return f"{array.shape[1]}x{array.shape[0]}"
