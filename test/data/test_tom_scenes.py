"""Rendered pairs of glass and mirrors: both eyes agree with the truth, the generators differ, traps hold no glass."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("open3d")
pytest.importorskip("skimage")

from depth_prompt_ros.camera import CameraModel
from depth_prompt_ros.data.rendering.bodies import panes, shapes
from depth_prompt_ros.data.rendering.bodies.unseen_shapes import UNSEEN_GLASS
from depth_prompt_ros.data.rendering.looks import textures
from depth_prompt_ros.data.rendering.scenes import look_at
from depth_prompt_ros.data.rendering.tom_scenes import (
    TRAPS,
    decoy_pair,
    opaque_pair,
    tom_pair,
    trap_pair,
    unseen_tom_pair,
)
from depth_prompt_ros.data.rendering.tracer import Body, Light, Scene, Surface
from depth_prompt_ros.data.sets.rendered_pairs import open_or_render_pairs
from depth_prompt_ros.data.sets.stereo_set import StereoSet
from depth_prompt_ros.errors import BadInput
from depth_prompt_ros.work.run import Where

SIZE = (96, 128)
CAMERA = CameraModel(80, 60, 70.0, 70.0, 39.5, 29.5)
GREY = np.full(3, 0.5, np.float32)
WHITE = np.ones(3, np.float32)


@pytest.mark.parametrize("draw", [tom_pair, unseen_tom_pair])
def test_the_right_eye_sees_the_opaque_surfaces_where_the_true_disparity_says(draw) -> None:
    better = []
    for seed in range(3):
        view = draw(np.random.default_rng(seed), SIZE)
        disparity = view.camera.disparity_from_depth(view.depth)
        assert np.nanquantile(disparity, 0.9) < 0.2 * SIZE[1]
        y, x = np.mgrid[: SIZE[0], : SIZE[1]]
        source = np.round(x - np.nan_to_num(disparity)).astype(int)
        seen = (source >= 0) & ~view.tom & np.isfinite(disparity)
        there = np.abs(view.right[y, np.clip(source, 0, None)].astype(int) - view.left).mean(-1)[seen]
        here = np.abs(view.right.astype(int) - view.left).mean(-1)[seen]
        better.append(np.median(there) < 0.7 * np.median(here))
        assert 0.02 < view.tom.mean() < 0.8
        assert (view.labels[view.tom] > 0).all()
    assert sum(better) >= 2


@pytest.mark.parametrize("kind", range(len(TRAPS)))
def test_traps_hold_nothing_transparent_and_say_where_the_bait_is(kind) -> None:
    view = trap_pair(np.random.default_rng(kind), SIZE, kind)
    assert not view.tom.any()
    bait = view.labels == 1
    assert 0.04 < bait.mean() < 0.8
    depth = view.depth[bait]
    if TRAPS[kind] in ("poster", "card", "photograph"):  # flat: a plane of inverse depth
        y, x = np.nonzero(bait)
        design = np.stack([x, y, np.ones_like(x)], 1).astype(float)
        plane, *_ = np.linalg.lstsq(design, 1 / depth, rcond=None)
        assert np.median(np.abs(design @ plane * depth - 1)) < 0.01


def test_pictures_to_learn_from_that_hold_nothing_transparent() -> None:
    decoy = decoy_pair(np.random.default_rng(3), SIZE, TRAPS.index("shiny things"))
    opaque = opaque_pair(np.random.default_rng(3), SIZE)
    for view in (decoy, opaque):
        assert not view.tom.any()
        assert 0.02 < (view.labels > 0).mean() < 0.9
    assert not np.array_equal(decoy.left, opaque.left)


def test_an_empty_frame_is_seen_through() -> None:
    view = trap_pair(np.random.default_rng(7), SIZE, TRAPS.index("empty frame"))
    inside = view.depth[view.labels == 1]
    assert np.nanmax(inside) > 1.1 * np.nanmin(inside)


def test_a_set_of_pairs_is_the_same_for_any_number_of_processes(tmp_path) -> None:
    one = open_or_render_pairs(tmp_path / "one", "tom-traps", 2, (48, 64), seed=1, where=Where(1))
    two = open_or_render_pairs(tmp_path / "two", "tom-traps", 2, (48, 64), seed=1, where=Where(2))
    for name in ("lefts", "rights", "depths", "labels", "tom", "cameras"):
        np.testing.assert_array_equal(getattr(one, name), getattr(two, name))
    assert one.camera(1).baseline > 0
    np.testing.assert_allclose(
        one.disparity(0), one.camera(0).fx * one.camera(0).baseline / one.depths[0], rtol=1e-5, equal_nan=True
    )
    with pytest.raises(BadInput, match="made with"):
        open_or_render_pairs(tmp_path / "one", "tom", 2, (48, 64), seed=1)
    np.save(tmp_path / "one" / "tom.npy", np.zeros((2, 48, 60), bool))
    with pytest.raises(BadInput, match=r"tom\.npy is bool \(2, 48, 60\), expected bool \(2, 48, 64\)"):
        StereoSet.open(tmp_path / "one")


def seen(*bodies: Body) -> np.ndarray:
    """The middle pixel's linear colour, looking along +y."""
    view = Scene(list(bodies), [Light(np.zeros(3, np.float32), GREY)], GREY, GREY).view(
        CAMERA, look_at(np.zeros(3), np.array([0.0, 1.0, 0.0]))
    )
    return (view.image[30, 40] / 255.0) ** 2.2


