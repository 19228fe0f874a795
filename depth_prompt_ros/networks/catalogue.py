"""The frozen networks by name: how each wants its picture, what it gives, where its weights are."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TypeVar

import torch
from torch import Tensor, nn

from depth_prompt_ros.errors import BadModel
from depth_prompt_ros.graph.weights import read_weights
from depth_prompt_ros.networks.clip_mirror import entries as clip_entries
from depth_prompt_ros.networks.clip_mirror.entries import ClipEntry
from depth_prompt_ros.networks.depth import (
    fastdepth,
    leres,
    midas_small,
    midas_v21,
    omnidata,
    scene_net,
    scene_vit,
    transformers_depth,
)
from depth_prompt_ros.networks.depth.tflite_file import read_tflite
from depth_prompt_ros.networks.entry import Entry, NetworkEntry, StereoEntry, VideoEntry
from depth_prompt_ros.networks.stereo import crestereo, raft_stereo, raft_stereo_small
from depth_prompt_ros.networks.video import depth_net
from depth_prompt_ros.networks.video.depth_net import VideoDepthNet, VideoSettings
from depth_prompt_ros.resources import model_folder, resource_path

_MODULES = (scene_net, scene_vit, fastdepth, midas_v21, midas_small, leres, omnidata, transformers_depth, clip_entries)

CATALOGUE: dict[str, NetworkEntry] = {entry.name: entry for module in _MODULES for entry in module.ENTRIES}
"""Depth networks."""

STEREO: dict[str, StereoEntry] = {
    entry.name: entry for module in (raft_stereo_small, raft_stereo, crestereo) for entry in module.ENTRIES
}
"""Stereo networks."""

CLIPS: dict[str, ClipEntry] = {entry.name: entry for entry in clip_entries.CLIPS}
"""Frozen CLIPs, which mirrors are learned through and texts are answered by."""

VIDEO: dict[str, VideoEntry] = {entry.name: entry for entry in depth_net.ENTRIES}
"""Networks that are learned from video, at full width; what was learned says its own (:func:`load_video`)."""

_Network = TypeVar("_Network", bound=nn.Module)
_Entry = TypeVar("_Entry")

OWN_NAMES = "module"
"""Metadata ``names`` of weights that were learned here: named as in the module, not as published."""


def find(name: str) -> NetworkEntry:
    """The depth network of that name; see :func:`_find`."""
    return _find(name, CATALOGUE, "network")


def find_stereo(name: str) -> StereoEntry:
    """The stereo network of that name; see :func:`_find`."""
    return _find(name, STEREO, "stereo network")


def find_clip(name: str) -> ClipEntry:
    """The CLIP of that name; see :func:`_find`."""
    return _find(name, CLIPS, "CLIP")


def find_video(name: str) -> VideoEntry:
    """The network for video of that name; see :func:`_find`."""
    return _find(name, VIDEO, "network for video")


def _find(name: str, entries: dict[str, _Entry], kind: str) -> _Entry:
    """The entry of that name.

    Raises:
        BadModel: there is none; the message names those there are.
    """
    if name not in entries:
        raise BadModel(f"no {kind} named {name!r}; there are: {', '.join(sorted(entries))}")
    return entries[name]


def find_any(name: str) -> Entry:
    """The network of that name, depth, stereo, for video, or CLIP.

    Raises:
        BadModel: no such network; the message names those there are.
    """
    return STEREO.get(name) or CLIPS.get(name) or VIDEO.get(name) or find(name)


class Normalise(nn.Module):
    """RGB in [0, 1], (N, 3, H, W), to what the network was learned on: (x - mean) / std."""

    mean: Tensor
    std: Tensor

    def __init__(self, entry: Entry) -> None:
        super().__init__()
        self.register_buffer("mean", torch.tensor(entry.mean).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(entry.std).view(1, 3, 1, 1), persistent=False)

    def forward(self, picture: Tensor) -> Tensor:
        """Same shape as ``picture``."""
        return (picture - self.mean) * (1 / self.std)


def weights_path(entry: Entry) -> Path:
    """Where an entry's weights are, or would be after ``depth-prompt models add``."""
    return resource_path(entry.weights) if entry.weights else model_folder() / f"{entry.name}.safetensors"


def load_frozen(name: str, weights: Path | None = None) -> nn.Module:
    """The network with its weights, in eval mode and without gradients of its own: frozen.

    Args:
        name: in the catalogue.
        weights: a safetensors file of this package, or a TFLite file as published; the installed weights if None.

    Raises:
        BadModel: unknown name, missing or corrupt file, or weights of another network.
    """
    entry = find_any(name)
    path = weights or weights_path(entry)
    if weights is None and entry.source is not None and not path.is_file():
        raise BadModel(f"no weights of {name} at {path}: get them with depth-prompt models add {name}")
    published = path.suffix == ".tflite"
    tensors, metadata = (read_tflite(path), {"network": name}) if published else read_weights(path)
    _check_network(metadata, name, path)
    try:
        if metadata.get("names") == OWN_NAMES:
            network = entry.build()
            network.load_state_dict(tensors)
        else:
            network = entry.load(tensors)
    except (KeyError, RuntimeError) as error:
        mend = "learn it with this version" if entry.source is None else f"run depth-prompt models add {name} again"
        mend = "give the file of that network" if published else mend
        raise BadModel(f"{path} does not fit {name}: {first_line(error)}; {mend}") from error
    return network.eval().requires_grad_(False)


def load_learned(network: _Network, name: str, path: Path) -> _Network:
    """``network`` with weights that were learned here, in training mode: to be learned on, or exported.

    Args:
        network: newly built; its tensors are replaced.
        name: what the file's metadata have to call it.

    Raises:
        BadModel: missing or corrupt file, or weights of another network.
    """
    tensors, metadata = read_weights(path)
    _check_network(metadata, name, path)
    try:
        network.load_state_dict(tensors)
    except RuntimeError as error:
        raise BadModel(f"{path} does not fit {name}: {first_line(error)}") from error
    return network


def load_video(path: Path) -> VideoDepthNet:
    """A network that was learned from video, built as its file says, in eval mode and frozen.

    Raises:
        BadModel: missing or corrupt file, or weights of another network.
    """
    tensors, metadata = read_weights(path)
    find_video(metadata.get("network", ""))
    try:
        network = VideoDepthNet(VideoSettings(**json.loads(metadata["settings"])))
        network.load_state_dict(tensors)
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        raise BadModel(f"{path} is no network learned from video: {first_line(error)}") from error
    return network.eval().requires_grad_(False)


def _check_network(metadata: dict[str, str], name: str, path: Path) -> None:
    if metadata.get("network") != name:
        raise BadModel(f"{path} holds weights of {metadata.get('network')!r}, not of {name!r}")


def first_line(error: Exception) -> str:
    """What PyTorch says of tensors that do not fit, without the list of all of them."""
    return " ".join(str(error).split("\n")[:2]).replace("\t", "")[:300]
