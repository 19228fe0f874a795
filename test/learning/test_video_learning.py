"""Depth learned from plain video: it finds the geometry, leaves out what it should, goes on where it stopped."""

from __future__ import annotations

import json
from dataclasses import replace

import cv2
import numpy as np
import pytest

torch = pytest.importorskip("torch")

from depth_prompt_ros.camera import CameraModel
from depth_prompt_ros.data.readers.video_folder import VideoFolder
from depth_prompt_ros.data.sets.video import VideoFrame
from depth_prompt_ros.errors import BadInput, BadModel
from depth_prompt_ros.learning import run_state
from depth_prompt_ros.learning.trainer import Schedule
from depth_prompt_ros.learning.video import learn
from depth_prompt_ros.learning.video.boosting import boosted, boosted_elsewhere, rim
from depth_prompt_ros.learning.video.evaluate import evaluate_video, listed
from depth_prompt_ros.learning.video.learn import learn_video, pose_path
from depth_prompt_ros.learning.video.look import disparity_of
from depth_prompt_ros.learning.video.objective import VideoLearning, VideoModel, ramp
from depth_prompt_ros.learning.video.photometric import label_loss, moves_less, smoothness_loss
from depth_prompt_ros.learning.video.samples import Channel, Cuts, VideoSet, cut
from depth_prompt_ros.learning.video.static import StaticRule, static_mask
from depth_prompt_ros.learning.video.view import position_grid
from depth_prompt_ros.learning.video.warp import Seen
from depth_prompt_ros.networks.catalogue import load_video
from depth_prompt_ros.networks.video.depth_net import VideoDepthNet, VideoSettings

CAMERA = CameraModel(64, 48, 60.0, 60.0, 31.5, 23.5)
TINY = VideoSettings("levels", 0.05, 7, 0.2, 4.0)
LEARNING = VideoLearning(TINY, 0.05, Cuts((32, 48), 0.8, 1.2, colour=False), planes=9)


def scene(count: int = 8, known: bool = True, **extra) -> list[VideoFrame]:
    """A near board (1 m) before a far wall (4 m); the camera slides to the right, 4 cm a frame."""
    rng = np.random.default_rng(0)
    wide = [
        cv2.resize(rng.integers(0, 255, (24, 80, 3), np.uint8), (320, 96), interpolation=cv2.INTER_CUBIC) for _ in "ab"
    ]
    frames = []
    for number in range(count):
        x = 0.04 * number
        far = wide[0][20:68, 40 + round(60 * x / 4) :][:, :64]
        near = wide[1][20:44, 40 + round(60 * x / 1) :][:, :64]
        pose = np.eye(4)
        pose[0, 3] = x
        image = np.concatenate([far[:24], near])
        depth = np.concatenate([np.full((24, 64), 4.0), np.full((24, 64), 1.0)]).astype(np.float32)
        frames.append(
            VideoFrame(f"{number}", number * 10**8, image, CAMERA, pose if known else None, depth=depth, **extra)
        )
    return frames


@pytest.fixture(autouse=True)
def _often(monkeypatch) -> None:
    monkeypatch.setattr(run_state, "_SAVE_SECONDS", 0.0)


def test_given_poses_it_learns_metric_depth_of_a_board_before_a_wall(tmp_path) -> None:
    torch.set_num_threads(1)
    schedule = Schedule(80, 4, 4e-3, 0, False, "halved")
    figures = learn_video(VideoSet([scene(12)]), tmp_path / "a.safetensors", schedule, LEARNING)
    assert figures["moments"] == 10
    network = load_video(tmp_path / "a.safetensors")
    frame = scene(12)[5]
    found = disparity_of(network, frame.image, np.array([60, 60, 31.5, 23.5]), 64, torch.device("cpu"))
    near, far = 1 / np.median(found[30:44, 8:-8]), 1 / np.median(found[4:18, 8:-8])
    assert near == pytest.approx(1.0, rel=0.25)
    assert far > 1.7 * near
    log = (tmp_path / "a.csv").read_text()
    assert "photometric" in log and "smoothness" in log
    assert len(list((tmp_path / "a-growth").iterdir())) == 10
    card = json.loads((tmp_path / "a.json").read_text())
    assert card["network"] == "video-levels" and card["learning"]["planes"] == 9
    assert pose_path(tmp_path / "a.safetensors").exists() and not (tmp_path / "a.checkpoint").exists()


