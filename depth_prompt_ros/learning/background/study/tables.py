"""The study's page: tables in the paper's layout beside the paper's figures, checks, and how it was made."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from depth_prompt_ros.learning.background.study.figures import Figure, Results, gain
from depth_prompt_ros.learning.background.study.plan import ABLATIONS, Effort

_NETWORK_FREE = ("constant depth", "mean shape")
_LEARNED = ("fine-tuned", "1-BG", "PNet")
_FIXED = ("none (white)", "original", "random noise", "photographs")

# 2306.05428, tables 1 to 4: ABO si-RMSE, cosine, HNDR si-RMSE, cosine.
PAPER: dict[str, dict[str, tuple[float | None, float | None, float | None, float | None]]] = {
    "DPT": {
        "none (white)": (1.27, 0.81, 1.32, 0.79),
        "original": (1.27, None, None, None),
        "random noise": (1.99, None, None, None),
        "photographs": (1.55, None, None, None),
        "fine-tuned": (0.12, 0.94, 0.59, 0.84),
        "1-BG": (0.27, 0.89, 0.60, 0.85),
        "PNet": (0.26, 0.89, 0.58, 0.84),
    },
    "MiDaS-conv": {"none (white)": (1.11, 0.73, 0.84, 0.80), "1-BG": (0.32, 0.87, 0.57, 0.86)},
}
PAPER_ABLATION: dict[str, tuple[float, float]] = {
    "1-BG": (0.26, 0.62),
    "1-BG, added": (0.30, 0.66),
    "1-BG, image space": (0.40, 0.84),
    "PNet": (0.25, 0.56),
    "PNet, sees the picture": (0.21, 0.60),
}


_READING = (
    "Learned rows are means over seeds, ± is the standard deviation over them; brackets hold the 95 % confidence "
    "interval of the mean over objects (bootstrap). si-RMSE: true depth scaled to mean 5 over the mask, the best scale "
    "of the answer is taken, lower is better. Cosine of normals: higher is better."
)


@dataclass(frozen=True)
class NetworkPart:
    """What the page says of one network.

    Attributes:
        name: in the catalogue.
        like: the paper's network of the same kind.
        results: its runs.
        competence: how well it knows scenes, one sentence.
        picture: file of its prompts, relative to the page.
        beyond: rows (name, si-RMSE figure, cosine figure, remark).
    """

    name: str
    like: str
    results: Results
    competence: str
    picture: str
    beyond: list[tuple[str, Figure, Figure, str]] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)


def page(parts: list[NetworkPart], effort: Effort, made: str) -> str:
    """The whole page in Markdown."""
    lines = [
        "# Background prompting: what it gains here",
        "",
        "Written by `depth-prompt study background`; nothing in the tables is typed by hand.",
        "",
        f"{made} {_READING}",
        "",
        _schedules(effort),
        "",
        "## In short",
        "",
    ]
    for part in parts:
        lines += [f"**{part.name}**", "", *(f"- {line}" for line in checks(part)), ""]
    for part in parts:
        lines += _network_section(part)
    return "\n".join(lines).rstrip() + "\n"


def _schedules(effort: Effort) -> str:
    described = [
        f"{name} {schedule.steps} steps of {schedule.batch} (one-cycle, peak {schedule.learning_rate:g})"
        for name, schedule in (("1-BG", effort.single), ("PNet", effort.pnet), ("fine-tuned", effort.tuned))
    ]
    return (
        f"Schedules, shortened from the paper's 150,000 steps of 8: {'; '.join(described)}; {effort.seeds} seeds. "
        f"{effort.train} objects to learn from, {effort.validation} to choose the best state with, {effort.test} in "
        f"each rendered test set. PNet: width {effort.pnet_width}, {effort.pnet_downs} halvings (paper: 64, 7)."
    )


def checks(part: NetworkPart) -> list[str]:
    """The goals of the study, each with what came out."""
    results, lines = part.results, [part.competence]
    for test in results.tests:
        learned, constant = results.of("1-BG", test), results.of("constant depth", test)
        white, original = results.of("none (white)", test), results.of("original", test)
        if not (learned and constant and white and original):
            continue
        goal = 50 if test == results.tests[0] else 30
        lines.append(
            f"{test}: 1-BG {learned.si_rmse.mean:.3f} is {_below(learned.si_rmse, constant.si_rmse)} constant depth "
            f"(goal 30 %), {_below(learned.si_rmse, white.si_rmse)} white (goal {goal} %), "
            f"{_below(learned.si_rmse, original.si_rmse)} the original background."
        )
        others = [(row, results.of(row, test)) for row in ("fine-tuned", "PNet")]
        lines.append(f"{test}: " + ", ".join(f"{row} {found.si_rmse.mean:.3f}" for row, found in others if found) + ".")
    return lines


def _below(one: Figure, other: Figure) -> str:
    share = gain(one, other)
    return f"{100 * share:.0f} % below" if share >= 0 else f"{-100 * share:.0f} % above"


def _network_section(part: NetworkPart) -> list[str]:
    results = part.results
    lines = [f"## {part.name}", "", f"![prompts of {part.name}]({part.picture})", ""]
    if results.missing:
        lines += [f"Not run yet: {', '.join(results.missing)}.", ""]
    paper = PAPER.get(part.like, {})
    head = ["", *(f"{test}: si-RMSE | cosine" for test in results.tests)]
    if paper:
        head += [f"paper, {part.like}: ABO | cosine", "HNDR | cosine"]
    lines += _table_head(head)
    for row in (*_NETWORK_FREE, *_FIXED, *_LEARNED):
        cells = [_cells(results, row, test) for test in results.tests]
        if paper:
            numbers = paper.get(row, (None,) * 4)
            cells += [_plain(numbers[:2]), _plain(numbers[2:])]
        lines.append(f"| {row} | {' | '.join(cells)} |")
    lines.append("")
    ablated = [row for row in ("1-BG", "PNet", *ABLATIONS) if results.of(row, results.tests[0])]
    if len(ablated) > 2:
        lines += [
            "### Ablations",
            "",
            *_table_head(["", *(f"{test}: si-RMSE | cosine" for test in results.tests), "paper, DPT: ABO | HNDR"]),
        ]
        for row in ablated:
            cells = [_cells(results, row, test) for test in results.tests]
            lines.append(f"| {row} | {' | '.join(cells)} | {_plain(PAPER_ABLATION.get(row, (None, None)))} |")
        lines.append("")
    if part.beyond:
        lines += ["### Beyond the paper", "", "| | si-RMSE | cosine | |", "|---|---|---|---|"]
        lines += [
            f"| {name} | {_figure(rmse)} | {_figure(cosine)} | {remark} |" for name, rmse, cosine, remark in part.beyond
        ]
        lines.append("")
    return lines + [line for remark in part.remarks for line in (remark, "")]


def _table_head(columns: Iterable[str]) -> list[str]:
    joined = " | ".join(columns)
    return [f"|{joined} |", "|---" * (joined.count("|") + 1) + "|"]


def _cells(results: Results, row: str, test: str) -> str:
    found = results.of(row, test)
    return f"{_figure(found.si_rmse)} | {_figure(found.normal_cosine)}" if found else " | "


def _figure(figure: Figure) -> str:
    spread = f" ± {figure.spread:.3f}" if figure.seeds > 1 else ""
    return f"{figure.mean:.3f}{spread} [{figure.low:.3f}, {figure.high:.3f}]"


def _plain(numbers: Iterable[float | None]) -> str:
    return " | ".join("" if number is None else f"{number:.2f}" for number in numbers)
