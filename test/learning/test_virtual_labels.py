"""Virtual labels: what is painted, what is predicted of it, what is on disk, and what an interruption leaves."""

from __future__ import annotations

import json
import resource
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

torch = pytest.importorskip("torch")

import bags

from depth_prompt_ros.bag.messages import image_message
from depth_prompt_ros.bag.sources.tom_pictures import RecordedTomPictures
from depth_prompt_ros.cli import main as command
from depth_prompt_ros.data.sets.stereo_set import StereoSet
from depth_prompt_ros.data.sets.tom_pictures import TomFolder, TomPicture, TomStereoSet
from depth_prompt_ros.errors import BadInput
from depth_prompt_ros.learning.tom.painting import Painting
from depth_prompt_ros.learning.tom.virtual_labels import LabelFolder, Teacher, VirtualLabel, write_virtual_labels
from depth_prompt_ros.networks import catalogue

HEIGHT, WIDTH = 48, 64
CPU = torch.device("cpu")


@pytest.fixture(autouse=True)
def _one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def tom_picture(name: str = "a", tom: bool = True) -> TomPicture:
    """Noise with two ToM rectangles, one thing each."""
    image = np.random.default_rng(len(name)).integers(0, 255, (HEIGHT, WIDTH, 3), np.uint8)
    mask = np.zeros((HEIGHT, WIDTH), bool)
    mask[10:30, 5:20] = mask[20:40, 30:60] = tom
    return TomPicture(name, image, mask)


def folder_of(path: Path, names: tuple[str, ...] = ("a", "bb", "ccc"), white: int = 255) -> Path:
    (path / "images").mkdir(parents=True)
    (path / "masks").mkdir()
    for name in names:
        picture = tom_picture(name)
        cv2.imwrite(str(path / "images" / f"{name}.png"), picture.image[..., ::-1])
        cv2.imwrite(str(path / "masks" / f"{name}.png"), picture.tom.astype(np.uint8) * white)
    return path


def stereo_set(path: Path, count: int = 2) -> StereoSet:
    def fill(folder: Path) -> None:
        pairs = StereoSet.open(folder, "r+")
        for index in range(count):
            picture = tom_picture("x" * (index + 1))
            pairs.lefts[index], pairs.tom[index] = picture.image, picture.tom
            pairs.labels[index, :, :40] = 3

    return StereoSet.open_or_make(path, {}, count, (HEIGHT, WIDTH), fill)


def write_labels(source, out: Path, **changes) -> tuple[int, int]:
    return write_virtual_labels(source, "here", out, "scene-net", **changes)


def test_only_tom_pixels_are_painted_each_time_with_one_colour() -> None:
    picture = tom_picture()
    painted = Painting(5).painted(picture)
    assert painted.shape == (5, HEIGHT, WIDTH, 3)
    assert painted.dtype == np.float32
    np.testing.assert_allclose(painted[:, ~picture.tom], np.repeat(picture.image[~picture.tom][None] / 255, 5, 0), 1e-6)
    inside = painted[:, picture.tom]
    np.testing.assert_array_equal(inside, np.broadcast_to(inside[:, :1], inside.shape))
    assert len(np.unique(inside[:, 0], axis=0)) == 5
    assert (inside >= 0).all() and (inside < 1).all()


def test_colours_are_uniform_over_many_names_and_follow_seed_and_name() -> None:
    pictures = [tom_picture() for _ in range(300)]
    colours = np.array(
        [Painting(2).painted(TomPicture(str(n), p.image, p.tom))[:, 15, 10] for n, p in enumerate(pictures)]
    )
    for channel in colours.reshape(-1, 3).T:
        counts = np.histogram(channel, 4, (0, 1))[0]
        assert counts.min() > 100  # 150 expected
    picture = tom_picture()
    np.testing.assert_array_equal(Painting(3).painted(picture), Painting(3).painted(picture))
    assert not np.allclose(Painting(3, seed=1).painted(picture), Painting(3).painted(picture))


def test_one_colour_is_grey_and_a_picture_without_tom_is_left_alone() -> None:
    picture = tom_picture()
    assert (Painting(1).painted(picture)[0, picture.tom] == 0.5).all()
    bare = tom_picture(tom=False)
    np.testing.assert_allclose(Painting(5).painted(bare), bare.image[None] / 255, rtol=1e-6)


