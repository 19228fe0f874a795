"""Figures of masks, against counting by hand; ClearGrasp's scenes one by one."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from depth_prompt_ros.data.sets.tom_mask_set import TomMaskSet
from depth_prompt_ros.errors import BadInput
from depth_prompt_ros.evaluation.mask_counts import MaskCounts
from depth_prompt_ros.evaluation.tom.masks import evaluate_tom_masks


def test_figures_of_ten_pixels() -> None:
    truth = np.array([1, 1, 1, 1, 0, 0, 0, 0, 0, 0])
    found = np.array([255, 255, 255, 0, 255, 0, 0, 0, 0, 0])
    counts = MaskCounts.of(found, truth)
    assert counts == MaskCounts(hits=3, false_alarms=1, misses=1, rejections=5)
    assert counts.figures() == {
        "iou": 0.6, "precision": 0.75, "recall": 0.75, "false_alarm_rate": 0.1667, "balanced_error": 0.2083
    }  # fmt: skip
    assert (counts + counts).figures() == counts.figures()
    nothing = MaskCounts.of(found, 0 * truth)
    assert nothing.false_alarm_rate == pytest.approx(0.4)
    assert np.isnan(nothing.recall)
    assert np.isnan(MaskCounts().iou)


@pytest.fixture
def two_pictures(tmp_path):
    def fill(aside) -> None:
        made = TomMaskSet.open(aside, mode="r+")
        made.pictures[0, 2:6, 2:6], made.tom[0, 2:6, 2:6] = 255, True
        made.pictures[1, :4] = 255

    TomMaskSet.open_or_make(tmp_path / "set", {}, 2, (8, 8), fill)
    return tmp_path / "set"


def test_a_sets_pixels_are_counted_together_and_painted_by_their_verdict(two_pictures, tmp_path) -> None:
    sheet = tmp_path / "sheet.png"
    (result,) = evaluate_tom_masks(two_pictures, lambda picture: picture[..., 0] > 127, sheet)
    assert (result.name, result.pictures) == ("set", 2)
    assert 0 <= result.seconds < 1
    assert result.counts == MaskCounts(hits=16, false_alarms=32, misses=0, rejections=80)
    painted = cv2.imread(str(sheet))[..., ::-1].astype(int)
    red, green = (painted[..., one] - painted[..., other] > 60 for one, other in ((0, 1), (1, 0)))
    assert red[320:640, 324:644].sum() > 1.8 * green[320:640, :320].sum() > 0
    with pytest.raises(BadInput, match=r"cannot write .*sheet\.txt"):
        evaluate_tom_masks(two_pictures, lambda picture: picture[..., 0] > 127, tmp_path / "sheet.txt")
