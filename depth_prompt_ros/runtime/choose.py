"""Which runtime a graph runs in: what was asked for, or the fastest that is there; never another in silence."""

from __future__ import annotations

import logging
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from weakref import WeakSet

from depth_prompt_ros.errors import BadInput, BadModel
from depth_prompt_ros.parameters import RuntimeParameters
from depth_prompt_ros.resources import named_file
from depth_prompt_ros.runtime import onnxruntime_graph
from depth_prompt_ros.runtime.graph import Graph
from depth_prompt_ros.runtime.onnxruntime_graph import OnnxRuntimeGraph
from depth_prompt_ros.runtime.tensorrt import cuda

logger = logging.getLogger(__name__)

PROMPT_SUFFIX = ".safetensors"
_OLDEST_TENSORRT = 10
_loaded: WeakSet[Graph] = WeakSet()


def open_graph(
    path: Path,
    parameters: RuntimeParameters,
    inputs: tuple[str, ...] = (),
    report: Callable[[str], None] = logger.info,
) -> Graph:
    """Load a graph as the parameters say; one line in the log says what runs it, and for ``auto`` why.

    Args:
        path: ONNX file, or for PyTorch a prompt; ``models/X``: a shipped one.
        parameters: runtime, device, and whether the CPU will do instead.
        inputs: names that the graph must take, no others; empty: any.
        report: gets a line every few seconds while an engine is built.

    Raises:
        BadInput: a runtime that does not go with this file.
        BadModel: a file that cannot be used, or a runtime or GPU that was asked for and cannot be used.
    """
    path = named_file(path)
    try:
        graph, why = _open(path, parameters, report)
    except BadModel as error:
        if not parameters.allow_fallback or not path.is_file():
            raise
        graph, why = _on_cpu(path, parameters), "fallback"
        logger.warning("%s falls back to the CPU, as allow_fallback says: %s", path.name, error)
    logger.info("%s runs in %s%s", path.name, graph.runs_in, f" ({why})" if why else "")
    if inputs:
        graph.require_inputs(inputs)
    _loaded.add(graph)
    return graph


def loaded_graphs() -> list[Graph]:
    """Those that :func:`open_graph` opened in this process and that are still in use, by file name."""
    return sorted(_loaded, key=lambda graph: graph.path.name)


def _open(path: Path, parameters: RuntimeParameters, report: Callable[[str], None]) -> tuple[Graph, str]:
    """The graph, and why it runs where it does if that was left open."""
    if path.suffix == PROMPT_SUFFIX or parameters.runtime == "torch":
        return _in_torch(path, parameters)
    gpu = cuda.find_gpu() if parameters.device != "cpu" else "device is cpu"
    no_tensorrt = gpu if isinstance(gpu, str) else _tensorrt_missing()
    if parameters.runtime != "onnxruntime" and isinstance(gpu, cuda.Gpu) and no_tensorrt is None:
        from depth_prompt_ros.runtime.tensorrt.engine_cache import open_engine

        return open_engine(path, gpu, parameters, report), "a GPU and TensorRT are there"
    if parameters.runtime == "tensorrt":
        raise BadModel(f"runtime is tensorrt, which cannot be used: {no_tensorrt}; choose another or allow_fallback")
    no_cuda = gpu if isinstance(gpu, str) and gpu != cuda.NOT_INSTALLED else onnxruntime_graph.cuda_missing()
    if no_cuda is None:
        try:
            graph = OnnxRuntimeGraph(path, parameters.threads, "cuda")
            return graph, f"no TensorRT: {no_tensorrt}" if parameters.runtime == "auto" else ""
        except BadModel as error:
            if isinstance(gpu, cuda.Gpu) or parameters.device == "cuda":
                raise
            no_cuda = str(error)
    if parameters.device == "cuda":
        raise BadModel(
            f"device is cuda, which cannot be used: {no_cuda}; repair that, or set device cpu or allow_fallback"
        )
    if isinstance(gpu, cuda.Gpu):
        logger.warning("%s is not used: %s", gpu.name, no_cuda)
    return OnnxRuntimeGraph(path, parameters.threads), no_cuda


def _in_torch(path: Path, parameters: RuntimeParameters) -> tuple[Graph, str]:
    if path.suffix != PROMPT_SUFFIX:
        raise BadInput(
            f"runtime torch takes a prompt ({PROMPT_SUFFIX}), not the graph {path}: choose runtime onnxruntime for it"
        )
    if parameters.runtime not in ("auto", "torch"):
        raise BadInput(
            f"runtime {parameters.runtime} takes a graph, not the prompt {path}: "
            "`depth-prompt export prompted` makes one"
        )
    from depth_prompt_ros.runtime import torch_graph

    device, why = parameters.device, ""
    if device == "auto":
        why = torch_graph.cuda_missing() or ""
        device = "cpu" if why else "cuda"
    return torch_graph.TorchGraph(path, device), why


def _on_cpu(path: Path, parameters: RuntimeParameters) -> Graph:
    if path.suffix == PROMPT_SUFFIX:
        from depth_prompt_ros.runtime.torch_graph import TorchGraph

        return TorchGraph(path)
    return OnnxRuntimeGraph(path, parameters.threads)


def _tensorrt_missing() -> str | None:
    if find_spec("tensorrt") is None:
        return "TensorRT is not installed (pip install tensorrt; on a Jetson it comes with JetPack)"
    try:
        import tensorrt
    except ImportError as error:
        return f"TensorRT cannot be loaded ({error})"
    if int(tensorrt.__version__.split(".")[0]) < _OLDEST_TENSORRT:
        return f"TensorRT {tensorrt.__version__} is too old, {_OLDEST_TENSORRT} or later is needed"
    return None
