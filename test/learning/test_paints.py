"""What glass is painted over with beside one colour, and the control that paints nothing."""

from __future__ import annotations

import json

import cv2
import numpy as np
import pytest

torch = pytest.importorskip("torch")

from depth_prompt_ros.data.sets.tom_pictures import TomFolder, TomPicture
from depth_prompt_ros.errors import BadInput
from depth_prompt_ros.learning.tom.mono import Labels
from depth_prompt_ros.learning.tom.painting import Painting
from depth_prompt_ros.learning.tom.virtual_labels import LabelFolder, write_virtual_labels

HEIGHT, WIDTH = 60, 80


@pytest.fixture
def picture() -> TomPicture:
    """A red and a blue half, with a thing in each."""
    image = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    image[:, :40, 0], image[:, 40:, 2] = 200, 100
    tom = np.zeros((HEIGHT, WIDTH), bool)
    tom[20:40, 10:25] = tom[20:40, 55:70] = True
    image[tom] = 255
    return TomPicture("a", image, tom)


def test_neighbours_give_each_thing_the_mean_colour_around_it(picture) -> None:
    (painted,) = Painting(5, paint="neighbours").painted(picture)
    np.testing.assert_allclose(painted[30, 15], [200 / 255, 0, 0], atol=1e-5)
    np.testing.assert_allclose(painted[30, 60], [0, 0, 100 / 255], atol=1e-5)
    np.testing.assert_array_equal(painted[~picture.tom], picture.image[~picture.tom].astype(np.float32) / 255)
    everything = TomPicture("b", picture.image, np.ones_like(picture.tom))
    assert (Painting(paint="neighbours").painted(everything) == 0.5).all()


def test_textures_vary_within_a_thing_and_between_paintings_and_repeat_by_seed(picture) -> None:
    painting = Painting(3, paint="texture", seed=4)
    painted = painting.painted(picture)
    assert painted.shape == (3, HEIGHT, WIDTH, 3)
    inside = painted[:, picture.tom]
    assert (inside.std(1) > 0.05).all() and inside.min() >= 0 and inside.max() <= 1
    assert np.abs(inside[0] - inside[1]).mean() > 0.1
    np.testing.assert_array_equal(painted, painting.painted(picture))
    outside = picture.image[~picture.tom].astype(np.float32) / 255
    np.testing.assert_array_equal(painted[:, ~picture.tom], np.repeat(outside[None], 3, 0))


def test_nothing_painted_is_the_picture_itself_and_its_label_the_networks_own_answer(picture, tmp_path) -> None:
    np.testing.assert_array_equal(Painting(paint="none").painted(picture), picture.image[None].astype(np.float32) / 255)
    bare = TomPicture("a", picture.image, np.zeros_like(picture.tom))
    for name, one in (("control", picture), ("bare", bare)):
        write_virtual_labels([one], "memory", tmp_path / name, "scene-net", painting=Painting(paint="none"))
    control, own = (LabelFolder(tmp_path / name).read("a").disparity for name in ("control", "bare"))
    np.testing.assert_array_equal(control, own)
    assert Labels([tmp_path / "control"], "scene-net").notes[0]["paint"] == "none"


def test_folders_made_with_colours_before_paints_were_known_go_on(picture, tmp_path) -> None:
    write_virtual_labels([picture], "memory", tmp_path, "scene-net", painting=Painting(2))
    assert "paint" not in json.loads((tmp_path / "labels.json").read_text())
    with pytest.raises(BadInput, match=r"made with other settings, paint None \(now texture\)"):
        write_virtual_labels([picture], "memory", tmp_path, "scene-net", painting=Painting(2, paint="texture"))


@pytest.mark.parametrize(
    ("painting", "problem"),
    [
        (Painting(paint="water"), "no paint 'water'"),
        (Painting(0), "0 colours paint nothing"),
        (Painting(per_instance=True, paint="texture"), "has no colour of each instance"),
    ],
)
def test_what_is_no_painting_is_named(painting, problem) -> None:
    with pytest.raises(BadInput, match=problem):
        painting.check()


def test_cards_say_that_masks_were_found(picture, tmp_path) -> None:
    for part, content in (("images", picture.image), ("masks", picture.tom.astype(np.uint8) * 255)):
        (tmp_path / "set" / part).mkdir(parents=True)
        cv2.imwrite(str(tmp_path / "set" / part / "a.png"), content)
    (tmp_path / "set" / "found.json").write_text('{"masks": "found by net"}')
    source = TomFolder(tmp_path / "set")
    write_virtual_labels(source, "set", tmp_path / "labels", "scene-net", painting=Painting(1))
    assert Labels([tmp_path / "labels"], "scene-net").notes[0]["masks"] == "found by net"
    (tmp_path / "set" / "found.json").write_text("[]")
    with pytest.raises(BadInput, match="does not say what found the masks"):
        TomFolder(tmp_path / "set")
