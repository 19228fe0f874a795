"""Targets by rembg's salient-object networks, run on this machine only."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from depth_prompt_ros.errors import BadFrame, BadInput, BadModel
from depth_prompt_ros.frame import DepthMeasurement, Frame
from depth_prompt_ros.parameters import SegmentationParameters
from depth_prompt_ros.runtime.onnxruntime_graph import threads_of_environment
from depth_prompt_ros.silenced import silenced
from depth_prompt_ros.stages.segmentation.components import components, labels_from_masks

LOCAL_SESSIONS = frozenset(
    [
        "birefnet-cod",
        "birefnet-dis",
        "birefnet-general",
        "birefnet-general-fp16",
        "birefnet-general-lite",
        "birefnet-hrsod",
        "birefnet-massive",
        "birefnet-portrait",
        "bria-rmbg",
        "isnet-anime",
        "isnet-general-use",
        "silueta",
        "u2net",
        "u2net_human_seg",
        "u2netp",
    ]
)
"""Sessions whose one mask is computed on this machine; any other is refused, for some upload the picture."""

_ORT_WARNING = 2
_SIDES = (320, 320)


class RembgSegmenter:
    """Everything that stands out, its connected parts as targets.

    ``rembg_model`` is the name of a local session, whose weights rembg keeps in its home folder, or the path of a
    u2net-shaped ONNX file, (1, 3, 320, 320) picture in, (1, 1, 320, 320) saliency out.
    """

    def __init__(self, parameters: SegmentationParameters) -> None:
        """Open the session; imports rembg, which takes over a second and about 200 MiB.

        Raises:
            BadInput: rembg cannot be imported, or the session is not a local one.
            BadModel: its weights are missing or corrupt.
        """
        self._parameters = parameters
        name = parameters.rembg_model
        path = Path(name).expanduser() if name.endswith(".onnx") or os.sep in name else None
        if path is None and name not in LOCAL_SESSIONS:
            raise BadInput(
                f"rembg session {name!r} is not one that runs on this machine (some upload the picture to a service): "
                f"choose one of {', '.join(sorted(LOCAL_SESSIONS))}, or the path of an ONNX file"
            )
        if path is not None and not path.is_file():
            raise BadModel(
                f"no segmentation network at {path}: set segmentation.rembg_model to an ONNX file or a session"
            )
        self._session = _open(name, None if path is None else path.resolve())

    def __call__(self, frame: Frame, measurement: DepthMeasurement) -> NDArray[np.uint16]:  # noqa: ARG002
        """(H, W) uint16 labels, the largest connected part first.

        Raises:
            BadFrame: nothing stands out.
        """
        from PIL import Image

        mask = np.asarray(self._session.predict(Image.fromarray(frame.image))[0]) > 127
        parts = components(mask, self._parameters.min_area)
        if not parts:
            raise BadFrame("rembg found no target in this picture: choose another rembg_model, or give a point or box")
        return labels_from_masks(parts, self._parameters)


def _open(name: str, path: Path | None) -> Any:
    _limit_numba()
    try:
        with silenced():  # without ONNX Runtime rembg prints advice and exits
            import onnxruntime
            from rembg.sessions import sessions_class
    except (ImportError, SystemExit) as error:
        raise BadInput(f"rembg cannot be used ({error}): pip install 'depth_prompt_ros[rembg]'") from error
    onnxruntime.set_default_logger_severity(_ORT_WARNING)  # importing rembg raises it for the whole process
    known = {session.name(): session for session in sessions_class}
    if path is None and name not in known:
        raise BadInput(f"the installed rembg has no session {name!r}: choose another, or update rembg")
    if path is None and not _weights_are_there(known[name], name):
        raise BadModel(
            f"the weights of rembg session {name!r} are not in rembg's home folder, {known[name].u2net_home()}, and "
            "are not fetched while frames may come: fetch them once where there is a network, "
            f"python3 -c \"from rembg import new_session; new_session('{name}')\", or put {name}.onnx there"
        )
    options = onnxruntime.SessionOptions()
    # Spinning worker threads take the cores that stereo matching of the next frame needs.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    try:
        if path is None:
            return known[name](name, options)
        with _home(path.parent):  # rembg takes files from its home folder only
            session = known["u2net_custom"]("u2net_custom", options, model_path=str(path))
        _require_u2net_shape(session.inner_session, path)
        return session
    except BadModel:
        raise
    except Exception as error:
        where = str(path) if path else f"session {name!r}"
        advice = "the file is not a u2net-shaped ONNX" if path else "fetch its weights again, or choose another"
        raise BadModel(
            f"rembg cannot open {where}: {advice} ({str(error).splitlines()[0] if str(error) else error!r})"
        ) from error


def _limit_numba() -> None:
    """Numba, which rembg brings, takes every core, for PyTorch's OpenMP too, unless this says what OpenMP is told."""
    threads = threads_of_environment()
    if threads and "numba" not in sys.modules:  # one that is loaded refuses another number
        os.environ.setdefault("NUMBA_NUM_THREADS", str(threads))


def _weights_are_there(session: Any, name: str) -> bool:
    """Rembg has the session's weights already, in the folder of this version or of an older one."""
    file = f"{name}.onnx"
    found = session.resolve_existing(file) if hasattr(session, "resolve_existing") else None
    return Path(found or Path(session.u2net_home()) / file).is_file()


def _require_u2net_shape(network: Any, path: Path) -> None:
    """Refuse a network that rembg's session for one's own files would feed wrongly.

    Raises:
        BadModel: it takes other than one float picture of 3x320x320.
    """
    inputs = network.get_inputs()
    takes = [f"{each.name} {each.type} ({', '.join(str(side) for side in each.shape)})" for each in inputs]
    sides = inputs[0].shape[1:] if len(inputs) == 1 else []
    fits = len(sides) == 3 and all(not isinstance(s, int) or s == w for s, w in zip(sides, (3, *_SIDES), strict=True))
    if not fits or inputs[0].type != "tensor(float)":
        raise BadModel(
            f"the network of {path} takes {' and '.join(takes)}, but rembg gives a file of one's own float "
            "(1, 3, 320, 320): choose the rembg session of that network by its name (isnet-general-use and "
            "others take 1024x1024), or "
            "describe the file in YAML and set segmentation.method onnx (docs/networks.md)"
        )


@contextmanager
def _home(folder: Path) -> Iterator[None]:
    """Rembg's home folder for a moment."""
    before = os.environ.get("U2NET_HOME")
    os.environ["U2NET_HOME"] = str(folder)
    try:
        yield
    finally:
        if before is None:
            del os.environ["U2NET_HOME"]
        else:
            os.environ["U2NET_HOME"] = before