@pytest.mark.parametrize("known", [False, True])
def test_each_instance_has_a_colour_of_its_own(known) -> None:
    picture = tom_picture()
    things = np.where(np.arange(HEIGHT)[:, None] < 25, 7, 0) * np.ones((1, WIDTH), int) if known else None
    painted = Painting(4, per_instance=True).painted(TomPicture("a", picture.image, picture.tom, things))
    first, second = painted[:, 15, 10], painted[:, 35, 40]
    assert (np.abs(first - second).max(1) > 0).all()
    above = painted[:, 22, 40]  # the second rectangle's part of the upper thing
    assert np.array_equal(above, first) == known
    assert np.array_equal(above, second) != known


def test_a_label_is_the_median_of_what_the_network_says_of_the_painted_pictures() -> None:
    teacher = Teacher("scene-net", None, Painting(4), CPU)
    picture = tom_picture()
    label = teacher([tom_picture("bb"), picture])[1]
    entry, network = catalogue.find("scene-net"), catalogue.load_frozen("scene-net")
    answers = []
    for painted in Painting(4).painted(picture):
        small = torch.from_numpy(cv2.resize(painted, (224, 160), interpolation=cv2.INTER_LINEAR)).permute(2, 0, 1)
        with torch.no_grad():
            answers.append(network((small[None] - 0.5) / 0.25)[0, 0].numpy())
    middle = np.sort(answers, 0)[1:3].mean(0)
    assert entry.size_for(HEIGHT, WIDTH) == label.disparity.shape == label.tom.shape == label.image.shape[:2]
    assert label.disparity.dtype == np.float32
    np.testing.assert_allclose(label.disparity, middle, atol=1e-4)
    assert label.tom.mean() == pytest.approx(picture.tom.mean(), abs=0.02)


def test_a_mirrored_look_joins_the_median() -> None:
    picture = tom_picture()
    other = TomPicture(picture.name, picture.image[:, ::-1].copy(), picture.tom[:, ::-1].copy())
    plain = [Teacher("scene-net", None, Painting(1), CPU)([each])[0].disparity for each in (picture, other)]
    both = Teacher("scene-net", None, Painting(1, mirrored=True), CPU)([picture])[0].disparity
    np.testing.assert_allclose(both, (plain[0] + plain[1][:, ::-1]) / 2, atol=1e-4)
    assert np.abs(plain[0] - plain[1][:, ::-1]).max() > 0.01


def test_a_label_that_does_not_fit_is_one_line_with_the_reason(tmp_path) -> None:
    folder = LabelFolder(tmp_path)
    folder.claim({"made": "here"})
    flat = np.zeros((128, 128), np.float32)
    label = VirtualLabel(np.zeros((128, 128, 3), np.uint8), flat > 0, flat)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (40_000, before[1]))
    try:
        with pytest.raises(BadInput, match=r"cannot write .*a.npy \(File too large\).*the labels before are kept"):
            folder.write("a", label)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert not list((tmp_path / "labels").iterdir())


def test_labels_are_complete_on_disk_and_go_on_where_they_stopped(tmp_path) -> None:
    source = TomFolder(folder_of(tmp_path / "in"))
    out = tmp_path / "out"

    def stop(done, total):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_labels(source, out, painting=Painting(2), batch=2, report=stop)
    assert [path.name for path in (out / "labels").iterdir()] == ["a.npy"]
    once = (out / "labels" / "a.npy").stat().st_mtime_ns
    assert write_labels(source, out, painting=Painting(2), batch=6) == (2, 1)
    assert write_labels(source, out, painting=Painting(2)) == (0, 3)
    assert (out / "labels" / "a.npy").stat().st_mtime_ns == once
    assert not list(out.rglob("*.part"))
    folder = LabelFolder(out)
    assert folder.names() == ["a", "bb", "ccc"]
    whole = tmp_path / "whole"
    write_labels(source, whole, painting=Painting(2))
    for name in folder.names():
        label, again = folder.read(name), LabelFolder(whole).read(name)
        assert label.disparity.dtype == np.float32
        np.testing.assert_allclose(label.disparity, again.disparity, atol=1e-4)
        np.testing.assert_array_equal(label.image, again.image)
        height, width = label.disparity.shape
        shown = cv2.imread(str(out / "views" / f"{name}.png"))
        assert shown.shape[1:] == (3 * width, 3)
        assert shown.shape[0] - height in (16, 32, 48)  # titles