def test_interrupted_it_ends_as_if_it_had_not_been(tmp_path, monkeypatch) -> None:
    schedule = Schedule(7, 2, 1e-3, 0, False, "halved")
    data = VideoSet([scene(known=False)])
    learn_video(data, tmp_path / "whole.safetensors", schedule, LEARNING)
    losses, calls = VideoModel.losses, 0

    def stops(self, batch):
        nonlocal calls
        calls += 1
        if calls == 6:
            raise KeyboardInterrupt
        return losses(self, batch)

    monkeypatch.setattr(VideoModel, "losses", stops)
    with pytest.raises(KeyboardInterrupt):
        learn_video(data, tmp_path / "part.safetensors", schedule, LEARNING)
    with pytest.raises(BadInput, match="other settings, learning"):
        learn_video(data, tmp_path / "part.safetensors", schedule, replace(LEARNING, smoothness=1.0))
    learn_video(data, tmp_path / "part.safetensors", schedule, LEARNING)
    one, other = (load_video(tmp_path / f"{name}.safetensors").state_dict() for name in ("whole", "part"))
    assert all(torch.equal(one[key], other[key]) for key in one)


def test_weights_are_written_before_the_checkpoint_is_removed(tmp_path, monkeypatch) -> None:
    def full(*_):
        raise OSError("disk full")

    monkeypatch.setattr(learn, "write_weights", full)
    with pytest.raises(OSError, match="disk full"):
        learn_video(VideoSet([scene()]), tmp_path / "a.safetensors", Schedule(3, 2, 1e-3, 0, False, "halved"), LEARNING)
    assert (tmp_path / "a.checkpoint").exists()


def test_two_stages_mask_what_the_first_calls_moving_and_the_second_begins_anew(tmp_path) -> None:
    moving = np.zeros((48, 64), np.bool_)
    moving[30:40, 20:40] = True
    data = VideoSet([scene(moving=moving)])
    schedule = Schedule(4, 2, 1e-3, 0, False, "halved")
    out = tmp_path / "b.safetensors"
    slower = replace(schedule, learning_rate=2e-4)
    figures = learn_video(data, out, schedule, LEARNING, stages=2, masks="given", second=slower)
    assert figures["masks"] == f"given masks, {100 * moving.mean():.2f} % of the pixels move"
    first = tmp_path / "b-stage1.safetensors"
    card = json.loads(first.with_suffix(".json").read_text())
    assert card["masks"] == "none" and card["schedule"]["learning_rate"] == 1e-3
    assert json.loads(out.with_suffix(".json").read_text())["schedule"]["learning_rate"] == 2e-4
    assert json.loads(out.with_suffix(".json").read_text())["start"] == "random weights"
    assert (data.extra[0, Channel.RIM] > 0).sum() > 100 and (data.extra[0, Channel.LABEL] > 0).all()
    assert not (data.extra[0, Channel.BELIEVED] > 0)[~moving].any()
    before = first.stat().st_mtime_ns
    out.unlink()
    learn_video(VideoSet([scene(moving=moving)]), out, schedule, LEARNING, stages=2)
    assert first.stat().st_mtime_ns == before  # a stage that is done is done


def test_fine_tuning_starts_from_weights_without_warm_up(tmp_path) -> None:
    data, schedule = VideoSet([scene(known=False)]), Schedule(3, 2, 1e-3, 0, False, "halved")
    learn_video(data, tmp_path / "a.safetensors", schedule, LEARNING)
    learn_video(
        data,
        tmp_path / "b.safetensors",
        replace(schedule, learning_rate=0.0),
        LEARNING,
        weights=tmp_path / "a.safetensors",
    )
    one, other = (load_video(tmp_path / f"{name}.safetensors").state_dict() for name in "ab")
    assert all(torch.equal(one[key], other[key]) for key in one)
    assert "smoothness" in (tmp_path / "b.csv").read_text()
    with pytest.raises(BadModel, match="no network for video"):
        learn_video(data, tmp_path / "c.safetensors", schedule, LEARNING, weights=pose_path(tmp_path / "a.safetensors"))


