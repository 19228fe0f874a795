"""Teach a stereo network transparent and mirror (ToM) surfaces from merged labels (2307.15052, its second half)."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from depth_prompt_ros.data.sets.stereo_set import StereoSet
from depth_prompt_ros.errors import BadInput
from depth_prompt_ros.frame import Frame
from depth_prompt_ros.learning.stereo.labels import merge, read_label, write_labels
from depth_prompt_ros.learning.stereo.learn import Labels, disparity_errors, match, opaque_truth
from depth_prompt_ros.learning.tom.virtual_labels import LabelFolder
from depth_prompt_ros.learning.trainer import pick_device
from depth_prompt_ros.networks.stereo.interface import load_stereo
from depth_prompt_ros.parameters import StereoParameters
from depth_prompt_ros.stages.stereo.sgbm import SgbmMatcher
from depth_prompt_ros.written_aside import write_text

Float32 = NDArray[np.float32]
Source = Literal["network", "truth", "sgbm"]

_SOURCES: dict[Source, str] = {"network": "the network itself", "truth": "the set's truth", "sgbm": "SGBM"}
_NOTE, _CHECKED = "labels.json", 200


def make_labels(
    pairs: StereoSet,
    mono: Callable[[int], Float32],
    folder: Path,
    count: int,
    source: Source = "network",
    name: str = "raft-stereo-small",
    weights: Path | None = None,
    anchored: bool = True,
    report: Callable[[int, int], None] | None = None,
) -> Labels:
    """Label the first ``count`` pairs in ``folder``; pairs that have their label there are skipped.

    Args:
        mono: virtual relative disparity of a pair's left picture, (h, w) of any size.
        source: of the disparity outside ToM: the stereo network that is to learn (2307.15052), the set's true disparity
            of opaque surfaces, or semi-global matching.
        name, weights: of the stereo network.
        anchored: how the two are merged, see :func:`merge`.
        report: called with pairs done and in all.

    Returns:
        The labels, with the errors of 200 of them where the set knows the truth.

    Raises:
        BadInput: the folder holds labels made otherwise or cannot be written, or a pair without pixels to fit to.
        BadModel: no such network, or weights that are not its own.
    """
    settings: dict[str, object] = {"source": source, "anchored": anchored}
    if source == "network":
        settings |= {"network": name, "weights": str(weights or "")}
    _claim(folder, settings)
    stereo = opaque_truth(pairs).of
    if source == "network":
        stereo = _network_disparity(pairs, name, weights)
    elif source == "sgbm":
        stereo = _sgbm_disparity(pairs)

    def label(index: int) -> Float32:
        height, width = pairs.size
        relative = cv2.resize(mono(index), (width, height), interpolation=cv2.INTER_LINEAR)
        return merge(
            stereo(index),
            np.asarray(relative, np.float32),
            pairs.tom[index],
            pairs.camera(index),
            pairs.labels[index],
            anchored,
        )

    write_labels(folder, count, label, report)
    described = f"disparity of {_SOURCES[source]} merged with virtual mono disparity on ToM" + ", anchored" * anchored
    some = np.unique(np.linspace(0, count - 1, _CHECKED).astype(int)).tolist()
    errors = disparity_errors(pairs, ((index, read_label(folder, index)) for index in some))
    return Labels(lambda index: read_label(folder, index), count, described, errors)


def _network_disparity(pairs: StereoSet, name: str, weights: Path | None) -> Callable[[int], Float32]:
    device = pick_device()
    network = load_stereo(name, weights).to(device)
    return lambda index: match(network, pairs.lefts[index], pairs.rights[index], device)


def _sgbm_disparity(pairs: StereoSet) -> Callable[[int], Float32]:
    matcher = SgbmMatcher(StereoParameters())

    def disparity(index: int) -> Float32:
        left, right = (np.ascontiguousarray(pictures[index]) for pictures in (pairs.lefts, pairs.rights))
        found = matcher(Frame(0, "left", left, pairs.camera(index), right)).disparity
        assert found is not None
        return found

    return disparity


def _claim(folder: Path, settings: dict[str, object]) -> None:
    """Note what the labels of the folder are made of; BadInput where it holds others."""
    note = folder / _NOTE
    try:
        if note.is_file():
            found = json.loads(note.read_text())
            if found != settings:
                raise BadInput(f"{folder} holds labels made with {found}, not {settings}: give another folder")
            return
        write_text(note, json.dumps(settings) + "\n")
    except (OSError, ValueError) as error:
        raise BadInput(f"cannot keep labels in {folder} ({error}): give another folder") from error


def virtual_disparity(folder: Path) -> Callable[[int], Float32]:
    """From a pair's number to what ``depth-prompt learn tom-labels`` says of its left picture.

    Raises:
        BadInput: no such folder of labels; when asked for one, that it is missing or damaged.
    """
    labels = LabelFolder(folder)
    labels.note()
    return lambda index: labels.read(f"{index:06d}").disparity
