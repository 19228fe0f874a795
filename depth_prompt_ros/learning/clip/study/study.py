"""The whole study: a small CLIP, a decoder that segments, every row with its seeds, and the page."""

from __future__ import annotations

import json
from collections.abc import Callable
from copy import deepcopy
from dataclasses import asdict, replace
from functools import cache as cache_results
from pathlib import Path

import numpy as np
import torch

from depth_prompt_ros.data.sets.captioned_set import (
    CaptionedSet,
    NamedTableSet,
    open_or_render_captioned,
    open_or_render_named_tables,
)
from depth_prompt_ros.errors import BadInput
from depth_prompt_ros.learning.clip.small_clip import RATE, learn_small_clip
from depth_prompt_ros.learning.clip.study.features import open_or_compute
from depth_prompt_ros.learning.clip.study.page import write_page
from depth_prompt_ros.learning.clip.study.plan import TABLE, Effort
from depth_prompt_ros.learning.clip.study.runs import Material, constant_rows, execute, result_of
from depth_prompt_ros.learning.clip.study.video import render_video
from depth_prompt_ros.learning.clip.text_decoder import learn_text_decoder, phrase_scores, text_iou
from depth_prompt_ros.learning.clip.zero_shot import accepted, zero_shot
from depth_prompt_ros.learning.trainer import Schedule, pick_device
from depth_prompt_ros.networks import catalogue
from depth_prompt_ros.networks.clip_mirror.clip import Clip
from depth_prompt_ros.networks.clip_mirror.decoder import Decoder
from depth_prompt_ros.networks.clip_mirror.entries import SMALL, SMALL_NAME
from depth_prompt_ros.networks.clip_mirror.learned_file import clip_sha256, load_clip
from depth_prompt_ros.written_aside import write_text

_SEEDS, _TABLE_SEEDS, _VIDEO_SEED = (300, 301), (302, 303), 304
"""Of the pictures to learn from and to test on, alike of the tables, and of the clips."""

Say = Callable[[str], None]


