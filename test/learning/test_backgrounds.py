"""Backgrounds are compared by what the network says of the target, whatever the graph does around it."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

pytest.importorskip("jinja2")
pytest.importorskip("PIL")

from outcomes import CAMERA, made_up_outcome

from depth_prompt_ros.camera import VirtualCamera
from depth_prompt_ros.evaluation.background.backgrounds import (
    BACKGROUNDS,
    CONSTANT,
    FITTED,
    BackgroundComparison,
    background_errors,
)

SIZE = 48
CAMERA = replace(CAMERA, fx=2000.0, fy=2000.0)  # so long a lens that turning to a target changes no depth
FOCAL = VirtualCamera.looking_at(CAMERA, made_up_outcome().labels == 1, SIZE, 0.75).focal / SIZE


def graph(sees):
    """A graph like the exported one, whose network is ``sees``: (3, S, S) picture to (S, S) relative inverse depth."""

    def run(image, mask, trusted, relief, free_shift):
        picture = np.where(mask > 0, image, np.float32(0.5))
        depth = 1 / sees(picture[0])
        mean = (mask[0, 0] * depth).sum() / mask.sum()
        seen = 1 / np.maximum(1 + relief[0] * (depth / mean - 1), 0.2)
        return {"inverse_depth": seen[None, None].astype(np.float32), "picture": picture}

    return run


def network(sees) -> SimpleNamespace:
    return SimpleNamespace(graph=graph(sees), size=SIZE, focal=FOCAL, fill=0.75)


@pytest.fixture
def outcome():
    """Brightness is inverse depth: a network that looks at nothing else is right at the learned focal length."""
    made_up = made_up_outcome()
    slope = np.linspace(1.0, 1.3, 80, dtype=np.float32)[None].repeat(60, 0)
    truth = np.where(made_up.labels > 0, slope, np.float32(3.0))
    image = np.clip(255 / slope, 0, 255).astype(np.uint8)[..., None].repeat(3, 2)
    return replace(made_up, image=image, true_depth=truth, camera=CAMERA)


def errors(net, outcome):
    masks = [outcome.labels == 1, outcome.labels == 2]
    return background_errors(net, outcome.image, outcome.camera, masks, outcome.true_depth)


def test_network_that_ignores_the_background_scores_the_same_on_all(outcome) -> None:
    found = errors(network(lambda picture: np.maximum(picture.mean(0), 0.05)), outcome)
    for name in BACKGROUNDS:
        np.testing.assert_allclose(found[name], found["learned"], atol=1e-3)
    assert (found["learned"][:, 0] < found[CONSTANT][:, 0]).all()
    assert (found["learned"][:, 1] > found[CONSTANT][:, 1]).all()


def test_network_that_is_fooled_by_white_loses_on_white_only(outcome) -> None:
    def sees(picture):
        wrong = 3.0 if picture[:, 0, 0].min() > 0.99 else 1.0
        return np.maximum(picture.mean(0), 0.05) ** wrong

    found = errors(network(sees), outcome)
    assert (found["white"][:, 0] > 2 * found["learned"][:, 0]).all()
    np.testing.assert_allclose(found["noise"], found["learned"], atol=1e-3)


def test_table_holds_the_means_over_targets_and_frames(outcome) -> None:
    net = network(lambda picture: np.maximum(picture.mean(0), 0.05))
    comparison = BackgroundComparison(net)
    other = replace(outcome, labels=np.where(outcome.labels == 1, outcome.labels, 0).astype(np.uint16))
    for frame in (outcome, other):
        comparison.add(frame)
    first = errors(net, outcome)
    expected = (2 * first["noise"][0] + first["noise"][1]) / 3
    (row,) = (row for row in comparison.table().rows if row.name == "Noise")
    np.testing.assert_allclose([row.values["si_rmse"], row.values["normal_cosine"]], expected)
    assert "3 views" in comparison.table().caption
    assert comparison.check().found.startswith(f"si-RMSE {comparison.means()['learned'][0]:.3f}")


def test_a_shift_that_white_gets_wrong_is_gone_once_scale_and_shift_are_fitted(outcome) -> None:
    """On white this network adds a third to disparity: far from right by a scale alone, exact after the fit."""

    def sees(picture):
        shift = 0.33 if picture[:, 0, 0].min() > 0.99 else 0.0
        return np.maximum(picture.mean(0), 0.05) + shift

    found = errors(network(sees), outcome)
    assert (found["white"][:, 0] > 2 * found["learned"][:, 0]).all()
    np.testing.assert_allclose(found[f"white{FITTED}"], found[f"learned{FITTED}"], atol=1e-3)
    assert (found[f"white{FITTED}"][:, 0] < 0.02).all()
    comparison = BackgroundComparison(network(sees))
    comparison.add(outcome)
    names = [row.name for row in comparison.table().rows]
    assert names[-3:] == [
        f"{name}, scale and shift fitted" for name in ("Learned prompt", "White", "Original surroundings")
    ]
    assert "fitted" not in comparison.check().found
