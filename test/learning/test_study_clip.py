"""The study of mirrors, tiny: it runs, goes on where it stopped, leaves CLIP as it is, and writes its page."""

from __future__ import annotations

import json
from copy import deepcopy
from dataclasses import replace
from functools import partial
from unittest.mock import Mock

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")
pytest.importorskip("open3d")

from commands import run

from depth_prompt_ros.data.rendering.captioned import COLOURS, MATERIALS, SHAPES, WORDS, caption, captioned_view
from depth_prompt_ros.data.sets.captioned_set import (
    CaptionedSet,
    open_or_render_captioned,
    open_or_render_named_tables,
)
from depth_prompt_ros.data.sets.metric_set import MetricSet
from depth_prompt_ros.errors import BadInput
from depth_prompt_ros.learning.clip import text_decoder
from depth_prompt_ros.learning.clip.study import runs, study
from depth_prompt_ros.learning.clip.study.features import open_or_compute
from depth_prompt_ros.learning.clip.study.page import change
from depth_prompt_ros.learning.clip.study.plan import MIRROR, TABLE, Effort, Row
from depth_prompt_ros.learning.clip.study.runs import Found, Material, constant_rows, result_of
from depth_prompt_ros.learning.clip.study.video import render_video, trembling
from depth_prompt_ros.learning.clip.text_decoder import PHRASES, load_named, phrase_scores
from depth_prompt_ros.networks.clip_mirror.clip import Clip
from depth_prompt_ros.networks.clip_mirror.entries import SMALL
from depth_prompt_ros.work.run import Where

TINY = Effort(32, 12, (2, 3), 6, 4, 2, 8, 6, 20, 2, 1e-3, 1)


@pytest.fixture(scope="module")
def pictures(tmp_path_factory) -> CaptionedSet:
    return open_or_render_captioned(tmp_path_factory.mktemp("set") / "captioned", 12, 32, 1, where=Where(1))


def test_pictures_show_what_their_captions_say(pictures) -> None:
    view, attributes, _ = captioned_view(np.random.default_rng([1, 5]), 32)
    assert np.array_equal(pictures.images[5], view.image) and np.array_equal(pictures.words[5], attributes)
    assert (pictures.masks.mean((1, 2)) > 0.01).all()
    assert all((words < [len(each) for each in WORDS.values()]).all() for words in pictures.words)
    assert caption(np.array([1, 0, 2, 3])) == "a large red glass mug"
    assert (len(COLOURS), len(MATERIALS), len(SHAPES)) == (7, 4, 6)
    rng = np.random.default_rng(3)
    for _ in range(200):  # a matte red thing is red
        view, attributes, _ = captioned_view(rng, 24)
        if caption(attributes).split()[2:4] == ["red", "matte"]:
            red, green, blue = view.image[view.labels == 1].mean(0)
            assert red > 1.5 * green and red > 1.5 * blue
            return
    raise AssertionError("no red matte thing in 200")


def test_a_captioned_set_is_a_metric_one(pictures, tmp_path) -> None:
    folder = tmp_path / "set"
    made = open_or_render_captioned(folder, 2, 32, 1, where=Where(1))
    assert np.array_equal(made.images, pictures.images[:2])
    assert MetricSet.open(folder).size == (32, 32)
    with pytest.raises(BadInput, match="holds a set made with"):
        open_or_render_captioned(folder, 3, 32, 1, where=Where(1))


def test_humble_rows_and_changes(pictures) -> None:
    humble = constant_rows(pictures, pictures, render_video(32, 1, 1, 2))
    depth = np.asarray(pictures.depths)
    constant = np.exp(np.log(depth[np.isfinite(depth)]).mean())
    first = depth[0][np.isfinite(depth[0])]
    assert humble["constant depth"].errors[0] == pytest.approx(np.mean(np.abs(constant - first) / first), rel=1e-5)
    assert humble["mean scene"].errors.mean() < humble["constant depth"].errors.mean()
    one, two = (Found(np.full(9, value), np.full(9, value), {}) for value in (0.1, 0.2))
    assert change([one], [two]) == pytest.approx((-0.5, -0.5, -0.5))
    assert change([one, two], [two, two])[0] == pytest.approx(-0.25)
    first, second = (Found(each.errors, each.objects, {"learned": 5}) for each in (one, two))
    assert change([second], [first, second])[0] == pytest.approx(1.0)  # of the seed that both have
    assert change([two], [first, second])[0] == pytest.approx(1 / 3)


