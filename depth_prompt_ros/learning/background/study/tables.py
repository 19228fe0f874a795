"""The study's page: tables in the paper's layout beside the paper's figures, checks, and how it was made."""

from __future__ import annotations

from dataclasses import dataclass, field

from depth_prompt_ros.learning.background.errors import FITTED
from depth_prompt_ros.learning.background.paper import as_published
from depth_prompt_ros.learning.background.study import published
from depth_prompt_ros.learning.background.study.execute import FITTED_TOO
from depth_prompt_ros.learning.background.study.figures import Figure, Results
from depth_prompt_ros.learning.background.study.plan import ABLATIONS, OURS, TUNED, Effort
from depth_prompt_ros.learning.background.study.survives import surviving
from depth_prompt_ros.learning.markdown import table_head
from depth_prompt_ros.learning.trainer import Schedule

NETWORK_FREE = ("constant depth", "mean shape")
_LEARNED = (TUNED, OURS, "1-BG", "PNet")
FIXED = ("none (white)", "original", "random noise", "photographs")

READING = (
    "Learned rows are means over seeds, ± is the standard deviation over them, † a single run, whose spread is not "
    "known; brackets hold the 95 % confidence interval of the mean over objects (bootstrap). si-RMSE: true depth is "
    "scaled to mean 5 over the mask, the best scale of the answer is taken, lower is better. Cosine of normals: higher "
    "is better."
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
        remarks: sentences below them.
        more: further lines, of what was asked beyond the usual rows.
    """

    name: str
    like: str
    results: Results
    competence: str
    picture: str
    beyond: list[tuple[str, Figure, Figure, str]] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    more: list[str] = field(default_factory=list)


def page(parts: list[NetworkPart], effort: Effort, made: str) -> str:
    """The whole page in Markdown."""
    lines = [
        "# Background prompting: what it gains here",
        "",
        "Written by `depth-prompt study background`; nothing in the tables is typed by hand.",
        "",
        f"{made} {READING}",
        "",
        schedules(effort),
        "",
        "## In short",
        "",
    ]
    for part in parts:
        lines += [f"**{part.name}**", "", *(f"- {line}" for line in checks(part)), ""]
    lines += surviving([(part.name, part.results) for part in parts])
    for part in parts:
        lines += _network_section(part)
    lines += ["## What the paper reports", "", published.BLANKS, "", *published.paper_table()]
    return "\n".join(lines).rstrip() + "\n"


def schedules(effort: Effort) -> str:
    """How long everything was learned, beside the paper, a paragraph."""
    described = [
        f"{name} {_schedule(schedule)}"
        for name, schedule in (
            ("1-BG", effort.single), ("PNet", effort.pnet), (TUNED, effort.tuned), (f"'{OURS}'", effort.our_tuned),
        )
    ]  # fmt: skip
    return (
        f"Schedules (the paper's: SGD, 150,000 steps of 8 at 5e-4, for fine-tuning, too): {'; '.join(described)}; "
        f"{effort.seeds} seeds, {effort.ablation_seeds} of each ablation. {effort.train} objects to learn from, "
        f"{effort.validation} to choose the best state with, {effort.test} in each rendered test set. PNet: width "
        f"{effort.pnet_width}, {effort.pnet_downs} halvings, at {effort.pnet_side} pixels (paper: 64, 7, 384)."
    )


def _schedule(schedule: Schedule) -> str:
    recipe = "SGD as published, no weight decay" if as_published(schedule) else "AdamW in one cycle"
    return f"{schedule.steps} steps of {schedule.batch} ({recipe}, {schedule.learning_rate:g})"


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
            f"{test}: 1-BG {learned.si_rmse.mean:.3f} is {results.gain('1-BG', 'constant depth', test)} constant depth "
            f"(goal 30 %), {results.gain('1-BG', 'none (white)', test)} white (goal {goal} %), "
            f"{results.gain('1-BG', 'original', test)} the original background."
        )
        others = [(row, results.of(row, test)) for row in _LEARNED if row != "1-BG"]
        said = (f"{row} {figure(found.si_rmse, learned=True)}" for row, found in others if found)
        lines.append(f"{test}: {', '.join(said)}.")
    return lines


def _network_section(part: NetworkPart) -> list[str]:
    results = part.results
    lines = [f"## {part.name}", "", f"![prompts of {part.name}]({part.picture})", ""]
    if results.missing:
        lines += [f"Not run yet: {', '.join(results.missing)}.", ""]
    paper = published.NETWORKS.get(part.like, {})
    head = ["", *(f"{test}: si-RMSE | cosine" for test in results.tests)]
    if paper:
        head += [f"paper, {part.like}: ABO | cosine", "HNDR | cosine"]
    lines += table_head(head)
    for row in (*NETWORK_FREE, *FIXED, *_LEARNED, *(f"{row}{FITTED}" for row in (*FITTED_TOO, *_LEARNED))):
        found = [cells(results, row, test) for test in results.tests]
        if paper:
            numbers = paper.get(row, (None,) * 4)
            found += [published.plain(numbers[:2]), published.plain(numbers[2:])]
        lines.append(f"| {row} | {' | '.join(found)} |")
    lines.append("")
    ablated = [row for row in ("1-BG", "PNet", *ABLATIONS) if results.of(row, results.tests[0])]
    if len(ablated) > 2:
        lines += [
            "### Ablations",
            "",
            *table_head(["", *(f"{test}: si-RMSE | cosine" for test in results.tests), "paper, DPT: ABO | HNDR"]),
        ]
        for row in ablated:
            found = [cells(results, row, test) for test in results.tests]
            paper_cells = published.plain(published.ABLATIONS.get(row, (None, None)))
            lines.append(f"| {row} | {' | '.join(found)} | {paper_cells} |")
        lines.append("")
    if part.beyond:
        lines += ["### Beyond the paper", "", "| | si-RMSE | cosine | |", "|---|---|---|---|"]
        lines += [
            f"| {name} | {figure(rmse)} | {figure(cosine)} | {remark} |" for name, rmse, cosine, remark in part.beyond
        ]
        lines.append("")
    return [*lines, *(line for remark in part.remarks for line in (remark, "")), *part.more]


def cells(results: Results, row: str, test: str) -> str:
    """si-RMSE and cosine of a row on a test set, two cells; blank where there are none."""
    found = results.of(row, test)
    learned = row.removesuffix(FITTED) not in (*NETWORK_FREE, *FIXED)
    return f"{figure(found.si_rmse, learned)} | {figure(found.normal_cosine, learned)}" if found else " | "


def figure(found: Figure, learned: bool = False) -> str:
    """Mean, spread over seeds (or that there is but one), and interval."""
    spread = f" ± {found.spread:.3f}" if found.seeds > 1 else " †" if learned else ""
    return f"{found.mean:.3f}{spread} [{found.low:.3f}, {found.high:.3f}]"
