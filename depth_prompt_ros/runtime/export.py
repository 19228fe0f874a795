"""Export a prompted network as one ONNX graph, checked against PyTorch before it is written."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import torch

from depth_prompt_ros import __version__
from depth_prompt_ros.data.scenes import OBJECT_FOCAL
from depth_prompt_ros.errors import BadModel
from depth_prompt_ros.graph.prompt import load_prompt
from depth_prompt_ros.graph.prompted_network import INPUTS, OUTPUTS, PromptedNetwork
from depth_prompt_ros.networks import catalogue
from depth_prompt_ros.runtime.onnx_graph import OnnxGraph

TOLERANCE = 1e-4
"""Largest relative difference between ONNX Runtime and PyTorch that is accepted."""


def export_graph(out: Path, prompt: Path, name: str = "scene-net", weights: Path | None = None) -> float:
    """Write catalogue network ``name`` with its prompt to ``out``; returns the largest relative difference found.

    The number of targets in a batch is free, all other sizes are fixed.

    Raises:
        BadModel: corrupt files, a prompt for another network, or a graph that disagrees with PyTorch.
    """
    import onnx

    entry = catalogue.find(name)
    weights = weights or catalogue.weights_path(entry)
    network = catalogue.load_frozen(name, weights)
    background = load_prompt(prompt, name)
    module = PromptedNetwork(network, catalogue.Normalise(entry), background, entry.output).eval()
    example = example_inputs(entry.size, targets=2, seed=0)
    targets = torch.export.Dim("targets", min=1, max=64)
    program = torch.onnx.export(
        module, tuple(torch.from_numpy(example[key]) for key in INPUTS), dynamo=True, verbose=False,
        input_names=list(INPUTS), output_names=list(OUTPUTS), dynamic_shapes=tuple({0: targets} for _ in INPUTS),
    )  # fmt: skip
    assert program is not None
    model = program.model_proto
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
