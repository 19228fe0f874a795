"""Export a prompted network as one ONNX graph, checked against PyTorch before it is written."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import torch

from depth_prompt_ros import __version__
from depth_prompt_ros.data.scenes import OBJECT_FOCAL
from depth_prompt_ros.errors import BadModel
from depth_prompt_ros.graph.prompt import load_prompt
from depth_prompt_ros.graph.prompted_network import INPUTS, OUTPUTS, PromptedNetwork
from depth_prompt_ros.networks import catalogue
from depth_prompt_ros.networks.entry import NetworkEntry
from depth_prompt_ros.runtime.onnx_graph import OnnxGraph

TOLERANCE = 1e-4
"""Largest relative difference between ONNX Runtime and PyTorch that is accepted."""

LARGEST = 2**31 - 2**24
"""Bytes of parameters that fit into one ONNX file, whose format ends at 2 GiB."""


def export_graph(out: Path, prompt: Path, name: str = "scene-net", weights: Path | None = None) -> float:
    """Write catalogue network ``name`` with its prompt to ``out``; returns the largest relative difference found.

    The number of targets in a batch is free, or one for networks that allow nothing else; all other sizes are fixed.

    Raises:
        BadModel: corrupt files, a prompt for another network, a network that is no single graph or too large for one
            file, or a graph that disagrees with PyTorch.
    """
    import onnx

    entry = catalogue.find(name)
    weights = weights or catalogue.weights_path(entry)
    network = catalogue.load_frozen(name, weights)
    background = load_prompt(prompt, name)
    module = PromptedNetwork(network, catalogue.Normalise(entry), background, entry.output).eval()
    model = _to_onnx(module, entry)
    for node in model.graph.node:  # where a node came from in this file system is nobody's business
        del node.metadata_props[:]
        node.doc_string = ""
    del model.graph.metadata_props[:]
    onnx.helper.set_model_props(
        model,
        {
            "network": name,
            "network_sha256": _sha256(weights),
            "prompt_sha256": _sha256(prompt),
            "size": str(entry.size),
            "focal": str(OBJECT_FOCAL),
            "outputs": "inverse_depth 1/m; fit scale, shift 1/m, inliers, relative residual; picture RGB 0..1",
            "package": __version__,
        },
    )
    aside = out.with_name(out.name + ".part")
    out.parent.mkdir(parents=True, exist_ok=True)
    onnx.save(model, str(aside))
    difference = _disagreement(module, aside, entry.size)
    if not difference <= TOLERANCE:
        aside.unlink()
        raise BadModel(
            f"the exported graph differs from PyTorch by {difference:.1e} (at most {TOLERANCE:g}): not written"
        )
    aside.replace(out)
    return difference


def _to_onnx(module: PromptedNetwork, entry: NetworkEntry) -> Any:
    """The ONNX model, for any number of targets if the network's own code allows that, else for one."""
    if 4 * sum(parameter.numel() for parameter in module.parameters()) > LARGEST:
        raise BadModel(f"{entry.name} is too large for one ONNX file (2 GiB): export a smaller network")
    targets = torch.export.Dim("targets", min=1, max=64)
    for count, shapes in ((2, tuple({0: targets} for _ in INPUTS)), (1, None)):
        example = example_inputs(entry.size, count, seed=0)
        try:
            program = torch.onnx.export(
                module, tuple(torch.from_numpy(example[key]) for key in INPUTS), dynamo=True, verbose=False,
                input_names=list(INPUTS), output_names=list(OUTPUTS), dynamic_shapes=shapes,
            )  # fmt: skip
        except torch.onnx.OnnxExporterError as error:
            if shapes is None:
                raise BadModel(
                    f"{entry.name} cannot be exported: its code is not one graph for all pictures"
                ) from error
            continue
        assert program is not None
        model = program.model_proto
        if shapes is None or all(value.type.tensor_type.shape.dim[0].dim_param for value in model.graph.input):
            return model
    raise AssertionError("one target is always a fixed size")


def example_inputs(size: int, targets: int, seed: int) -> dict[str, np.ndarray]:
    """Random but plausible inputs of the graph: discs of noise, trusted inverse depth in one half of each."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:size, :size] / size - 0.5
    mask = np.broadcast_to(np.hypot(x, y) < 0.38, (targets, 1, size, size)).astype(np.float32)
    trusted = mask * (x < 0) * rng.uniform(1.0, 1.1, mask.shape)
    return {
        "image": rng.random((targets, 3, size, size), np.float32),
        "mask": mask,
        "trusted": trusted.astype(np.float32),
        "relief": rng.uniform(0.2, 1.0, targets).astype(np.float32),
        "free_shift": (np.arange(targets) % 2).astype(np.float32),
    }


def _disagreement(module: PromptedNetwork, path: Path, size: int) -> float:
    """Largest relative difference of inverse depth between ONNX Runtime and PyTorch, for 1 and 3 targets."""
    graph, worst = OnnxGraph(path, INPUTS), 0.0
    for targets in (1, 3):
        example = example_inputs(size, targets, seed=targets)
        with torch.no_grad():
            expected = module(*(torch.from_numpy(example[key]) for key in INPUTS))[0].numpy()
        found = graph(**example)["inverse_depth"]
        worst = max(worst, float(np.max(np.abs(found - expected) / np.abs(expected).max())))
    return worst


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
