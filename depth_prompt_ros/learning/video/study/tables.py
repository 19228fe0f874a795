"""The study's page."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from depth_prompt_ros.evaluation.video.errors import PARTS, mean_errors, paired_interval
from depth_prompt_ros.learning.video.study.plan import Effort
from depth_prompt_ros.learning.video.study.real import LEARNED, TOLD, RealRow

Result = Mapping[str, Any]

_REAL = (
    "Learned from the colour of the first two thirds, tested on the depth of the last, every second frame; errors as "
    "of Eigen et al. (2014), means over frames, depth between 0.3 and 10 m."
)

_FOUND = LEARNED["found"]
_BOUND, _ELSEWHERE = "true masks (bound)", "stage 1, what moves seen elsewhere: "
_COMPARED = {
    _BOUND: "",
    "SPIMO masks": _BOUND,
    "SPIMO masks, published rule": _BOUND,
    "auto-mask": _BOUND,
    f"{_ELSEWHERE}true masks": "",
    f"{_ELSEWHERE}SPIMO masks": f"{_ELSEWHERE}true masks",
}
"""Rows whose moving pixels are compared with stage 1's, and the row whose gain is the most there is."""

_MOTIONS = {"bound": "Motion that goes with the place", "random": "Random motion"}


def page(
    results: Sequence[Result],
    simple: Mapping[str, Mapping[str, Mapping[str, Mapping[str, list[float]]]]],
    real: Sequence[RealRow],
    effort: Effort,
    notes: Sequence[str] = (),
) -> str:
    """The page in Markdown.

    Args:
        results: of the runs that are done, see :func:`depth_prompt_ros.learning.video.study.execute.execute`.
        simple: by motion and row, errors without learning.
        real: rows of the real video.
        notes: what was run and what was not, one sentence each.
    """
    lines = [
        "# Depth and masks learned from video",
        "",
        f"Written by `{_command(effort)}`; nothing in the tables is typed by hand.",
        "",
        _made(effort),
        "",
        *(f"- {note}" for note in notes),
        "",
    ]
    for motion, title in _MOTIONS.items():
        found = [each for result in results if result["motion"] == motion for each in _with_elsewhere(result)]
        if found:
            lines += [
                f"## {title}",
                "",
                *_depths(found, simple.get(motion, {})),
                "",
                *_masks(found),
                "",
                *_checks(found),
            ]
    if real:
        lines += ["## Real video", "", *_real(real)]
    return "\n".join(lines).rstrip() + "\n"


def _with_elsewhere(result: Result) -> Iterator[Result]:
    """A result, and what its network says where things move if it is told that they stand elsewhere."""
    yield result
    for name, errors in result.get("elsewhere", {}).items():
        yield {**result, "run": f"{_ELSEWHERE}{name}", "errors": errors, "growth": None, "masks": None}


def _command(effort: Effort) -> str:
    usual = Effort()
    options = {name: getattr(effort, name) for name in ("seeds", "first", "steps", "width")}
    said = [f" --{name} {value:g}" for name, value in options.items() if value != getattr(usual, name)]
    return "depth-prompt study video" + "".join(said)


def _made(effort: Effort) -> str:
    height, width = effort.crop
    return (
        f"{effort.train} rendered clips of 16 frames of each kind of motion to learn from, {effort.test} of other "
        f"workspaces to test on; networks of {effort.width:g} of the published width, {effort.steps} steps of "
        f"{effort.batch} windows of {width}x{height} a stage, rates {effort.learning_rate:g} and, of second stages, "
        f"{effort.second_rate:g}, {effort.levels} adaptive levels, {effort.planes} planes, "
        f"poses given but where a row says otherwise, {_seeds(effort)}. Figures are mean relative errors of "
        "depth over frames; *scaled*: to the median of the static pixels. *Moving* pixels are those of things that "
        "move; *edges* are within two pixels of a step in depth."
    )


def _seeds(effort: Effort) -> str:
    if effort.seeds == 1:
        return "one seed"
    return f"{effort.seeds} seeds where a row has its standard deviation over them (±), else one"


def _depths(
    results: Sequence[Result], simple: Mapping[str, Mapping[str, Mapping[str, list[float]]]]
) -> list[str]:  # fmt: skip
    heads = [f"{part}{', scaled' if kind == 'scaled' else ''}" for kind in ("metric", "scaled") for part in PARTS]
    lines = _head(["", *heads])
    for name, errors in simple.items():
        lines.append(_row(name, [errors]))
    for name in dict.fromkeys(result["run"] for result in results):
        lines.append(_row(name, [result["errors"] for result in results if result["run"] == name]))
    return lines


