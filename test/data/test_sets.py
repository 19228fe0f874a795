"""Rendered sets of every kind: seeded, the object in the picture, nothing shared between learning and its tests."""

from __future__ import annotations

import json
import shutil

import cv2
import numpy as np
import pytest

pytest.importorskip("open3d")

from depth_prompt_ros.data.rendering.bodies import shapes, unseen_shapes
from depth_prompt_ros.data.sets.contact_sheet import contact_sheet, write_sheet
from depth_prompt_ros.data.sets.rendered import KINDS, open_or_render
from depth_prompt_ros.errors import BadInput
from depth_prompt_ros.work.run import Where

SIZE = 48


@pytest.fixture(scope="module")
def meshes(tmp_path_factory):
    """A cuboid, 1 x 1 x 2 with z up, whose picture is red in its upper and blue in its lower half."""
    folder = tmp_path_factory.mktemp("meshes") / "box"
    folder.mkdir()
    cv2.imwrite(
        str(folder / "paint.png"), np.repeat(np.array([[[0, 0, 200]], [[200, 0, 0]]], np.uint8), 8, 1).repeat(8, 0)
    )
    (folder / "box.mtl").write_text("newmtl paint\nmap_Kd paint.png\n")
    x, y = [-1, 1, 1, -1], [-1, -1, 1, 1]
    lines = ["mtllib box.mtl", *(f"v {a / 2} {b / 2} {z}" for z in (0, 2) for a, b in zip(x, y, strict=True))]
    lines += [f"vt {u} {v}" for v in (0.01, 0.99) for u in (0.1, 0.3, 0.6, 0.9)]
    sides = [(1, 2, 6, 5), (2, 3, 7, 6), (3, 4, 8, 7), (4, 1, 5, 8), (4, 3, 2, 1), (5, 6, 7, 8)]
    lines += ["usemtl paint", *("f " + " ".join(f"{i}/{i}" for i in side) for side in sides)]
    (folder / "box.obj").write_text("\n".join(lines) + "\n")
    return folder.parent


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_is_seeded_and_shows_its_object(kind, meshes, tmp_path) -> None:
    if kind == "objects-unseen":
        pytest.importorskip("skimage")
    if kind == "objects-scanned":
        pytest.importorskip("trimesh")
        pytest.importorskip("skimage")
    size = 2 * SIZE if kind == "objects-partial" else SIZE
    one = open_or_render(tmp_path / "one", kind, 3, size, 5, where=Where(1), meshes=meshes)
    two = open_or_render(tmp_path / "two", kind, 2, size, 5, where=Where(1), meshes=meshes)
    np.testing.assert_array_equal(one.images[:2], two.images)
    np.testing.assert_array_equal(one.depths[:2], two.depths)
    assert not np.array_equal(one.images[0], one.images[1])
    for image, depth, mask in zip(one.images, one.depths, one.masks, strict=True):
        assert mask.any()
        assert np.isfinite(depth[mask]).all() or kind == "scenes"
        assert image.std() > 5
    middle = [np.argwhere(mask).mean(0) / size for mask in one.masks]
    if kind in ("objects", "objects-unseen", "objects-scanned"):
        assert np.abs(np.array(middle) - 0.5).max() < 0.2
    if kind == "objects-partial":
        assert one.masks.mean() < 0.2


def test_no_shape_family_is_both_learned_from_and_unseen() -> None:
    learned = {*shapes.OPAQUE_FAMILIES, *shapes.GLASS_FAMILIES}
    assert not learned & set(unseen_shapes.UNSEEN_FAMILIES)
    assert len(unseen_shapes.UNSEEN_FAMILIES) > 9


@pytest.mark.parametrize("family", unseen_shapes.UNSEEN_FAMILIES)
def test_unseen_shapes_stand_and_are_one_long(family) -> None:
    for seed in range(3):
        mesh = unseen_shapes.random_unseen_shape(np.random.default_rng(seed), family)
        low, high = mesh.vertices.min(0), mesh.vertices.max(0)
        assert low[2] == pytest.approx(0, abs=1e-5)
        assert (high - low).max() == pytest.approx(1, abs=1e-5)
        assert (high - low).min() > 0.01
        assert mesh.triangles.max() < len(mesh.vertices)
        np.testing.assert_allclose(np.linalg.norm(mesh.normals, axis=1), 1, atol=1e-4)


