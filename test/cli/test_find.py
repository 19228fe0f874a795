"""depth-prompt find tom: masks of a segmenter, in the layout that labels are made of."""

from __future__ import annotations

import json

import bags
import cv2
import numpy as np
import pytest
from commands import run

from depth_prompt_ros.bag.messages import image_message
from depth_prompt_ros.data.sets.found_masks import FoundMasks
from depth_prompt_ros.data.sets.tom_pictures import TomFolder
from depth_prompt_ros.errors import BadInput
from depth_prompt_ros.parameters import RuntimeParameters
from depth_prompt_ros.resources import resource_path
from depth_prompt_ros.stages.classes import ClassMask


def noise(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 255, (64, 80, 3), np.uint8)


def test_masks_of_a_folder_are_those_of_the_shipped_segmenter_and_feed_labels(monkeypatch, capsys, tmp_path) -> None:
    pictures, out = tmp_path / "in", tmp_path / "out"
    pictures.mkdir()
    for name in ("a", "b"):
        cv2.imwrite(str(pictures / f"{name}.png"), noise(ord(name))[..., ::-1])
    assert run(monkeypatch, ["find", "tom", str(pictures), "--out", str(out)]) == 0
    assert "masks of 2 pictures, 0 before" in capsys.readouterr().out
    detect = ClassMask(str(resource_path("models/tom_masks.yaml")), (), "tom", RuntimeParameters())
    found = TomFolder(out)
    assert found.masks == "found by tom_masks"
    for picture in found:
        np.testing.assert_array_equal(picture.image, noise(ord(picture.name)))
        np.testing.assert_array_equal(picture.tom, detect(picture.image))
    (out / "masks" / "b.png").unlink()
    assert run(monkeypatch, ["find", "tom", str(pictures), "--out", str(out)]) == 0
    assert "masks of 1 pictures, 1 before" in capsys.readouterr().out


def test_pictures_of_a_recording_are_named_by_their_stamps(monkeypatch, capsys, tmp_path) -> None:
    records = [
        ("/left/image_rect", image_message(noise(n), "rgb8", bags.stamp(n), "left"), bags.stamp(n)) for n in range(3)
    ]
    bag = bags.write_with_damage(tmp_path / "bag", records, "/left/image_rect", 1)
    assert run(monkeypatch, ["find", "tom", str(bag), "--out", str(tmp_path / "out")]) == 0
    assert "1 left out: a message of topic /left/image_rect is no sensor_msgs/msg/Image" in capsys.readouterr().err
    assert [picture.name for picture in TomFolder(tmp_path / "out")] == [str(bags.stamp(0)), str(bags.stamp(2))]
    assert run(monkeypatch, ["find", "tom", str(bag), "--out", str(tmp_path / "x"), "--image", "/other"]) == 2
    assert "topic /other holds no pictures" in capsys.readouterr().err


def test_what_cannot_be_is_named(monkeypatch, capsys, tmp_path) -> None:
    assert run(monkeypatch, ["find", "tom", str(tmp_path), "--out", str(tmp_path / "out")]) == 2
    assert "holds no picture" in capsys.readouterr().err
    assert run(monkeypatch, ["find", "tom", str(tmp_path), "--out", str(tmp_path / "out"), "--text", "glass"]) == 2
    assert "give both" in capsys.readouterr().err
    FoundMasks(tmp_path / "found", "found by one")
    assert json.loads((tmp_path / "found" / "found.json").read_text()) == {"masks": "found by one"}
    with pytest.raises(BadInput, match="holds masks that are not found by another"):
        FoundMasks(tmp_path / "found", "found by another")
    (tmp_path / "drawn" / "masks").mkdir(parents=True)
    (tmp_path / "drawn" / "masks" / "a.png").write_bytes(b"x")
    with pytest.raises(BadInput, match="masks that nothing here found"):
        FoundMasks(tmp_path / "drawn", "found by one")
