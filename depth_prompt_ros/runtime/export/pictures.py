"""Networks of whole pictures as ONNX graphs with the description that :mod:`.picture_graph` reads."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
import yaml
from numpy.typing import NDArray
from torch import nn

from depth_prompt_ros.errors import BadModel
from depth_prompt_ros.runtime.export.precision import halve
from depth_prompt_ros.runtime.export.prompted import LARGEST, Exported, Precision, write_checked
from depth_prompt_ros.runtime.onnxruntime_graph import OnnxRuntimeGraph
from depth_prompt_ros.written_aside import write_text

_MOST_PICTURES = 64
_INPUT = "picture"


def export_pictures(
    module: nn.Module,
    out: Path,
    name: str,
    size: tuple[int, int],
    output: dict[str, Any],
    notes: dict[str, str],
    precision: Precision = "fp32",
) -> Exported:
    """Write a module to ``out``, and ``out`` with the suffix ``.yaml``, its description.

    Input ``picture`` (N, 3, h, w) RGB in [0, 1], any N where the module's code allows it; one output of as many
    pictures.

    Args:
        module: in eval mode; what :func:`depth_prompt_ros.runtime.export.precision.halve` may halve is its ``network``.
        name: for messages.
        size: h and w.
        output: of :class:`depth_prompt_ros.runtime.picture_graph.Output`, its name among it.
        notes: metadata of the graph; size and number of pictures and the precision are added.

    Raises:
        BadModel: a module that is no single graph or too large for one file, a graph that disagrees with PyTorch, or a
            file that cannot be written.
    """
    model, pictures = _to_onnx(module, name, size, output["name"])
    halved = halve(model) if precision == "fp16" else 0
    notes = {**notes, "precision": precision, "size": f"{size[1]}x{size[0]}", "pictures": str(pictures or "any")}
    difference = write_checked(
        model, out, notes, precision, lambda path: _disagreement(module, path, size, output["name"])
    )
    write_description(out, {"inputs": {_INPUT: "image"}, "white": 1, "output": output})
    return Exported(out, pictures, difference, halved)


def _to_onnx(module: nn.Module, name: str, size: tuple[int, int], output: str) -> tuple[Any, int | None]:
    """The ONNX model, and for how many pictures it is: any, or one where the network's own code allows no more."""
    if 4 * sum(parameter.numel() for parameter in module.parameters()) > LARGEST:
        raise BadModel(f"{name} is too large for one ONNX file (2 GiB): export a smaller network")
    try:
        model = _exported(module, size, output, 2, ({0: torch.export.Dim("pictures", min=1, max=_MOST_PICTURES)},))
        if model.graph.input[0].type.tensor_type.shape.dim[0].dim_param:
            return model, None
    except torch.onnx.OnnxExporterError:
        pass
    try:
        return _exported(module, size, output, 1, None), 1
    except torch.onnx.OnnxExporterError as error:
        raise BadModel(f"{name} cannot be exported: its code is not one graph for all pictures") from error


def _exported(module: nn.Module, size: tuple[int, int], output: str, pictures: int, dynamic_shapes: Any) -> Any:
    program = torch.onnx.export(
        module, (torch.from_numpy(example_pictures(size, pictures, seed=0)),), dynamo=True, verbose=False,
        input_names=[_INPUT], output_names=[output], dynamic_shapes=dynamic_shapes,
    )  # fmt: skip
    assert program is not None
    return program.model_proto


def example_pictures(size: tuple[int, int], count: int, seed: int) -> NDArray[np.float32]:
    """(N, 3, h, w) in [0, 1]: ramps of random colours with noise."""
    rng = np.random.default_rng(seed)
    ramp = np.add.outer(np.linspace(0, 1, size[0]), np.linspace(0, 1, size[1])) / 2
    colours = rng.random((2, count, 3, 1, 1))
    pictures = colours[0] * ramp + colours[1] * (1 - ramp) + rng.normal(0, 0.05, (count, 3, *size))
    return np.clip(pictures, 0, 1).astype(np.float32)


def _disagreement(module: nn.Module, path: Path, size: tuple[int, int], output: str) -> float:
    """Largest difference between ONNX Runtime and PyTorch, relative to the range of each picture's answer."""
    graph, worst = OnnxRuntimeGraph(path), 0.0
    for count in (1, 3):
        pictures = example_pictures(size, count, seed=count)
        with torch.no_grad():
            expected = module(torch.from_numpy(pictures)).numpy()
        found = graph(**{_INPUT: pictures})[output]
        spread = np.ptp(expected, axis=(1, 2, 3), keepdims=True)
        worst = max(worst, float(np.nan_to_num(np.abs(found - expected) / spread, nan=np.inf).max()))
    return worst


def write_description(graph: Path, description: dict[str, Any]) -> None:
    """Write what :class:`depth_prompt_ros.runtime.picture_graph.Description` reads beside ``graph``, suffix ``.yaml``.

    Where ``graph`` is that file itself, the description names its graphs.

    Raises:
        BadModel: it cannot be written.
    """
    path = graph.with_suffix(".yaml")
    named = {} if path == graph else {"graph": graph.name}
    write_text(path, yaml.safe_dump({**named, **description}, sort_keys=False), BadModel)
