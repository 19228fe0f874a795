"""A prompt and its network in PyTorch, for development: what the exported graph computes, without exporting it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from depth_prompt_ros.data.rendering.scenes import OBJECT_FOCAL
from depth_prompt_ros.errors import BadModel
from depth_prompt_ros.graph.prompt import load_prompt
from depth_prompt_ros.graph.prompted_network import INPUTS, OUTPUTS, PromptedNetwork
from depth_prompt_ros.graph.weights import read_weights
from depth_prompt_ros.networks import catalogue
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
        self._module = PromptedNetwork(
            catalogue.load_frozen(entry.name),
            catalogue.Normalise(entry),
            load_prompt(path, entry.name),
            entry.output,
        ).eval()
        self._module.to(self._device)
        self.path = path
        self.runs_in = f"PyTorch {torch.__version__} on {'the GPU' if device == 'cuda' else 'the CPU'}"
        self.on_gpu = device == "cuda"
        square: tuple[int | None, ...] = (entry.size, entry.size)
        shapes: list[tuple[int | None, ...]] = [
            (None, 3, *square),
            (None, 1, *square),
            (None, 1, *square),
            (None,),
            (None,),
        ]
        self.inputs = dict(zip(INPUTS, shapes, strict=True))
        self.types = dict.fromkeys(INPUTS, np.dtype(np.float32))
        self.outputs = OUTPUTS
        self.metadata = {"network": entry.name, "size": str(entry.size), "focal": str(OBJECT_FOCAL)}

    def run(self, inputs: Arrays) -> Arrays:
        """See :meth:`depth_prompt_ros.runtime.graph.Graph.run`."""
        with torch.inference_mode():
            answers = self._module(*(torch.from_numpy(inputs[name]).to(self._device) for name in INPUTS))
        return {name: answer.cpu().numpy() for name, answer in zip(OUTPUTS, answers, strict=True)}


def cuda_missing() -> str | None:
    """Why the installed PyTorch cannot use a GPU, None if it can."""
    if torch.cuda.is_available():
        return None
    return "it is a CPU build" if torch.version.cuda is None else "it finds none (nvidia-smi should list it)"
