"""Export a prompted network as one ONNX graph, checked against PyTorch before it is written."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch

from depth_prompt_ros import __version__
from depth_prompt_ros.data.rendering.scenes import OBJECT_FOCAL
from depth_prompt_ros.errors import BadInput, BadModel
from depth_prompt_ros.graph.prompted_network import PromptedNetwork
from depth_prompt_ros.networks import catalogue
from depth_prompt_ros.networks.entry import NetworkEntry
from depth_prompt_ros.networks.prompted import Prompted, load_prompted
from depth_prompt_ros.resources import named_file
from depth_prompt_ros.runtime.check import stored_crops
from depth_prompt_ros.runtime.export.precision import halve
from depth_prompt_ros.runtime.graph import Arrays
from depth_prompt_ros.runtime.onnxruntime_graph import OnnxRuntimeGraph
from depth_prompt_ros.runtime.tensorrt.engine_file import file_sha256
from depth_prompt_ros.written_aside import written_aside

Precision = Literal["fp32", "fp16"]

TOLERANCE: dict[Precision, float] = {"fp32": 1e-4, "fp16": 1e-2}
"""Largest difference from PyTorch in float32 that is accepted, relative to each target's largest inverse depth."""

LARGEST = 2**31 - 2**24
"""Bytes of parameters that fit into one ONNX file, whose format ends at 2 GiB."""

_MOST_TARGETS = 64


@dataclass(frozen=True)
class Exported:
    """The exported file: its path, batch, precision and difference from PyTorch.

    Attributes:
        path: of the graph.
        targets: number in a batch, None = any.
        difference: largest relative difference from PyTorch that was found, in the checked inputs.
        halved: nodes that compute in float16.
    """

    path: Path
    targets: int | None
    difference: float
    halved: int


def export_graph(
    out: Path,
    prompt: Path,
    name: str = "scene-net",
    weights: Path | None = None,
    targets: int | None = 1,
    precision: Precision = "fp32",
) -> Exported:
    """Write catalogue network ``name`` with its prompt to ``out``.

    The background is a constant of the graph. All sizes are fixed; a number of targets that is not fixed can be any.
    In float16 the network alone is halved, see :mod:`depth_prompt_ros.runtime.export.precision`.

    Args:
        out: ONNX file.
        prompt: learned background or prompting network, ``.safetensors``.
        name: of the network in the catalogue.
        weights: of the network; None: those of the catalogue.
        targets: in a batch; None: any number, or one where the network's code allows nothing else.
        precision: of the network.

    Raises:
        BadInput: a number of targets out of range.
        BadModel: corrupt files, a prompt for another network, a network that is no single graph or too large for one
            file, or a graph that disagrees with PyTorch.
    """
    if targets is not None and not 1 <= targets <= _MOST_TARGETS:
        raise BadInput(f"a graph for {targets} targets cannot be exported: choose 1 to {_MOST_TARGETS}, or any")
    entry = catalogue.find(name)
    name, weights = entry.name, catalogue.chosen_weights(entry, weights)
    prompt = named_file(prompt)
    module = load_prompted(prompt, name, weights)
    model, targets = _to_onnx(module, entry, targets)
    halved = halve(model) if precision == "fp16" else 0
    notes = {
        "network": name,
        "network_sha256": file_sha256(weights),
        "prompt_sha256": file_sha256(prompt),
        "precision": precision,
        "size": str(entry.size),
        "targets": str(targets or "any"),
        "focal": str(OBJECT_FOCAL),
        "outputs": "inverse_depth 1/m; fit scale, shift 1/m, inliers, relative residual; picture RGB 0..1"
        + ("; uncertainty m, half of the 90 % interval" if "uncertainty" in module.OUTPUTS else ""),
    }
    difference = write_checked(model, out, notes, precision, lambda path: _disagreement(module, path, entry.size))
    return Exported(out, targets, difference, halved)


