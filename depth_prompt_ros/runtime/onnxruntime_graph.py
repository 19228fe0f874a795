"""A graph in ONNX Runtime, on the CPU or on a GPU."""

from __future__ import annotations

import os
import re
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Any

import numpy as np

from depth_prompt_ros.errors import BadModel
from depth_prompt_ros.runtime.graph import Arrays, Graph
from depth_prompt_ros.silenced import silenced

_CPU, _CUDA = "CPUExecutionProvider", "CUDAExecutionProvider"
_FOR_GPU = "pip uninstall -y onnxruntime onnxruntime-gpu && pip install onnxruntime-gpu"
_NEWER = re.compile(
    r"unsupported model IR version: \d+|opset \d+ is under development|opset version \d+ .*till opset", re.IGNORECASE
)
_OUTSIDE = re.compile(r"external (data|initializer)|\.data\b", re.IGNORECASE)
_UNKNOWN_OPERATOR = ("no op registered", "not_implemented", "could not find an implementation", "is not a registered")


class OnnxRuntimeGraph(Graph):
    """An ONNX file in ONNX Runtime."""

    runtime = "onnxruntime"

    def __init__(self, path: Path, threads: int = 0, device: str = "cpu", constants: Arrays | None = None) -> None:
        """Load.

        Args:
            path: ONNX file.
            threads: of one run on the CPU; 0 = ``OMP_NUM_THREADS`` if that is set, else ONNX Runtime's default.
            device: cpu or cuda.
            constants: in place of the file's own of these names and shapes; a name that it has not got changes nothing.

        Raises:
            BadModel: missing or corrupt file, an operator that this ONNX Runtime lacks, or a GPU that it cannot use.
        """
        require_one_installed()
        import onnxruntime

        if not path.is_file():
            raise BadModel(
                f"no graph at {path}: export one with `depth-prompt export prompted` or leave the parameter empty"
            )
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads or threads_of_environment()
        # Workers that spin on after a run take the cores that stereo matching of the same frame needs.
        options.add_session_config_entry("session.force_spinning_stop", "1")
        options.enable_cpu_mem_arena = False  # one a network, never given back: the C library's heap serves all of them
        options.log_severity_level = 3
        self._constants = [onnxruntime.OrtValue.ortvalue_from_numpy(value) for value in (constants or {}).values()]
        for name, value in zip(constants or {}, self._constants, strict=True):  # which ONNX Runtime does not keep alive
            options.add_initializer(name, value)
        providers = [_CUDA, _CPU] if device == "cuda" else [_CPU]
        try:
            with silenced():  # where it cannot read the file it prints that it tries again
                self._session: Any = onnxruntime.InferenceSession(str(path), options, providers=providers)
        except Exception as error:
            raise BadModel(_advice(path, str(error), onnxruntime.__version__)) from error
        if device == "cuda" and self._session.get_providers()[0] != _CUDA:
            raise BadModel(
                f"ONNX Runtime cannot use the GPU for {path.name}: CUDA or cuDNN do not load; install "
                "those that this onnxruntime-gpu was built for"
            )
        self._session.disable_fallback()  # or a run that fails on the GPU goes on, unheard, on the CPU
        self.path, self.runs_in = path, f"ONNX Runtime {onnxruntime.__version__} on {_place(device)}"
        self.on_gpu = device == "cuda"
        self.inputs = {
            value.name: tuple(side if isinstance(side, int) else None for side in value.shape)
            for value in self._session.get_inputs()
        }
        self.types = {value.name: _numpy_type(value.type) for value in self._session.get_inputs()}
        self.metadata: dict[str, str] = dict(self._session.get_modelmeta().custom_metadata_map)
        self.outputs = tuple(value.name for value in self._session.get_outputs())

    def run(self, inputs: Arrays) -> Arrays:
        """See :meth:`depth_prompt_ros.runtime.graph.Graph.run`."""
        try:
            answers = self._session.run(self.outputs, inputs)
        except Exception as error:
            first_line = str(error).strip().splitlines()[0] if str(error).strip() else repr(error)
            raise BadModel(f"{self.path} fails in {self.runs_in}: {first_line}") from error
        return dict(zip(self.outputs, answers, strict=True))


def cuda_missing() -> str | None:
    """Why the installed ONNX Runtime cannot use a GPU, None if it was built for it."""
    require_one_installed()
    import onnxruntime

    if _CUDA in onnxruntime.get_available_providers():
        return None
    return f"the installed ONNX Runtime is built without CUDA ({_FOR_GPU})"


def require_one_installed() -> None:
    """Refuse ``onnxruntime`` beside ``onnxruntime-gpu``: both write into one folder, and what loads then is chance.

    Raises:
        BadModel: both are installed; the message is what to type.
    """
    if all(_installed(name) for name in ("onnxruntime", "onnxruntime-gpu")):
        raise BadModel(
            f"onnxruntime and onnxruntime-gpu are both installed and overwrite each other; for the GPU: {_FOR_GPU}; "
            "for the CPU: pip uninstall -y onnxruntime onnxruntime-gpu && pip install onnxruntime"
        )


def _installed(name: str) -> bool:
    try:
        distribution(name)
    except PackageNotFoundError:
        return False
    return True


def _numpy_type(name: str) -> np.dtype[Any]:
    """NumPy type of ONNX Runtime's type name, for example ``tensor(float)``."""
    element = name.removeprefix("tensor(").removesuffix(")")
    return np.dtype({"float": "float32", "double": "float64"}.get(element, element if element != "string" else "O"))


def _place(device: str) -> str:
    return "the GPU" if device == "cuda" else "the CPU"


def _advice(path: Path, problem: str, version: str) -> str:
    first_line = problem.strip().splitlines()[0] if problem.strip() else "no reason given"
    if any(sign in problem.lower() for sign in _UNKNOWN_OPERATOR):
        return f"ONNX Runtime {version} lacks an operator of {path}: update it, or export again ({first_line})"
    if newer := _NEWER.search(problem):
        return (
            f"graph {path} is newer than ONNX Runtime {version} knows ({newer[0]}): update ONNX Runtime, or export the "
            "graph for an older opset or IR version"
        )
    if _OUTSIDE.search(problem):
        return f"graph {path} keeps its weights in a file beside it, which is missing or another: {_reason(first_line)}"
    if path.stat().st_size == 0:
        return f"cannot load graph {path}: the file is empty"
    kind = "it is no ONNX graph, or not all there; " if "INVALID_PROTOBUF" in problem else ""
    return f"cannot load graph {path}: {kind}ONNX Runtime {version} says: {_reason(first_line)}"


def _reason(line: str) -> str:
    """ONNX Runtime's words without its error number and the signature of the C++ function."""
    line = re.sub(r"^\[ONNXRuntimeError\] : \d+ : \w+ : ", "", line)
    return re.sub(r"/\S*onnxruntime_src\S*\.(cc|h):\d+ .*?\) (?=[A-Z\[])", "", line)


def threads_of_environment() -> int:
    """What ``OMP_NUM_THREADS`` says, as other libraries take it; 0 where it says nothing."""
    said = os.environ.get("OMP_NUM_THREADS", "").partition(",")[0]
    return int(said) if said.isdecimal() else 0