@pytest.fixture(scope="module")
def tables(tmp_path_factory):
    return open_or_render_named_tables(tmp_path_factory.mktemp("set") / "tables", 3, 32, 1, where=Where(1))


def test_each_word_but_the_size_names_one_thing_of_a_table(tables) -> None:
    assert set(np.unique(tables.labels)) == {0, 1, 2, 3}
    for attributes in tables.attributes[..., 0]:
        assert all(len(set(attributes[:, axis])) == 3 for axis in (1, 2, 3))


def test_a_batch_of_singles_and_tables_says_what_a_caption_means(pictures, tables) -> None:
    sets = [pictures, tables]
    batch = load_named(sets, np.array([0, 11, 12, 14]), torch.device("cpu"))
    assert np.array_equal(batch.masks[1, 0], pictures.masks[11]) and not batch.masks[:2, 1:].any()
    assert np.array_equal(batch.masks[3, 2], tables.labels[2] == 3)
    asked = batch.words[:, 0].clone()
    meant = batch.of(asked, ["material"])
    assert torch.equal(meant[:, 0], batch.masks[:, 0])  # no other of the table is of that material
    asked[:, 2] = (asked[:, 2] + 1) % 4
    elsewhere = batch.of(asked, ["material"])
    assert not elsewhere[:2].any() and not (elsewhere[2:, 0] * batch.masks[2:, 0]).any()
    same = batch.of(batch.words[:, 0], ["size"])
    for row in range(4):
        of_its_size = batch.words[row, :, 0] == batch.words[row, 0, 0]
        assert torch.equal(same[row, 0], batch.masks[row][of_its_size].sum(0))


def test_phrases_are_scored_by_what_they_find(tables, monkeypatch) -> None:
    network, decoder = Clip(SMALL).eval(), torch.nn.Linear(1, 1)
    monkeypatch.setattr(
        text_decoder, "_answer",
        lambda *given: 20 * load_named([tables], np.arange(3), torch.device("cpu")).of(*given[-2:]) - 10,
    )  # fmt: skip
    for scores in phrase_scores(network, decoder, tables).values():
        assert scores.iou == 1 and scores.picked == 1 and scores.all_objects == pytest.approx(1 / 3)
    monkeypatch.setattr(
        text_decoder, "_answer",
        lambda *_: torch.from_numpy(np.where(tables.labels == 2, 10.0, -10.0))[:, None],
    )  # fmt: skip
    found = phrase_scores(network, decoder, tables)
    assert set(found) == set(PHRASES)
    assert all(scores.picked == pytest.approx(1 / 3) and scores.iou < 0.5 for scores in found.values())