def test_moments_have_neighbours_within_their_span_and_the_right_picture_its_motion() -> None:
    data = VideoSet([scene(5), scene(4)], step=1)
    assert data.samples.tolist() == [
        [0, 0, 1, 2, 3], [0, 1, 2, 3, 4], [1, 2, 3, 4, 4], [5, 5, 6, 7, 8], [5, 6, 7, 8, 8]
    ]  # fmt: skip
    assert VideoSet([scene(9)], step=2).samples[2].tolist() == [0, 2, 4, 6, 8]
    with pytest.raises(BadInput, match="nothing to learn from"):
        VideoSet([])
    with pytest.raises(BadInput, match="several sizes"):
        VideoSet([scene(3), [frame.at_width(32) for frame in scene(3)]])
    pair = [replace(frame, right=frame.image, camera=replace(CAMERA, baseline=0.1)) for frame in scene(5)]
    batch = cut(
        VideoSet([pair]).load(np.array([1]), torch.device("cpu")), LEARNING.cuts, torch.Generator().manual_seed(0)
    )
    assert batch.view.pictures.shape == (1, 4, 3, 32, 48)
    torch.testing.assert_close(batch.motions[0, 2, :3, 3], torch.tensor([-0.1, 0, 0]))
    moved = sorted(batch.motions[0, :2, 0, 3].tolist())
    assert moved[0] == pytest.approx(-0.08, abs=1e-5) or moved[0] == pytest.approx(-0.04, abs=1e-5)


@pytest.mark.parametrize("way", ["forward", "backward"])
@pytest.mark.parametrize("name", ["own", "moving"])
def test_the_robot_itself_and_what_moves_leave_the_loss(way, name) -> None:
    hidden = np.zeros((48, 64), np.bool_)
    hidden[24:] = True
    model = VideoModel(replace(LEARNING, boost=0.0, warp=way, cuts=Cuts((48, 64), 1.0, 1.0, colour=False)))
    torch.nn.init.zeros_(model.depth.head.weight)  # the same depth whatever is seen
    model.progress = 0.5

    def loss(noise: int, **masks) -> float:
        frames = scene(**masks)
        for frame in frames:
            frame.image[26:] = np.random.default_rng(noise).integers(0, 255, (22, 64, 3)) if noise else 128
        moments = VideoSet([frames]).load(np.array([2]), torch.device("cpu"))
        batch = cut(moments, model.chosen.cuts, torch.Generator().manual_seed(4))
        return float(model.losses(batch)["photometric"].detach())

    assert loss(1, **{name: hidden}) == pytest.approx(loss(2, **{name: hidden}), rel=1e-4)
    assert abs(loss(1) - loss(0)) > 0.1 * loss(0)


def test_warm_up_teaches_motion_alone_on_a_ramp() -> None:
    torch.manual_seed(0)
    model = VideoModel(LEARNING)
    batch = cut(
        VideoSet([scene(known=False)]).load(np.array([2, 3]), torch.device("cpu")), LEARNING.cuts, torch.Generator()
    )
    disparity = ramp(batch.view, model.planes)
    v = batch.view.grid[:, 1:]
    assert (disparity[v <= 0] <= 0.2 * 1.21).all() and disparity[v > 0.8].min() > 2
    torch.stack(list(model.losses(batch).values())).sum().backward()
    assert all(parameter.grad is None for parameter in model.depth.parameters())
    assert any(parameter.grad is not None and parameter.grad.abs().sum() > 0 for parameter in model.pose.parameters())
    model.progress = 0.1
    terms = model.losses(batch)
    torch.stack(list(terms.values())).sum().backward()
    assert any(parameter.grad is not None for parameter in model.depth.parameters()) and set(terms) == {
        "photometric",
        "smoothness",
    }


def test_smoothness_is_that_of_the_formula_and_spares_what_is_left_out() -> None:
    disparity = torch.zeros(1, 1, 3, 6)
    disparity[..., 3:] = 1
    grey, keep = torch.zeros(1, 3, 3, 6), torch.ones(1, 1, 3, 6)
    assert float(smoothness_loss(disparity, grey, keep)) == pytest.approx(3 / 15)
    grey[..., 3] = 0.5  # the second difference of grey at the step from 2 to 3 is |0 - 2 * 0.5 + 0|
    assert float(smoothness_loss(disparity, grey, keep)) == pytest.approx(np.exp(-2 * 1.0) * 3 / 15)
    keep[..., 3] = 0
    assert float(smoothness_loss(disparity, grey, keep)) == 0


