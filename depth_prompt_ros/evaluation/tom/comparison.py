"""Depth errors over a sequence with transparent, mirror and opaque objects."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from depth_prompt_ros.evaluation import metrics
from depth_prompt_ros.evaluation.methods import FOUND, MERGED, NOTES, PLANE, ROW_FILLED, STEREO
from depth_prompt_ros.evaluation.outcome import Depth, Outcome
from depth_prompt_ros.evaluation.pooled import PooledAnswers
from depth_prompt_ros.evaluation.table import Check, Column, Row, Table, at_most

_MM = 1000.0
_WHOLE_PICTURE = (STEREO, MERGED, FOUND)


class TomComparison:
    """Depth errors over the frames of a sequence with transparent, mirror and opaque objects."""

    def __init__(self) -> None:
        self._tom, self._opaque, self._elsewhere = PooledAnswers(), PooledAnswers(), PooledAnswers()
        self._objects: dict[int, PooledAnswers] = {}
        self._is_tom: dict[int, bool] = {}
        self._taken: dict[int, list[NDArray[np.bool_]]] = {}
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
            self._is_tom[label] = bool(tom[mask].mean() > 0.5)
            self._taken.setdefault(label, []).append(outcome.tom[mask])
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
        rows = [Row(name, self.scores(name), NOTES[name], name == MERGED) for name in self._methods]
        caption = (
            f"{self._frames} frames, {self._tom.truth().size:,} ToM pixels and {self._opaque.truth().size:,} of opaque "
            "objects. RMSE and median over the pixels with a value. All but ToM: the whole picture where stereo has a "
            "value; the distant room decides it."
        )
        return Table("depth", "Depth error", caption, columns, rows)

    def object_table(self) -> Table:
        """The same errors object by object, with the anchors that were used."""
        compared = {ROW_FILLED: "Row-filled stereo", PLANE: "Upright plane", MERGED: "Merged"}
        columns = [
            column
            for name, group in compared.items()
            for column in _error_columns(group.split()[0].lower(), group)
            if name == MERGED or column.title != "coverage"
        ]
        columns.append(Column("taken_for_tom", "taken for ToM", "%", 1))
        rows = []
        for label, pool in sorted(self._objects.items()):
            kind = "transparent or mirror" if self._is_tom[label] else "opaque"
            anchors = ", ".join(f"{kind} {n}x" for kind, n in self._anchors.get(label, Counter()).most_common())
            scores = {"taken_for_tom": 100 * self._taken_share(label)}
            for name, group in compared.items():
                scores |= _errors(pool, name, group.split()[0].lower())
            rows.append(Row(f"Object {label}, {kind}", scores, f"scale from: {anchors or 'nothing'}"))
        caption = (
            f"Every object over {self._frames} frames, what its metric scale was anchored to, and the share of its "
            "pixels that are taken for transparent or mirror."
        )
        return Table("objects", "Object by object", caption, columns, rows)

    def checks(self) -> list[Check]:
        """The bars on ToM pixels and on all others."""
        merged, stereo = self.scores(MERGED), self.scores(STEREO)
        opaque, opaque_before = self._measured_opaque(MERGED), self._measured_opaque(STEREO)
        tom, filled, share = self.tom_rmse_together(MERGED, ROW_FILLED)
        tom_beside_plane, plane, plane_share = self.tom_rmse_together(MERGED, PLANE)
        return [
            at_most(
                "half_of_stereo", "ToM error at most half of stereo's", tom, 0.5 * filled,
                "mm", f"half of row-filled stereo's RMSE, both on {share:.1f} % of the pixels",
            ),
            at_most(
                "plane", "ToM error below the network-free answer's", tom_beside_plane, plane,
                "mm", f"the upright plane's RMSE, both on {plane_share:.1f} % of the pixels",
            ),
            at_most(
                "others", "All but ToM no worse than 2 % over stereo", merged["other_rmse"],
                1.02 * stereo["other_rmse"], "mm", "stereo's RMSE + 2 %",
            ),
            at_most(
                "opaque", "Opaque objects no worse than 2 % over stereo", opaque, 1.02 * opaque_before,
                "mm", "stereo's RMSE where it has a value + 2 %",
            ),
        ]  # fmt: skip

    def _taken_share(self, *labels: int) -> float:
        taken = [pixels for label in labels for pixels in self._taken[label]]
        return float(np.concatenate(taken).mean()) if taken else float("nan")

    def _evidence_remark(self) -> str:
        kinds = {kind: [label for label, is_tom in self._is_tom.items() if is_tom == kind] for kind in (True, False)}
        missed = [label for label in kinds[True] if self._taken_share(label) < 0.5]
        remark = (
            f"Segmenter and evidence take {100 * self._taken_share(*kinds[True]):.0f} % of the pixels of ToM objects "
            f"for ToM, and {100 * self._taken_share(*kinds[False]):.0f} % of those of opaque ones, which without "
            "texture look to stereo like glass."
        )
        if missed:
            names = ", ".join(map(str, missed))
            remark += f" Mostly not recognised: object {names}; there the answer is what stereo sees, right or wrong."
        return remark

    def scores(self, name: str) -> dict[str, float]:
        """One method's errors in millimetres and coverage in percent, by region and measure, as in :meth:`table`."""
        scores = _errors(self._tom, name, "tom") | _errors(self._opaque, name, "opaque")
        if name in _WHOLE_PICTURE:
            scores["other_rmse"] = _MM * metrics.rmse(self._elsewhere.answer(name), self._elsewhere.truth())
        return scores

    def tom_rmse_together(self, *names: str) -> tuple[float, ...]:
        """Each method's RMSE in millimetres on the ToM pixels that all of them answer, and their share in percent."""
        answers, truth = [self._tom.answer(name) for name in names], self._tom.truth()
        together = np.asarray(np.isfinite(answers).all(axis=0))
        share = 100 * float(together.mean()) if together.size else float("nan")
        return *(_MM * metrics.rmse(answer, truth, together) for answer in answers), share

    def _measured_opaque(self, name: str) -> float:
        measured = np.isfinite(self._opaque.answer(STEREO))
        return _MM * metrics.rmse(self._opaque.answer(name), self._opaque.truth(), measured)

    def remarks(self) -> list[str]:
        """What the numbers say, good and bad."""
        merged, plane, stereo = (self.scores(name) for name in (MERGED, PLANE, STEREO))
        errors = (
            f"On glass and mirror the merged depth has a median error of {merged['tom_median']:.1f} mm and covers "
            f"{merged['tom_coverage']:.1f} %. Stereo alone is {stereo['tom_median']:.1f} mm off: it sees what is "
            "behind or mirrored."
        )
        remarks = [errors, _plane_remark(merged, plane)]
        refused = sum(anchors["refused"] for anchors in self._anchors.values())
        views = sum(sum(anchors.values()) for anchors in self._anchors.values())
        if refused:
            remarks.append(
                f"In {refused} of {views} views of a target the scale was refused, because it had no anchor: it "
                "is left as stereo saw it, holes and all."
            )
        remarks.append(self._evidence_remark())
        worst = max(
            self._objects, key=lambda label: np.nan_to_num(_errors(self._objects[label], MERGED, "")["_median"])
        )
        error = _errors(self._objects[worst], MERGED, "")["_median"]
        remarks.append(f"Worst is object {worst} with a median error of {error:.0f} mm.")
        if FOUND in self._methods:
            found = self.scores(FOUND)
            remarks.append(
                f"With nothing given the ToM median is {found['tom_median']:.1f} mm: targets are then "
                "found by the network for things, which misses glass. Give labels, a box or a point for it."
            )
        remarks.append(
            "These scenes come from the renderer that the network and its prompt were learned with, with other "
            "objects, textures and rooms. For real glass see depth-prompt evaluate cleargrasp."
        )
        return remarks


