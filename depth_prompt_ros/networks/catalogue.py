"""The frozen networks by name: how each wants its picture, what it gives, where its weights are."""

from __future__ import annotations

import json
from difflib import get_close_matches
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
    meter,
    midas_small,
    midas_v21,
    omnidata,
    scene_net,
    scene_vit,
    transformers_depth,
)
from depth_prompt_ros.networks.entry import Entry, NetworkEntry, StereoEntry, VideoEntry
from depth_prompt_ros.networks.own import own_entry, own_names, own_path
from depth_prompt_ros.networks.published_file import read_config, read_file, weights_file
from depth_prompt_ros.networks.stereo import crestereo, raft_stereo, raft_stereo_small
from depth_prompt_ros.networks.video import depth_net
from depth_prompt_ros.networks.video.depth_net import VideoDepthNet, VideoSettings
from depth_prompt_ros.resources import model_folder, named_file, resource_path

_MODULES = (
    scene_net, scene_vit, fastdepth, meter, midas_v21, midas_small, leres, omnidata, transformers_depth, clip_entries,
)  # fmt: skip

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
_Entry = TypeVar("_Entry", bound=Entry)
_HUB = "https://huggingface.co/"

OWN_NAMES = "module"
"""Metadata ``names`` of weights that were learned here: named as in the module, not as published."""


def find(name: str) -> NetworkEntry:
    """The depth network of that name, hub id, or name of one's own; see :func:`_find`."""
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
    """The entry of that name, of a repository's id (``OWNER/NAME``), or of a network of the user's own.

    Raises:
        BadModel: there is none; the message names those there are.
    """
    if name in entries:
        return entries[name]
    by_hub = [entry for entry in entries.values() if "/" in name and _hub_id(entry) == name.lower()]
    if by_hub:
        return by_hub[0]
    if (own := own_entry(name, entries)) is not None:
        return own
    close = get_close_matches(name, [*entries, *own_names()], 1, 0.7)
    meant = f", did you mean {close[0]}?" if close else ";"
    raise BadModel(f"no {kind} named {name!r}{meant} there are: {', '.join([*sorted(entries), *own_names()])}")


def _hub_id(entry: Entry) -> str:
    """The id of the repository that an entry was published in, in small letters; empty if it was in none."""
    page = entry.source.page if entry.source else ""
    return page.removeprefix(_HUB).lower() if page.startswith(_HUB) else ""


def find_any(name: str) -> Entry:
    """The network of that name, depth, stereo, for video, or CLIP.

    Raises:
        BadModel: no such network; the message names those there are.
    """
    for entries in (STEREO, CLIPS, VIDEO):
        if name in entries:
            return entries[name]
    return own_entry(name, {**STEREO, **CLIPS}) or find(name)


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
    if entry.own:
        return own_path(entry.name)
    return resource_path(entry.weights) if entry.weights else model_folder() / f"{entry.name}.safetensors"


def load_frozen(name: str, weights: Path | None = None) -> nn.Module:
    """The network with its weights, in eval mode and without gradients of its own: frozen.

    Args:
        name: in the catalogue, a hub id, or one's own.
        weights: a safetensors file of this package; a published or fine-tuned file, or the folder of a model
            repository, whose names and shapes have to fit; the installed weights if None.

    Raises:
        BadModel: unknown name, missing or corrupt file, or weights of another network.
    """
    entry = find_any(name)
    if weights is None and entry.source is not None and not weights_path(entry).is_file():
        raise BadModel(f"no weights of {name} at {weights_path(entry)}: get them with depth-prompt models add {name}")
    path = chosen_weights(entry, weights)
    tensors, metadata = read_file(path)
    plain = "network" not in metadata
    if plain and (contradictions := _contradictions(entry, path)):
        raise BadModel(f"{path.parent / 'config.json'} is not of {entry.name}: {'; '.join(contradictions)}")
    if not plain:
        _check_network(metadata, entry.name, path)
    try:
        if metadata.get("names") == OWN_NAMES:
            network = entry.build()
            network.load_state_dict(tensors)
        else:
            network = entry.load(tensors)
    except (KeyError, RuntimeError) as error:
        mend = "learn it with this version" if entry.source is None else f"run depth-prompt models add {name} again"
        mend = "give the file of that network" if plain else mend
        raise BadModel(f"{path} does not fit {name}: {first_line(error)}; {mend}") from error
    return network.eval().requires_grad_(False)


def chosen_weights(entry: Entry, weights: Path | None) -> Path:
    """The file that is meant: the installed one if None, of a folder the one that holds weights; it need not exist.

    Raises:
        BadModel: a folder that does not say which file.
    """
    path = named_file(weights) if weights else weights_path(entry)
    return weights_file(path, entry.name) if path.is_dir() else path


def _contradictions(entry: Entry, path: Path) -> list[str]:
    """What a ``config.json`` beside plain weights says against the entry."""
    config = path.parent / "config.json"
    return entry.contradictions(read_config(config)) if config.is_file() else []


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
