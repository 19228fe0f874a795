"""A prompt and its network in PyTorch, for development: what the exported graph computes, without exporting it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from depth_prompt_ros.data.rendering.scenes import OBJECT_FOCAL
from depth_prompt_ros.errors import BadModel
from depth_prompt_ros.graph.weights import read_weights
from depth_prompt_ros.networks import catalogue
from depth_prompt_ros.networks.prompted import load_prompted
from depth_prompt_ros.runtime.graph import Arrays, Graph


class TorchGraph(Graph):
    """A prompt file, which names its network."""

    runtime = "torch"

    def __init__(self, path: Path, device: str = "cpu") -> None:
        """Load prompt and network.

        Args:
            path: prompt, ``.safetensors``.
            device: cpu or cuda.

        Raises:
            BadModel: missing or corrupt files, or a GPU that this PyTorch cannot use.
        """
        if device == "cuda" and (problem := cuda_missing()) is not None:
            raise BadModel(f"PyTorch cannot use the GPU: {problem}")
        _, notes = read_weights(path)
        entry = catalogue.find(notes.get("network", ""))
        self._device = torch.device(device)
        self._module = load_prompted(path, entry.name).to(self._device)
        self.path = path
        self.runs_in = f"PyTorch {torch.__version__} on {'the GPU' if device == 'cuda' else 'the CPU'}"
        self.on_gpu = device == "cuda"
        square: tuple[int | None, ...] = (entry.size, entry.size)
        numbers: tuple[int | None, ...] = (None,)
        picture, plane = (None, 3, *square), (None, 1, *square)
        shapes = {"image": picture, "relief": numbers, "free_shift": numbers}
        self.inputs = {name: shapes.get(name, plane) for name in self._module.INPUTS}
        self.types = dict.fromkeys(self.inputs, np.dtype(np.float32))
        self.outputs = self._module.OUTPUTS
        self.metadata = {"network": entry.name, "size": str(entry.size), "focal": str(OBJECT_FOCAL)}

    def run(self, inputs: Arrays) -> Arrays:
        """See :meth:`depth_prompt_ros.runtime.graph.Graph.run`."""
        with torch.inference_mode():
            answers = self._module(*(torch.from_numpy(inputs[name]).to(self._device) for name in self.inputs))
        return {name: answer.cpu().numpy() for name, answer in zip(self.outputs, answers, strict=True)}


def cuda_missing() -> str | None:
    """Why the installed PyTorch cannot use a GPU, None if it can."""
    if torch.cuda.is_available():
        return None
    return "it is a CPU build" if torch.version.cuda is None else "it finds none (nvidia-smi should list it)"
