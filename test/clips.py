"""Tiny CLIPs with random weights for the tests."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from depth_prompt_ros.learning.trainer import write_weights
from depth_prompt_ros.networks import catalogue, store
from depth_prompt_ros.networks.clip_mirror import learned_file
from depth_prompt_ros.networks.clip_mirror.clip import Clip, ClipSeg
from depth_prompt_ros.networks.clip_mirror.condition import Condition
from depth_prompt_ros.networks.clip_mirror.decoder import Decoder
from depth_prompt_ros.networks.clip_mirror.entries import CLIP_MEAN, CLIP_STD, IMAGENET_MEAN, IMAGENET_STD, ClipEntry
from depth_prompt_ros.networks.clip_mirror.network import ClipMirror
from depth_prompt_ros.networks.clip_mirror.sizes import ClipSizes
from depth_prompt_ros.networks.entry import Source
from depth_prompt_ros.runtime.export.text import export_text
from depth_prompt_ros.stages.text.phrases import Tokeniser

TINY = ClipSizes(
    image_width=64, image_layers=4, grid=3, text_width=64, text_layers=2, vocabulary=514, projection=32
)  # fmt: skip


def noisy(module: nn.Module, seed: int = 0) -> nn.Module:
    """The same module with weights far from what they are first, biases and norms too."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.add_(0.1 * torch.randn(parameter.shape, generator=generator))
    return module.eval()


def tiny_clip(seed: int = 0) -> Clip:
    torch.manual_seed(seed)
    return noisy(Clip(TINY), seed)


def tiny_clipseg(seed: int = 0) -> ClipSeg:
    torch.manual_seed(seed)
    return noisy(ClipSeg(TINY), seed)


def use_tiny(monkeypatch, folder) -> None:
    """``clip-tiny`` and ``clipseg-tiny`` in the catalogue, published nowhere, and an empty model folder."""
    monkeypatch.setenv("DEPTH_PROMPT_MODELS", str(folder))
    source = Source("https://example.org/clip", ("http://127.0.0.1:9/model.safetensors",))
    common = {"multiple": 16, "licence": "none", "source": source, "sizes": TINY}
    for entry in (
        ClipEntry(name="clip-tiny", build=partial(Clip, TINY), mean=CLIP_MEAN, std=CLIP_STD, **common),
        ClipEntry(
            name="clipseg-tiny", build=partial(ClipSeg, TINY), mean=IMAGENET_MEAN, std=IMAGENET_STD, segments=True,
            **common,
        ),
    ):  # fmt: skip
        monkeypatch.setitem(catalogue.CLIPS, entry.name, entry)


def published(network: Clip) -> dict[str, torch.Tensor]:
    """Its tensors as they would be published."""
    if not isinstance(network, ClipSeg):
        return dict(network.model.state_dict())
    clip = {f"clip.{key}": value for key, value in network.model.state_dict().items()}
    return {**clip, **{f"decoder.{key}": value for key, value in network.decoder.state_dict().items()}}


def export_words(folder: Path, size: tuple[int, int]) -> SimpleNamespace:
    """A tiny CLIPSeg exported for texts, with depth: path of the description, network, mirror, folder, differences.

    What another process has exported to this folder is taken as it is; the network and the mirror are the same again.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path, found = folder / "words.yaml", folder / "differences.json"
    with pytest.MonkeyPatch.context() as monkeypatch:
        use_tiny(monkeypatch, folder / "models")
        network = tiny_clipseg()
        torch.manual_seed(3)
        mirror = ClipMirror(network, Condition("mirror", TINY), Decoder(TINY)).eval()
        if not found.exists():
            weights, learned = folder / "w.safetensors", folder / "mirror.safetensors"
            save_file({key: value.contiguous() for key, value in published(network).items()}, str(weights))
            store.add("clipseg-tiny", weights)
            notes = learned_file.described("clipseg-tiny", network, mirror.learned["condition"], 10.0, size)
            write_weights(learned, learned_file.learned_tensors(mirror), notes, {})
            written = export_text(path, Tokeniser.of_pairs([]), "clipseg-tiny", None, size, learned)
            assert written.path == path
            found.write_text(json.dumps(written.differences))
    differences = json.loads(found.read_text())
    return SimpleNamespace(path=path, network=network, mirror=mirror, folder=folder, differences=differences)