def _row(name: str, runs: Sequence[Mapping[str, Mapping[str, list[float]]]]) -> str:
    cells = []
    for kind in ("metric", "scaled"):
        for part in PARTS:
            means = [_mean(run[kind][part]) for run in runs]
            spread = f" ± {np.std(means):.3f}" if len(means) > 1 else ""
            cells.append(f"{np.mean(means):.3f}{spread}" if np.isfinite(means).all() else "")
    return f"| {name} | {' | '.join(cells)} |"


def _mean(values: Iterable[float]) -> float:
    kept = [value for value in values if np.isfinite(value)]
    return float(np.mean(kept)) if kept else float("nan")


def _masks(results: Sequence[Result]) -> list[str]:
    tables = [result["masks"] for result in results if result.get("masks")]
    if not tables:
        return []
    lines = _head(["mask", "IoU", "precision", "recall"])
    for name in tables[0]:
        found = [[table[name][key] for table in tables] for key in ("iou", "precision", "recall")]
        lines.append(f"| {name} | {' | '.join(map(_mask_cell, found))} |")
    return lines


def _mask_cell(values: Sequence[float]) -> str:
    if not np.isfinite(values).all():
        return "none found"
    return f"{np.mean(values):.2f}" + (f" ± {np.std(values):.2f}" if len(values) > 1 else "")


def _checks(results: Sequence[Result]) -> list[str]:
    """What was to be shown, with what came out; two rows are compared over the seeds that both have."""
    by_name: dict[str, list[Result]] = {}
    for result in results:
        by_name.setdefault(result["run"], []).append(result)

    def pair(one: str, other: str, part: str) -> tuple[Any, Any]:
        ran = [{result["seed"]: result["errors"]["metric"][part] for result in by_name[name]} for name in (one, other)]
        both = [seed for seed in ran[0] if seed in ran[1]]
        return tuple(np.array([each[seed] for seed in both], np.float64).mean(0) for each in ran)  # type: ignore[return-value]

    lines = []
    for name, most in _COMPARED.items():
        if name in by_name and "stage 1" in by_name:
            one, other = pair("stage 1", name, "moving")
            mean, low, high = paired_interval(other, one)
            change = 100 * mean / float(np.nanmean(one))
            share = _share(mean, most, pair) if most in by_name else ""
            lines.append(
                f"- {name}: moving pixels' error {change:+.0f} % against stage 1 (difference {mean:+.3f}, 95 % "
                f"interval over frames {low:+.3f} to {high:+.3f}){share}."
            )
    if "fixed levels, N = 33" in by_name and "stage 1" in by_name:
        mean, low, high = paired_interval(*pair("stage 1", "fixed levels, N = 33", "all"))
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


def _share(gain: float, best: str, pair: Callable[[str, str, str], tuple[Any, Any]]) -> str:
    """Which part of the true masks' gain on moving pixels a row has."""
    most = paired_interval(*pair(best, "stage 1", "moving"))[0]
    return f", {100 * gain / most:.0f} % of the true masks' gain" if most < 0 else ""


def _real(rows: Sequence[RealRow]) -> list[str]:
    lines = [
        _REAL,
        "",
        *_head(["", "told", "abs rel", "RMSE, m", "RMSE log", "below 1.25"]),
    ]
    for row in rows:
        mean = mean_errors(row.frames)
        cells = [f"{value:.3f}" for value in (mean.abs_rel, mean.rmse, mean.rmse_log, mean.a1)]
        lines.append(f"| {row.name} | {TOLD[row.name]} | {' | '.join(cells)} |")
    lines.append("")
    by_name = {row.name: np.array([errors.abs_rel for errors in row.frames]) for row in rows}
    pairs = [
        ("learned from colour", "constant"), ("learned from colour", "mean frame"),
        (_FOUND, "constant"), (_FOUND, "mean frame"), (_FOUND, "shipped network, scale and shift fitted"),
        (f"{_FOUND}, scale and shift fitted", "shipped network, scale and shift fitted"),
        ("learned from colour, scale and shift fitted", "shipped network, scale and shift fitted"),
        ("learned from colour, scale and shift fitted", "mean frame, scale and shift fitted"),
        ("learned with poses, median-scaled", "constant"),
    ]  # fmt: skip
    for one, other in pairs:
        if one in by_name and other in by_name:
            apart, low, high = paired_interval(by_name[one], by_name[other])
            lines.append(
                f"- {one} less {other}: {apart:+.3f} abs rel, 95 % interval over frames {low:+.3f} to {high:+.3f}."
            )
    return lines


def _head(columns: Sequence[str]) -> list[str]:
    return [f"| {' | '.join(columns)} |", "|---" * len(columns) + "|"]
