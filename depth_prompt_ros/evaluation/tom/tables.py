"""What came out on a set with ToM things and on traps, as tables and as bars that have to be met."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict

from depth_prompt_ros.data.worse_masks import AMOUNTS, CHANGES
from depth_prompt_ros.evaluation.table import Check, Column, Row, Table
from depth_prompt_ros.evaluation.tom.methods import (
    BASE,
    BELIEVED,
    CONSTANT,
    EVIDENCE,
    MERGED,
    NOTES,
    OWN,
    RING,
    ROW_FILLED,
    STEREO,
    TUNED,
    UPRIGHT,
    Way,
)
from depth_prompt_ros.evaluation.tom.pairs import ALL_KINDS, SetScores, TrapScores, sweep_name
from depth_prompt_ros.evaluation.tom.scores import Comparison, RegionScores, measure_columns

_SAME_OUTSIDE = (CONSTANT, UPRIGHT, RING)
"""Methods that leave stereo as it is outside the ToM masks."""

_COMPARED = (
    Column("pixels", "answered by both", "%"),
    Column("rmse", "RMSE", "mm", 1),
    Column("other", "the other's", "mm", 1),
    Column("change", "change", "%", 1),
    Column("low", "from", "%", 1, "95 % interval"),
    Column("high", "to", "%", 1, "95 % interval"),
)


def region_table(scores: SetScores, region: str, ways: Iterable[Way]) -> Table:
    """Every method's measures on one region: "ToM" or "Other"."""
    inside = region == "ToM"
    found = scores.methods.inside if inside else scores.methods.outside
    notes = NOTES | {way.name: way.note for way in ways}
    rows = []
    for name in found.methods:
        if inside or name not in _SAME_OUTSIDE:
            low, high = found.interval(name)
            values = found.means(name) | {"low": low, "high": high}
            rows.append(Row(name, values, notes.get(name, ""), name not in NOTES))
    rmse, *others = measure_columns("")
    columns = (
        rmse, Column("low", "from", "mm", 1, "95 % interval"), Column("high", "to", "mm", 1, "95 % interval"), *others
    )  # fmt: skip
    caption = (
        f"Means over {scores.pictures} pairs of what each answers; the interval is that of the mean RMSE. Answers and "
        "truth beyond 10 m are clipped and left out."
    )
    return Table(f"region_{region.lower()}", f"{region} pixels", caption, columns, rows)


def duel_table(scores: SetScores, region: str, ways: Iterable[Way]) -> Table:
    """Every way of merging against every other method, on the pixels that both answer."""
    found = scores.methods.inside if region == "ToM" else scores.methods.outside
    rows = [
        Row(f"{way.name} against {rival}", _numbers(found.compare(way.name, rival)))
        for way in ways
        for rival in ((STEREO, ROW_FILLED, UPRIGHT, RING, TUNED) if way.main else (STEREO,))
        if rival in found.methods and (region == "ToM" or rival not in _SAME_OUTSIDE)
    ]
    if TUNED in found.methods and BASE in found.methods:
        rows.append(Row(f"{TUNED} against {BASE}", _numbers(found.compare(TUNED, BASE))))
    caption = "RMSE, means over the pictures with such pixels; the interval is that of the change. Below 0 is better."
    return Table(f"duels_{region.lower()}", f"{region} pixels that both answer", caption, _COMPARED, rows)


def sweep_table(scores: SetScores, ways: Iterable[Way]) -> Table:
    """What worse masks do: change of RMSE against stereo on the true ToM pixels, and on others."""
    names = [sweep_name(change, amount) for change in CHANGES for amount in AMOUNTS]
    rows = []
    for name in (*(way.name for way in ways if way.main), *names):
        if name in scores.sweep.inside.methods:
            inside, outside = (part.compare(name, STEREO) for part in (scores.sweep.inside, scores.sweep.outside))
            means = scores.sweep.inside.means(name)
            values = {
                "tom_rmse": means["rmse"], "tom_coverage": means["coverage"], "tom_change": inside.change,
                "tom_low": inside.low, "tom_high": inside.high, "other_change": outside.change,
                "other_low": outside.low, "other_high": outside.high,
            }  # fmt: skip
            rows.append(Row(f"masks {name}" if name in names else name, values, "", name not in names))
    columns = [
        Column("tom_rmse", "RMSE", "mm", 1, "ToM"),
        Column("tom_coverage", "coverage", "%", 1, "ToM"),
        *(
            Column(f"{key}_{end}", title, "%", 1, region)
            for key, region in (("tom", "ToM against stereo"), ("other", "Other against stereo"))
            for end, title in (("change", "change"), ("low", "from"), ("high", "to"))
        ),
    ]
    caption = (
        f"{scores.swept} pairs. Every thing's mask, as target and as ToM, is made worse by a share of the square root "
        f"of its area and given to {MERGED.name!r}; scored on the true regions where both have a value."
    )
    return Table("masks", "Mask quality", caption, columns, rows)


