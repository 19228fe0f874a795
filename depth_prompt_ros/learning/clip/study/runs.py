"""One run of the study: learn a row, measure it on the test pictures, keep what was found in a folder of its own."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from depth_prompt_ros.data.rendering.captioned import MATERIALS
from depth_prompt_ros.data.sets.captioned_set import CaptionedSet
from depth_prompt_ros.evaluation.metric.errors import picture_errors
from depth_prompt_ros.graph.weights import read_weights
from depth_prompt_ros.learning.clip.mirror import DECAY, MIRROR_RATE
from depth_prompt_ros.learning.clip.study.features import FeatureBatch, Features, load
from depth_prompt_ros.learning.clip.study.methods import ConditionedDecoder, SimilarityDepth, replacements
from depth_prompt_ros.learning.clip.study.plan import DISTANCES, Effort, Row
from depth_prompt_ros.learning.clip.study.video import Video, trembling
from depth_prompt_ros.learning.losses import scale_invariant_log_loss
from depth_prompt_ros.learning.trainer import Losses, Schedule, fit, write_weights
from depth_prompt_ros.networks.clip_mirror.clip import Clip
from depth_prompt_ros.networks.clip_mirror.decoder import Decoder
from depth_prompt_ros.written_aside import write_text, written_aside

CAP = 10.0
FRACTIONS = (0.05, 0.25, 1.0)
"""Of the steps, where a row is measured while it learns."""
_RESULT, _ERRORS, _CURVE = "result.json", "errors.npz", "curve.json"


@dataclass(frozen=True, eq=False)
class Material:
    """What every run of one image encoder shares.

    Attributes:
        clip: frozen; a run that learns it on gets one of its own.
        normalise: of its pictures.
        train, test: pictures.
        seen, unseen: their features.
        decoder: taught to segment by captions; None where the row does not start from it.
        video: clips, and their features in ``moving``.
    """

    clip: Clip
    normalise: nn.Module
    train: CaptionedSet
    test: CaptionedSet
    seen: Features
    unseen: Features
    decoder: Decoder | None
    video: Video
    moving: Features


@dataclass(frozen=True, eq=False)
class Found:
    """What is kept of one run.

    Attributes:
        errors: (P,) AbsRel of every test picture.
        objects: (P,) AbsRel of the object's pixels.
        figures: means and what else was measured.
    """

    errors: NDArray[np.float64]
    objects: NDArray[np.float64]
    figures: dict[str, Any]


def result_of(folder: Path) -> Found | None:
    """What a run left in its folder, None where it is not done."""
    if not (folder / _RESULT).is_file():
        return None
    with np.load(folder / _ERRORS) as stored:
        return Found(stored["errors"], stored["objects"], json.loads((folder / _RESULT).read_text()))


def execute(row: Row, seed: int, effort: Effort, material: Material, folder: Path, device: torch.device) -> Found:
    """Learn and measure; a run that is done is read, one that stopped goes on, one that is learned is measured."""
    if (done := result_of(folder)) is not None:
        return done
    torch.manual_seed(seed)
    network = _network(row, material).to(device)
    weights = folder / "learned.safetensors"
    learned = sum(each.numel() for each in network.parameters() if each.requires_grad)
    if weights.is_file():
        network.load_state_dict(read_weights(weights)[0])
    elif learned:
        _learn(network, row, seed, effort, material, weights)
    errors, objects, others = measure(network, material, device)
    figures: dict[str, Any] = {
        "abs_rel": float(np.nanmean(errors)),
        "objects": float(np.nanmean(objects)),
        **{name: float(np.nanmean(values)) for name, values in others.items()},
        "curve": {**_read_curve(folder), "1": float(np.nanmean(errors))},
        "learned": learned,
        "trembling": trembling(answers(network, material.moving, material.video.frames, device), material.video),
    }
    if isinstance(network, ConditionedDecoder) and row.kind in ("mirror", "vector", "sentence"):
        figures["replaced"] = _replaced(network, material, seed, device)
    return _keep(folder, Found(errors, objects, figures))


def _learn(network: nn.Module, row: Row, seed: int, effort: Effort, material: Material, weights: Path) -> None:
    """Learn a row on its network's device and write its weights; what is measured on the way goes to the curve."""
    device, rng_of, curve = next(network.parameters()).device, np.random.default_rng, _read_curve(weights.parent)
    marks = {max(round(effort.steps * share), 1): f"{share:g}" for share in FRACTIONS}
    measured = sorted(set(marks) - {effort.steps})

    def load_batch(places: NDArray[np.int64]) -> FeatureBatch:
        flips = rng_of([seed, *places.tolist()]).random(len(places)) < 0.5
        return load(material.seen, material.train, places, flips, device)

    def loss_of(batch: FeatureBatch, _: torch.Generator) -> Losses:
        return {"depth": scale_invariant_log_loss(network(batch), batch.depth, batch.mask)}

    def validate(at: int) -> float:
        if at in measured:
            curve[marks[at]] = float(np.nanmean(measure(network, material, device)[0]))
            _write_json(weights.with_name(_CURVE), curve)
        return -float(at)  # the last state is the result: nothing is chosen on test pictures

    every = int(np.gcd.reduce([*measured, effort.steps])) if measured else 0
    fit(
        network,
        load_batch,
        loss_of,
        len(material.train),
        Schedule(effort.steps, effort.batch, effort.rate, seed, False, "cosine", validate_every=every),
        weights,
        validate=validate,
        settings={"row": asdict(row)},
        groups=_groups(network, effort.rate),
    )
    note = {"network": f"study clip, {row.name}", "seed": str(seed)}
    write_weights(weights, dict(network.state_dict()), note, {"row": asdict(row)})


