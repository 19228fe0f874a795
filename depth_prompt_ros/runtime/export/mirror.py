"""Export a learned mirror: the small frozen network that is left of its CLIP, and its graph for whole pictures."""

from __future__ import annotations

from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import save_file
from torch import Tensor, nn

from depth_prompt_ros.errors import BadInput, BadModel
from depth_prompt_ros.networks import catalogue
from depth_prompt_ros.networks.clip_mirror.learned_file import fold_learned, load_mirror
from depth_prompt_ros.networks.clip_mirror.network import MirrorDepth, renormalised
from depth_prompt_ros.resources import named_file
from depth_prompt_ros.runtime.export.pictures import export_pictures
from depth_prompt_ros.runtime.export.prompted import Exported, Precision
from depth_prompt_ros.runtime.tensorrt.engine_file import file_sha256
from depth_prompt_ros.written_aside import written_aside

NETWORK = "clip-mirror"
_OUTPUT = "depth"


class MetricDepth(nn.Module):
    """Normalisation and network: (N, 3, H, W) RGB in [0, 1] to (N, 1, H, W) metres."""

    def __init__(self, network: nn.Module, normalise: nn.Module) -> None:
        super().__init__()
        self.network, self.normalise = network, normalise

    def forward(self, picture: Tensor) -> Tensor:
        """(N, 1, H, W) metres."""
        depth: Tensor = self.network(self.normalise(picture))
        return depth


def fold_file(learned: Path, weights: Path | None = None) -> tuple[MirrorDepth, dict[str, str]]:
    """What is left of a learned mirror and its CLIP, for the catalogue's normalisation, and the file's metadata.

    Args:
        learned: what ``depth-prompt learn mirror`` wrote.
        weights: of its CLIP; the installed ones if None.

    Raises:
        BadModel: a file that cannot be used, another CLIP, or a condition that is no constant.
    """
    network, notes = load_mirror(learned, weights)
    base, entry = catalogue.find_clip(notes["clip"]), catalogue.find(NETWORK)
    small = fold_learned(learned, network, notes)
    return renormalised(small, base.mean, base.std, entry.mean, entry.std), notes


def export_mirror(
    learned: Path,
    out: Path,
    weights: Path | None = None,
    size: tuple[int, int] | None = None,
    precision: Precision = "fp32",
) -> Exported:
    """Write the network to ``out``, its graph to ``out`` with the suffix ``.onnx``, and the graph's description.

    The network is the catalogue's ``clip-mirror``: with it prompts are learned, exported and compiled as with others.
    The graph takes ``picture`` (N, 3, h, w) RGB in [0, 1] and gives ``depth`` (N, 1, h, w) metres.

    Args:
        learned: what ``depth-prompt learn mirror`` wrote.
        out: safetensors file.
        weights: of its CLIP; the installed ones if None.
        size: height and width of the camera's pictures, which decide the graph's; those that were learned on if None.
        precision: of the network in the graph.

    Raises:
        BadModel: as :func:`fold_file`, or a graph that disagrees with PyTorch, or a file that cannot be written.
        BadInput: a picture size that is none.
    """
    if size is not None and min(size) < 1:
        raise BadInput(f"a picture of {size[1]}x{size[0]} has no pixels: give those of the camera")
    learned = named_file(learned)
    small, notes = fold_file(learned, weights)
    entry, base = catalogue.find(NETWORK), catalogue.find_clip(notes["clip"])
    kept = {key: notes[key] for key in ("clip", "clip_sha256", "condition", "cap")}
    metadata = {
        "network": NETWORK,
        **kept,
        "learned_sha256": file_sha256(learned),
        "output": entry.output,
        "licence": base.licence,
    }
    _write(out, dict(small.state_dict()), metadata)
    width, height = (int(side) for side in notes["size"].split("x"))
    shape = (height, width) if size is None else entry.size_for(*size)
    graph_notes = {**metadata, "network_sha256": file_sha256(out), "outputs": f"{_OUTPUT}: metres"}
    output = {"name": _OUTPUT, "meaning": "metric depth"}
    module = MetricDepth(small, catalogue.Normalise(entry)).eval()
    return export_pictures(module, out.with_suffix(".onnx"), NETWORK, shape, output, graph_notes, precision)


def _write(path: Path, tensors: dict[str, Tensor], metadata: dict[str, str]) -> None:
    with written_aside(path, BadModel, SafetensorError) as aside:
        save_file({key: value.contiguous() for key, value in tensors.items()}, str(aside), metadata)
        aside.chmod(0o644)  # safetensors writes for the owner alone