def test_turns_are_followed_and_the_pose_network_sees_pictures_turned_back() -> None:
    K = CAMERA.K
    noise = np.random.default_rng(1).integers(0, 255, (20, 40, 3), np.uint8)
    wide = cv2.resize(noise, (160, 80), interpolation=cv2.INTER_CUBIC)
    frames, turns = [], []
    for number in range(3):
        angle = 0.06 * (number - 1)
        turn = np.array([[np.cos(angle), 0, np.sin(angle)], [0, 1, 0], [-np.sin(angle), 0, np.cos(angle)]])
        shift = np.array([[1, 0, -48], [0, 1, -16], [0, 0, 1.0]])
        image = cv2.warpPerspective(wide, K @ turn @ np.linalg.inv(K) @ shift, (64, 48))
        frames.append(VideoFrame(f"{number}", number * 10**8, image, CAMERA))
        turns.append(turn)
    data = VideoSet([frames])
    np.testing.assert_allclose(data.turns[0, 1], turns[0], atol=5e-3)
    np.testing.assert_allclose(data.turns[0, 4], turns[2], atol=5e-3)
    batch = cut(data.load(np.array([0]), torch.device("cpu")), LEARNING.cuts, torch.Generator())
    middle, *others = batch.small[0]
    plain = cut(
        VideoSet([frames], follows=False).load(np.array([0]), torch.device("cpu")), LEARNING.cuts, torch.Generator()
    )
    for place, other in enumerate(others):
        aligned = (middle - other)[:, 6:-6, 12:-12].abs().mean()
        assert aligned < 0.3 * (middle - plain.small[0, place + 1])[:, 6:-6, 12:-12].abs().mean()
    motion, known = VideoModel(LEARNING)._motions(batch)
    assert not known
    torch.testing.assert_close(motion, batch.turns)  # the pose network begins with none of its own


def test_the_auto_mask_leaves_out_what_fits_better_unwarped() -> None:
    picture = torch.rand(1, 3, 4, 4)
    seen = Seen(picture + 0.1, torch.ones(1, 1, 4, 4))
    assert moves_less(seen, picture, picture).sum() == 0
    assert moves_less(seen, picture, picture + 0.1).sum() == 16


def test_a_label_counts_up_to_scale_and_only_where_it_is_believed() -> None:
    label, valid, around = torch.full((1, 1, 6, 6), 3.0), torch.zeros(1, 1, 6, 6), torch.zeros(1, 1, 6, 6)
    valid[..., 2:4, 2:4], around[..., :2, :] = 1, 1
    answer = label / 2
    assert float(label_loss(answer, label, valid, around)) == pytest.approx(0, abs=1e-6)
    answer[..., 2:4, 2:4] *= 2
    assert float(label_loss(answer, label, valid, around)) == pytest.approx(np.log(2) * 4 / 36)
    answer[..., 4:, :] = 99
    assert float(label_loss(answer, label, valid, around)) == pytest.approx(np.log(2) * 4 / 36)
    assert float(label_loss(answer, label, valid, 0 * around)) == 0
    moving = np.zeros((20, 20), np.bool_)
    moving[8:12, 8:12] = True
    assert rim(moving).sum() == 12 * 12 - 16 and not (rim(moving) & moving).any()


def test_a_few_labelled_pixels_pull_each_no_more_than_many_do() -> None:
    """Their mean let one pixel pull as much as a picture: second stages ended at a constant."""
    slopes = []
    for side in (1, 4):
        answer = torch.full((1, 1, 12, 12), 1.0, requires_grad=True)
        valid, around = torch.zeros(1, 1, 12, 12), torch.zeros(1, 1, 12, 12)
        valid[..., :side, :side], around[..., 8:, :] = 1, 1
        label = torch.where(valid > 0, 2.0, 1.0)
        (slope,) = torch.autograd.grad(label_loss(answer, label, valid, around), answer)
        assert int((slope != 0).sum()) == side**2
        slopes.append(float(slope.abs().max()))
    assert slopes[0] == pytest.approx(slopes[1]) == pytest.approx(1 / 144)


