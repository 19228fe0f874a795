"""How far apart in time the messages are that belong together."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from depth_prompt_ros.bag.sync import nearest, pair
from depth_prompt_ros.doctor.finding import Finding, note, ok
from depth_prompt_ros.doctor.topics import Recorded
from depth_prompt_ros.parameters import Parameters

_IMAGES = ("right_image", "depth_image")
_STEADY = 0.25
"""Offsets that vary by less than this share of themselves are a delay, not chance."""


def look_at_stamps(camera: dict[str, str], found: dict[str, Recorded], parameters: Parameters) -> Iterator[Finding]:
    """Of each image that belongs to the left one: how many find their partner, and what to do for the others."""
    left = found.get(camera.get("left_image", ""), Recorded())
    here = np.array(left.stamps, np.int64)
    if not len(here):
        return
    yield from _steadiness(here)
    tolerance = parameters.sync.tolerance
    for role in _IMAGES:
        there = np.array(found.get(camera.get(role, ""), Recorded()).stamps, np.int64)
        if not len(there):
            continue
        gaps = nearest(here, there)[1] * 1e-9
        paired = int((pair(here, there, round(tolerance * 1e9)) >= 0).sum())
        said = (
            f"{camera[role]}: {paired} of {len(here)} left images have a partner within {tolerance * 1e3:g} ms; stamps "
            f"are {np.median(gaps) * 1e3:.1f} ms apart (median; at most {gaps.max() * 1e3:.1f})"
        )
        if paired == len(here):
            yield ok(said)
            continue
        yield Finding("wrong" if paired < len(here) / 2 else "note", said, _advice(gaps, here))


def _advice(gaps: np.ndarray, here: np.ndarray) -> str:
    period = float(np.median(np.diff(np.sort(here)))) * 1e-9 if len(here) > 1 else 0.0
    middle = float(np.median(gaps))
    enough = float(np.ceil(np.percentile(gaps, 95) * 1.1e3) / 1e3)
    if period and middle > period / 2:
        return "the partners are missing, not late: look at the driver and at dropped messages"
    steady = "a steady delay of one eye: trigger the cameras together; " if np.ptp(gaps) < _STEADY * middle else ""
    return f"{steady}--tolerance {enough:g} pairs them, and what moves is then measured wrong"


def _steadiness(here: np.ndarray) -> Iterator[Finding]:
    if len(here) < 3:
        return
    if (here == here[0]).all():
        yield note(
            "all left stamps are the same: they are paired by time of recording", "let the driver set header.stamp"
        )
        return
    steps = np.diff(here) * 1e-9
    if (steps <= 0).any():
        yield note(f"left stamps go back {int((steps <= 0).sum())} times", "a replayed clock or two recordings in one")
    elif steps.max() > 3 * np.median(steps):
        yield note(
            f"left images have gaps of up to {steps.max():.2f} s between them ({np.median(steps):.3f} s usually)"
        )