def write_checked(
    model: Any,
    out: Path,
    notes: dict[str, str],
    precision: Precision,
    disagreement: Callable[[Path], float],
    tolerance: float | None = None,
) -> float:
    """Write an ONNX model if it agrees with PyTorch; returns the difference found.

    Args:
        model: ``onnx.ModelProto`` as PyTorch exports it.
        notes: its metadata, to which the package's version is added.
        disagreement: of the written file with PyTorch.
        tolerance: largest disagreement that is accepted; if None, of ``precision`` in :data:`TOLERANCE`.

    Raises:
        BadModel: a graph that disagrees with PyTorch, or a file that cannot be written.
    """
    import onnx

    for node in model.graph.node:  # where a node came from in this file system is nobody's business
        del node.metadata_props[:]
        node.doc_string = ""
    del model.graph.metadata_props[:]
    onnx.helper.set_model_props(model, {**notes, "package": __version__})
    with written_aside(out, BadModel) as aside:
        onnx.save(model, str(aside))
        difference = disagreement(aside)
        if not difference <= (most := tolerance or TOLERANCE[precision]):
            raise BadModel(
                f"the exported graph differs from PyTorch by {difference:.1e} (at most {most:g}): not "
                f"written{'; export it with --precision fp32' if precision == 'fp16' else ''}"
            )
    return difference


def _to_onnx(module: Prompted, entry: NetworkEntry, targets: int | None) -> tuple[Any, int | None]:
    """The ONNX model, and for how many targets it is: any becomes one where the network's own code allows no more."""
    if 4 * sum(parameter.numel() for parameter in module.parameters()) > LARGEST:
        raise BadModel(f"{entry.name} is too large for one ONNX file (2 GiB): export a smaller network")
    if targets is None:
        free = {0: torch.export.Dim("targets", min=1, max=_MOST_TARGETS)}
        try:
            model = _exported(module, entry.size, 2, tuple(free for _ in module.INPUTS))
            if all(value.type.tensor_type.shape.dim[0].dim_param for value in model.graph.input):
                return model, None
        except torch.onnx.OnnxExporterError:
            pass
        targets = 1
    try:
        return _exported(module, entry.size, targets, None), targets
    except torch.onnx.OnnxExporterError as error:
        raise BadModel(f"{entry.name} cannot be exported: its code is not one graph for all pictures") from error


def _exported(module: Prompted, size: int, targets: int, dynamic_shapes: Any) -> Any:
    example = example_inputs(size, targets, seed=0, names=module.INPUTS)
    program = torch.onnx.export(
        module, tuple(torch.from_numpy(example[key]) for key in module.INPUTS), dynamo=True, verbose=False,
        input_names=list(module.INPUTS), output_names=list(module.OUTPUTS), dynamic_shapes=dynamic_shapes,
    )  # fmt: skip
    assert program is not None
    return program.model_proto


def example_inputs(size: int, targets: int, seed: int, names: Sequence[str] = PromptedNetwork.INPUTS) -> Arrays:
    """Random but plausible inputs of the graph: discs of noise, trusted inverse depth in one half of each.

    Where it takes them: each disc's block, nothing measured besides, a support below.
    """
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:size, :size] / size - 0.5
    mask = np.broadcast_to(np.hypot(x, y) < 0.38, (targets, 1, size, size)).astype(np.float32)
    trusted = mask * (x < 0) * rng.uniform(1.0, 1.1, mask.shape)
    found = {
        "image": rng.random((targets, 3, size, size), np.float32),
        "mask": mask,
        "trusted": trusted.astype(np.float32),
        "relief": rng.uniform(0.2, 1.0, targets).astype(np.float32),
        "free_shift": (np.arange(targets) % 2).astype(np.float32),
        "block": mask * np.float32(1.04),
        "measured": np.zeros_like(mask),
        "support": np.broadcast_to(np.maximum(1 + y, 0.1), mask.shape).astype(np.float32),
    }
    return {name: found[name] for name in names}


def _disagreement(module: Prompted, path: Path, size: int) -> float:
    """Largest relative difference of targets' inverse depth between ONNX Runtime and PyTorch, on noise and objects."""
    graph, worst = OnnxRuntimeGraph(path), 0.0
    names = module.INPUTS
    for example in (
        example_inputs(size, 1, 1, names), example_inputs(size, 3, 3, names), stored_crops(size, 4, names),
    ):  # fmt: skip
        with torch.no_grad():
            expected = module(*(torch.from_numpy(example[key]) for key in names))[0].numpy()
        found, inside = graph(**example)["inverse_depth"], example["mask"] > 0
        largest = np.abs(expected * inside).max((1, 2, 3), keepdims=True)
        worst = max(worst, float(np.nan_to_num(np.abs(found - expected) / largest, nan=np.inf)[inside].max()))
    return worst