def study_clip(effort: Effort, cache: Path, out: Path, results: Path, report: Say, clip: Path | None = None) -> None:
    """Run what is not done yet, seed by seed and in the table's order, and write the page after every run.

    Args:
        effort: how much.
        cache: folder of the rendered pictures.
        out: folder of runs; a study that stopped goes on from it.
        results: page to write, Markdown.
        report: gets a line after every part.
        clip: weights of a small CLIP that is there already; it is learned in ``out`` if None.

    Raises:
        BadInput: a folder of runs made with other settings, or pictures of another kind.
    """
    device = pick_device()
    _same_settings(out, effort)
    train, test = (
        open_or_render_captioned(cache / f"captioned-{effort.side}-{count}-{seed}", count, effort.side, seed)
        for count, seed in zip((effort.clip_pictures, effort.test_pictures), _SEEDS, strict=True)
    )
    tables, test_tables = (
        open_or_render_named_tables(cache / f"named-tables-{effort.side}-{count}-{seed}", count, effort.side, seed)
        for count, seed in zip((effort.tables, max(effort.tables // 10, 1)), _TABLE_SEEDS, strict=True)
    )
    video = render_video(effort.side, _VIDEO_SEED)
    report(f"pictures: {len(train)} and {len(test)}, tables: {len(tables)} and {len(test_tables)}")
    small = (
        load_clip(SMALL_NAME, clip or _small_clip(train, test, effort, out, report)).with_plain_attention().to(device)
    )
    before = zero_shot(small, test, device)
    if not accepted(before):
        report(f"the small CLIP is not accepted, its accuracies are too near to chance: {before}")
    first = _part(train, effort.pictures)
    normalise = catalogue.Normalise(catalogue.find_clip(SMALL_NAME)).to(device)

    @cache_results
    def material_of(name: str) -> Material:
        encoder = _random().to(device) if name == "random" else small
        seen, unseen, moving = (
            open_or_compute(out / f"features-{name}-{part}.npz", encoder, data, device)
            for part, data in (("train", first), ("test", test), ("video", video.frames))
        )
        return Material(encoder, normalise, first, test, seen, unseen, None, video, moving)

    digest = clip_sha256(small)
    humble = constant_rows(first, test, video)
    done, wanted = (
        sum(len(seeds) for seeds in _done(out, effort).values()),
        sum(len(effort.seeds_of(row)) for row in TABLE),
    )
    report(f"{done} of {wanted} runs are done, {wanted - done} are left")
    for seed in range(effort.seeds):
        for row in TABLE:
            folder = out / f"{row.folder}-{seed}"
            if seed not in effort.seeds_of(row) or result_of(folder) is not None:
                continue
            material = material_of("random" if row.encoder == "random" else "learned")
            if row.encoder == "fine-tuned":
                material = replace(material, clip=deepcopy(material.clip))
            if row.pretrained:
                material = replace(material, decoder=_text_decoder(small, train, tables, effort, out))
            found = execute(row, seed, effort, material, folder, device)
            done += 1
            report(f"{done} of {wanted}: {row.name}, seed {seed}: AbsRel {found.figures['abs_rel']:.4f}")
            write_page(results, effort, humble, _done(out, effort), before, None, None)
    decoder = _text_decoder(small, train, tables, effort, out)
    texts = text_iou(small, decoder, test), phrase_scores(small, decoder, test_tables)
    after = zero_shot(small, test, device)
    if clip_sha256(small) != digest:
        raise BadInput("the frozen CLIP has changed while it was learned through: this is a fault of the program")
    write_page(results, effort, humble, _done(out, effort), before, after, texts)


def _small_clip(train: CaptionedSet, test: CaptionedSet, effort: Effort, out: Path, report: Say) -> Path:
    """Weights after the last round."""
    weights: Path | None = None
    for seed, steps in enumerate(effort.clip_steps):
        start, weights = weights, out / f"clip-{seed}.safetensors"
        if not weights.is_file():
            figures = learn_small_clip(train, test, weights, Schedule(steps, effort.clip_batch, RATE, seed), start)
            report(f"small CLIP, round {seed + 1} of {len(effort.clip_steps)}: {figures}")
    assert weights is not None
    return weights


def _text_decoder(clip: Clip, train: CaptionedSet, tables: NamedTableSet, effort: Effort, out: Path) -> Decoder:
    path = out / "text-decoder.safetensors"
    if not path.is_file():
        return learn_text_decoder(clip, train, tables, path, Schedule(effort.text_steps, 32, 1e-3, 0, False))
    from depth_prompt_ros.graph.weights import read_weights

    decoder = Decoder(clip.sizes)
    decoder.load_state_dict(read_weights(path)[0])
    return decoder.to(next(clip.parameters()).device).eval()


def _random() -> Clip:
    """A small CLIP with random weights, always the same."""
    torch.manual_seed(0)
    return Clip(SMALL).eval().requires_grad_(False)


def _part(data: CaptionedSet, count: int) -> CaptionedSet:
    first = slice(0, count)
    return CaptionedSet(
        np.asarray(data.images[first]),
        np.asarray(data.depths[first]),
        np.asarray(data.masks[first]),
        np.asarray(data.attributes[first]),
    )


def _done(out: Path, effort: Effort) -> dict[str, dict[int, Path]]:
    """Folders of the runs that are done, by row and seed."""
    return {
        row.name: {
            seed: folder
            for seed in effort.seeds_of(row)
            if (folder := out / f"{row.folder}-{seed}") and result_of(folder) is not None
        }
        for row in TABLE
    }


def _same_settings(out: Path, effort: Effort) -> None:
    """Keep what a run depends on in ``out``; raises BadInput where it was begun with something else."""
    wanted = {key: value for key, value in asdict(effort).items() if key not in ("seeds", "first")}
    wanted["clip_steps"] = list(effort.clip_steps)  # as JSON has it
    path = out / "study.json"
    if path.is_file():
        if (found := json.loads(path.read_text())) != wanted:
            raise BadInput(f"{out} holds a study made with {found}, not {wanted}: give another folder")
        return
    write_text(path, json.dumps(wanted))
