"""Prompts that are there already beside fixed backgrounds on a set of objects, plain and fitted."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from depth_prompt_ros.data.sets.picture_set import PictureSet
from depth_prompt_ros.evaluation.table import Column, Row, Table
from depth_prompt_ros.graph.prompt import PromptSettings, load_prompt
from depth_prompt_ros.graph.weights import read_weights
from depth_prompt_ros.learning.background.errors import (
    FITTED,
    Compose,
    DepthNetwork,
    object_errors,
    on_white,
    plain_and_fitted,
)
from depth_prompt_ros.learning.background.learn import composer, require_objects
from depth_prompt_ros.learning.background.study.figures import paired_gain, summarise
from depth_prompt_ros.learning.trainer import pick_device

LEARNED, WHITE, ORIGINAL, CONSTANT = "learned", "white", "original", "constant depth"

Errors = dict[str, NDArray[np.float32]]
"""(seeds, N, 2) si-RMSE and normal cosine of every object, by row."""


def given_errors(prompts: Sequence[Path], network: str, weights: Path | None, test: PictureSet) -> Errors:
    """Errors of every object on each background.

    Args:
        prompts: learned through ``network``; several are taken for runs of one method, with other seeds.

    Raises:
        BadModel: no such network, weights that are not its own, or a prompt for another.
        BadInput: pictures of another size than the network's, or none with an object.
    """
    device = pick_device()
    frozen = DepthNetwork.frozen(network, weights, device)
    require_objects(frozen.size, test)
    composes = [given_prompt(path, network, device) for path in prompts]
    errors: Errors = {CONSTANT: object_errors(lambda batch: torch.ones_like(batch.depth), test, device)[None]}
    fixed: dict[str, Compose] = {WHITE: on_white, ORIGINAL: lambda batch: batch.image}
    for row, compose in fixed.items():
        errors |= {name: each[None] for name, each in plain_and_fitted(row, frozen, compose, test, device).items()}
    runs = [plain_and_fitted(LEARNED, frozen, compose, test, device) for compose in composes]
    for name in runs[0] if runs else ():
        errors[name] = np.stack([run[name] for run in runs])
    return errors


def given_prompt(path: Path, network: str, device: torch.device) -> Compose:
    """From a batch to its pictures on the learned background of a file."""
    notes = read_weights(path)[1]
    prompt = load_prompt(path, network).to(device)
    return composer(prompt, PromptSettings(additive=notes.get("additive") == "True"))


def given_table(errors: Errors, name: str) -> Table:
    """Means with 95 % intervals over objects, and the deviation over several prompts."""
    columns = [
        Column(f"{measure}{key}", title, "", 3, group if key else "")
        for measure, group in (("si_rmse", "si-RMSE"), ("cosine", "normal cosine"))
        for key, title in (("", group), ("_low", "from"), ("_high", "to"), ("_spread", "± over prompts"))
    ]
    rows = []
    for row, each in errors.items():
        values: dict[str, float | None] = {}
        for place, measure in enumerate(("si_rmse", "cosine")):
            figure = summarise(each[:, :, place])
            values |= {measure: figure.mean, f"{measure}_low": figure.low, f"{measure}_high": figure.high}
            values[f"{measure}_spread"] = figure.spread if len(each) > 1 else None
        note = "" if not row.startswith(LEARNED) else f"{len(each)} prompts" if len(each) > 1 else "one run"
        rows.append(Row(row, values, note, row == LEARNED))
    objects = next(iter(errors.values())).shape[1]
    caption = f"{objects} objects; intervals are over objects (95 %). Fitted: to the truth, in disparity."
    return Table("background", name, caption, columns, rows)


def given_gains(errors: Errors) -> list[str]:
    """What the learned background gains over white: as it is, and once scale and shift are fitted."""
    if LEARNED not in errors:
        return []
    return [
        f"learned{kind}: si-RMSE {paired_gain(errors[LEARNED + kind][..., 0], errors[WHITE + kind][..., 0])} white's"
        for kind in ("", FITTED)
    ]
