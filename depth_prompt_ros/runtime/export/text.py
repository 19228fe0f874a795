"""A CLIPSeg as ONNX graphs that answer to texts, and with a learned mirror to depth, from one pass of the picture."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from depth_prompt_ros.errors import BadInput, BadModel
from depth_prompt_ros.networks import catalogue
from depth_prompt_ros.networks.clip_mirror.clip import Clip, ClipSeg
from depth_prompt_ros.networks.clip_mirror.decoder import Decoder
from depth_prompt_ros.networks.clip_mirror.entries import SIDE
from depth_prompt_ros.networks.clip_mirror.learned_file import clip_sha256, fold_learned, load_clip, load_mirror
from depth_prompt_ros.networks.clip_mirror.network import metres
from depth_prompt_ros.runtime.export.pictures import example_pictures, write_description
from depth_prompt_ros.runtime.export.prompted import LARGEST, write_checked
from depth_prompt_ros.runtime.onnxruntime_graph import OnnxRuntimeGraph
from depth_prompt_ros.runtime.tensorrt.engine_file import file_sha256
from depth_prompt_ros.stages.text.phrases import Tokeniser

_MOST_PHRASES = 64


class ImageStates(nn.Module):
    """(1, 3, h, w) RGB in [0, 1] to (1, 3, tokens, width): what the three tapped blocks give, the shallowest first."""

    def __init__(self, clip: Clip, normalise: nn.Module) -> None:
        super().__init__()
        self.clip, self.normalise = clip, normalise

    def forward(self, picture: Tensor) -> Tensor:
        """(1, 3, tokens, width)."""
        return torch.stack(self.clip.states(self.normalise(picture)), 1)


class PhraseVectors(nn.Module):
    """(P, positions) int64 token ids to (P, projection)."""

    def __init__(self, clip: Clip) -> None:
        super().__init__()
        self.clip = clip

    def forward(self, ids: Tensor) -> Tensor:
        """(P, projection)."""
        return self.clip.phrase_vectors(ids)


class PhrasePixels(nn.Module):
    """States of one picture and vectors of P phrases to (P, 1, h, w), the probability that a pixel is of the phrase."""

    def __init__(self, decoder: Decoder, grid: tuple[int, int]) -> None:
        super().__init__()
        self.decoder, self.grid = decoder, grid

    def forward(self, states: Tensor, vectors: Tensor) -> Tensor:
        """(P, 1, h, w) in [0, 1]."""
        return torch.sigmoid(self.decoder(list(states.unbind(1)), self.grid, vectors))


class DepthPixels(nn.Module):
    """States of one picture to (1, 1, h, w) metres."""

    def __init__(self, decoder: Decoder, cap: Tensor, grid: tuple[int, int]) -> None:
        super().__init__()
        self.decoder, self.cap, self.grid = decoder, cap, grid

    def forward(self, states: Tensor) -> Tensor:
        """(1, 1, h, w) metres."""
        answer = self.decoder(list(states.unbind(1)), self.grid, None)
        return torch.minimum(metres(answer, answer), self.cap)


@dataclass(frozen=True)
class ExportedText:
    """What was written: the description and, by what they do, the graphs' largest relative difference from PyTorch."""

    path: Path
    differences: dict[str, float]


