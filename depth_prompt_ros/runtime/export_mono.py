"""Export a monocular network for whole pictures as an ONNX graph, and describe it for :mod:`.picture_graph`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
import yaml
from numpy.typing import NDArray

from depth_prompt_ros.errors import BadInput, BadModel
from depth_prompt_ros.graph.relative_disparity import RelativeDisparityNetwork
from depth_prompt_ros.networks import catalogue
from depth_prompt_ros.runtime.engine_file import file_sha256
from depth_prompt_ros.runtime.export import LARGEST, Exported, Precision, write_checked
from depth_prompt_ros.runtime.onnxruntime_graph import OnnxRuntimeGraph
from depth_prompt_ros.runtime.precision import halve

_MOST_PICTURES = 64
_INPUT, _OUTPUT = "picture", "disparity"


def export_mono(
    out: Path,
    name: str = "scene-net",
    weights: Path | None = None,
    height: int = 480,
    width: int = 640,
    precision: Precision = "fp32",
) -> Exported:
    """Write catalogue network ``name`` to ``out``, and ``out`` with the suffix ``.yaml``, its description.

    Input ``picture`` (N, 3, h, w) RGB in [0, 1], any N where the network's code allows it; output ``disparity``
    (N, 1, h, w), larger = nearer, see :class:`depth_prompt_ros.graph.relative_disparity.RelativeDisparityNetwork`.
    h and w are the network's for the camera's pictures,
    :meth:`depth_prompt_ros.networks.entry.NetworkEntry.size_for`.

    Args:
        out: ONNX file.
        name: of the network in the catalogue.
        weights: of the network; None: those of the catalogue.
        height, width: of the camera's pictures, pixels.
        precision: of the network, see :mod:`depth_prompt_ros.runtime.precision`.

    Raises:
        BadInput: a picture size that is none.
        BadModel: corrupt weights, a network that is no single graph or too large for one file, or a graph that
            disagrees with PyTorch.
    """
    if min(height, width) < 1:
        raise BadInput(f"a picture of {width}x{height} has no pixels: give those of the camera")
    entry = catalogue.find(name)
    weights = weights or catalogue.weights_path(entry)
    network = catalogue.load_frozen(name, weights)
    module = RelativeDisparityNetwork(network, catalogue.Normalise(entry), entry.output).eval()
    size = entry.size_for(height, width)
    model, pictures = _to_onnx(module, name, size)
    halved = halve(model) if precision == "fp16" else 0
    notes = {
        "network": name,
        "network_sha256": file_sha256(weights),
        "precision": precision,
        "size": f"{size[1]}x{size[0]}",
        "pictures": str(pictures or "any"),
        "outputs": f"{_OUTPUT}: relative disparity, larger = nearer",
    }
    difference = write_checked(model, out, notes, precision, lambda path: _disagreement(module, path, size))
    _describe(out)
    return Exported(out, pictures, difference, halved)


def _to_onnx(module: RelativeDisparityNetwork, name: str, size: tuple[int, int]) -> tuple[Any, int | None]:
    """The ONNX model, and for how many pictures it is: any, or one where the network's own code allows no more."""
    if 4 * sum(parameter.numel() for parameter in module.parameters()) > LARGEST:
        raise BadModel(f"{name} is too large for one ONNX file (2 GiB): export a smaller network")
    try:
        model = _exported(module, size, 2, ({0: torch.export.Dim("pictures", min=1, max=_MOST_PICTURES)},))
        if model.graph.input[0].type.tensor_type.shape.dim[0].dim_param:
            return model, None
    except torch.onnx.OnnxExporterError:
        pass
    try:
        return _exported(module, size, 1, None), 1
    except torch.onnx.OnnxExporterError as error:
        raise BadModel(f"{name} cannot be exported: its code is not one graph for all pictures") from error


def _exported(module: RelativeDisparityNetwork, size: tuple[int, int], pictures: int, dynamic_shapes: Any) -> Any:
    program = torch.onnx.export(
        module, (torch.from_numpy(example_pictures(size, pictures, seed=0)),), dynamo=True, verbose=False,
        input_names=[_INPUT], output_names=[_OUTPUT], dynamic_shapes=dynamic_shapes,
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


def _disagreement(module: RelativeDisparityNetwork, path: Path, size: tuple[int, int]) -> float:
    """Largest difference between ONNX Runtime and PyTorch, relative to the range of each picture's disparity."""
    graph, worst = OnnxRuntimeGraph(path), 0.0
    for count in (1, 3):
        pictures = example_pictures(size, count, seed=count)
        with torch.no_grad():
            expected = module(torch.from_numpy(pictures)).numpy()
        found = graph(**{_INPUT: pictures})[_OUTPUT]
        spread = np.ptp(expected, axis=(1, 2, 3), keepdims=True)
        worst = max(worst, float(np.nan_to_num(np.abs(found - expected) / spread, nan=np.inf).max()))
    return worst


def _describe(out: Path) -> None:
    description = {
        "graph": out.name,
        "inputs": {_INPUT: "image"},
        "white": 1,
        "output": {"name": _OUTPUT, "meaning": "relative disparity"},
    }
    path = out.with_suffix(".yaml")
    aside = path.with_name(path.name + ".part")
    try:
        aside.write_text(yaml.safe_dump(description, sort_keys=False))
        aside.replace(path)
    except OSError as error:
        raise BadModel(f"cannot write {path} ({error.strerror}): make room, or give another place") from error
