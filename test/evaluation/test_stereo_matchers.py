"""Stereo matchers are scored alone and merged, region by region, and what fine-tuning brings is checked."""

from __future__ import annotations

import numpy as np
import pytest

from depth_prompt_ros.data.sets.stereo_set import StereoSet
from depth_prompt_ros.evaluation.stereo import matchers as stereo_matchers
from depth_prompt_ros.evaluation.stereo.matchers import Matcher, matcher_tables, score_matchers, tuning_checks
from depth_prompt_ros.parameters import Parameters, StereoParameters

SIZE = (120, 160)


def wall(disparity: int = 16) -> StereoSet:
    """Two pairs of a textured wall with a patch of it that is said to be 8 px nearer and ToM."""
    rng = np.random.default_rng(0)
    texture = rng.integers(0, 255, (2, SIZE[0], SIZE[1] + disparity, 3)).astype(np.uint8)
    depths = np.full((2, *SIZE), 100 * 0.1 / disparity, np.float32)
    tom = np.zeros((2, *SIZE), bool)
    tom[:, 40:90, 60:110] = True
    depths[tom] = 100 * 0.1 / (disparity + 8)
    cameras = np.tile(np.array([100, 100, 79.5, 59.5, 0.1], np.float32), (2, 1))
    return StereoSet(texture[:, :, :-disparity], texture[:, :, disparity:], depths, tom.astype(np.uint8), tom, cameras)


def test_block_matching_sees_the_wall_and_the_merge_is_scored_beside_it() -> None:
    calls = []
    matchers = [Matcher("SGBM", StereoParameters()), Matcher("wide", StereoParameters(num_disparities=64))]
    means = score_matchers(wall(), matchers, Parameters(), done=lambda *counts: calls.append(counts))
    assert calls == [(1, 4), (2, 4), (3, 4), (4, 4)]
    alone = means["SGBM"][""]
    assert alone["Other"]["epe"] < 0.2
    assert alone["Other"]["coverage"] > 70
    assert alone["ToM"]["bad_6"] > 99 and alone["ToM"]["epe"] == pytest.approx(8, abs=0.2)
    assert set(means["wide"]) == {"", stereo_matchers.MERGED}
    tables = matcher_tables(means, 2)
    assert [table.title for table in tables] == ["All", "ToM", "Other"]
    assert [row.name for row in tables[1].rows] == ["SGBM", "wide", "SGBM, merged", "wide, merged"]
    assert tables[2].rows[0].values == alone["Other"]
    for region in stereo_matchers.REGIONS:
        assert alone[region]["bad_2_low"] <= alone[region]["bad_2"] <= alone[region]["bad_2_high"]
    assert tables[0].columns[-1].key == "bad_2_high"


def test_every_second_pair_is_half_of_them() -> None:
    calls = []
    score_matchers(wall(), [Matcher("SGBM", StereoParameters())], Parameters(), 2, lambda *counts: calls.append(counts))
    assert calls == [(1, 1)]


@pytest.mark.parametrize(("tom", "other", "met"), [(55, 20.5, (True, True)), (57, 20.7, (False, False))])
def test_fine_tuning_has_to_help_tom_and_not_to_harm_the_rest(tom, other, met) -> None:
    def scores(tom: float, other: float):
        return {"": {"ToM": {"bad_2": tom}, "Other": {"bad_2": other}}}

    checks = tuning_checks({"base": scores(80, 20), "tuned": scores(tom, other)}, "base", "tuned")
    assert tuple(check.met for check in checks) == met