def test_what_trembles_is_the_error_of_a_point() -> None:
    video = render_video(32, 2, 2, 3)
    depths = list(video.frames.depths)
    assert trembling(depths, video) == 0 and trembling([1.3 * each for each in depths], video) < 1e-6
    breathing = [each * (1.1 if number % 2 else 1.0) for number, each in enumerate(depths)]
    assert trembling(breathing, video) == pytest.approx(np.log(1.1), rel=1e-4)
    still = replace(video, poses=video.poses[[0, 0, 0, 3, 3, 3]])
    still.frames.depths[:] = still.frames.depths[[0, 0, 0, 3, 3, 3]]
    twice = [depth * (1 + number // 3) for number, depth in enumerate(still.frames.depths)]
    assert trembling(twice, still) < 1e-6  # nothing is compared from one clip to the next


def test_rows_get_their_seeds_and_folders_of_their_own() -> None:
    effort = Effort(seeds=3, first=5)
    assert [len(effort.seeds_of(row)) for row in TABLE[:6]] == [3, 3, 3, 1, 3, 1]
    assert len(Effort().seeds_of(Row("w", "words"))) == 1
    assert len({row.folder for row in TABLE}) == len(TABLE)


def test_the_study_runs_goes_on_and_writes_its_page(tmp_path, monkeypatch) -> None:
    said: list[str] = []
    rows = (MIRROR, *(row for row in TABLE if row.kind in ("sentence", "words", "learned words", "image")),
            *(row for row in TABLE if row.encoder != "learned" or row.pretrained))  # fmt: skip
    for module in (study, study.write_page.__globals__):
        target = module if isinstance(module, dict) else vars(module)
        monkeypatch.setitem(target, "TABLE", rows)
    monkeypatch.setattr(study, "render_video", partial(render_video, clips=1, length=3))
    monkeypatch.setattr(Effort, "seeds_of", lambda self, row: range(self.seeds))
    page = tmp_path / "clip.md"
    study.study_clip(TINY, tmp_path / "cache", tmp_path / "out", page, said.append)
    text = page.read_text()
    assert all(f"| {row.name} |" in text for row in rows) and "Not run" not in text
    assert "accuracy after all was learned through it" in text and "nan" not in text.split("## The constant")[0]
    assert text.startswith("# Mirror prompts") and "depth-prompt study clip --side 32" in text
    assert "--clip-steps 2 --clip-steps 3" in text and "for 2 and then 3 steps of 6" in text
    assert (tmp_path / "out" / "clip-1.safetensors").is_file()
    assert "dice" in (tmp_path / "out" / "text-decoder.csv").read_text()  # small things count as much as large ones
    found = result_of(tmp_path / "out" / "mirror-0")
    assert set(found.figures["replaced"]) == {"random vector", "untrained mirror", "sentence", "as learned"}
    assert found.figures["replaced"]["as learned"]["all"] == pytest.approx(found.figures["abs_rel"], rel=1e-6)
    assert 0 < found.figures["trembling"] < 1
    assert set(found.figures["curve"]) == {"0.05", "0.25", "1"}
    lines, before = len(said), json.loads((tmp_path / "out" / "mirror-0" / "result.json").read_text())
    wanted = len(rows) * TINY.seeds
    assert f"0 of {wanted} runs are done, {wanted} are left" in said
    assert [line for line in said if line.startswith(f"{wanted} of {wanted}: ")]
    study.study_clip(TINY, tmp_path / "cache", tmp_path / "out", page, said.append)
    assert f"{wanted} of {wanted} runs are done, 0 are left" in said[lines:]
    assert not [line for line in said[lines:] if ": AbsRel" in line]  # nothing is learned again
    assert json.loads((tmp_path / "out" / "mirror-0" / "result.json").read_text()) == before
    assert page.read_text() == text


@pytest.mark.parametrize("row", [MIRROR, Row("tuned", encoder="fine-tuned"), Row("learned words", "learned words")])
def test_a_run_that_stopped_while_it_was_measured_is_not_learned_again(row, pictures, tmp_path, monkeypatch) -> None:
    device, clip, video = torch.device("cpu"), Clip(SMALL).eval().requires_grad_(False), render_video(32, 1, 1, 2)
    seen, moving = (
        open_or_compute(tmp_path / f"{name}.npz", clip, each, device)
        for name, each in (("set", pictures), ("video", video.frames))
    )
    material = Material(clip, torch.nn.Identity(), pictures, pictures, seen, seen, None, video, moving)

    def found(folder: str) -> Found:
        own = replace(material, clip=deepcopy(clip))
        return runs.execute(row, 3, replace(TINY, steps=5), own, tmp_path / folder, device)

    whole = found("whole")
    with monkeypatch.context() as patched:
        patched.setattr(runs, "trembling", Mock(side_effect=KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            found("stopped")
    assert result_of(tmp_path / "stopped") is None and (tmp_path / "stopped" / "learned.safetensors").is_file()
    monkeypatch.setattr(runs, "fit", Mock(side_effect=AssertionError("learned again")))
    again = found("stopped")
    assert np.array_equal(again.errors, whole.errors) and again.figures == whole.figures


def test_another_effort_is_refused_in_the_same_folder(tmp_path, monkeypatch, capsys) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "study.json").write_text('{"side": 1}')
    words = [
        "study",
        "clip",
        "--out",
        str(tmp_path / "out"),
        "--cache",
        str(tmp_path),
        "--results",
        str(tmp_path / "p.md"),
    ]
    assert run(monkeypatch, words) == 2
    assert "holds a study made with" in capsys.readouterr().err
