"""The report's numbers are what an independent calculation gives."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("PIL")
pytest.importorskip("jinja2")

from outcomes import made_up_outcome

from depth_prompt_ros.evaluation.methods import (
    FOUND,
    MERGED,
    MONO,
    PLANE,
    ROW_FILLED,
    STEREO,
    stereo_answers,
    tom_answers,
)
from depth_prompt_ros.evaluation.stereo.comparison import DisparityComparison
from depth_prompt_ros.evaluation.table import Table, at_least, at_most
from depth_prompt_ros.evaluation.tom.comparison import TomComparison, scene_remark, scene_table


def values(table: Table, name: str) -> dict[str, float]:
    (row,) = (row for row in table.rows if row.name == name)
    return {column.key: row.values.get(column.key) for column in table.columns}


@pytest.fixture
def outcome():
    return made_up_outcome()


def compared(outcome) -> DisparityComparison:
    return DisparityComparison(outcome, stereo_answers(outcome))


def verdicts(outcome) -> dict[str, bool]:
    return {check.key: check.met for check in compared(outcome).checks()}


def test_disparity_by_hand(outcome) -> None:
    table = compared(outcome).table()
    stereo, filled, merged = (values(table, name) for name in (STEREO, ROW_FILLED, MERGED))
    # Disparity is 10 / depth. 600 pixels at 1 m less a hole of 20, and 600 at 1.25 m, through which 2 m is seen.
    opaque, glass = 10 / 1.0 - 10 / 1.005, 10 / 1.25 - 10 / 2.0
    assert stereo["target_epe"] == pytest.approx((580 * opaque + 600 * glass) / 1180, rel=1e-4)
    assert stereo["target_bad2"] == pytest.approx(100 * (600 + 20) / 1200)
    assert stereo["target_coverage"] == pytest.approx(100 * 1180 / 1200)
    assert np.isnan(stereo["empty_epe"])
    assert stereo["empty_coverage"] == 0
    assert filled["empty_epe"] == pytest.approx(opaque, rel=1e-3)
    assert merged["empty_epe"] == pytest.approx(10 / 1.0 - 10 / 1.02, rel=1e-3)
    assert merged["right_epe"] == stereo["right_epe"] == pytest.approx(opaque, rel=1e-3)
    assert merged["target_coverage"] == 100


def test_disparity_bars(outcome) -> None:
    assert verdicts(outcome) == {"coverage": True, "filling": False, "kept": True}
    better = replace(outcome, merged=np.where(np.isnan(outcome.stereo), outcome.true_depth, outcome.merged))
    assert verdicts(better)["filling"]
    moved = outcome.merged.copy()
    moved[25, 12] += 0.01
    assert not verdicts(replace(outcome, merged=moved))["kept"]
    lost = outcome.merged.copy()
    lost[25, 12] = np.nan
    assert not verdicts(replace(outcome, merged=lost))["kept"]
    lost[outcome.labels == 1] = np.nan
    assert not verdicts(replace(outcome, merged=lost))["coverage"]


def test_row_filling_copies_and_never_moves(outcome) -> None:
    filled = stereo_answers(outcome)[ROW_FILLED]
    measured = np.isfinite(outcome.stereo)
    np.testing.assert_allclose(filled[measured], outcome.stereo[measured], rtol=1e-6)
    np.testing.assert_allclose(filled[32, 17], 1.005, rtol=1e-6)


def test_tom_errors_are_recomputed_over_all_frames(outcome) -> None:
    frames = [outcome, replace(outcome, stamp_ns=8, merged=outcome.merged + np.float32(0.01))]
    comparison = TomComparison()
    for frame in frames:
        comparison.add(frame, tom_answers(frame) | {FOUND: np.full_like(frame.merged, np.nan)})
    table = comparison.table()
    for name in (STEREO, ROW_FILLED, MONO, MERGED):
        for region, where in (("tom", outcome.true_tom), ("opaque", (outcome.labels > 0) & ~outcome.true_tom)):
            error = np.concatenate([1000 * np.abs(tom_answers(f)[name] - f.true_depth)[where] for f in frames])
            valid = error[~np.isnan(error)].astype(np.float64)
            found = values(table, name)
            assert found[f"{region}_rmse"] == pytest.approx(np.sqrt(np.mean(valid**2)), rel=1e-5)
            assert found[f"{region}_median"] == pytest.approx(np.median(valid), rel=1e-5)
            assert found[f"{region}_coverage"] == pytest.approx(100 * len(valid) / len(error))
    elsewhere = ~outcome.true_tom & np.isfinite(outcome.stereo)
    error = np.concatenate([(f.merged - f.true_depth)[elsewhere] for f in frames]).astype(np.float64)
    assert values(table, MERGED)["other_rmse"] == pytest.approx(1000 * np.sqrt(np.mean(error**2)), rel=1e-4)
    nothing = values(table, FOUND)
    assert nothing["tom_coverage"] == 0
    assert np.isnan(nothing["tom_rmse"])


def test_tom_bars(outcome) -> None:
    def tom_verdicts(frame) -> dict[str, bool]:
        comparison = TomComparison()
        comparison.add(frame, tom_answers(frame) | {PLANE: np.full_like(frame.merged, 1.4)})
        return {check.key: check.met for check in comparison.checks()}

    assert tom_verdicts(outcome) == {"half_of_stereo": True, "plane": True, "others": True, "opaque": True}
    worse = np.where(outcome.true_tom, np.float32(1.25 + 0.5), outcome.merged)
    assert tom_verdicts(replace(outcome, merged=worse)) == {
        "half_of_stereo": False, "plane": False, "others": True, "opaque": True
    }  # fmt: skip
    moved = np.where(outcome.labels == 1, np.float32(1.01), outcome.merged)
    spoilt = tom_verdicts(replace(outcome, merged=moved))
    assert not spoilt["opaque"]
    assert not spoilt["others"]
    missing = np.where(outcome.true_tom, np.float32(np.nan), outcome.merged)
    assert not tom_verdicts(replace(outcome, merged=missing))["half_of_stereo"], "no answer meets no bar"


def test_objects_name_their_anchor(outcome) -> None:
    comparison = TomComparison()
    comparison.add(outcome, tom_answers(outcome))
    first, second = comparison.object_table().rows
    assert "opaque" in first.name
    assert "inside 1x" in first.note
    assert "transparent" in second.name
    assert "support 1x" in second.note


def test_remarks_follow_the_numbers(outcome) -> None:
    def said(frame) -> str:
        comparison = TomComparison()
        comparison.add(frame, tom_answers(frame) | {PLANE: np.full_like(frame.merged, 1.4)})
        return " ".join(comparison.remarks())

    assert "plane is beaten" in said(outcome)
    assert "refused" not in said(outcome)
    worse = replace(outcome, merged=np.where(outcome.true_tom, np.float32(1.6), outcome.merged))
    assert "plane is not beaten" in said(worse)
    refused = {label: replace(anchor, kind="refused") for label, anchor in outcome.anchors.items()}
    assert "In 2 of 2 views" in said(replace(outcome, anchors=refused))
    assert "worse than copying" in " ".join(compared(outcome).remarks())


def test_no_number_meets_no_bar() -> None:
    assert not at_most("key", "claim", float("nan"), 1.0, "mm", "bar").met
    assert not at_most("key", "claim", 1.0, float("nan"), "mm", "bar").met
    assert not at_least("key", "claim", float("nan"), 1.0, "%").met
    assert at_most("key", "claim", 1.0, 1.0, "mm", "bar").met


def test_bars_compare_the_same_pixels(outcome) -> None:
    comparison = TomComparison()
    half = outcome.true_tom & (np.arange(80) < 60)
    plane = np.where(half, np.float32(1.25 + 0.1), np.float32(np.nan))
    merged = np.where(half, np.float32(1.25 + 0.03), np.float32(9.0))
    comparison.add(replace(outcome, merged=merged), tom_answers(outcome) | {PLANE: plane, MERGED: merged})
    *errors, share = comparison.tom_rmse_together(MERGED, PLANE)
    assert errors == pytest.approx([30.0, 100.0], rel=1e-4)
    assert share == pytest.approx(50.0)


def test_scenes_are_counted(outcome) -> None:
    def scene(frame) -> TomComparison:
        comparison = TomComparison()
        comparison.add(frame, tom_answers(frame) | {PLANE: np.full_like(frame.merged, 1.4)})
        return comparison

    worse = replace(outcome, merged=np.where(outcome.true_tom, np.float32(1.6), outcome.merged))
    scenes = {"Scene 2": scene(outcome), "Scene 3": scene(worse)}
    good, bad = (values(scene_table(scenes), name) for name in scenes)
    assert good["bars"] == 4
    assert bad["bars"] == 3
    assert bad["merged"] == pytest.approx(350, rel=1e-4)
    assert good["plane"] == pytest.approx(150, rel=1e-4)
    assert "Of 2 other scenes, 2 halve row-filled stereo's error on ToM objects and 1 beat" in scene_remark(scenes)