def test_labels_of_other_settings_are_refused_by_name(tmp_path) -> None:
    source = TomStereoSet(stereo_set(tmp_path / "set"))
    out = tmp_path / "out"
    write_labels(source, out, painting=Painting(2))
    with pytest.raises(BadInput, match=r"made with other settings, colours 2 \(now 3\), seed 0 \(now 1\)"):
        write_labels(source, out, painting=Painting(3, seed=1))
    with pytest.raises(BadInput, match="one colour is grey for every thing"):
        write_labels(source, tmp_path / "x", painting=Painting(1, per_instance=True))
    with pytest.raises(BadInput, match="0 colours paint nothing"):
        write_labels(source, tmp_path / "x", painting=Painting(0))
    assert not (tmp_path / "x").exists()


def test_masks_of_1_and_of_255_are_the_same_and_colour_masks_are_read(tmp_path) -> None:
    one, other = (folder_of(tmp_path / str(white), ("a",), white) for white in (1, 255))
    expected = tom_picture("a")
    for source in (one, other):
        (found,) = TomFolder(source)
        np.testing.assert_array_equal(found.tom, expected.tom)
        np.testing.assert_array_equal(found.image, expected.image)
    blue = np.zeros((HEIGHT, WIDTH, 4), np.uint8)
    blue[..., 3], blue[expected.tom, 0] = 255, 3
    (one / "masks" / "a.png").unlink()
    cv2.imwrite(str(one / "masks" / "a_mask.png"), blue)
    (found,) = TomFolder(one)
    np.testing.assert_array_equal(found.tom, expected.tom)


def test_a_folder_that_cannot_be_used_is_one_clear_line(tmp_path) -> None:
    with pytest.raises(BadInput, match=r"has no folder images: expected images/NAME\.jpg with masks/NAME\.png"):
        TomFolder(tmp_path)
    folder = folder_of(tmp_path / "in")
    (folder / "masks" / "bb.png").unlink()
    with pytest.raises(BadInput, match=r"1 of 3 pictures have no mask, bb\.png first"):
        TomFolder(folder)
    cv2.imwrite(str(folder / "masks" / "bb.png"), np.zeros((5, 6), np.uint8))
    with pytest.raises(BadInput, match=r"bb\.png is 6x5 but its picture is 64x48"):
        list(TomFolder(folder))
    (folder / "masks" / "bb.png").write_bytes(b"no picture")
    with pytest.raises(BadInput, match=r"cannot read .*bb\.png"):
        list(TomFolder(folder))
    cv2.imwrite(str(folder / "images" / "a.jpg"), np.zeros((5, 6, 3), np.uint8))
    with pytest.raises(BadInput, match=r"a\.png and a\.jpg have one name|a\.jpg and a\.png have one name"):
        TomFolder(folder)


def recording(path: Path) -> Path:
    """Three pictures; the second has no mask, the third one of another size."""
    records = []
    for number, size in enumerate([(HEIGHT, WIDTH), None, (5, 6)]):
        stamp, picture = bags.stamp(number), tom_picture("x" * (number + 1))
        records.append(("/camera/image", image_message(picture.image, "rgb8", stamp, "left"), stamp))
        if size:
            mask = picture.tom if size == picture.tom.shape else np.zeros(size, bool)
            records.append(("/camera/tom", image_message(mask, "mono8", stamp + 1, "left"), stamp + 2))
    return bags.write(path, records)


def test_topics_that_were_recorded_without_a_leading_slash(tmp_path) -> None:
    picture = tom_picture("x")
    images = [("camera/image", picture.image, "rgb8"), ("camera/tom", picture.tom, "mono8")]
    records = [(topic, image_message(array, kind, bags.stamp(0), "left"), 9) for topic, array, kind in images]
    bag = bags.write(tmp_path / "bag", records)
    for names in (("camera/image", "camera/tom"), ("/camera/image", "/camera/tom")):
        (found,) = RecordedTomPictures(bag, *names)
        np.testing.assert_array_equal(found.tom, picture.tom)


