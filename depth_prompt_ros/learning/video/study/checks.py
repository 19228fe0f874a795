"""What was to be shown of the study's rows, with what came out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from depth_prompt_ros.evaluation.video.errors import paired_interval

_BOUND, ELSEWHERE = "true masks (bound)", "stage 1, what moves seen elsewhere: "
_COMPARED = {
    _BOUND: "",
    "SPIMO masks": _BOUND,
    "SPIMO masks, published rule": _BOUND,
    "auto-mask": _BOUND,
    f"{ELSEWHERE}true masks": "",
    f"{ELSEWHERE}SPIMO masks": f"{ELSEWHERE}true masks",
}
"""Rows whose moving pixels are compared with stage 1's, and the row whose gain is the most there is."""


def checks(results: Sequence[Mapping[str, Any]]) -> list[str]:
    """What was to be shown, with what came out; rows are compared over the seeds that all of them have."""
    by_name: dict[str, list[Mapping[str, Any]]] = {}
    for result in results:
        by_name.setdefault(result["run"], []).append(result)

    def together(part: str, *names: str) -> list[Any]:
        ran = [{result["seed"]: result["errors"]["metric"][part] for result in by_name[name]} for name in names]
        seeds = set.intersection(*(set(each) for each in ran))
        return [np.array([each[seed] for seed in sorted(seeds)], np.float64).mean(0) for each in ran]

    lines = []
    for name, most in _COMPARED.items():
        if name in by_name and "stage 1" in by_name:
            one, other = together("moving", "stage 1", name)
            mean, low, high = paired_interval(other, one)
            change = 100 * mean / float(np.nanmean(one))
            share = _share(*together("moving", "stage 1", name, most)) if most in by_name else ""
            lines.append(
                f"- {name}: moving pixels' error {change:+.0f} % against stage 1 (difference {mean:+.3f}, 95 % "
                f"interval over frames {low:+.3f} to {high:+.3f}){share}."
            )
    if "fixed levels, N = 33" in by_name and "stage 1" in by_name:
        mean, low, high = paired_interval(*together("all", "stage 1", "fixed levels, N = 33"))
        lines.append(
            f"- Adaptive levels, N = 11, less fixed, N = 33: {mean:+.4f} on all pixels, 95 % interval over frames "
            f"{low:+.4f} to {high:+.4f}."
        )
    for name, runs in by_name.items():
        grown = [result["growth"] for result in runs if result.get("growth")]
        if grown:
            times, larger = (np.mean([each[key] for each in grown]) for key in ("disparity", "enlarged"))
            lines.append(
                f"- {name}: static disparity grows {times:.2f} times where the picture is {larger:.2f} times larger."
            )
    return [*lines, ""] if lines else []


def _share(one: Any, other: Any, best: Any) -> str:
    """Which part of the true masks' gain on moving pixels a row has, from the errors of stage 1, the row and theirs."""
    gain, most = (paired_interval(each, one)[0] for each in (other, best))
    return f", {100 * gain / most:.0f} % of the true masks' gain" if most < 0 else ""
