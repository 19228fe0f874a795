"""Masks whose edges follow the picture's."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from depth_prompt_ros.stages.guided_mask import follow_edges, guided_filter


def iou(found: np.ndarray, truth: np.ndarray) -> float:
    return float((found & truth).sum() / (found | truth).sum())


def disc(radius: int) -> np.ndarray:
    drawn = np.zeros((240, 320), np.uint8)
    cv2.circle(drawn, (150, 110), radius, 1, cv2.FILLED)
    return drawn > 0


@pytest.mark.parametrize("said", [54, 46])
def test_a_mask_that_is_too_large_or_too_small_gets_the_edge_of_the_picture(said: int) -> None:
    noise = np.random.default_rng(0).normal(0, 8, (240, 320, 3))
    picture = (np.where(disc(50)[..., None], (150, 60, 60), (60, 110, 60)) + noise).clip(0, 255).astype(np.uint8)
    found = follow_edges(picture, disc(said), (256, 192), 17)
    assert 1 - iou(found, disc(50)) < 0.4 * (1 - iou(disc(said), disc(50)))


def test_colours_of_the_same_brightness_are_told_apart() -> None:
    picture = np.where(disc(50)[..., None], (160, 80, 90), (80, 121, 90)).astype(np.uint8)
    grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)
    assert int(grey.max()) - int(grey.min()) <= 1
    assert iou(follow_edges(picture, disc(53), (256, 192), 17), disc(50)) > 0.96


def test_where_nothing_is_seen_the_mask_stays_what_it_is() -> None:
    """Without edges a window says its mean, so a straight edge stays where it is."""
    mask = np.zeros((240, 320), np.bool_)
    mask[:, :160] = True
    found = follow_edges(np.full((240, 320, 3), 90, np.uint8), mask, (256, 192), 13)
    assert np.count_nonzero(found != mask) <= 240


def test_an_empty_mask_stays_empty_and_a_mask_at_the_border_follows_edges_there() -> None:
    picture = np.where(disc(50)[..., None], (150, 60, 60), (60, 110, 60)).astype(np.uint8)
    assert not follow_edges(picture, np.zeros((240, 320), np.bool_), (256, 192), 17).any()
    right, said = np.s_[:, 150:], disc(53)
    found = follow_edges(np.ascontiguousarray(picture[right]), np.ascontiguousarray(said[right]), (136, 192), 17)
    assert iou(found, disc(50)[right]) > 0.96


def test_single_pixels_of_noise_are_no_part_of_the_mask() -> None:
    picture = np.where(disc(50)[..., None], (150, 60, 60), (60, 110, 60)).astype(np.uint8)
    clean = follow_edges(picture, disc(50), (256, 192), 17)
    picture[20:-20:9, 20:-20:9] = (150, 60, 60)
    noisy = follow_edges(picture, disc(50), (256, 192), 17)
    assert np.count_nonzero(noisy != clean) < 0.02 * clean.sum()


def test_the_answer_is_the_guided_filter_of_the_equations() -> None:
    """Against windows solved one by one (He et al. 2010, equations 19 to 21), away from the picture's border."""
    rng = np.random.default_rng(3)
    picture = rng.integers(0, 255, (24, 30, 3), dtype=np.uint8)
    mask = rng.random((24, 30)) > 0.5
    found = guided_filter(picture, mask, (30, 24), 5)
    colour = picture.astype(np.float64) / 255
    slopes, shifts = np.zeros((24, 30, 3)), np.zeros((24, 30))
    for row in range(2, 22):
        for column in range(2, 28):
            part = np.s_[row - 2 : row + 3, column - 2 : column + 3]
            seen, said = colour[part].reshape(-1, 3), mask[part].ravel()
            spread = np.cov(seen.T, bias=True) + 3e-4 * np.eye(3)
            slopes[row, column] = np.linalg.solve(spread, (seen * said[:, None]).mean(0) - seen.mean(0) * said.mean())
            shifts[row, column] = said.mean() - slopes[row, column] @ seen.mean(0)
    for row, column in ((6, 6), (12, 15), (17, 23)):
        part = np.s_[row - 2 : row + 3, column - 2 : column + 3]
        expected = slopes[part].reshape(-1, 3).mean(0) @ colour[row, column] + shifts[part].mean()
        assert found[row, column] == pytest.approx(expected, abs=2e-4)
