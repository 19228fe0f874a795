"""Depth networks of the transformers library: DPT, Depth Anything, Prompt Depth Anything, ZoeDepth, Depth Pro.

Their architectures are the library's own; here stand the settings of the published checkpoints, as the library's
conversion scripts made them, what goes in and what comes out. The library is imported when one of them is built.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from depth_prompt_ros.graph.disparity import OutputKind
from depth_prompt_ros.networks.entry import NetworkEntry, Source, as_published

Settings = Mapping[str, Any]

_PROMPT_DEPTH_ANYTHING = "PromptDepthAnythingForDepthEstimation"
NEVER_USED = "fusion_stage.layers.0.residual_layer1."
"""The first fusion layer has one input only: these weights are in some published files and not in others."""


class TransformersDepth(nn.Module):
    """A depth network of the library, with its output at the picture's size.

    Input (N, 3, S, S) normalised RGB, output (N, 1, S, S) of the kind that its catalogue entry says.
    """

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, picture: Tensor) -> Tensor:
        """(N, 1, S, S); bicubic where the network gives fewer pixels, as the library's image processors do."""
        return _resized(self.model(pixel_values=picture).predicted_depth[:, None], picture, "bicubic")


class OneByOne(TransformersDepth):
    """ZoeDepth with two heads, one picture at a time: in a batch the pictures would vote for one head for them all."""

    def forward(self, picture: Tensor) -> Tensor:
        """(N, 1, S, S) metres."""
        forward = super().forward
        return torch.cat([forward(one) for one in picture.split(1)])