def export_text(
    out: Path,
    tokeniser: Tokeniser,
    name: str = "clipseg-rd64",
    weights: Path | None = None,
    size: tuple[int, int] = (SIDE, SIDE),
    mirror: Path | None = None,
) -> ExportedText:
    """Write graphs, tokens and the description ``out`` (.yaml) that names them.

    Beside ``NAME.yaml``: ``NAME_image.onnx``, ``NAME_text.onnx``, ``NAME_pixels.onnx``, ``NAME_tokens.json``, and
    with a mirror ``NAME_depth.onnx``, which takes the same states. What each takes and gives is said by the modules of
    this file.

    Args:
        tokeniser: of this CLIP.
        name: in the catalogue's CLIPs, one with a decoder for texts.
        weights: the installed ones if None.
        size: height and width that pictures are looked at, multiples of the patch.
        mirror: what ``depth-prompt learn mirror`` wrote, learned through this CLIP.

    Raises:
        BadInput: another vocabulary, sizes that the patches do not fit, a path that is no .yaml.
        BadModel: a CLIP without such a decoder, weights or a mirror that do not fit, graphs that disagree with PyTorch.
    """
    if out.suffix != ".yaml":
        raise BadInput(f"{out} must end in .yaml: it describes the graphs that are written beside it")
    entry, clip = catalogue.find_clip(name), load_clip(name, weights)
    if not isinstance(clip, ClipSeg):
        raise BadModel(f"{name} has no decoder that answers to texts: choose clipseg-rd64")
    sizes = clip.sizes
    grid = sizes.patches_of(size)
    if tokeniser.size != sizes.vocabulary:
        raise BadInput(
            f"the vocabulary has {tokeniser.size} tokens, {name} {sizes.vocabulary}: give the vocabulary of that CLIP"
        )
    if 4 * sum(parameter.numel() for parameter in clip.parameters()) > LARGEST:
        raise BadModel(f"{name} is too large for one ONNX file (2 GiB)")
    notes = {"clip": name, "clip_sha256": clip_sha256(clip), "licence": entry.licence, "size": f"{size[1]}x{size[0]}"}
    picture = torch.from_numpy(example_pictures(size, 1, seed=0))
    image = ImageStates(clip, catalogue.Normalise(entry)).eval()
    with torch.no_grad():
        states = image(picture)
    rng = np.random.default_rng(0)
    ids = rng.integers(0, sizes.vocabulary, (2, sizes.positions))
    vectors = torch.from_numpy(rng.normal(size=(2, sizes.projection)).astype(np.float32))
    phrases = torch.export.Dim("phrases", min=1, max=_MOST_PHRASES)
    parts: dict[str, tuple[nn.Module, dict[str, Tensor], str, Any]] = {
        "image": (image, {"picture": picture}, "states", None),
        "text": (PhraseVectors(clip), {"ids": torch.from_numpy(ids)}, "vectors", ({0: phrases},)),
        "pixels": (
            PhrasePixels(clip.decoder, grid), {"states": states, "vectors": vectors}, "probability",
            ({}, {0: phrases}),
        ),
    }  # fmt: skip
    if mirror is not None:
        parts["depth"] = (_depth(mirror, clip, weights, grid), {"states": states}, "depth", None)
        notes["mirror_sha256"] = file_sha256(mirror)
    differences = {
        part: _write(out.with_name(f"{out.stem}_{part}.onnx"), module.eval(), inputs, output, dynamic, notes)
        for part, (module, inputs, output, dynamic) in parts.items()
    }
    tokens = out.with_name(f"{out.stem}_tokens.json")
    tokeniser.write(tokens)
    graphs = {part: f"{out.stem}_{part}.onnx" for part in parts}
    write_description(out, {**graphs, "tokens": tokens.name})
    return ExportedText(out, differences)


def _depth(learned: Path, clip: Clip, weights: Path | None, grid: tuple[int, int]) -> nn.Module:
    network, notes = load_mirror(learned, weights)
    if notes["clip_sha256"] != clip_sha256(clip):
        raise BadModel(f"{learned} was learned through another CLIP, {notes['clip']}: learn it through this one")
    small = fold_learned(learned, network, notes)
    return DepthPixels(small.decoder, small.cap, grid)


def _write(
    path: Path, module: nn.Module, inputs: dict[str, Tensor], output: str, dynamic: Any, notes: dict[str, str]
) -> float:
    program = torch.onnx.export(
        module, tuple(inputs.values()), dynamo=True, verbose=False, input_names=list(inputs), output_names=[output],
        dynamic_shapes=dynamic,
    )  # fmt: skip
    assert program is not None
    return write_checked(
        program.model_proto, path, notes, "fp32", _difference(module, inputs, output, dynamic is not None)
    )


def _difference(module: nn.Module, inputs: dict[str, Tensor], output: str, free: bool) -> Callable[[Path], float]:
    def difference(path: Path) -> float:
        graph, worst = OnnxRuntimeGraph(path), 0.0
        for count in (1, 3) if free else (1,):
            given = {name: _other(value, count if value.shape[0] > 1 else 1) for name, value in inputs.items()}
            with torch.no_grad():
                expected: NDArray[np.float32] = module(*(torch.from_numpy(each) for each in given.values())).numpy()
            found = graph(**given)[output]
            worst = max(worst, float(np.abs(found - expected).max() / max(float(np.abs(expected).max()), 1e-9)))
        return worst

    return difference


def _other(value: Tensor, count: int) -> NDArray[Any]:
    """So many other rows of the same kind."""
    rows = value.numpy()[np.arange(count) % len(value)]
    return np.ascontiguousarray(np.roll(rows, 3, axis=-1))