def constant_rows(train: CaptionedSet, test: CaptionedSet, video: Video) -> dict[str, Found]:
    """The humble rows: one depth everywhere, and the mean scene; both minimise nothing but squares of logarithms."""
    logs = np.log(np.nan_to_num(np.asarray(train.depths), nan=1.0))
    known = np.isfinite(train.depths)
    mean_scene = np.exp((logs * known).sum(0) / np.maximum(known.sum(0), 1))
    constant = np.full_like(mean_scene, np.exp(logs[known].mean()))
    found = {}
    for name, answer in (("constant depth", constant), ("mean scene", mean_scene)):
        errors, objects, others = _errors((answer for _ in range(len(test))), test)
        figures = {name: float(np.nanmean(values)) for name, values in others.items()}
        figures |= {"abs_rel": float(np.nanmean(errors)), "objects": float(np.nanmean(objects)), "learned": 0}
        figures["trembling"] = trembling([answer] * len(video.frames), video)
        found[name] = Found(errors, objects, figures)
    return found


def _network(row: Row, material: Material) -> ConditionedDecoder | SimilarityDepth:
    if row.kind in ("words", "learned words"):
        depths = np.asarray(material.train.depths)
        shares = (np.arange(len(DISTANCES)) + 0.5) / len(DISTANCES)
        bins = np.quantile(depths[np.isfinite(depths)], shares).astype(np.float32)
        return SimilarityDepth(material.clip, bins, row.kind == "learned words")
    return ConditionedDecoder(row, material.clip, material.normalise, material.decoder if row.pretrained else None)


def _groups(network: nn.Module, rate: float) -> list[dict[str, Any]]:
    """The decoder with decay; a condition at ten times the rate without; a CLIP that is learned on at a tenth."""
    groups: list[dict[str, Any]] = []
    for prefix, factor, decay in (("decoder.", 1.0, DECAY), ("condition.", MIRROR_RATE, 0.0), ("clip.", 0.1, DECAY),
                                  ("words", MIRROR_RATE, 0.0), ("temperature", 1.0, 0.0)):  # fmt: skip
        chosen = [each for name, each in network.named_parameters() if name.startswith(prefix) and each.requires_grad]
        if chosen:
            groups.append({"params": chosen, "lr": factor * rate, "weight_decay": decay})
    return groups


@torch.no_grad()
def measure(
    network: nn.Module, material: Material, device: torch.device
) -> tuple[NDArray[np.float64], NDArray[np.float64], dict[str, NDArray[np.float64]]]:
    """AbsRel of every test picture, of its object's pixels, and the other errors."""
    training = network.training
    network.eval()
    found = answers(network, material.unseen, material.test, device)
    network.train(training)
    return _errors(iter(found), material.test)


@torch.no_grad()
def answers(
    network: nn.Module, features: Features, data: CaptionedSet, device: torch.device
) -> list[NDArray[np.float32]]:
    """(S, S) metres of every picture."""
    found: list[NDArray[np.float32]] = []
    for start in range(0, len(data), 50):
        places = np.arange(start, min(start + 50, len(data)))
        depth: Tensor = network(load(features, data, places, np.zeros(len(places), bool), device))
        found.extend(depth[:, 0].float().cpu().numpy())
    return found


def _errors(
    found: Any, test: CaptionedSet
) -> tuple[NDArray[np.float64], NDArray[np.float64], dict[str, NDArray[np.float64]]]:
    whole, objects = [], []
    for place, answer in enumerate(found):
        truth = np.asarray(test.depths[place])
        whole.append(picture_errors(answer, truth, CAP))
        inside = np.where(np.asarray(test.masks[place]), truth, np.float32(np.nan))
        objects.append(picture_errors(answer, inside, CAP)["abs_rel"])
    others = {name: np.array([each[name] for each in whole]) for name in ("rmse", "log10", "delta1")}
    return np.array([each["abs_rel"] for each in whole]), np.array(objects), others


def _replaced(
    network: ConditionedDecoder, material: Material, seed: int, device: torch.device
) -> dict[str, dict[str, float]]:
    """AbsRel when the learned constant is replaced: of all pixels, and of objects by material."""
    materials, found = material.test.words[:, 2], {}
    vectors: dict[str, Callable[[], Tensor | None]] = {**replacements(network, material.clip, seed)}
    vectors["as learned"] = lambda: None
    for name, make in vectors.items():
        with torch.no_grad():
            network.replaced = make()
        errors, objects, _ = measure(network, material, device)
        found[name] = {"all": float(np.nanmean(errors))} | {
            word: float(np.nanmean(objects[materials == number])) if (materials == number).any() else float("nan")
            for number, word in enumerate(MATERIALS)
        }
    return found


def _keep(folder: Path, found: Found) -> Found:
    """Write the run's result, its figures last: a folder with them is done."""
    with written_aside(folder / _ERRORS) as aside, aside.open("wb") as file:
        np.savez(file, errors=found.errors, objects=found.objects)
    _write_json(folder / _RESULT, found.figures)
    return found


def _read_curve(folder: Path) -> dict[str, float]:
    """What was measured before a run stopped."""
    path = folder / _CURVE
    return dict(json.loads(path.read_text())) if path.is_file() else {}


def _write_json(path: Path, content: dict[str, Any]) -> None:
    write_text(path, json.dumps(content, indent=1))