class ByPlace(torch.nn.Module):
    """Disparity 1, but on red pixels what u says: as if red things always moved so."""

    def forward(self, picture, grid, focal):
        red = (picture[:, :1] > 0.7) & (picture[:, 1:2] < 0.3)
        return torch.where(red, 1.0 + 0.8 * grid[:, :1], torch.ones_like(grid[:, :1]))


def test_what_a_network_knows_by_its_place_is_moving_the_rest_is_static() -> None:
    picture = torch.full((1, 3, 48, 72), 0.5)
    picture[0, :, 12:30, 12:36] = torch.tensor([1.0, 0, 0])[:, None, None]
    static = static_mask(ByPlace(), picture, position_grid(48, 72), torch.full((1, 2), 60.0), StaticRule())
    moving = ~static
    assert moving[14:28, 14:34].all() and moving.sum() < 22 * 28
    assert static_mask(ByPlace(), picture, position_grid(48, 72), torch.full((1, 2), 60.0), StaticRule(horizon=0.5))[
        :30
    ].all()


def test_a_label_of_what_moves_is_that_of_its_likes_elsewhere() -> None:
    picture = torch.full((1, 3, 48, 72), 0.5)
    picture[0, :, 12:30, 4:16] = torch.tensor([1.0, 0, 0])[:, None, None]
    moving = torch.zeros(1, 1, 48, 72, dtype=torch.bool)
    moving[..., 12:30, 4:16] = True
    inputs = picture, position_grid(48, 72), torch.full((1, 2), 60.0)
    found = boosted_elsewhere(ByPlace(), *inputs, moving)
    here, there = (boosted(ByPlace(), picture, inputs[1] + shift, inputs[2]) for shift in (0, 0.5))
    place = np.s_[0, 0, 14:28, 6:14]
    torch.testing.assert_close(found.disparity[place], there.disparity[place])
    assert (found.disparity[place] > here.disparity[place] + 0.2).all()
    assert not found.disparity[..., 36:].any() and not found.agree[..., 36:].any()  # nothing moves in that half


def test_boosting_keeps_a_disparity_that_grows_with_the_picture_and_doubts_one_that_does_not() -> None:
    class Grows(torch.nn.Module):
        def forward(self, picture, grid, focal):
            return (1 + grid[:, 1:]) / 4 * focal[:, :1, None, None] / 60 + 0.1 * focal[:, :1, None, None] / 60

    picture, grid = torch.rand(1, 3, 40, 60), position_grid(40, 60)
    found = boosted(Grows(), picture, grid, torch.full((1, 2), 60.0))
    expected = (1 + grid[:, 1:]) / 4 + 0.1
    torch.testing.assert_close(found.disparity[..., 3:-3, 3:-3], expected[..., 3:-3, 3:-3], rtol=0.02, atol=0.005)
    assert found.agree[..., 4:-4, 4:-4].all()

    class Stays(torch.nn.Module):
        def forward(self, picture, grid, focal):
            return torch.ones_like(grid[:, :1])

    assert not boosted(Stays(), picture, grid, torch.full((1, 2), 60.0)).agree.any()


def test_a_file_that_holds_no_such_network_is_refused(tmp_path) -> None:
    from depth_prompt_ros.learning.trainer import write_weights

    network = VideoDepthNet(TINY)
    write_weights(tmp_path / "a.safetensors", network.state_dict(), {"network": "video-levels", "settings": "{}"}, {})
    with pytest.raises(BadModel, match="no network learned from video"):
        load_video(tmp_path / "a.safetensors")


