"""The study's page: tables of what was found, with intervals, and what they say."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from depth_prompt_ros.data.rendering.captioned import MATERIALS
from depth_prompt_ros.evaluation.bootstrap import drawn, interval
from depth_prompt_ros.learning.clip.study.plan import MIRROR, TABLE, Effort
from depth_prompt_ros.learning.clip.study.runs import Found, result_of
from depth_prompt_ros.learning.clip.study.video import CLIPS, FRAMES
from depth_prompt_ros.learning.clip.text_decoder import PhraseScores
from depth_prompt_ros.learning.clip.zero_shot import accepted, chance_levels
from depth_prompt_ros.learning.markdown import table_head
from depth_prompt_ros.written_aside import write_text

_OPTIONS = (
    "side", "clip_pictures", "clip_steps", "clip_batch", "tables", "text_steps", "pictures", "test_pictures", "steps",
    "batch", "rate", "seeds", "first",
)  # fmt: skip

_ABOUT_DEPTH = (
    "AbsRel, AbsRel of the object's pixels, RMSE in metres, share within 1.25: means over test pictures, then over "
    "seeds. *Change*: AbsRel of the row over the mirror's, minus 1, same pictures, the seeds that both have, with a 95 "
    "% bootstrap interval over pictures; above zero the row is worse than the mirror."
)
_ABOUT_CONSTANTS = (
    "After learning, the condition is a constant and FiLM's layers have biases: zero vector, sentence, free vector and "
    "mirror describe the same functions, and differences between them are of optimisation and start, not of what can "
    "be said. Only the image condition can say more."
)
_ABOUT_REPLACED = (
    "AbsRel of all pixels, and of the object's by its material, when another vector takes the learned one's place."
)
_ABOUT_VIDEO = (
    f"{CLIPS} rendered clips of {FRAMES} frames: the camera goes around a table by a degree a frame, with sensor "
    "noise. *Trembling*: mean change of ln(found / true) of a surface point from frame to frame; an error that goes "
    "with the surface is none."
)


def write_page(
    path: Path,
    effort: Effort,
    humble: dict[str, Found],
    runs: dict[str, dict[int, Path]],
    before: dict[str, float],
    after: dict[str, float] | None,
    texts: tuple[dict[str, float], dict[str, PhraseScores]] | None,
) -> None:
    """Write the page of what is done so far, aside first.

    Args:
        path: of the page, Markdown.
        effort: of the study.
        humble: rows without a network.
        runs: folders of the runs that are done, by row and seed.
        before, after: zero-shot accuracies of the small CLIP before and after all was learned through it.
        texts: IoU of texts on the test pictures, and what they find on tables; None until all rows are done.
    """
    found: dict[str, list[Found]] = {name: [row] for name, row in humble.items()}
    for name, folders in runs.items():
        if results := [each for folder in folders.values() if (each := result_of(folder)) is not None]:
            found[name] = results
    sections = {
        "# Mirror prompts through a small CLIP": [f"Written by `{_command(effort)}`.", "", _what(effort)],
        "## The small CLIP": _clip_lines(before, after),
        "## Depth": [_ABOUT_DEPTH, "", _ABOUT_CONSTANTS, "", *_depth_table(found), "", *_verdicts(found)],
        "## While it learns": ["AbsRel after 5, 25 and 100 % of the steps.", "", *_curves(found)],
        "## The constant replaced after learning": [_ABOUT_REPLACED, "", *_replaced(found)],
        "## While the camera moves": [_ABOUT_VIDEO, "", *_trembling(found)],
    }
    if texts is not None:
        sections["## Texts"] = _text_lines(effort, *texts)
    lines = [line for title, body in sections.items() for line in (title, "", *body, "")]
    write_text(path, "\n".join(lines))


def _command(effort: Effort) -> str:
    usual = Effort()
    said = [
        f" --{name.replace('_', '-')} {value:g}"
        for name in _OPTIONS
        if getattr(effort, name) != getattr(usual, name)
        for value in np.atleast_1d(getattr(effort, name))
    ]
    return "depth-prompt study clip" + "".join(said)


def _what(effort: Effort) -> str:
    steps = " and then ".join(map(str, effort.clip_steps))
    return (
        f"Rendered objects with captions on tables, {effort.side} pixels a side. The small CLIP saw "
        f"{effort.clip_pictures} of them for {steps} steps of {effort.clip_batch}, and is frozen. Depth is "
        f"learned from the first {effort.pictures}, {effort.steps} steps of {effort.batch} in every row, and measured "
        f"on {effort.test_pictures} other pictures, on which nothing was chosen."
    )


def _row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


def _percent(values: dict[str, float]) -> list[str]:
    return [f"{100 * value:.1f} %" for value in values.values()]


def _clip_lines(before: dict[str, float], after: dict[str, float] | None) -> list[str]:
    levels = chance_levels()
    lines = [
        *table_head(["zero-shot, unseen objects", *before]),
        _row("accuracy", *_percent(before)),
        _row("chance", *_percent({name: levels[name] for name in before})),
        _row("times chance", *(f"{value / levels[name]:.1f}" for name, value in before.items())),
    ]
    if after is not None:
        lines.append(_row("accuracy after all was learned through it", *_percent(after)))
    bar = (
        f"{'Accepted' if accepted(before) else '**Not accepted**'}: colour, material, shape and the whole caption must "
        "each be told three times as often as by chance; of two sizes nothing can be."
    )
    return [*lines, "", bar]


def _mean(found: list[Found]) -> NDArray[np.float64]:
    """(P,) AbsRel of each picture, mean over seeds."""
    return np.asarray(np.mean([each.errors for each in found], axis=0))


def change(row: list[Found], other: list[Found]) -> tuple[float, float, float]:
    """AbsRel of ``row`` over ``other``'s, minus 1, and the ends of its 95 % interval; pictures are drawn again.

    Of the first seeds that both have; a row that learns nothing is compared with all of the other's.
    """
    if row[0].figures.get("learned") and other[0].figures.get("learned"):
        count = min(len(row), len(other))
        row, other = row[:count], other[:count]
    mine, its = _mean(row), _mean(other)
    known = np.isfinite(mine) & np.isfinite(its)
    mine, its = mine[known], its[known]
    draws = drawn(len(mine))
    return float(mine.mean() / its.mean() - 1), *interval(mine[draws].mean(1) / its[draws].mean(1) - 1)


def _described(compared: tuple[float, float, float]) -> str:
    value, low, high = (100 * each for each in compared)
    return f"{value:+.1f} % ({low:+.1f} to {high:+.1f})"


def _by_seed(row: list[Found], other: list[Found]) -> str:
    values = (change([mine], [its])[0] for mine, its in zip(row, other, strict=False))
    return ", ".join(f"{100 * value:+.1f} %" for value in values)


def _depth_table(found: dict[str, list[Found]]) -> list[str]:
    lines = table_head(["row", "seeds", "learned", "AbsRel", "objects", "RMSE", "within 1.25", "change"])
    for name, results in found.items():
        figures = [each.figures for each in results]
        abs_rel, objects, rmse, delta = (
            float(np.mean([each[key] for each in figures])) for key in ("abs_rel", "objects", "rmse", "delta1")
        )
        compared = ""
        if MIRROR.name in found and name != MIRROR.name:
            compared = _described(change(results, found[MIRROR.name]))
        numbers = (f"{abs_rel:.4f}", f"{objects:.4f}", f"{rmse:.3f}", f"{100 * delta:.1f} %")
        lines.append(_row(name, str(len(results)), f"{figures[0]['learned']:,}", *numbers, compared))
    missing = [row.name for row in TABLE if row.name not in found]
    return [*lines, "", f"Not run: {'; '.join(missing)}."] if missing else lines


def _verdicts(found: dict[str, list[Found]]) -> list[str]:
    """Each bar with its figure, whatever it is."""
    lines = []
    for other in ("sentence", "free vector") if MIRROR.name in found else ():
        if other in found:
            compared = change(found[MIRROR.name], found[other])
            said = "not worse" if compared[2] < 0.03 else "not shown to be not worse"
            lines.append(
                f"- Mirror against {other}: {_described(compared)}; the bar is an upper end under +3 %: **{said}**. By "
                f"seed: {_by_seed(found[MIRROR.name], found[other])}; the interval is over pictures, not over seeds."
            )
    for other in ("similarity, distance words", "similarity, learned words", "constant depth"):
        if other in found and MIRROR.name in found:
            compared = change(found[MIRROR.name], found[other])
            said = "reached" if compared[0] <= -0.3 else "not reached"
            lines.append(f"- Mirror against {other}: {_described(compared)}; the bar is -30 %: **{said}**.")
    if MIRROR.name in found and "mean scene" in found:
        compared = change(found[MIRROR.name], found["mean scene"])
        said = "learned" if compared[2] < 0 else "not learned: the lines above then decide nothing"
        lines.append(f"- Mirror against the mean scene: {_described(compared)}; more than a mean is **{said}**.")
    frozen = "FiLM frozen, mirror"
    lines += [
        f"- {frozen} against {other}: {_described(change(found[frozen], found[other]))}; there is no bar."
        for other in ("FiLM frozen, sentence", "FiLM frozen, free vector")
        if frozen in found and other in found
    ]
    return lines


def _curves(found: dict[str, list[Found]]) -> list[str]:
    lines = table_head(["row", "5 %", "25 %", "100 %"])
    for name, results in found.items():
        curves = [each.figures["curve"] for each in results if each.figures["learned"]]
        if curves:
            values = [np.mean([curve.get(key, np.nan) for curve in curves]) for key in ("0.05", "0.25", "1")]
            lines.append(_row(name, *(f"{value:.4f}" for value in values)))
    return lines


def _replaced(found: dict[str, list[Found]]) -> list[str]:
    columns = ("all", *MATERIALS)
    lines, largest = table_head(["learned with", "replaced by", *columns]), (0.0, "")
    for name, results in found.items():
        tables = [each.figures["replaced"] for each in results if "replaced" in each.figures]
        if not tables:
            continue
        means = {
            by: [float(np.mean([table[by][column] for table in tables])) for column in columns] for by in tables[0]
        }
        for by, values in means.items():
            lines.append(_row(name, by, *(f"{value:.4f}" for value in values)))
            largest = max(largest, (values[0] / means["as learned"][0] - 1, f"{name}, replaced by {by}"))
    return [*lines, "", f"The largest change of all pixels' AbsRel: {100 * largest[0]:+.1f} % ({largest[1]})."]


def _trembling(found: dict[str, list[Found]]) -> list[str]:
    lines = table_head(["row", "trembling", "AbsRel of the test pictures"])
    for name, results in found.items():
        trembling, abs_rel = (
            float(np.mean([each.figures[key] for each in results])) for key in ("trembling", "abs_rel")
        )
        lines.append(_row(name, f"{100 * trembling:.2f} %", f"{abs_rel:.4f}"))
    return lines


def _text_lines(effort: Effort, words: dict[str, float], phrases: dict[str, PhraseScores]) -> list[str]:
    about = (
        f"The decoder was taught by {effort.text_steps} steps on these pictures and on {effort.tables} tables of three "
        "objects. IoU of what a picture's own caption finds, pixels of all test pictures together, by the object's "
        "material. *Another caption*: share of pictures in which a caption that is wrong in every word finds something."
    )
    on_tables = (
        f"On {max(effort.tables // 10, 1)} other tables, each of their objects asked for. Colours, materials and "
        "shapes of a table's objects are all different, so that each of these phrases means one. *All objects*: IoU of "
        "an answer that finds all three whatever is asked. *Picked*: share of phrases whose mean probability is the "
        "highest on the object that is meant."
    )
    rows = [
        _row(kind, *(f"{100 * value:.1f} %" for value in (scores.iou, scores.all_objects, scores.picked)))
        for kind, scores in phrases.items()
    ]
    return [
        about, "", *table_head([*words]), _row(*_percent(words)), "", on_tables, "",
        *table_head(["a phrase such as", "IoU", "all objects", "picked (chance 33.3 %)"]), *rows,
    ]  # fmt: skip
