"""The user's networks and CLIPs: published weights, verified, turned into safetensors, kept in one folder."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from urllib.parse import unquote, urlsplit
from urllib.request import urlopen

import torch
from safetensors import SafetensorError
from safetensors.torch import save_file
from torch import Tensor, nn

from depth_prompt_ros.errors import BadInput, BadModel
from depth_prompt_ros.graph.weights import read_weights
from depth_prompt_ros.networks.catalogue import (
    CATALOGUE,
    CLIPS,
    OWN_NAMES,
    STEREO,
    find_any,
    first_line,
    load_frozen,
    weights_path,
)
from depth_prompt_ros.networks.clip_mirror.clip import Clip
from depth_prompt_ros.networks.entry import Entry, NetworkEntry
from depth_prompt_ros.networks.own import ARCHITECTURE, check_own_name, own_path
from depth_prompt_ros.networks.published_file import read_config, read_file, weights_file
from depth_prompt_ros.written_aside import written_aside

Report = Callable[[int, int], None]
"""Bytes fetched so far, bytes in all (0 = not known)."""

_PAIR_SIDE = 128


@dataclass(frozen=True)
class Added:
    """What :func:`add` did.

    Attributes:
        path: the network's file in the model folder.
        sha256: of the published file.
        verified: what says that it is this network: ``sha256``, ``config.json, names and shapes`` or ``names and
            shapes``. The last cannot tell networks of one architecture apart.
    """

    path: Path
    sha256: str
    verified: str


def add(name: str, source: Path | None = None, report: Report | None = None) -> Added:
    """Put a published network into the model folder; what was there before stays until the new file is complete.

    Args:
        name: in the catalogue.
        source: the published file, or a folder that holds it, for example a model repository; fetched if None.
        report: called while fetching.

    Raises:
        BadModel: unknown name, no such file, or not the weights of that network: another sha256, a truncated file, code
            inside a pickle, missing tensors, other shapes, a ``config.json`` of another network.
        BadInput: the model folder cannot be written.
    """
    entry = find_any(name)
    if entry.source is None:
        raise BadModel(f"{name} was learned by this package and has no published weights: learn it, or use the shipped")
    target = weights_path(entry)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise BadInput(f"cannot write {target.parent}: {error.strerror}") from error
    with tempfile.TemporaryDirectory(prefix=".fetching-", dir=target.parent) as fetched:
        if source is None:
            source = Path(fetched)
            _fetch(entry, source, report)
        file = weights_file(source, entry.name, tuple(_name(address) for address in entry.source.files[:1]))
        digest = sha256_of(file)
        config = source / "config.json" if source.is_dir() else None
        tensors, verified = _verified(entry, file, digest, config)
        notes = {"network": entry.name, "licence": entry.licence, "source": f"{file.name} of {_origin(entry)}"}
        _write(target, tensors, notes | {"source_sha256": digest})
    return Added(target, digest, verified)


def add_own(name: str, source: Path, own: str) -> Added:
    """Put weights of one's own into the model folder under a name of their own; never as the published network.

    Args:
        name: of the published network whose architecture they are for, or its hub id.
        source: a file, or the folder of a model repository.
        own: what to call it from now on.

    Raises:
        BadModel: unknown architecture, a name that is taken, no such file, or tensors of other names or shapes.
        BadInput: the model folder cannot be written.
    """
    entry = find_any(name)
    check_own_name(own, {*CATALOGUE, *STEREO, *CLIPS})
    file = weights_file(source, entry.name)
    digest = sha256_of(file)
    tensors, metadata = read_file(file)
    config = file.parent / "config.json"
    told = source.is_dir() and config.is_file()
    if told and (contradictions := entry.contradictions(read_config(config))):
        raise BadModel(f"{config} is not of {entry.name}: {'; '.join(contradictions)}")
    names = metadata.get("names", "")
    try:
        network = entry.build() if names == OWN_NAMES else None
        network.load_state_dict(tensors) if network is not None else entry.load(tensors)
    except (KeyError, RuntimeError) as error:
        raise BadModel(f"{file} does not fit {entry.name}: {first_line(error)}") from error
    target = own_path(own)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise BadInput(f"cannot write {target.parent}: {error.strerror}") from error
    notes = {"network": own, ARCHITECTURE: entry.name, "source": file.name, "source_sha256": digest}
    _write(target, tensors, notes | ({"names": names} if names else {}))
    return Added(target, digest, "config.json, names and shapes" if told else "names and shapes")


def check(name: str) -> None:
    """Verify a present network: its tensors are those that were added and fit, one picture or pair gives a sane output.

    Raises:
        BadModel: what is wrong with it.
    """
    entry = find_any(name)
    path = weights_path(entry)
    tensors, metadata = read_weights(path)
    if metadata.get("tensors_sha256", digest := tensors_sha256(tensors)) != digest:
        raise BadModel(f"{path} has changed since it was added: run depth-prompt models add {name} again")
    del tensors
    network = load_frozen(name)
    generator = torch.Generator().manual_seed(0)
    coarse = torch.randn((1, 3, 8, 8), generator=generator)
    side = entry.size if isinstance(entry, NetworkEntry) else _PAIR_SIDE
    picture = nn.functional.interpolate(coarse, (side, side), mode="bicubic", align_corners=False)
    if isinstance(network, Clip):
        _check_clip(name, network, picture)
        return
    pictures = (picture,) if isinstance(entry, NetworkEntry) else (picture, picture.roll(-8, 3))
    with torch.inference_mode():
        output = network(*pictures)
    if output.shape != (1, 1, side, side):
        raise BadModel(f"{name} gives {tuple(output.shape)}, not (1, 1, {side}, {side})")
    if not bool(output.isfinite().all()) or bool(output.amin() == output.amax()):
        raise BadModel(f"{name} gives nothing but one value, or values that are no numbers: its weights are damaged")


def _check_clip(name: str, network: Clip, picture: Tensor) -> None:
    """Raise BadModel unless two texts and a picture get vectors, all different."""
    sizes = network.sizes
    ids = torch.tensor([[sizes.vocabulary - 2, word, sizes.vocabulary - 1] for word in (0, 1)])
    with torch.inference_mode():
        vectors = torch.cat([network.phrase_vectors(ids), network.picture_vector(picture)])
    if not bool(vectors.isfinite().all()) or len(vectors.unique(dim=0)) < len(vectors):
        raise BadModel(f"{name} gives the same vector for all, or values that are no numbers: its weights are damaged")


def parameters_of(entry: Entry) -> int | None:
    """How many parameters it has, without making them; None where the library of its architecture is not installed."""
    try:
        with torch.device("meta"):
            return sum(parameter.numel() for parameter in entry.build().parameters())
    except ModuleNotFoundError:
        return None


def sha256_of(path: Path) -> str:
    """Hexadecimal SHA-256 of a file."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def tensors_sha256(tensors: Mapping[str, Tensor]) -> str:
    """Hexadecimal SHA-256 over names, types, shapes and values, whatever file they are in."""
    digest = hashlib.sha256()
    for key in sorted(tensors):
        value = tensors[key].contiguous()
        digest.update(f"{key} {value.dtype} {tuple(value.shape)}\n".encode())
        digest.update(value.reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()


def _verified(entry: Entry, file: Path, digest: str, config: Path | None) -> tuple[dict[str, Tensor], str]:
    """The tensors, and what says that they are this network's."""
    assert entry.source is not None
    known = entry.source.sha256
    published = _name(entry.source.files[0]) if entry.source.files else file.name
    if known and file.name == published and digest != known:
        raise BadModel(f"{file} has sha256 {digest}, not {known} of {_origin(entry)}: another or a damaged file")
    tensors = read_file(file)[0]
    verified = "sha256" if known == digest else "names and shapes"
    if verified != "sha256" and config is not None and config.is_file():
        if contradictions := entry.contradictions(read_config(config)):
            raise BadModel(f"{config} is not of {entry.name}: {'; '.join(contradictions)}")
        verified = "config.json, names and shapes"
    try:
        entry.load(tensors)
    except (KeyError, RuntimeError) as error:
        raise BadModel(f"{file} does not hold the weights of {entry.name}: {first_line(error)}") from error
    return tensors, verified


def _write(target: Path, tensors: dict[str, Tensor], notes: dict[str, str]) -> None:
    tensors = {key: value.clone(memory_format=torch.contiguous_format) for key, value in tensors.items()}
    metadata = {**notes, "tensors_sha256": tensors_sha256(tensors)}
    with written_aside(target, also=SafetensorError) as aside:
        save_file(tensors, str(aside), metadata)
        aside.chmod(0o644)  # safetensors writes for the owner alone; the robot may run as another user


def _origin(entry: Entry) -> str:
    assert entry.source is not None
    return entry.source.files[0] if entry.source.files else entry.source.page


def _name(address: str) -> str:
    return unquote(Path(urlsplit(address).path).name)


def _fetch(entry: Entry, folder: Path, report: Report | None) -> None:
    assert entry.source is not None
    by_hand = f"then depth-prompt models add {entry.name} FILE"
    if not entry.source.files:
        raise BadModel(f"{entry.name} cannot be fetched by a program: download it from {entry.source.page}, {by_hand}")
    try:
        for address in entry.source.files:
            _download(address, folder / _name(address), report)
    except (OSError, HTTPException, ValueError) as error:
        raise BadModel(f"cannot fetch {address} ({error}): download it where there is a network, {by_hand}") from error


def _download(address: str, path: Path, report: Report | None) -> None:
    with urlopen(address, timeout=60) as answer, path.open("wb") as file:  # noqa: S310 (the catalogue's addresses)
        total = int(answer.headers.get("Content-Length") or 0)
        while block := answer.read(1 << 20):
            file.write(block)
            if report is not None:
                report(file.tell(), total)
        if file.tell() < total:
            raise OSError(f"{file.tell()} of {total} bytes came")