def trap_tables(traps: TrapScores, ways: Iterable[Way]) -> list[Table]:
    """Every main way of merging against stereo, by kind of trap: beside a target, and as the target."""
    caption = (
        "RMSE on what could be taken for glass or a mirror and is none, where both have a value. Ways that take masks "
        "are given it as ToM, as a segmenter that was fooled would."
    )
    columns = (
        Column("pictures", "pictures", "", 0), *_COMPARED, Column("rest", "change", "%", 1, "rest of the picture")
    )  # fmt: skip
    tables = []
    for key, title, scores in (
        ("traps_beside", "The target is something else", traps.beside),
        ("traps_grasped", "The trap is the target", traps.grasped),
    ):
        rows = []
        for way in ways:
            for kind in (*(kind for kind in scores if kind != ALL_KINDS), ALL_KINDS):
                if way.name in scores[kind].inside.methods:
                    bait, rest = (
                        part.compare(way.name, STEREO) for part in (scores[kind].inside, scores[kind].outside)
                    )
                    numbers = _numbers(bait) | {"rest": rest.change, "pictures": float(bait.pictures)}
                    rows.append(Row(f"{way.name}: {kind}", numbers, "", kind == ALL_KINDS))
        tables.append(Table(key, title, caption, columns, rows))
    return tables


def set_checks(scores: SetScores) -> list[Check]:
    """The bars on a set with ToM things, those that there are methods for."""
    inside, outside = scores.methods.inside, scores.methods.outside
    checks = []
    if {BASE, TUNED} <= set(inside.methods):
        checks += [
            _change("tuned", "Fine-tuned mono lowers ToM RMSE by 30 %", inside, TUNED, BASE, -30),
            _change("tuned_other", "and raises that of others by no more than 3 %", outside, TUNED, BASE, 3),
        ]
    for way, it in ((BELIEVED, "The merge"), (MERGED, "The merge with evidence")):
        if way.name in inside.methods:
            key = "merged" if way is BELIEVED else "weighed"
            checks += [
                _change(key, f"{it} lowers stereo's ToM RMSE by 50 %", inside, way.name, STEREO, -50),
                _change(f"{key}_other", "and leaves that of others within 2 %", outside, way.name, STEREO, 2),
                _change(f"{key}_upright", "and beats the upright plane", inside, way.name, UPRIGHT, 0, beats=True),
                _change(f"{key}_ring", "and the plane of the ring around", inside, way.name, RING, 0, beats=True),
            ]
    return checks


def trap_checks(traps: TrapScores) -> list[Check]:
    """The bar on traps, for every way that weighs evidence, with the target elsewhere and with the trap as target."""
    told = {
        "own": (OWN.name, "its own masks"),
        "alone": (EVIDENCE.name, "no masks"),
        "fooled": (MERGED.name, "masks that call them ToM"),
    }
    checks = []
    for asked, scores in (("beside", traps.beside), ("grasped", traps.grasped)):
        where = "beside a target" if asked == "beside" else "as the target"
        for key, (name, how) in told.items():
            if name in (found := scores[ALL_KINDS].inside).methods:
                claim = f"A trap {where}, {how}: the merge by evidence is no worse than stereo"
                checks.append(_change(f"traps_{asked}_{key}", claim, found, name, STEREO, 0))
    return checks


def _change(
    key: str, claim: str, scores: RegionScores, name: str, other: str, bar: float, beats: bool = False
) -> Check:
    """The change from ``other`` to ``name`` against a bar in percent.

    Args:
        beats: the whole 95 % interval must lie below the bar, not the change alone.
    """
    found = scores.compare(name, other)
    text = (
        f"{found.other:.1f} to {found.rmse:.1f} mm, {found.change:+.1f} % [{found.low:+.1f}, {found.high:+.1f}], on "
        f"the {found.pixels:.0f} % of pixels that both answer; bar: {bar:+g} %"
    )
    lower = found.change <= bar
    if not beats:
        return Check(key, claim, text, lower)
    shown = found.high < bar
    return Check(key, claim, text, shown, open=lower and not shown)


def _numbers(comparison: Comparison) -> dict[str, float]:
    return {name: float(value) for name, value in asdict(comparison).items()}