def test_pictures_of_a_recording_need_no_camera_info(tmp_path) -> None:
    source = RecordedTomPictures(recording(tmp_path / "bag"), "camera/image", "/camera/tom")
    (found,) = source
    assert (found.name, len(source)) == (str(bags.stamp(0)), 3)
    np.testing.assert_array_equal(found.tom, tom_picture("x").tom)
    np.testing.assert_array_equal(found.image, tom_picture("x").image)
    assert sorted(source.skipped.values()) == [1, 1]
    assert any("its mask is 6x5 but the picture is 64x48" in reason for reason in source.skipped)
    assert any("no mask on /camera/tom within 0.02 s" in reason for reason in source.skipped)
    with pytest.raises(BadInput, match=r"topic /tom_mask is not there in .*: give --mask, one of .*/camera/tom"):
        RecordedTomPictures(tmp_path / "bag", "camera/image", "/tom_mask")


@pytest.mark.parametrize("topic", ["/camera/image", "/camera/tom"])
def test_one_damaged_message_of_a_recording_costs_its_own_picture(tmp_path, topic) -> None:
    records = []
    for number in range(3):
        stamp, picture = bags.stamp(number), tom_picture("x" * (number + 1))
        records.append(("/camera/image", image_message(picture.image, "rgb8", stamp, "left"), stamp))
        records.append(("/camera/tom", image_message(picture.tom, "mono8", stamp + 1, "left"), stamp + 2))
    source = RecordedTomPictures(
        bags.write_with_damage(tmp_path / "bag", records, topic, 1), *("/camera/image", "/camera/tom")
    )
    assert [found.name for found in source] == [str(bags.stamp(0)), str(bags.stamp(2))]
    ((reason, count),) = source.skipped.items()
    assert count == 1
    whose = f"a message of topic {topic} is no sensor_msgs/msg/Image"
    assert (whose if topic == "/camera/image" else "no mask on /camera/tom within 0.02 s") in reason


def test_a_damaged_label_and_a_folder_without_labels_are_named(tmp_path) -> None:
    with pytest.raises(BadInput, match="holds no virtual labels: make them with depth-prompt learn tom-labels"):
        LabelFolder(tmp_path).names()
    out = tmp_path / "out"
    write_labels(TomStereoSet(stereo_set(tmp_path / "set", 1)), out, painting=Painting(1))
    path = out / "labels" / "000000.npy"
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(BadInput, match=r"000000\.npy is damaged .*delete it and run tom-labels again"):
        LabelFolder(out).read("000000")
    path.unlink()
    with pytest.raises(BadInput, match="holds no label yet"):
        LabelFolder(out).names()


def test_a_full_disk_leaves_no_half_label(tmp_path, monkeypatch) -> None:
    write = Path.write_bytes

    def fill_the_disk(path, content) -> None:
        write(path, bytes(content)[: len(content) // 2])
        if ".npy" in path.name:
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", fill_the_disk)
    out = tmp_path / "out"
    with pytest.raises(BadInput, match=r"cannot write .*000000.npy .*No space left.*the labels before are kept"):
        write_labels(TomStereoSet(stereo_set(tmp_path / "set", 1)), out, painting=Painting(1))
    assert not list((out / "labels").iterdir())


@pytest.mark.parametrize("kind", ["folder", "set", "bag"])
def test_the_command_takes_folders_sets_and_recordings(kind, tmp_path, monkeypatch, capsys) -> None:
    path, out, options = tmp_path / "in", tmp_path / "out", ["--colours", "2"]
    if kind == "folder":
        folder_of(path)
    elif kind == "set":
        stereo_set(path)
        options.append("--per-instance")
    else:
        recording(path)
        options += ["--image", "/camera/image", "--mask", "/camera/tom"]
    monkeypatch.setattr(sys, "argv", ["depth-prompt", "learn", "tom-labels", str(path), "--out", str(out), *options])
    with pytest.raises(SystemExit) as stopped:
        command.main()
    assert not stopped.value.code
    said = capsys.readouterr()
    count = {"folder": 3, "set": 2, "bag": 1}[kind]
    assert f"{out}: {count} labelled, 0 before" in said.out
    assert len(LabelFolder(out).names()) == count
    note = json.loads((out / "labels.json").read_text())
    assert (note["network"], note["colours"], note["per_instance"]) == ("scene-net", 2, kind == "set")
    if kind == "bag":
        assert "1 left out: no mask on /camera/tom" in " ".join(said.err.split())