def plate(distance: float, thickness: float) -> shapes.Mesh:
    return shapes.cuboid(np.array([20.0, thickness, 20.0])).moved(np.eye(3), 1.0, np.array([0, distance, -10.0]))


def test_tinted_glass_darkens_by_beer_and_lambert() -> None:
    wall = Body(plate(3.0, 0.1), textures.plain(WHITE), glow=0.8)
    clear = Body(plate(1.0, 0.2), textures.plain(WHITE), Surface.GLASS)
    absorption = np.array([0.0, 2.0, 6.0], np.float32)
    tinted = Body(clear.mesh, clear.texture, Surface.GLASS, absorption=absorption)
    behind_clear, behind_tinted = seen(wall, clear), seen(wall, tinted)
    reflected = GREY * (0.5 / 2.5) ** 2  # Fresnel's (n - 1)^2 / (n + 1)^2 of the surroundings
    passed = (behind_tinted - reflected) / (behind_clear - reflected)
    np.testing.assert_allclose(passed, np.exp(-absorption * 0.2), atol=0.02)


def test_a_coat_adds_fresnels_reflection_and_a_lamp_shines_without_light() -> None:
    black = textures.plain(np.full(3, 0.02, np.float32))
    dull, coated = Body(plate(1.0, 0.1), black), Body(plate(1.0, 0.1), black, coat=1.0)
    gained = seen(coated) - seen(dull)
    np.testing.assert_allclose(gained, GREY * (0.5 / 2.5) ** 2, atol=0.01)
    lamp = Body(plate(1.0, 0.1), textures.plain(np.array([1, 0.5, 0.25], np.float32)), glow=0.8)
    np.testing.assert_allclose(seen(lamp), [0.8, 0.4, 0.2], atol=0.01)


def test_ripples_bend_what_a_mirror_shows() -> None:
    def half_black(points: np.ndarray) -> np.ndarray:
        return np.repeat((points[:, 2:] > 0).astype(np.float32), 3, axis=1)

    behind = Body(plate(-2.0, 0.1), half_black, glow=1.0)
    flat = Body(plate(1.0, 0.1), textures.plain(WHITE), Surface.MIRROR)

    def leaning(tilt: float) -> textures.Texture:
        return lambda points: np.tile(np.array([0, 0, tilt], np.float32), (len(points), 1))

    bent = [Body(flat.mesh, flat.texture, Surface.MIRROR, ripple=leaning(tilt)) for tilt in (0.2, -0.2)]
    up, down = (seen(behind, mirror).mean() for mirror in bent)
    assert abs(up - down) > 0.5


@pytest.mark.parametrize("family", UNSEEN_GLASS)
def test_glass_shapes_are_closed_with_normals_outwards(family) -> None:
    for seed in range(3):
        mesh = family(np.random.default_rng(seed)).standing()
        corner = mesh.vertices[mesh.triangles].astype(np.float64)
        face = np.cross(corner[:, 1] - corner[:, 0], corner[:, 2] - corner[:, 0])
        assert np.einsum("ij,ij->", corner[:, 0], face) / 6 > 0
        np.testing.assert_allclose(face.sum(0), 0, atol=1e-3 * np.abs(face).sum())


@pytest.mark.parametrize("draw", [panes.rectangular, panes.rounded])
def test_panes_stand_on_the_support_and_know_their_own_coordinates(draw) -> None:
    for seed in range(6):
        rng = np.random.default_rng(seed)
        pane = draw(rng, 0.5)
        stood = pane.standing(rng.uniform(0, 6), 0.1)
        whole = stood.plate.vertices if stood.frame is None else np.vstack([stood.plate.vertices, stood.frame.vertices])
        assert abs(whole[:, 2].min()) < 1e-6
        back = stood.plate.vertices @ stood.to_plate[:, :3].T + stood.to_plate[:, 3]
        np.testing.assert_allclose(back, pane.plate.vertices, atol=1e-5)
        lying = pane.lying()
        assert lying.plate.vertices[:, 2].min() == pytest.approx(0, abs=1e-6)
        assert lying.top == pytest.approx(np.ptp(pane.plate.vertices[:, 1]), abs=1e-6)
