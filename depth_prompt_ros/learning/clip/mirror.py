"""Learn a mirror prompt and a decoder through a frozen CLIP (2402.03251)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from depth_prompt_ros.data.sets.metric_set import MetricSet, resized
from depth_prompt_ros.errors import BadInput
from depth_prompt_ros.evaluation.metric.errors import mean_errors, picture_errors
from depth_prompt_ros.learning import losses
from depth_prompt_ros.learning.clip.pictures import MetricBatch, MetricPictures
from depth_prompt_ros.learning.run_state import Report
from depth_prompt_ros.learning.trainer import Losses, Schedule, fit, in_bfloat16, pick_device, write_weights
from depth_prompt_ros.networks import catalogue
from depth_prompt_ros.networks.clip_mirror import learned_file
from depth_prompt_ros.networks.clip_mirror.clip import Clip, ClipSeg
from depth_prompt_ros.networks.clip_mirror.condition import ROWS, Condition, Kind
from depth_prompt_ros.networks.clip_mirror.decoder import Decoder
from depth_prompt_ros.networks.clip_mirror.network import ClipMirror
from depth_prompt_ros.stages.text.phrases import Tokeniser
from depth_prompt_ros.written_aside import write_picture

MIRROR_RATE, DECAY = 10.0, 0.01
"""How many times the decoder's rate the mirror's is, and the decoder's weight decay; the mirror has none [ours]."""

_SHOWN, _VALIDATED = 4, 64


@dataclass(frozen=True)
class Plan:
    """What is learned.

    Attributes:
        condition: of the decoder.
        rows: of a mirror.
        sentence: of the condition of that name.
        pretrained: the decoder starts from CLIPSeg's; only where the CLIP is one.
        cap: metres; what is farther is not learned from and never said.
        size: height and width that is learned at; multiples of the patch.
    """

    condition: Kind = "mirror"
    rows: int = ROWS
    sentence: str = ""
    pretrained: bool = False
    cap: float = 10.0
    size: tuple[int, int] = (352, 352)


def learn_mirror(
    train: Sequence[MetricSet],
    validation: Sequence[MetricSet],
    out: Path,
    schedule: Schedule,
    plan: Plan,
    name: str = "clip-vit-b-16",
    weights: Path | None = None,
    tokeniser: Tokeniser | None = None,
    start: Path | None = None,
    report: Report | None = None,
) -> dict[str, float]:
    """Learn condition and decoder; writes them, card, log and pictures as they grow to ``out`` and beside it.

    Loss: :func:`depth_prompt_ros.learning.losses.scale_invariant_log_loss` on flipped pictures, nothing else is varied.

    Args:
        train: to learn from.
        validation: to report on; the state with the lowest AbsRel on up to 64 of its pictures is the result.
        schedule: its rate is the decoder's.
        plan: what is learned.
        name: of the CLIP in the catalogue.
        weights: of that CLIP; the installed ones if None.
        tokeniser: for the condition ``sentence``.
        start: what this function wrote, with the same condition, to go on from: at a larger size, for example.

    Returns:
        Mean errors on the validation pictures.

    Raises:
        BadInput: no known depth, sizes that the patches do not fit, a sentence that is none, or what
            :func:`depth_prompt_ros.learning.trainer.fit` refuses.
        BadModel: no CLIP of that name, or weights that are not its own.
    """
    device, entry = pick_device(), catalogue.find_clip(name)
    clip = learned_file.load_clip(name, weights)
    clip.sizes.patches_of(plan.size)
    learned, held_out = (MetricPictures(sets, plan.size, plan.cap) for sets in (train, validation))
    learned.require_depth("learn from")
    held_out.require_depth("validate on")
    torch.manual_seed(schedule.seed)
    network = new_network(clip, plan, tokeniser)
    if start is not None:
        begun, notes = learned_file.load_mirror(start, weights)
        if (notes["clip"], notes["condition"]) != (name, plan.condition):
            raise BadInput(f"{start} was learned through {notes['clip']} with the condition {notes['condition']}")
        network = begun.requires_grad_(True)
        network.clip.requires_grad_(False)
    network.to(device).train()
    module, normalise = network.learned, catalogue.Normalise(entry).to(device)
    places = np.unique(np.linspace(0, len(held_out) - 1, _VALIDATED).astype(int))

    def loss_of(batch: MetricBatch, generator: torch.Generator) -> Losses:
        batch = batch.flipped(torch.rand(len(batch.image), generator=generator) < 0.5)
        with in_bfloat16(device, schedule.bfloat16):
            depth = network(normalise(batch.image))
        return {"depth": losses.scale_invariant_log_loss(depth.float(), batch.depth, batch.mask)}

    def validate(step: int) -> float:
        write_pictures(out.with_name(f"{out.stem}-growth") / f"{step:06d}.png", network, normalise, held_out, plan.cap)
        return evaluate(network, normalise, held_out, places, plan.cap)["abs_rel"]

    described = {"clip": name, "clip_sha256": learned_file.clip_sha256(clip), **asdict(plan), "size": list(plan.size)}
    described["start"] = str(start or "")
    seconds = fit(
        module,
        lambda indices: learned.load(indices, device),
        loss_of,
        len(learned),
        schedule,
        out,
        report,
        validate=validate,
        settings=described,
        groups=parameter_groups(module, schedule.learning_rate),
    )
    network.eval()
    condition = module["condition"]
    assert isinstance(condition, Condition)
    figures = evaluate(network, normalise, held_out, np.arange(len(held_out)), plan.cap)
    metadata = learned_file.described(name, clip, condition, plan.cap, plan.size)
    card: dict[str, Any] = {
        "plan": described,
        "pictures": len(learned),
        "schedule": asdict(schedule),
        "seconds": round(seconds),
        "validation": {"pictures": len(held_out), **{key: round(value, 5) for key, value in figures.items()}},
    }
    write_weights(out, learned_file.learned_tensors(network), metadata, card)
    write_pictures(out.with_suffix(".png"), network, normalise, held_out, plan.cap)
    return figures


