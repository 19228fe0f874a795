"""What the exported graph costs beside its bare network, in a batch, in half precision: python benchmarks/graph.py.

Needs PyTorch (pip install '.[learn]'), which exports the bare network and the variants. Pairs run in turn on the
stored crops; the bare network sees the very picture that the graph shows it.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import numpy as np
import torch
from alternating import milliseconds
from rich.console import Console
from rich.table import Table

from depth_prompt_ros.memory import keep_freed_memory
from depth_prompt_ros.networks import catalogue
from depth_prompt_ros.resources import resource_path
from depth_prompt_ros.runtime.check import stored_crops
from depth_prompt_ros.runtime.export.prompted import export_graph
from depth_prompt_ros.runtime.graph import Arrays
from depth_prompt_ros.runtime.onnxruntime_graph import OnnxRuntimeGraph
from depth_prompt_ros.runtime.torch_graph import TorchGraph

NETWORK = "scene-net"
PROMPT = resource_path("models/background.safetensors")
CROP_RATIO, BATCH_RATIO = 1.1, 0.7
HALF_DIFFERENCE, TORCH_DIFFERENCE = 1e-2, 1e-4
"""The bars."""


def bare_network(path: Path) -> OnnxRuntimeGraph:
    entry, network = catalogue.find(NETWORK), catalogue.load_frozen(NETWORK)
    free = {0: torch.export.Dim("pictures", min=1, max=64)}
    picture = torch.rand(2, 3, entry.size, entry.size)
    torch.onnx.export(
        network, (picture,), path, dynamo=True, verbose=False, input_names=["picture"], output_names=["disparity"],
        dynamic_shapes=(free,),
    )  # fmt: skip
    return OnnxRuntimeGraph(path)


def difference(found: Arrays, expected: Arrays, mask: np.ndarray) -> float:
    """Largest on the targets, relative to each target's largest inverse depth."""
    a, b = (answer["inverse_depth"] * mask for answer in (found, expected))
    return float(np.max(np.abs(a - b) / np.abs(b).max((1, 2, 3), keepdims=True)))


def main() -> None:
    keep_freed_memory()
    entry = catalogue.find(NETWORK)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        graphs = {}
        for label, targets, precision in (("any", None, "fp32"), ("one", 1, "fp32"), ("half", None, "fp16")):
            export_graph(folder / f"{label}.onnx", PROMPT, NETWORK, targets=targets, precision=precision)
            graphs[label] = OnnxRuntimeGraph(folder / f"{label}.onnx")
        bare = bare_network(folder / "bare.onnx")
        one, four = stored_crops(entry.size, 1), stored_crops(entry.size, 4)
        whole = graphs["any"](**four)
        normalise = catalogue.Normalise(entry)
        seen = normalise(torch.from_numpy(whole["picture"])).numpy()
        spent = milliseconds(
            {"bare network": lambda: bare(picture=seen[:1]), "graph for one target": lambda: graphs["one"](**one)}, 300
        )
        batch = milliseconds(
            {"four targets in a batch": lambda: graphs["any"](**four), "one target": lambda: graphs["any"](**one)}, 300
        )
        plain = milliseconds(
            {"four pictures in a batch": lambda: bare(picture=seen), "one picture": lambda: bare(picture=seen[:1])}, 300
        )
        halves = milliseconds({"float16": lambda: graphs["half"](**one), "float32": lambda: graphs["any"](**one)}, 300)
        crops = stored_crops(entry.size, 4)
        inside = crops["mask"] > 0
        half = difference(graphs["half"](**crops), whole, inside)
        in_torch = difference(whole, TorchGraph(PROMPT).run(crops), inside)
    table = Table(f"{NETWORK}, {graphs['any'].runs_in}", "ms, median")
    for pair, title in (
        (spent, ""), (batch, "graph for any number, "), (plain, "bare network, "), (halves, "graph in "),
    ):  # fmt: skip
        for label, value in pair.items():
            table.add_row(title + label, f"{value:.2f}")
        table.add_section()
    console = Console()
    console.print(table)
    crop = spent["graph for one target"] / spent["bare network"]
    four_runs, four_pictures = (next(iter(p.values())) / (4 * list(p.values())[1]) for p in (batch, plain))
    bars = {
        f"graph over bare network, one target: {crop:.2f} (at most {CROP_RATIO})": crop <= CROP_RATIO,
        f"four in a batch over four runs: {four_runs:.2f} (at most {BATCH_RATIO}; bare network {four_pictures:.2f})": (
            four_runs <= BATCH_RATIO
        ),
        f"float16 from float32, relative: {half:.1e} (at most {HALF_DIFFERENCE:g})": half <= HALF_DIFFERENCE,
        f"ONNX Runtime from PyTorch, relative: {in_torch:.1e} (at most {TORCH_DIFFERENCE:g})": in_torch
        <= TORCH_DIFFERENCE,
    }
    for bar, met in bars.items():
        console.print(f"{'met   ' if met else 'MISSED'} {bar}", highlight=False)
    sys.exit(not all(bars.values()))


if __name__ == "__main__":
    main()
