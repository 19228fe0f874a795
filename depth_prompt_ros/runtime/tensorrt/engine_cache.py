"""The engine of a graph for this GPU: from the cache, or built, checked and kept there."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path

import tensorrt as trt

from depth_prompt_ros.errors import BadModel
from depth_prompt_ros.parameters import RuntimeParameters
from depth_prompt_ros.runtime.check import check_inputs, require_agreement
from depth_prompt_ros.runtime.graph import Graph
from depth_prompt_ros.runtime.onnxruntime_graph import OnnxRuntimeGraph
from depth_prompt_ros.runtime.tensorrt.build import build_engine
from depth_prompt_ros.runtime.tensorrt.cuda import Gpu
from depth_prompt_ros.runtime.tensorrt.engine_file import (
    EngineKey,
    StaleEngine,
    engine_folder,
    file_sha256,
    graph_files,
    read_engine,
    require_writable,
    write_aside,
    write_engine,
)
from depth_prompt_ros.runtime.tensorrt.graph import TensorRtGraph

logger = logging.getLogger(__name__)

_RUNS = 3
"""Set up, recorded, launched: each could go wrong by itself."""


def open_engine(path: Path, gpu: Gpu, parameters: RuntimeParameters, report: Callable[[str], None]) -> Graph:
    """Load the engine of a graph; if there is none that fits, build it, which takes minutes, and keep it.

    After a build the engine runs a stored picture and must agree with ONNX Runtime before it is kept.

    Raises:
        BadModel: no such graph, one that TensorRT cannot build, an engine that disagrees, no memory, or a full disk.
    """
    if not path.is_file():
        raise BadModel(
            f"no graph at {path}: export one with `depth-prompt export prompted` or leave the parameter empty"
        )
    key = EngineKey(
        file_sha256(*graph_files(path)),
        parameters.most_targets,
        str(trt.__version__),
        gpu.name,
        gpu.compute_capability,
        gpu.processors,
    )
    folder = engine_folder(parameters.engine_folder)
    file = key.file_in(folder, path)
    try:
        return TensorRtGraph(path, *read_engine(file, key), gpu)
    except StaleEngine as reason:
        report(f"building the engine of {path.name} for {gpu.name}, once; this takes minutes ({reason})")
    require_writable(folder)
    reference = OnnxRuntimeGraph(path, parameters.threads)
    timings = key.timing_cache_in(folder)
    engine, grown = build_engine(
        path, parameters.most_targets, timings.read_bytes() if timings.is_file() else b"", report
    )
    try:
        graph = TensorRtGraph(path, engine, reference.metadata, gpu)
    except StaleEngine as error:
        raise BadModel(f"the engine of {path} was built but does not load: {error}") from error
    inputs = check_inputs(reference)
    expected = reference(**inputs)
    for _ in range(_RUNS):
        require_agreement(graph(**inputs), expected, graph.runs_in)
    write_engine(file, key, reference.metadata, engine)
    try:
        write_aside(timings, grown)
    except BadModel as error:
        logger.warning("the next build will not know these timings: %s", error)
    report(f"built {file}")
    return graph
