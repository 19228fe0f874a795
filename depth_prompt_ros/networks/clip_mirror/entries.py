"""The catalogue's CLIPs, and the depth network that a learned mirror makes of one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from torch import Tensor, nn

from depth_prompt_ros.networks.clip_mirror.clip import Clip, ClipSeg, clip_config
from depth_prompt_ros.networks.clip_mirror.network import MirrorDepth, sizes_of_folded
from depth_prompt_ros.networks.clip_mirror.openai_names import from_openai
from depth_prompt_ros.networks.clip_mirror.sizes import ClipSizes
from depth_prompt_ros.networks.depth.transformers_depth import published_model
from depth_prompt_ros.networks.entry import Entry, NetworkEntry, Source

CLIP_MEAN, CLIP_STD = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)
IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
SMALL = ClipSizes(
    image_width=192, image_layers=6, patch=16, grid=7, text_width=128, text_layers=4, vocabulary=514, projection=128
)
"""Of the CLIP that ``depth-prompt study clip`` learns: 2.8 million parameters in its image encoder, text by bytes."""
SMALL_NAME = "clip-small"
SIDE = 352
"""Of the square pictures that CLIPSeg was learned on, pixels."""


@dataclass(frozen=True, kw_only=True)
class ClipEntry(Entry):
    """A frozen CLIP: pictures and texts in, vectors and the outputs of its image blocks out.

    Attributes:
        sizes: of it.
        segments: it is a CLIPSeg, with a decoder that answers to texts.
    """

    sizes: ClipSizes
    segments: bool = False

    def load(self, tensors: dict[str, Tensor]) -> nn.Module:
        """The CLIP with these tensors, named as published, in float32.

        Raises:
            RuntimeError: a tensor is missing or has another shape.
        """
        # Older files hold the numbers of the positions, which are no weights.
        tensors = {key: value for key, value in self.adapt(tensors).items() if not key.endswith(".position_ids")}
        prefix = "clip." if self.segments else ""
        own = {key.removeprefix(prefix): value for key, value in tensors.items() if key.startswith(prefix)}
        model = published_model("CLIPModel", clip_config(self.sizes), own)
        if not self.segments:
            return Clip(self.sizes, model)
        network = ClipSeg(self.sizes, model)
        decoder = {key.removeprefix("decoder."): value for key, value in tensors.items() if key.startswith("decoder.")}
        network.decoder.load_state_dict(decoder)
        return network

    def contradictions(self, config: Mapping[str, Any]) -> list[str]:
        """What a published ``config.json`` says against this entry, one line each."""
        kind = "clipseg" if self.segments else "clip"
        if config.get("model_type") != kind:
            return [f"model_type is {config.get('model_type')!r}, not {kind!r}"]
        patch = (config.get("vision_config") or {}).get("patch_size", 32)
        return [] if patch == self.sizes.patch else [f"vision_config.patch_size is {patch}, not {self.sizes.patch}"]


@dataclass(frozen=True, kw_only=True)
class MirrorEntry(NetworkEntry):
    """Metric depth by a CLIP, of any size: the file that ``depth-prompt export mirror`` writes says which."""

    def load(self, tensors: dict[str, Tensor]) -> nn.Module:
        """The network with these tensors.

        Raises:
            KeyError, RuntimeError: a tensor is missing, too many, or has another shape.
        """
        network = MirrorDepth(sizes_of_folded(tensors))
        network.load_state_dict(tensors)
        return network


def _clip(sizes: ClipSizes) -> Callable[[], nn.Module]:
    return partial(Clip, sizes)


def _hub(repository: str, file: str) -> Source:
    page = f"https://huggingface.co/{repository}"
    return Source(page, (f"{page}/resolve/main/{file}", f"{page}/resolve/main/config.json"))


CLIPS = (
    ClipEntry(
        name="clip-vit-b-16",
        build=_clip(ClipSizes()),
        multiple=16,
        mean=CLIP_MEAN,
        std=CLIP_STD,
        licence="MIT",
        source=_hub("openai/clip-vit-base-patch16", "pytorch_model.bin"),
        adapt=from_openai,
        sizes=ClipSizes(),
    ),
    ClipEntry(
        name="clipseg-rd64",
        build=partial(ClipSeg, ClipSizes()),
        multiple=16,
        mean=IMAGENET_MEAN,
        std=IMAGENET_STD,
        licence="Apache-2.0",
        source=_hub("CIDAS/clipseg-rd64-refined", "pytorch_model.bin"),
        sizes=ClipSizes(),
        segments=True,
    ),
    ClipEntry(
        name=SMALL_NAME,
        build=_clip(SMALL),
        multiple=16,
        mean=CLIP_MEAN,
        std=CLIP_STD,
        licence="Apache-2.0",
        sizes=SMALL,
    ),
)

ENTRIES = (
    MirrorEntry(
        name="clip-mirror",
        build=partial(MirrorDepth, ClipSizes()),
        size=SIDE,
        multiple=16,
        mean=CLIP_MEAN,
        std=CLIP_STD,
        output="metric depth",
        licence="that of its CLIP",
    ),
)