def test_evaluation_prints_both_protocols_and_masks_of_listed_frames(tmp_path) -> None:
    from typer.testing import CliRunner

    from depth_prompt_ros.cli.main import app

    learn_video(VideoSet([scene()]), tmp_path / "a.safetensors", Schedule(2, 1, 1e-3, 0, False, "halved"), LEARNING)
    folder = tmp_path / "drive_7"
    for name in ("images", "depth", "moving"):
        (folder / name).mkdir(parents=True)
    for frame in scene():
        cv2.imwrite(str(folder / "images" / f"{frame.name}.png"), frame.image[..., ::-1])
        cv2.imwrite(str(folder / "depth" / f"{frame.name}.png"), (1000 * frame.depth).astype(np.uint16))
        cv2.imwrite(str(folder / "moving" / f"{frame.name}.png"), np.full((48, 64), 255, np.uint8))
    sizes = {"width": 64, "height": 48, "fx": 60.0, "fy": 60.0, "cx": 31.5, "cy": 23.5}
    (folder / "calib.json").write_text(json.dumps(sizes))
    (tmp_path / "list.txt").write_text("2011/drive_7 3 l\n2011/drive_7/image_02/data/5.png\n2011/other 1 l\n")
    command = ["evaluate", "video", str(folder), "--weights", str(tmp_path / "a.safetensors")]
    answer = CliRunner().invoke(app, [*command, "--list", str(tmp_path / "list.txt")])
    assert answer.exit_code == 0, answer.output
    assert "metric, 1 to 80 m" in answer.output and "moving" in answer.output
    wanted = listed(tmp_path / "list.txt")
    figures = evaluate_video([VideoFolder(folder)], tmp_path / "a.safetensors", wanted)
    assert figures["frames"] == 2 and set(figures["moving"]) == {"iou", "precision", "recall"}
    for name in ("metric, 1 to 80 m", "median-scaled, 1e-3 to 80 m, Garg's crop"):
        assert 0 < figures[name]["abs_rel"] < 5
    (tmp_path / "bad.txt").write_text("drive_7\n")
    refused = CliRunner().invoke(app, [*command, "--list", str(tmp_path / "bad.txt")])
    assert isinstance(refused.exception, BadInput) and "expected a drive and the number" in str(refused.exception)


def test_the_command_learns_from_a_folder_and_says_what_it_left_out(tmp_path) -> None:
    from typer.testing import CliRunner

    from depth_prompt_ros.cli.main import app

    (tmp_path / "images").mkdir()
    for frame in scene(9, known=False):
        cv2.imwrite(str(tmp_path / "images" / f"{frame.name}.png"), frame.image[..., ::-1])
    sizes = {"width": 64, "height": 48, "fx": 60.0, "fy": 60.0, "cx": 31.5, "cy": 23.5}
    (tmp_path / "calib.json").write_text(json.dumps(sizes))
    (tmp_path / "frames.csv").write_text(
        "t\n" + "\n".join(str(each) for each in (0, 0.1, 0.2, 0.3, 0.3, 0.4, 2, 2.1, 2.2))
    )
    out = tmp_path / "out.safetensors"
    small = [
        "--width",
        "0.05",
        "--levels",
        "5",
        "--planes",
        "5",
        "--crop-height",
        "32",
        "--crop-width",
        "48",
        "--batch",
        "2",
    ]
    command = ["learn", "video", str(tmp_path), "--out", str(out), "--steps", "2", "--min-parallax", "0", *small]
    answer = CliRunner().invoke(app, [*command, "--stages", "1"])
    assert answer.exit_code == 0, answer.output
    assert "left out 1 frames, 4 to 4: recorded twice" in answer.output
    assert "cut between 5 and 6: gap of 1.6 s" in answer.output
    card = json.loads(out.with_suffix(".json").read_text())
    assert card["left_out"][1] == "cut between 5 and 6: gap of 1.6 s" and card["frames"] == 8
    assert card["learning"]["network"]["focal_unit"] == 60 and card["learning"]["network"]["proportional"]
    assert card["focal"] == "90.0"  # pictures were enlarged by up to 1.5
    tuned = ["--weights", str(out), "--stages", "1", "--levels", "9", "--focal-unit", "2000", "--out"]
    answer = CliRunner().invoke(app, [*command, *tuned, str(tmp_path / "tuned.safetensors")])
    assert answer.exit_code == 0, answer.output
    tuned_card = json.loads((tmp_path / "tuned.json").read_text())
    assert tuned_card["learning"]["network"] == card["learning"]["network"] and tuned_card["start"] == out.name
    for wrong, words in (
        (["--weights", str(out)], "the second stage learns from random weights"),
        (["--nearest", "9", "--farthest", "3"], "no depth lies between"),
        (["--min-parallax", "99"], "no span of frames can be used"),
    ):
        refused = CliRunner().invoke(app, [*command, "--out", str(tmp_path / "never.safetensors"), *wrong])
        assert isinstance(refused.exception, BadInput) and words in str(refused.exception)