def test_a_scanned_objects_picture_is_where_it_was_painted(meshes) -> None:
    pytest.importorskip("trimesh")
    from depth_prompt_ros.data.rendering.bodies.scanned import read_scanned, scanned_files

    box = read_scanned(scanned_files(meshes)[0])
    assert box.mesh.vertices.max(0) == pytest.approx([0.25, 0.25, 1.0])
    colours = box.texture(np.array([[0.25, 0.1, 0.9], [0.25, 0.1, 0.1]], np.float32))
    assert colours[0] == pytest.approx([200 / 255, 0.02, 0.02], abs=0.01)
    assert colours[1] == pytest.approx([0.02, 0.02, 200 / 255], abs=0.01)


def test_folders_and_files_without_meshes_are_named(tmp_path) -> None:
    pytest.importorskip("trimesh")
    from depth_prompt_ros.data.rendering.bodies.scanned import read_scanned, scanned_files

    with pytest.raises(BadInput, match="holds no mesh"):
        scanned_files(tmp_path)
    for name, content in (("a.glb", b"no mesh"), ("b.obj", b"v 0 0 0\n")):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(BadInput, match=name):
            read_scanned(tmp_path / name)


def test_a_set_of_other_meshes_is_refused(meshes, tmp_path) -> None:
    pytest.importorskip("trimesh")
    pytest.importorskip("skimage")
    open_or_render(tmp_path / "set", "objects-scanned", 1, SIZE, 5, where=Where(1), meshes=meshes)
    open_or_render(tmp_path / "set", "objects-scanned", 1, SIZE, 5, where=Where(1), meshes=meshes)
    other = tmp_path / "other"
    shutil.copytree(meshes, other)
    (other / "box" / "box.obj").rename(other / "box" / "crate.obj")
    with pytest.raises(BadInput, match="give another folder"):
        open_or_render(tmp_path / "set", "objects-scanned", 1, SIZE, 5, where=Where(1), meshes=other)
    with pytest.raises(BadInput, match="holds no mesh"):
        open_or_render(tmp_path / "none", "objects-scanned", 1, SIZE, 5, where=Where(1), meshes=tmp_path / "nothing")
    assert not list(tmp_path.glob("none*"))


def test_photographs_are_real_and_square() -> None:
    pytest.importorskip("skimage")
    from depth_prompt_ros.data.rendering.looks.photographs import photo_texture, photographs

    pictures = photographs(32)
    assert pictures.shape == (9, 32, 32, 3)
    assert all(picture.std() > 5 for picture in pictures)
    points = np.random.default_rng(0).uniform(-1, 1, (500, 3)).astype(np.float32)
    colours = photo_texture(np.random.default_rng(1), 0.7)(points)
    assert colours.shape == (500, 3)
    assert len(np.unique(colours, axis=0)) > 50


def test_the_contact_sheet_shows_picture_object_and_depth(tmp_path) -> None:
    pictures = open_or_render(tmp_path / "set", "objects", 2, SIZE, 5, where=Where(1))
    sheet = contact_sheet(pictures)
    assert sheet.shape[1] == 6 * (3 * (SIZE + 1) + 4)
    np.testing.assert_array_equal(sheet[:SIZE, :SIZE], pictures.images[0])
    outside = ~pictures.masks[0]
    assert (sheet[:SIZE, SIZE + 1 : 2 * SIZE + 1][outside] == 255).all()
    shown = sheet[:SIZE, 2 * SIZE + 2 : 3 * SIZE + 2][~outside]
    assert len(np.unique(shown, axis=0)) > 5
    write_sheet(tmp_path / "sheet.jpg", contact_sheet(pictures))
    assert cv2.imread(str(tmp_path / "sheet.jpg")).shape == sheet.shape
    with pytest.raises(BadInput, match=r"cannot write .*sheet\.txt"):
        write_sheet(tmp_path / "sheet.txt", contact_sheet(pictures))
    assert json.loads((tmp_path / "set" / "set.json").read_text())["kind"] == "objects"
