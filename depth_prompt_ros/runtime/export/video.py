"""Export a network that was learned from video as an ONNX graph: picture, position grid and focal lengths in."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from depth_prompt_ros.errors import BadInput, BadModel
from depth_prompt_ros.graph.video_targets import VideoTargets
from depth_prompt_ros.graph.weights import read_weights
from depth_prompt_ros.networks import catalogue
from depth_prompt_ros.networks.video.depth_net import VideoDepthNet
from depth_prompt_ros.resources import named_file
from depth_prompt_ros.runtime.export.pictures import example_pictures
from depth_prompt_ros.runtime.export.prompted import write_checked
from depth_prompt_ros.runtime.graph import Arrays
from depth_prompt_ros.runtime.onnxruntime_graph import OnnxRuntimeGraph
from depth_prompt_ros.runtime.tensorrt.engine_file import file_sha256
from depth_prompt_ros.stages.prompted_depth import GRAPH_OUTPUTS, VIDEO_INPUTS

INPUTS, OUTPUT = ("picture", "grid", "focal"), "disparity"
_MOST = 64


def export_video(out: Path, weights: Path, height: int, width: int, look: int | None = None) -> float:
    """Write a network learned by ``depth-prompt learn video`` to ``out``; returns the difference from PyTorch.

    Inputs, any number N of pictures or crops: ``picture`` (N, 3, h, w) RGB in [0, 1]; ``grid`` (N, 2, h, w), u and v in
    [-1, 1] of the whole picture that each is, or is cut of; ``focal`` (N, 2), fx and fy in pixels at this size. Output
    ``disparity`` (N, 1, h, w), 1 over the unit of the translations that were learned from.

    Args:
        height, width: of the camera's pictures, pixels.
        look: width at which the network looks at them; None: that at which it was learned.

    Raises:
        BadInput: a size that is none.
        BadModel: corrupt weights, a network that cannot be exported, or a graph that disagrees with PyTorch.
    """
    weights = named_file(weights)
    network = catalogue.load_video(weights)
    _, notes = read_weights(weights)
    look = look or int(notes.get("look", width))
    if min(height, width) < 1 or look < 8:
        raise BadInput(f"a picture of {width}x{height} looked at {look} pixels wide has no pixels")
    size = max(8, round(height * look / width / 4) * 4), look // 4 * 4
    model = _traced(network, example_inputs(size, 2, 0), weights, INPUTS, (OUTPUT,))
    described = {
        "network": notes["network"],
        "network_sha256": file_sha256(weights),
        "size": f"{size[1]}x{size[0]}",
        "pictures": "any",
        "outputs": f"{OUTPUT}: 1 over the unit of the translations that were learned from",
    }
    return write_checked(model, out, described, "fp32", lambda path: _disagreement(network, path, size))


def export_targets(out: Path, weights: Path, side: int, focal: float | None = None) -> float:
    """Write a network learned from video for targets' crops: a graph for ``prompted_depth.graph``.

    See :class:`depth_prompt_ros.graph.video_targets.VideoTargets`; returns the difference from PyTorch.

    Args:
        side: of the crops, pixels, a multiple of 4.
        focal: pixels, the longest focal length that a crop may have; None: the longest while learning.

    Raises:
        BadInput: a side that is none, or weights that do not say with which focal lengths they were learned.
        BadModel: as :func:`export_video`.
    """
    weights = named_file(weights)
    network = catalogue.load_video(weights)
    _, notes = read_weights(weights)
    if side < 16 or side % 4:
        raise BadInput(f"crops of {side}x{side} pixels cannot be: give a side of at least 16, a multiple of 4")
    longest = focal or float(notes.get("focal", 0))
    if longest <= 0:
        raise BadInput(f"{weights} does not say how far pictures were enlarged while learning: give --focal, pixels")
    module = VideoTargets(network).eval()
    described = {
        "network": notes["network"],
        "network_sha256": file_sha256(weights),
        "size": str(side),
        "targets": "any",
        "focal": f"{longest:g}",
        "outputs": "inverse_depth 1/m; fit scale, shift 1/m, inliers, relative residual; picture RGB 0..1",
    }
    example = _example_targets(side, 2, 0, longest)
    program = _traced(module, example, weights, VIDEO_INPUTS, GRAPH_OUTPUTS)

    def disagreement(path: Path) -> float:
        graph, worst = OnnxRuntimeGraph(path), 0.0
        for count in (1, 3):
            inputs = _example_targets(side, count, count, longest)
            with torch.no_grad():
                expected = module(*(torch.from_numpy(each) for each in inputs.values()))[0].numpy()
            found = graph(**inputs)["inverse_depth"]
            worst = max(worst, float(np.nan_to_num(np.abs(found - expected) / expected, nan=np.inf).max()))
        return worst

    return write_checked(program, out, described, "fp32", disagreement)


def _traced(
    module: nn.Module, example: Arrays, weights: Path, inputs: tuple[str, ...], outputs: tuple[str, ...]
) -> Any:
    """The ONNX model for any number of pictures."""
    free = {0: torch.export.Dim("pictures", min=1, max=_MOST)}
    try:
        program = torch.onnx.export(
            module, tuple(torch.from_numpy(example[name]) for name in inputs), dynamo=True, verbose=False,
            input_names=list(inputs), output_names=list(outputs), dynamic_shapes=tuple(free for _ in inputs),
        )  # fmt: skip
    except torch.onnx.OnnxExporterError as error:
        raise BadModel(f"{weights} cannot be exported: its code is not one graph") from error
    assert program is not None
    return program.model_proto


def _example_targets(side: int, count: int, seed: int, focal: float) -> Arrays:
    """Crops with a trusted half."""
    example = example_inputs((side, side), count, seed)
    rng = np.random.default_rng(seed)
    trusted = rng.uniform(1.0, 1.1, (count, 1, side, side)) * (np.arange(side) < side // 2)
    free_shift, focals = np.arange(count) % 2, rng.uniform(focal / 2, focal, (count, 1)).repeat(2, 1)
    return {
        "image": example["picture"],
        "trusted": trusted.astype(np.float32),
        "free_shift": free_shift.astype(np.float32),
        "grid": example["grid"],
        "focal": focals.astype(np.float32),
    }


def example_inputs(size: tuple[int, int], count: int, seed: int) -> Arrays:
    """Pictures of ramps, grids of windows, and focal lengths about the width."""
    rng = np.random.default_rng(seed)
    height, width = size
    v, u = np.meshgrid(np.linspace(-1, 1, height), np.linspace(-1, 1, width), indexing="ij")
    grid = np.stack([u, v])[None] * rng.uniform(0.5, 1, (count, 1, 1, 1))
    focal = width * rng.uniform(0.7, 1.5, (count, 2))
    arrays: dict[str, Any] = {"picture": example_pictures(size, count, seed), "grid": grid, "focal": focal}
    return {name: array.astype(np.float32) for name, array in arrays.items()}


def _disagreement(network: VideoDepthNet, path: Path, size: tuple[int, int]) -> float:
    """Largest relative difference of disparity between ONNX Runtime and PyTorch."""
    graph, worst = OnnxRuntimeGraph(path), 0.0
    for count in (1, 3):
        example = example_inputs(size, count, count)
        with torch.no_grad():
            expected = network(*(torch.from_numpy(each) for each in example.values())).numpy()
        found = graph(**example)[OUTPUT]
        worst = max(worst, float(np.nan_to_num(np.abs(found - expected) / expected, nan=np.inf).max()))
    return worst
