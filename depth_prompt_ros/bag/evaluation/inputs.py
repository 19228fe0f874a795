"""What an evaluation is of and with: digests, versions, the machine."""

from __future__ import annotations

import hashlib
import os
import platform
from importlib.metadata import packages_distributions, version
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from depth_prompt_ros import __version__
from depth_prompt_ros.bag.truth.source import TruthSource
from depth_prompt_ros.errors import BadInput
from depth_prompt_ros.parameters import Parameters
from depth_prompt_ros.resources import model_folder, named_file

_LIBRARIES = ("onnxruntime", "rosbags", "mcap", "tensorrt")
_PIECE = 2**22


def digest(path: Path) -> str:
    """SHA-256 in hexadecimal of a file, or of a folder's files with their names below it, in the order of the names.

    Raises:
        BadInput: it is not there, or cannot be read.
    """
    found = hashlib.sha256()
    if not path.exists():
        raise BadInput(f"{path} does not exist")
    files = sorted(file for file in path.rglob("*") if file.is_file()) if path.is_dir() else [path]
    try:
        for file in files:
            if path.is_dir():
                found.update(f"{file.relative_to(path)}\0{file.stat().st_size}\0".encode())
            with file.open("rb") as content:
                while piece := content.read(_PIECE):
                    found.update(piece)
    except OSError as error:
        raise BadInput(f"cannot read {error.filename}: {error.strerror}") from error
    return found.hexdigest()


def configuration(parameters: Parameters, source: TruthSource) -> dict[str, Any]:
    """Everything that the figures depend on beside the recordings: parameters, models, where the truth is."""
    named = {parameters.prompted_depth.graph, parameters.stereo.onnx, parameters.segmentation.onnx, parameters.tom.onnx}
    named |= {parameters.tom.mono, parameters.segmentation.text_network, parameters.tom.text_network} - {""}
    files = {named_file(Path(name)) for name in named if name} | set(model_folder().glob("*.onnx"))
    described = {file.with_suffix(".onnx") for file in files if file.suffix in (".yaml", ".yml")}
    models = {file.name: digest(file) for file in sorted(files | described) if file.is_file()}
    return {"parameters": parameters.model_dump(mode="json"), "models": models, "truth": source.to_dict()}


def versions() -> dict[str, str]:
    """Of this package, Python and the libraries that compute."""
    found = {
        "depth_prompt_ros": __version__, "python": platform.python_version(), "numpy": np.__version__,
        "opencv": cv2.__version__,
    }  # fmt: skip
    brought_by = packages_distributions()  # onnxruntime may come from onnxruntime-gpu
    return found | {library: version(brought_by[library][0]) for library in _LIBRARIES if library in brought_by}


def device() -> dict[str, Any]:
    """The machine: processor, cores, and what ONNX Runtime can use of it."""
    import onnxruntime

    return {
        "system": platform.system(), "machine": platform.machine(), "cores": os.cpu_count(),
        "providers": onnxruntime.get_available_providers(),
    }  # fmt: skip
