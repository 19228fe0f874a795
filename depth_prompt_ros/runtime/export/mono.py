"""Export a monocular network for whole pictures as an ONNX graph, and describe it for :mod:`.picture_graph`."""

from __future__ import annotations

from pathlib import Path

from depth_prompt_ros.errors import BadInput
from depth_prompt_ros.graph.relative_disparity import RelativeDisparityNetwork
from depth_prompt_ros.networks import catalogue
from depth_prompt_ros.resources import named_file
from depth_prompt_ros.runtime.export.pictures import export_pictures
from depth_prompt_ros.runtime.export.prompted import Exported, Precision
from depth_prompt_ros.runtime.tensorrt.engine_file import file_sha256

_OUTPUT = "disparity"


def export_mono(
    out: Path,
    name: str = "scene-net",
    weights: Path | None = None,
    height: int = 480,
    width: int = 640,
    precision: Precision = "fp32",
) -> Exported:
    """Write catalogue network ``name`` to ``out``, and ``out`` with the suffix ``.yaml``, its description.

    Input ``picture`` (N, 3, h, w) RGB in [0, 1], any N where the network's code allows it; output ``disparity``
    (N, 1, h, w), larger = nearer, see :class:`depth_prompt_ros.graph.relative_disparity.RelativeDisparityNetwork`.
    h and w are the network's for the camera's pictures,
    :meth:`depth_prompt_ros.networks.entry.NetworkEntry.size_for`.

    Args:
        out: ONNX file.
        name: of the network in the catalogue.
        weights: of the network; None: those of the catalogue.
        height, width: of the camera's pictures, pixels.
        precision: of the network, see :mod:`depth_prompt_ros.runtime.export.precision`.

    Raises:
        BadInput: a picture size that is none.
        BadModel: corrupt weights, a network that is no single graph or too large for one file, or a graph that
            disagrees with PyTorch.
    """
    if min(height, width) < 1:
        raise BadInput(f"a picture of {width}x{height} has no pixels: give those of the camera")
    entry = catalogue.find(name)
    weights = named_file(weights) if weights else catalogue.weights_path(entry)
    network = catalogue.load_frozen(name, weights)
    module = RelativeDisparityNetwork(network, catalogue.Normalise(entry), entry.output).eval()
    notes = {
        "network": name,
        "network_sha256": file_sha256(weights),
        "outputs": f"{_OUTPUT}: relative disparity, larger = nearer",
    }
    output = {"name": _OUTPUT, "meaning": "relative disparity"}
    return export_pictures(module, out, name, entry.size_for(height, width), output, notes, precision)
