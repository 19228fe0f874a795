"""Tables and bars: this package's answer beside stereo alone, mono alone and humble baselines."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

import numpy as np

from depth_prompt_ros.evaluation import metrics
from depth_prompt_ros.evaluation.baselines import constant_depth, fill_along_row, upright_plane
from depth_prompt_ros.evaluation.outcome import Depth, Outcome
from depth_prompt_ros.evaluation.pooled import PooledAnswers
from depth_prompt_ros.evaluation.report import Check, Column, Row, Table

STEREO = "Stereo alone"
ROW_FILLED = "Stereo, holes filled along the row"
PLANE = "Upright plane through the contact"
CONSTANT = "Constant depth"
MONO = "Mono alone"
MERGED = "Merged"
FOUND = "Merged, everything found by itself"

NOTES = {
    STEREO: "where it has a value",
    ROW_FILLED: "copied from the nearest matched pixel",
    PLANE: "no network",
    CONSTANT: "one value a target",
    MONO: "the fitted shape everywhere inside",
    MERGED: "what the planner gets",
    FOUND: "no labels given: targets and ToM from the pictures alone",
}

_RIGHT_PX = 1.0
_MOVED_PX = 0.01
_MM = 1000.0
_WHOLE_PICTURE = (STEREO, MERGED, FOUND)


def disparity_table(outcome: Outcome) -> tuple[Table, list[Check]]:
    """EPE, bad-2 and coverage in pixels over the target, over what stereo left empty, and over what it got right."""
    camera, target = outcome.camera, outcome.labels > 0
    truth = camera.disparity_from_depth(outcome.true_depth)
    depths = disparity_answers(outcome)
    answers = {name: camera.disparity_from_depth(depth) for name, depth in depths.items()}
    empty = ~np.isfinite(answers[STEREO])
    with np.errstate(invalid="ignore"):
        right = np.abs(answers[STEREO] - truth) <= _RIGHT_PX
    regions = {"target": target, "empty": target & empty, "right": target & right}
    known = np.isfinite(truth)
    scores: dict[str, dict[str, float]] = {name: {} for name in answers}
    for region, where in regions.items():
        for name, answer in answers.items():
            scores[name] |= {
                f"{region}_epe": metrics.epe(answer, truth, where & known),
                f"{region}_bad2": 100 * metrics.bad_n(answer, truth, where & known, 2.0),
                f"{region}_coverage": 100 * metrics.coverage(answer, where),
            }
    groups = {
        "target": "Target",
        "empty": "Left empty by stereo",
        "right": "Right in stereo",
    }
    columns = [
        column
        for region, group in groups.items()
        for column in (
            Column(f"{region}_epe", "EPE", "px", 2, group, brief=True),
            Column(f"{region}_bad2", "bad-2", "%", 1, group),
            Column(f"{region}_coverage", "coverage", "%", 1, group, brief=region == "target"),
        )
        if not (region == "right" and column.title != "EPE")
    ]
    rows = [Row(name, scores[name], NOTES[name], name == MERGED) for name in answers]
    caption = (
        f"{target.sum():,} target pixels, {(target & empty).sum():,} of them left empty by stereo, "
        f"{(target & right).sum():,} within {_RIGHT_PX:g} px of the truth. EPE over the pixels with a value; in bad-2 "
        "a missing value is a bad one."
    )
    moved = np.abs(answers[MERGED] - answers[STEREO])[target & right]
    share = 100 * float(np.mean(~(moved <= _MOVED_PX))) if moved.size else 0.0
    merged, filled = scores[MERGED], scores[ROW_FILLED]
    checks = [
        _at_least("coverage", "The target is covered", merged["target_coverage"], 99.0, "%"),
        _at_most(
            "filling", "Empty pixels are filled better than along the row", merged["empty_epe"], filled["empty_epe"],
            "px", "row filling's EPE",
        ),
        Check(
            "kept", "Pixels that stereo got right stay as they are",
            f"{share:.2f} % of them moved by more than {_MOVED_PX:g} px", share == 0.0,
        ),
    ]  # fmt: skip
    return Table("disparity", "Disparity error", caption, columns, rows), checks


def disparity_answers(outcome: Outcome) -> dict[str, Depth]:
    """Depth by method for a pair without ToM truth; rows are filled in disparity."""
    camera = outcome.camera
    filled = fill_along_row(camera.disparity_from_depth(outcome.stereo))
    return {
        STEREO: outcome.stereo,
        ROW_FILLED: camera.depth_from_disparity(filled),
        MONO: outcome.mono,
        MERGED: outcome.merged,
    }


def tom_answers(outcome: Outcome) -> dict[str, Depth]:
    """Depth by method for a frame with ToM objects."""
    answers = disparity_answers(outcome)
    plane, constant = np.full_like(outcome.stereo, np.nan), np.full_like(outcome.stereo, np.nan)
    for label in np.unique(outcome.labels[outcome.labels > 0]):
        mask = outcome.labels == label
        for canvas, found in (
            (plane, upright_plane(outcome.camera, mask, outcome.measurement, outcome.stamp_ns)),
            (constant, constant_depth(outcome.stereo, mask)),
        ):
            canvas[mask] = found[mask]
    return {
        STEREO: answers[STEREO], ROW_FILLED: answers[ROW_FILLED], CONSTANT: constant, PLANE: plane,
        MONO: answers[MONO], MERGED: answers[MERGED],
    }  # fmt: skip


class TomComparison:
    """Depth errors over the frames of a sequence with transparent, mirror and opaque objects."""

    def __init__(self) -> None:
        self._tom, self._opaque, self._elsewhere = PooledAnswers(), PooledAnswers(), PooledAnswers()
        self._objects: dict[int, PooledAnswers] = {}
        self._tom_share: dict[int, float] = {}
        self._anchors: dict[int, Counter[str]] = {}
        self._methods: list[str] = []
        self._frames = 0

    def add(self, outcome: Outcome, answers: Mapping[str, Depth]) -> None:
        """Take one frame; the regions are the true ones, so a target that was not found counts as missing.

        Args:
            outcome: with true labels and true ToM.
            answers: (H, W) depth by method, among them stereo alone, row-filled stereo, the plane and merged.
        """
        assert outcome.true_labels is not None and outcome.true_tom is not None
        objects, tom = outcome.true_labels > 0, outcome.true_tom
        self._methods, self._frames = list(answers), self._frames + 1
        self._tom.add(outcome.true_depth, answers, objects & tom)
        self._opaque.add(outcome.true_depth, answers, objects & ~tom)
        measured = {name: answers[name] for name in _WHOLE_PICTURE if name in answers}
        self._elsewhere.add(outcome.true_depth, measured, ~tom & np.isfinite(outcome.stereo))
        for label in np.unique(outcome.true_labels[objects]).tolist():
            mask = outcome.true_labels == label
            self._tom_share[label] = float(tom[mask].mean())
            self._objects.setdefault(label, PooledAnswers()).add(outcome.true_depth, answers, mask)
            if label in outcome.anchors:
                self._anchors.setdefault(label, Counter())[outcome.anchors[label].kind] += 1

    def table(self) -> Table:
        """RMSE, median error and coverage on ToM and on opaque objects; RMSE on all that stereo measured."""
        columns = [
            column
            for region, group in (("tom", "ToM objects"), ("opaque", "Opaque objects"))
            for column in _error_columns(region, group)
        ]
        columns.append(Column("other_rmse", "RMSE", "mm", 2, "All but ToM"))
        rows = [Row(name, self._scores(name), NOTES[name], name == MERGED) for name in self._methods]
        caption = (
            f"{self._frames} frames, {self._tom.truth().size:,} ToM pixels and {self._opaque.truth().size:,} of opaque "
            "objects. RMSE and median over the pixels with a value. All but ToM: the whole picture where stereo has a "
            "value."
        )
        return Table("depth", "Depth error", caption, columns, rows)

    def object_table(self) -> Table:
        """The same errors object by object, with the anchors that were used."""
        compared = (ROW_FILLED, PLANE, MERGED)
        columns = [
            column
            for number, name in enumerate(compared)
            for column in _error_columns(f"{number}", name)
            if name == MERGED or column.title != "coverage"
        ]
        rows = []
        for label, pool in sorted(self._objects.items()):
            kind = "transparent or mirror" if self._tom_share[label] > 0.5 else "opaque"
            anchors = ", ".join(f"{kind} {n}x" for kind, n in self._anchors.get(label, Counter()).most_common())
            scores: dict[str, float] = {}
            for number, name in enumerate(compared):
                scores |= _errors(pool, name, f"{number}")
            rows.append(Row(f"Object {label}, {kind}", scores, f"scale from: {anchors or 'nothing'}"))
        caption = f"Every object over {self._frames} frames, and what its metric scale was anchored to."
        return Table("objects", "Object by object", caption, columns, rows)

    def checks(self) -> list[Check]:
        """The bars on ToM pixels and on all others."""
        merged, filled, plane, stereo = (self._scores(name) for name in (MERGED, ROW_FILLED, PLANE, STEREO))
        opaque, opaque_before = self._measured_opaque(MERGED), self._measured_opaque(STEREO)
        return [
            _at_most(
                "half_of_stereo", "ToM error at most half of stereo's", merged["tom_rmse"], 0.5 * filled["tom_rmse"],
                "mm", "half of row-filled stereo's RMSE",
            ),
            _at_most(
                "plane", "ToM error below the network-free answer's", merged["tom_rmse"], plane["tom_rmse"],
                "mm", "the upright plane's RMSE",
            ),
            _at_most(
                "others", "All but ToM no worse than 2 % over stereo", merged["other_rmse"],
                1.02 * stereo["other_rmse"], "mm", "stereo's RMSE + 2 %",
            ),
            _at_most(
                "opaque", "Opaque objects no worse than 2 % over stereo", opaque, 1.02 * opaque_before,
                "mm", "stereo's RMSE where it has a value + 2 %",
            ),
        ]  # fmt: skip

    def _scores(self, name: str) -> dict[str, float]:
        scores = _errors(self._tom, name, "tom") | _errors(self._opaque, name, "opaque")
        if name in _WHOLE_PICTURE:
            scores["other_rmse"] = _MM * metrics.rmse(self._elsewhere.answer(name), self._elsewhere.truth())
        return scores

    def _measured_opaque(self, name: str) -> float:
        measured = np.isfinite(self._opaque.answer(STEREO))
        return _MM * metrics.rmse(self._opaque.answer(name), self._opaque.truth(), measured)


def _error_columns(region: str, group: str) -> tuple[Column, Column, Column]:
    return (
        Column(f"{region}_rmse", "RMSE", "mm", 1, group, brief=True),
        Column(f"{region}_median", "median", "mm", 1, group, brief=region == "tom"),
        Column(f"{region}_coverage", "coverage", "%", 1, group),
    )


def _errors(pool: PooledAnswers, name: str, region: str) -> dict[str, float]:
    truth, answer = pool.truth(), pool.answer(name)
    valid = np.isfinite(answer)
    error = np.abs(answer - truth)[valid]
    return {
        f"{region}_rmse": _MM * metrics.rmse(answer, truth, valid),
        f"{region}_median": _MM * float(np.median(error)) if error.size else np.nan,
        f"{region}_coverage": 100 * float(valid.mean()) if valid.size else np.nan,
    }


def _at_most(key: str, claim: str, found: float, bar: float, unit: str, bar_name: str) -> Check:
    return Check(key, claim, f"{found:.2f} {unit}; bar: {bar:.2f} {unit}, {bar_name}", found <= bar)


def _at_least(key: str, claim: str, found: float, bar: float, unit: str) -> Check:
    return Check(key, claim, f"{found:.2f} {unit}; bar: {bar:.2f} {unit}", found >= bar)
