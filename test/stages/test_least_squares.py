from __future__ import annotations

import numpy as np

from depth_prompt_ros.stages.least_squares import least_squares

RNG = np.random.default_rng(0)
DESIGN, VALUES, WEIGHT = RNG.normal(size=(3, 50)), RNG.normal(size=50), RNG.random(50)


def test_it_is_least_squares() -> None:
    root = np.sqrt(WEIGHT)
    expected = np.linalg.lstsq((DESIGN * root).T, VALUES * root, rcond=None)[0]
    np.testing.assert_allclose(least_squares(DESIGN, VALUES, WEIGHT), expected, rtol=1e-10)
    np.testing.assert_allclose(least_squares(DESIGN, VALUES), np.linalg.lstsq(DESIGN.T, VALUES, rcond=None)[0])


def test_without_any_weight_nothing_is_chosen() -> None:
    np.testing.assert_array_equal(least_squares(DESIGN, VALUES, np.zeros(50)), np.zeros(3))


def test_of_many_answers_the_least() -> None:
    flat = DESIGN.copy()
    flat[1] = flat[2]
    np.testing.assert_allclose(least_squares(flat, flat[0] + 2 * flat[1]), [1, 1, 1])