def new_network(clip: Clip, plan: Plan, tokeniser: Tokeniser | None = None) -> ClipMirror:
    """The network before learning; random numbers are PyTorch's.

    Raises:
        BadInput: a sentence without a tokeniser or one that does not fit, or CLIPSeg's decoder of a CLIP that has none.
    """
    ids = None
    if plan.condition == "sentence":
        if tokeniser is None:
            raise BadInput("the condition is a sentence: give CLIP's vocabulary with --vocabulary")
        ids = torch.from_numpy(tokeniser([plan.sentence]))
        if tokeniser.size != clip.sizes.vocabulary:
            raise BadInput(
                f"the vocabulary has {tokeniser.size} tokens, this CLIP {clip.sizes.vocabulary}: give the CLIP's own"
            )
    decoder = Decoder(clip.sizes, film=plan.condition != "none")
    if plan.pretrained:
        if not isinstance(clip, ClipSeg):
            raise BadInput("this CLIP has no decoder to start from: choose clipseg-rd64, or start from random weights")
        known = clip.decoder.state_dict()
        decoder.load_state_dict({key: known[key] for key in decoder.state_dict()})
    return ClipMirror(clip, Condition(plan.condition, clip.sizes, plan.rows, ids), decoder)


def parameter_groups(module: nn.ModuleDict, rate: float) -> list[dict[str, Any]]:
    """The decoder at ``rate`` with decay, the condition at ten times that without; only what is learned."""
    decoder = [each for each in module["decoder"].parameters() if each.requires_grad]
    condition = [each for each in module["condition"].parameters() if each.requires_grad]
    groups: list[dict[str, Any]] = [{"params": decoder, "lr": rate, "weight_decay": DECAY}]
    if condition:
        groups.append({"params": condition, "lr": MIRROR_RATE * rate, "weight_decay": 0.0})
    return groups


@torch.no_grad()
def answer(network: nn.Module, normalise: nn.Module, pictures: MetricPictures, place: int) -> NDArray[np.float32]:
    """(H, W) metres of one picture, at the picture's own size."""
    image, truth = pictures.arrays(place)
    device = next(network.parameters()).device
    seen = torch.from_numpy(np.array(resized(image, truth, pictures.size)[0])).to(device)
    depth: Tensor = network(normalise(seen.permute(2, 0, 1)[None].float() / 255)).float()
    if depth.shape[2:] != image.shape[:2]:
        depth = nn.functional.interpolate(depth, image.shape[:2], mode="bilinear", align_corners=False)
    return np.asarray(depth[0, 0].cpu().numpy(), np.float32)


def evaluate(
    network: nn.Module, normalise: nn.Module, pictures: MetricPictures, places: NDArray[np.int64], cap: float
) -> dict[str, float]:
    """Mean errors of those pictures at their own size, see :func:`picture_errors`."""
    training = network.training
    network.eval()
    errors = (
        picture_errors(answer(network, normalise, pictures, int(place)), pictures.arrays(int(place))[1], cap)
        for place in places
    )
    figures = mean_errors(errors)
    network.train(training)
    return figures


def write_pictures(path: Path, network: nn.Module, normalise: nn.Module, pictures: MetricPictures, cap: float) -> None:
    """Rows of picture, true depth, found depth, near bright, on the truth's range."""
    training = network.training
    network.eval()
    rows = []
    for place in np.unique(np.linspace(0, len(pictures) - 1, _SHOWN).astype(int)):
        image, truth = pictures.arrays(int(place))
        found = answer(network, normalise, pictures, int(place))
        known = np.isfinite(truth) & (truth <= cap)
        low, high = np.quantile(truth[known], (0.02, 0.98)) if known.any() else (0.0, cap)
        maps = []
        for depth in (np.where(known, truth, high), found):
            grey = (255 * np.clip((high - depth) / max(high - low, 0.05), 0, 1)).astype(np.uint8)
            maps.append(cv2.applyColorMap(grey, cv2.COLORMAP_VIRIDIS))
        rows.append(np.hstack([image[..., ::-1], *maps]))
    network.train(training)
    write_picture(path, np.vstack(rows)[..., ::-1])