class DptOfPatches(TransformersDepth):
    """DPT with a plain vision transformer, for pictures that are not square: the library takes their patches for it."""

    def forward(self, picture: Tensor) -> Tensor:
        """(N, 1, H, W) disparity up to scale and shift."""
        model: Any = self.model
        height, width = (side // model.config.patch_size for side in picture.shape[2:])
        telling = model.neck.register_forward_pre_hook(lambda _, given: (given[0], height, width))
        try:
            return super().forward(picture)
        finally:
            telling.remove()


class DepthPro(TransformersDepth):
    """Metric depth from Depth Pro's two outputs, as its image processor does it.

    The network gives inverse depth for a focal length of one picture width, and the horizontal field of view in
    degrees; inverse depth in 1/m is the first times width over focal length, ``2 tan(view / 2)``, in [1e-4, 1e4].
    """

    def forward(self, picture: Tensor) -> Tensor:
        """(N, 1, S, S) metres."""
        output = self.model(pixel_values=picture)
        width_over_focal = 2 * torch.tan(output.field_of_view * (math.pi / 360)).view(-1, 1, 1, 1)
        inverse_depth = _resized(output.predicted_depth[:, None] * width_over_focal, picture, "bilinear")
        return 1 / inverse_depth.clamp(1e-4, 1e4)


class PromptDepthAnything(TransformersDepth):
    """Depth Anything whose decoder is given metric depth at every level, between that depth's least and greatest."""

    def forward(self, picture: Tensor, depth: Tensor | None = None) -> Tensor:
        """(N, 1, S, S) metres; without depth in units of its own.

        Args:
            depth: (N, 1, h, w) metres, nowhere missing; flat depth counts as a millimetre deep.
        """
        if depth is not None:  # the library divides by the range
            ramp = torch.linspace(0, 1e-3, depth.shape[-1], dtype=depth.dtype, device=depth.device)
            depth = depth + ramp * (depth.amax((1, 2, 3), True) - depth.amin((1, 2, 3), True) < 1e-6).to(depth.dtype)
        answer = self.model(pixel_values=picture, prompt_depth=depth).predicted_depth[:, None]
        return _resized(answer, picture, "bicubic")


def _resized(output: Tensor, picture: Tensor, mode: str) -> Tensor:
    if output.shape[-2:] == picture.shape[-2:]:
        return output
    return functional.interpolate(output, picture.shape[-2:], mode=mode, align_corners=False)


@dataclass(frozen=True)
class TransformersEntry(NetworkEntry):
    """A network whose architecture is in the library.

    Its file keeps the published names of the tensors; the library knows how it calls them in each of its versions.

    Attributes:
        architecture: the library's class.
        settings: of the published ``config.json``, those that are not the library's defaults or tell the network from
            others of the same shapes.
    """

    architecture: str = ""
    settings: Settings = field(default_factory=dict)

    def load(self, tensors: dict[str, Tensor]) -> nn.Module:
        """The network with these tensors, named as published, in float32.

        Raises:
            RuntimeError: a tensor is missing or has another shape.
        """
        config = _config(self.architecture, self.settings)
        model = published_model(self.architecture, config, self.adapt(tensors), NEVER_USED)
        return _wrap(model, self.architecture)

    def contradictions(self, config: Settings) -> list[str]:
        """What a published ``config.json`` says against this entry, one line each."""
        kind = library_class(self.architecture).config_class
        if config.get("model_type") != kind.model_type:
            return [f"model_type is {config.get('model_type')!r}, not {kind.model_type!r}"]
        from huggingface_hub.errors import StrictDataclassError

        try:
            published = _config(self.architecture, config).to_dict()
        except (StrictDataclassError, TypeError, ValueError) as error:
            return [" ".join(str(error).split())]
        return _differences(self.settings, _config(self.architecture, self.settings).to_dict(), published)


def published_model(architecture: str, config: Any, tensors: dict[str, Tensor], never_used: str = "") -> Any:
    """A network of the library with published tensors, in float32; the library knows what it calls them today.

    Args:
        architecture: the library's class.
        config: of that class.
        tensors: by their published names; what the network has not is left out.
        never_used: part of the names of tensors that may be missing.

    Raises:
        RuntimeError: a tensor is missing or has another shape.
    """
    with _quiet():
        model, report = library_class(architecture).from_pretrained(
            None,
            config=config,
            state_dict=tensors,
            dtype=torch.float32,
            output_loading_info=True,
            ignore_mismatched_sizes=True,
        )
    missing = sorted(key for key in report["missing_keys"] if not never_used or never_used not in key)
    if missing:
        raise RuntimeError(f"{len(missing)} tensors are missing, {missing[0]} first")
    if report["mismatched_keys"]:
        key, found, expected = min(report["mismatched_keys"])
        raise RuntimeError(f"{key} has shape {tuple(found)}, not {tuple(expected)}")
    return model


def _differences(stated: Settings, ours: Settings, published: Settings, path: str = "") -> list[str]:
    found = []
    for key, value in stated.items():
        if isinstance(value, Mapping):
            found += _differences(value, ours[key], published.get(key) or {}, f"{path}{key}.")
        elif _plain(published.get(key)) != _plain(ours[key]):
            found.append(f"{path}{key} is {published.get(key)!r}, not {ours[key]!r}")
    return found


def _plain(value: Any) -> Any:
    return [_plain(item) for item in value] if isinstance(value, (list, tuple)) else value


def library_class(name: str) -> Any:
    """A class of the transformers library by its name."""
    import transformers

    return getattr(transformers, name)


def _config(architecture: str, settings: Settings) -> Any:
    return library_class(architecture).config_class.from_dict(deepcopy(dict(settings)))  # it writes into its argument


def _wrap(model: Any, architecture: str) -> TransformersDepth:
    if architecture == "DepthProForDepthEstimation":
        return DepthPro(model)
    if architecture == "DPTForDepthEstimation" and not model.config.is_hybrid:
        return DptOfPatches(model)
    if architecture == _PROMPT_DEPTH_ANYTHING:
        return PromptDepthAnything(model)
    heads = getattr(model.config, "bin_configurations", [])
    return OneByOne(model) if len(heads) > 1 else TransformersDepth(model)


def _build(architecture: str, settings: Settings) -> TransformersDepth:
    return _wrap(library_class(architecture)(_config(architecture, settings)), architecture)


@contextmanager
def _quiet() -> Iterator[None]:
    """No report of what was loaded and no bar on stderr: what matters of it becomes an error."""
    from transformers.utils import logging

    verbosity, bar = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(verbosity)
        if bar:
            logging.enable_progress_bar()


HYBRID: Settings = {
    "is_hybrid": True,
    "reassemble_factors": [1, 1, 1, 0.5],
    "neck_hidden_sizes": [256, 512, 768, 768],
}
"""DPT-Hybrid: BiT ResNet-50 before a ViT-B/16."""

HALVES = (0.5, 0.5, 0.5)
IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def transformers_entry(
    name: str,
    architecture: str,
    settings: Settings,
    size: int,
    multiple: int,
    output: OutputKind,
    licence: str,
    source: Source | None = None,
    imagenet: bool = False,
    adapt: Callable[[dict[str, Tensor]], dict[str, Tensor]] = as_published,
) -> TransformersEntry:
    """An entry of this family; ``imagenet`` chooses between its two normalisations."""
    return TransformersEntry(
        name=name,
        build=partial(_build, architecture, settings),
        size=size,
        multiple=multiple,
        mean=IMAGENET_MEAN if imagenet else HALVES,
        std=IMAGENET_STD if imagenet else HALVES,
        output=output,
        licence=licence,
        source=source,
        architecture=architecture,
        settings=settings,
        adapt=adapt,
        takes_depth=architecture == _PROMPT_DEPTH_ANYTHING,
    )


def _hub(repository: str, file: str = "model.safetensors", sha256: str = "") -> Source:
    page = f"https://huggingface.co/{repository}"
    return Source(page, (f"{page}/resolve/main/{file}", f"{page}/resolve/main/config.json"), sha256)


def _dpt(name: str, settings: Settings, source: Source) -> TransformersEntry:
    """2103.13413; settings as in the library's convert_dpt_to_pytorch.py and convert_dpt_hybrid_to_pytorch.py."""
    multiple = 384 if settings.get("is_hybrid") else 32  # the library's hybrid refuses every other size
    return transformers_entry(name, "DPTForDepthEstimation", settings, 384, multiple, "disparity", "Apache-2.0", source)


def _depth_anything(
    name: str,
    letter: str,
    source: Source,
    licence: str,
    second: bool = True,
    max_depth: int | None = None,
) -> TransformersEntry:
    """2401.10891 and 2406.09414; settings as in the library's convert_depth_anything_to_hf.py.

    The first version decodes the encoder's last four layers, the second layers spread over it: same shapes.
    """
    spread = _SPREAD[letter]
    settings = _dinov2(letter, spread if second else list(range(spread[-1] - 3, spread[-1] + 1)))
    settings["depth_estimation_type"] = "relative"
    if max_depth is not None:
        settings |= {"depth_estimation_type": "metric", "max_depth": max_depth}
    output: OutputKind = "disparity" if max_depth is None else "metric depth"
    return transformers_entry(
        name, "DepthAnythingForDepthEstimation", settings, 518, 14, output, licence, source, imagenet=True
    )


_SPREAD = {"S": [3, 6, 9, 12], "B": [3, 6, 9, 12], "L": [5, 12, 18, 24]}
"""Layers of the encoder that are decoded, by the letter of its size; the last one is its last layer."""


def _dinov2(letter: str, decoded: list[int]) -> dict[str, Any]:
    """Settings of a DINOv2 encoder and of the decoder on it."""
    width, layers, heads, fusion, neck = {
        "S": (384, 12, 6, 64, [48, 96, 192, 384]),
        "B": (768, 12, 12, 128, [96, 192, 384, 768]),
        "L": (1024, 24, 16, 256, [256, 512, 1024, 1024]),
    }[letter]
    return {
        "backbone_config": {
            "model_type": "dinov2",
            "image_size": 518,
            "patch_size": 14,
            "hidden_size": width,
            "num_hidden_layers": layers,
            "num_attention_heads": heads,
            "out_indices": decoded,
            "apply_layernorm": True,
            "reshape_hidden_states": False,
        },
        "reassemble_hidden_size": width,
        "fusion_hidden_size": fusion,
        "neck_hidden_sizes": neck,
    }


def _prompt_depth_anything_entries() -> Iterator[TransformersEntry]:
    """2412.14015; settings as in the library's convert_prompt_depth_anything_to_hf.py."""
    for name, letter in (("vits", "S"), ("vits-transparent", "S"), ("vitl", "L")):
        settings = {**_dinov2(letter, _SPREAD[letter]), "depth_estimation_type": "metric"}
        source = _hub(f"depth-anything/prompt-depth-anything-{name}-hf")
        yield transformers_entry(
            f"prompt-depth-anything-{name}", _PROMPT_DEPTH_ANYTHING, settings, 756, 14, "metric depth", "Apache-2.0",
            source, imagenet=True,
        )  # fmt: skip


def _depth_anything_entries() -> Iterator[TransformersEntry]:
    known = {
        "depth-anything-small-hf": "7997c812d8964a741eec21e6816ec2db1e442b5109ea2e7db26dcb03c9060ef0",
        "depth-anything-large-hf": "bc27360a3e6906e5ddd8f618e2dcde11362327361918b8f76793e42e25de31b3",
        "Depth-Anything-V2-Small-hf": "3152477ce0d8d6978d76b995120de97cb5b928701fd0f817769f59e249a16b70",
        "Depth-Anything-V2-Large-hf": "4e01e34ed5549b529b70b92d53226bc370f03041977b390d3dde45d47f516cf9",
    }
    sizes = ("Small", "Base", "Large")
    for size in sizes:
        repository = f"depth-anything-{size.lower()}-hf"
        source = _hub(f"LiheYoung/{repository}", sha256=known.get(repository, ""))
        yield _depth_anything(f"depth-anything-v1-{size.lower()}", size[0], source, "Apache-2.0", second=False)
    # The authors' repository puts Small under Apache-2.0 and Base and Large under CC-BY-NC-4.0; it says nothing of its
    # own about the metric ones, whose cards differ: the stricter reading stands here.
    licences = {"Small": "Apache-2.0", "Base": "CC-BY-NC-4.0", "Large": "CC-BY-NC-4.0"}
    for size in sizes:
        repository = f"Depth-Anything-V2-{size}-hf"
        source = _hub(f"depth-anything/{repository}", sha256=known.get(repository, ""))
        yield _depth_anything(f"depth-anything-v2-{size.lower()}", size[0], source, licences[size])
    for place, max_depth in (("Indoor", 20), ("Outdoor", 80)):
        for size in sizes:
            source = _hub(f"depth-anything/Depth-Anything-V2-Metric-{place}-{size}-hf")
            name = f"depth-anything-v2-metric-{place.lower()}-{size.lower()}"
            yield _depth_anything(name, size[0], source, licences[size], max_depth=max_depth)


def _zoedepth(name: str, settings: Settings, sha256: str, output: OutputKind = "metric depth") -> TransformersEntry:
    """2302.12288; settings as in the library's convert_zoedepth_to_hf.py."""
    common = {
        "backbone_config": {
            "model_type": "beit",
            "image_size": 384,
            "hidden_size": 1024,
            "intermediate_size": 4096,
            "num_hidden_layers": 24,
            "num_attention_heads": 16,
            "use_relative_position_bias": True,
            "reshape_hidden_states": False,
            "out_features": ["stage6", "stage12", "stage18", "stage24"],
        },
        "neck_hidden_sizes": [256, 512, 1024, 1024],
    }
    source = _hub(f"Intel/{name}", sha256=sha256)
    return transformers_entry(
        name, "ZoeDepthForDepthEstimation", {**common, **settings}, 384, 32, output, "MIT", source
    )


def _bins(name: str, max_depth: float) -> Settings:
    return {"name": name, "n_bins": 64, "min_depth": 0.001, "max_depth": max_depth}


_DINO_LARGE = {
    "model_type": "dinov2",
    "image_size": 384,
    "patch_size": 16,
    "hidden_size": 1024,
    "num_hidden_layers": 24,
    "num_attention_heads": 16,
    "use_mask_token": False,
}

ENTRIES = (
    _dpt(
        "dpt-large",
        {
            "hidden_size": 1024,
            "intermediate_size": 4096,
            "num_hidden_layers": 24,
            "num_attention_heads": 16,
            "backbone_out_indices": [5, 11, 17, 23],
            "neck_hidden_sizes": [256, 512, 1024, 1024],
        },
        _hub(
            "Intel/dpt-large",
            "pytorch_model.bin",
            "71150941604c39c1c770a72a7b2f56487669f0e3a4d99c8759e233fb1be24080",
        ),
    ),
    _dpt(
        "dpt-hybrid",
        HYBRID,
        _hub(
            "Intel/dpt-hybrid-midas",
            "pytorch_model.bin",
            "b6c4d44f9d96ca3fa76dd3bbb153989a60b4ad5526559f3c598562a368d687ec",
        ),
    ),
    *_depth_anything_entries(),
    *_prompt_depth_anything_entries(),
    _zoedepth(
        "zoedepth-nyu",
        {"bin_centers_type": "softplus", "bin_configurations": [_bins("nyu", 10.0)]},
        "b616e347efc30e64822be28d2464c2fcd0b665b5fdbc9a135d53d168c31c77ab",
    ),
    # Published with the indoor network's range of 10 m, not its own 80 m: not metres, but depth up to scale.
    _zoedepth(
        "zoedepth-kitti",
        {"bin_centers_type": "normed", "bin_configurations": [_bins("nyu", 10.0)]},
        "",
        "depth",
    ),
    _zoedepth(
        "zoedepth-nyu-kitti",
        {
            "bin_centers_type": "softplus",
            "bin_configurations": [_bins("nyu", 10.0), _bins("kitti", 80.0)],
            "num_patch_transformer_layers": 4,
            "patch_transformer_hidden_size": 128,
            "patch_transformer_intermediate_size": 1024,
            "patch_transformer_num_attention_heads": 4,
        },
        "c5494fa0938f18d71e215e245472470c3aefebd7b434abd89750e5ae4008e2dc",
    ),
    transformers_entry(  # 2410.02073; settings as in the published config.json
        "depth-pro",
        "DepthProForDepthEstimation",
        {
            "image_model_config": _DINO_LARGE,
            "patch_model_config": _DINO_LARGE,
            "fov_model_config": _DINO_LARGE,
            "use_fov_model": True,
        },
        1536,
        1536,
        "metric depth",
        "Apple AMLR (research only)",
        _hub("apple/DepthPro-hf", sha256="9c6811e3165485b9a94a204329860cb333a79877e757eb795a179a4ea34bbcf7"),
    ),
)
