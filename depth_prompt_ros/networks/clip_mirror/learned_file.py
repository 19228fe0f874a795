"""The file of a learned mirror: decoder and condition, and which CLIP they were learned through."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor

from depth_prompt_ros.errors import BadInput, BadModel
from depth_prompt_ros.graph.weights import read_weights
from depth_prompt_ros.networks.catalogue import find_clip, first_line, load_frozen, weights_path
from depth_prompt_ros.networks.clip_mirror.clip import Clip
from depth_prompt_ros.networks.clip_mirror.condition import KINDS, Condition
from depth_prompt_ros.networks.clip_mirror.decoder import Decoder
from depth_prompt_ros.networks.clip_mirror.network import ClipMirror, MirrorDepth, folded
from depth_prompt_ros.networks.store import tensors_sha256

NETWORK = "clip-mirror (learned)"
"""Metadata ``network`` of the file."""


def load_clip(name: str, weights: Path | None = None) -> Clip:
    """The frozen CLIP of that name.

    Args:
        name: in the catalogue's CLIPs.
        weights: safetensors file of this package; the installed one if None.

    Raises:
        BadModel: unknown name, missing or corrupt file, or weights of another network.
    """
    find_clip(name)
    clip = load_frozen(name, weights)
    assert isinstance(clip, Clip)
    return clip


def clip_sha256(clip: Clip) -> str:
    """Of all tensors of a CLIP itself, without a decoder that CLIPSeg has beside it."""
    return tensors_sha256(clip.model.state_dict())


def described(name: str, clip: Clip, condition: Condition, cap: float, size: tuple[int, int]) -> dict[str, str]:
    """Metadata of the file: what is needed to use it again.

    Args:
        name: of the CLIP in the catalogue.
        clip: the frozen one.
        condition: learned.
        cap: metres that are never exceeded.
        size: height and width of the pictures that it was learned on.
    """
    return {
        "network": NETWORK,
        "clip": name,
        "clip_sha256": clip_sha256(clip),
        "condition": condition.kind,
        "cap": str(cap),
        "size": f"{size[1]}x{size[0]}",
        "output": "metric depth",
    }


def learned_tensors(network: ClipMirror) -> dict[str, Tensor]:
    """What of a network goes into the file: all but CLIP."""
    return dict(network.learned.state_dict())


def load_mirror(path: Path, weights: Path | None = None) -> tuple[ClipMirror, dict[str, str]]:
    """A learned mirror with its CLIP, in eval mode, and the file's metadata.

    Args:
        path: what ``depth-prompt learn mirror`` wrote.
        weights: of its CLIP; the installed ones if None.

    Raises:
        BadModel: a file that is missing, corrupt or none of a mirror; no CLIP of that name; another CLIP than the one
            it was learned through.
    """
    tensors, metadata = read_weights(path)
    if metadata.get("network") != NETWORK:
        raise BadModel(f"{path} holds {metadata.get('network', 'no network')!r}, not what learn mirror writes")
    name, kind = metadata.get("clip", ""), metadata.get("condition", "")
    clip = load_clip(name, weights)
    found = clip_sha256(clip)
    if found != metadata.get("clip_sha256"):
        where = weights or weights_path(find_clip(name))
        raise BadModel(
            f"{path} was learned through {name} with sha256 {metadata.get('clip_sha256')}, but {where} has {found}: "
            "give the weights that it was learned through"
        )
    return assemble(path, tensors, kind, clip), metadata


def fold_learned(path: Path, network: ClipMirror, metadata: dict[str, str]) -> MirrorDepth:
    """What is left of what :func:`load_mirror` gave for this file, once its condition is a constant.

    Raises:
        BadModel: a condition that is no constant.
    """
    try:
        return folded(network, float(metadata["cap"]))
    except BadInput as error:
        raise BadModel(f"{path} cannot be exported: {error}") from error


def assemble(path: Path, tensors: dict[str, Tensor], kind: str, clip: Clip) -> ClipMirror:
    """The network of a file's tensors.

    Raises:
        BadModel: tensors that do not fit this kind of condition or this CLIP.
    """
    if kind not in KINDS:
        raise BadModel(f"{path} names the condition {kind!r}; there are: {', '.join(KINDS)}")
    rows = len(tensors.get("condition.mirror", torch.zeros(1)))
    condition = Condition(kind, clip.sizes, rows, tensors.get("condition.ids", torch.zeros((1, 1), dtype=torch.int64)))
    network = ClipMirror(clip, condition, Decoder(clip.sizes, film=kind != "none"))
    try:
        network.learned.load_state_dict(tensors)
    except RuntimeError as error:
        raise BadModel(f"{path} does not fit its CLIP: {first_line(error)}") from error
    return network.eval()
