"""What is hidden, and rows on shapes by formula: what must be right is right, and what must be wrong is wrong."""

from __future__ import annotations

import numpy as np
import pytest
from hidden_scenes import ball, card, error, seen
from standing import CAMERA

from depth_prompt_ros.evaluation.hidden.choice import with_outline
from depth_prompt_ros.evaluation.hidden.errors import figures
from depth_prompt_ros.evaluation.hidden.holes import BLOBS, GLASS, SIDE, WHOLE, hidden_part
from depth_prompt_ros.evaluation.hidden.rows import (
    ANCHORED,
    BLOCK,
    CONSTANT,
    MEAN,
    OUTLINE,
    OWN_PIXELS,
    OWN_PLANE,
    UPRIGHT,
    filled,
    merged,
    shapes,
)
from depth_prompt_ros.evaluation.scenes.scores import Errors, RegionErrors
from depth_prompt_ros.evaluation.silhouettes import outline_on_anchor


def test_a_side_is_half_of_the_thing_each_number_another_one() -> None:
    mask = np.zeros((40, 60), np.bool_)
    mask[10:30, 20:50] = True
    for number, part in enumerate((np.s_[:, 20:35], np.s_[:, 35:50], np.s_[10:20], np.s_[20:30])):
        hidden = hidden_part(mask, SIDE, number)
        np.testing.assert_array_equal(hidden[part], mask[part])
        assert hidden.sum() == mask.sum() / 2


def test_blobs_hide_half_all_over_and_the_same_ones_again() -> None:
    _, mask = ball()
    hidden = hidden_part(mask, BLOBS, 3)
    assert not (hidden & ~mask).any()
    assert 0.5 <= hidden.sum() / mask.sum() < 0.56
    middle = np.median(np.nonzero(mask), axis=1).astype(int)
    for quarter in (np.s_[: middle[0], : middle[1]], np.s_[middle[0] :, middle[1] :]):
        assert 0.15 < hidden[quarter].sum() / mask[quarter].sum() < 0.85
    np.testing.assert_array_equal(hidden, hidden_part(mask, BLOBS, 3))
    assert (hidden != hidden_part(mask, BLOBS, 4)).any()
    for case in (WHOLE, GLASS):
        np.testing.assert_array_equal(hidden_part(mask, case, 3), mask)


@pytest.mark.parametrize("case", [SIDE, BLOBS])
@pytest.mark.parametrize("number", [0, 1, 2, 3])
def test_a_card_is_its_own_plane_and_no_constant(case, number) -> None:
    depth, mask = card()
    view, hidden = seen(depth, mask, case, number)
    found = filled(view)
    assert error(found[OWN_PLANE], depth, hidden) < 0.1
    assert error(found[OWN_PIXELS], depth, hidden) < 10
    assert error(found[CONSTANT], depth, hidden) > 25


def test_a_wholly_hidden_card_stands_upright_on_its_contact() -> None:
    depth, mask = card()
    view, hidden = seen(depth, mask, WHOLE)
    found = merged(view, shapes(view))
    assert error(found[UPRIGHT], depth, hidden) < 10
    assert error(found[OUTLINE], depth, hidden) > 20  # which is flat, and no half cylinder
    left = filled(view)
    assert error(left[CONSTANT], depth, hidden) > 50  # its foot's depth, for nothing is left
    assert np.isnan(left[OWN_PLANE]).all()
    assert np.isnan(left[OWN_PIXELS]).all()


@pytest.mark.parametrize("case", [SIDE, BLOBS])
@pytest.mark.parametrize("number", [0, 1, 2, 3])
def test_a_ball_is_its_inflated_outline_on_what_is_left_and_no_plane(case, number) -> None:
    depth, mask = ball()
    view, hidden = seen(depth, mask, case, number)
    assert error(merged(view, shapes(view))[ANCHORED], depth, hidden) < 5.3
    found = filled(view)
    assert error(found[OWN_PLANE], depth, hidden) > 15
    assert error(found[CONSTANT], depth, hidden) > 12