def scene_table(scenes: Mapping[str, TomComparison]) -> Table:
    """The errors that the bars are about, scene by scene.

    Args:
        scenes: by name, each with at least one frame.
    """
    columns = [
        Column("pixels", "answered by all", "%", 1, "RMSE on ToM objects"),
        Column("filled", "Row-filled stereo", "mm", 1, "RMSE on ToM objects"),
        Column("plane", "Upright plane", "mm", 1, "RMSE on ToM objects"),
        Column("merged", "Merged", "mm", 1, "RMSE on ToM objects"),
        Column("opaque_filled", "Row-filled stereo", "mm", 1, "RMSE on opaque objects"),
        Column("opaque_merged", "Merged", "mm", 1, "RMSE on opaque objects"),
        Column("bars", "met", "of 4", 0, "Bars"),
    ]
    rows = []
    for name, scene in scenes.items():
        filled, plane, merged, share = scene.tom_rmse_together(ROW_FILLED, PLANE, MERGED)
        scores = {
            "pixels": share, "filled": filled, "plane": plane, "merged": merged,
            "opaque_filled": scene.scores(ROW_FILLED)["opaque_rmse"],
            "opaque_merged": scene.scores(MERGED)["opaque_rmse"],
            "bars": sum(check.met for check in scene.checks()),
        }  # fmt: skip
        rows.append(Row(name, scores))
    caption = (
        "Other objects, textures, rooms and light than above, two frames each. ToM errors on the pixels that all three "
        "methods answer; bars: how many of those above are met."
    )
    return Table("scenes", "Does it hold in other scenes?", caption, columns, rows)


def scene_remark(scenes: Mapping[str, TomComparison]) -> str:
    """In how many other scenes the bars on ToM pixels are met too."""
    met = [{check.key for check in scene.checks() if check.met} for scene in scenes.values()]
    halved, beaten = (sum(key in keys for keys in met) for key in ("half_of_stereo", "plane"))
    return (
        f"Of {len(met)} other scenes, {halved} halve row-filled stereo's error on ToM objects and {beaten} beat the "
        "plane: how well it works depends on the objects."
    )


def _plane_remark(merged: Mapping[str, float], plane: Mapping[str, float]) -> str:
    rmse, median = merged["tom_rmse"] < plane["tom_rmse"], merged["tom_median"] < plane["tom_median"]
    numbers = (
        f"RMSE {merged['tom_rmse']:.1f} against {plane['tom_rmse']:.1f} mm, median {merged['tom_median']:.1f} against "
        f"{plane['tom_median']:.1f} mm"
    )
    if rmse and median:
        return f"The network-free upright plane is beaten: {numbers}."
    if rmse or median:
        return f"The network-free upright plane is beaten in one measure and not in the other: {numbers}."
    return f"The network-free upright plane is not beaten: {numbers}."


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