def test_the_mean_lies_between_block_and_outline() -> None:
    depth, mask = ball()
    view, _ = seen(depth, mask, WHOLE)
    found = shapes(view)
    np.testing.assert_allclose(found[MEAN][mask], (found[BLOCK][mask] + found[OUTLINE][mask]) / 2, rtol=1e-5)
    assert (found[BLOCK][mask] != found[OUTLINE][mask]).any()


def test_an_outline_without_anchor_is_no_answer() -> None:
    depth, mask = ball()
    view, _ = seen(np.where(mask, depth, np.float32(np.nan)), mask, WHOLE)  # nothing is measured anywhere
    assert np.isnan(outline_on_anchor(CAMERA, mask, mask, mask, view.measurement, 0)).all()


@pytest.mark.parametrize("wrong", ["network", "outline"])
def test_the_choice_takes_the_outline_where_it_foretells_withheld_pixels_best(wrong) -> None:
    """A ball whose left is hidden: one shape is the ball, the other one is hollow where the ball is round."""
    depth, mask = ball()
    view, hidden = seen(depth, mask, SIDE, 0)
    hollow = (2 * np.median(depth[mask]) - depth).astype(np.float32)
    network, outline = (hollow, depth) if wrong == "network" else (depth, hollow)
    answers = {name: merged(view, {name: shape})[name] for name, shape in (("net", network), ("out", outline))}
    network, outline = (np.where(mask, shape, np.float32(np.nan)) for shape in (network, outline))
    found = with_outline(view, answers["net"], network, outline, answers["out"])
    assert error(found, depth, hidden) < 2
    assert error(answers["net" if wrong == "network" else "out"], depth, hidden) > 10
    np.testing.assert_array_equal(found[~hidden], answers["net"][~hidden])


def test_where_nothing_is_left_there_is_no_choice() -> None:
    depth, mask = ball()
    view, _ = seen(depth, mask, WHOLE)
    np.testing.assert_array_equal(with_outline(view, depth + 1, depth + 1, depth, depth), depth + 1)


def test_a_row_is_a_mean_over_things_not_over_pixels() -> None:
    """Two things of 10 and 1000 pixels, 20 and 10 mm off, ours 5 and 10; a third that the row does not answer."""
    one = {"row": RegionErrors(10, 10, Errors(4000, 10), Errors(4000, 10), Errors(250, 10))}
    two = {"row": RegionErrors(1000, 500, Errors(5e4, 500), Errors(5e4, 500), Errors(5e4, 500))}
    three = {"row": RegionErrors(90, 0)}
    found = figures([one, two, three], "row")
    assert (found["things"], found["rmse"], found["median"]) == (2, 15, 15)
    assert found["coverage"] == pytest.approx(100 * 510 / 1100)
    assert (found["shared"], found["ours"], found["change"]) == pytest.approx((15, 7.5, -50))
    assert found["low"] == pytest.approx(-75)  # both draws the first thing
    assert found["high"] == pytest.approx(0)


def test_errors_are_where_it_was_hidden_and_known_and_pairs_where_both_answer() -> None:
    truth = np.array([[1, 1, 1, np.nan, 1]], np.float32)
    row = np.array([[1.01, np.nan, 1.03, 9, 9]], np.float32)
    ours = np.array([[np.nan, 1, 1.02, 1, 1]], np.float32)
    found = RegionErrors.of(row, ours, truth, np.array([[1, 1, 1, 1, 0]], np.bool_))
    assert (found.known, found.answered, found.shared.pixels) == (3, 2, 1)
    assert found.own.rmse == pytest.approx(np.sqrt((10**2 + 30**2) / 2), rel=1e-3)
    assert (found.shared.rmse, found.other.rmse) == pytest.approx((30, 20), rel=1e-3)
