"""The study of mirrors, tiny: it runs, goes on where it stopped, leaves CLIP as it is, and writes its page."""

from __future__ import annotations

import json

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")
pytest.importorskip("open3d")

from commands import run

from depth_prompt_ros.data.rendering.captioned import COLOURS, MATERIALS, SHAPES, WORDS, caption, captioned_view
from depth_prompt_ros.data.sets.captioned_set import CaptionedSet, open_or_render_captioned
from depth_prompt_ros.data.sets.metric_set import MetricSet
from depth_prompt_ros.errors import BadInput
from depth_prompt_ros.learning.clip import small_clip
from depth_prompt_ros.learning.clip.small_clip import accepted, chance_levels, contrastive_loss, zero_shot
from depth_prompt_ros.learning.clip.study import study
from depth_prompt_ros.learning.clip.study.page import change
from depth_prompt_ros.learning.clip.study.plan import MIRROR, TABLE, Effort, Row
from depth_prompt_ros.learning.clip.study.runs import Found, constant_rows, result_of
from depth_prompt_ros.networks.clip_mirror.clip import Clip
from depth_prompt_ros.networks.clip_mirror.entries import SMALL

TINY = Effort(32, 12, 2, 6, 2, 8, 6, 20, 2, 1e-3, 1)


@pytest.fixture(scope="module")
def pictures(tmp_path_factory) -> CaptionedSet:
    return open_or_render_captioned(tmp_path_factory.mktemp("set") / "captioned", 12, 32, 1, jobs=1)


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
    made = open_or_render_captioned(folder, 2, 32, 1, jobs=1)
    assert np.array_equal(made.images, pictures.images[:2])
    assert MetricSet.open(folder).size == (32, 32)
    with pytest.raises(BadInput, match="holds a set made with"):
        open_or_render_captioned(folder, 3, 32, 1, jobs=1)


def test_the_contrast_is_lowest_where_pictures_meet_their_captions() -> None:
    texts = torch.eye(3)[[0, 1, 1, 2]]
    same = texts @ texts.T > 0
    scale = torch.tensor(np.log(50.0), dtype=torch.float32)
    right, wrong = (contrastive_loss(each, texts, scale, same) for each in (texts, texts.roll(1, 0)))
    assert float(right) == pytest.approx((2 * np.log(2)) / 4, abs=1e-3)  # two share a caption, and that is all
    assert float(wrong) > 10


def test_zero_shot_counts_what_is_told_right(pictures, monkeypatch) -> None:
    torch.manual_seed(0)
    network = Clip(SMALL).eval()
    of_caption = {caption(words): torch.randn(SMALL.projection) for words in pictures.words}
    asked = []

    class Known(small_clip.Tokeniser):
        def __call__(self, phrases):
            asked.append(phrases)
            return np.zeros((len(phrases), 1), np.int64)

    monkeypatch.setattr(small_clip.Tokeniser, "of_pairs", classmethod(lambda cls, _: Known.__new__(Known)))
    other = torch.Generator().manual_seed(1)
    monkeypatch.setattr(
        network, "phrase_vectors",
        lambda ids: torch.stack([of_caption.get(p, torch.randn(SMALL.projection, generator=other)) for p in asked[-1]]),
    )  # fmt: skip
    shown = torch.stack([of_caption[caption(words)] for words in pictures.words])
    monkeypatch.setattr(network, "picture_vector", lambda _: shown)
    right = zero_shot(network, pictures, torch.device("cpu"))
    assert right["caption"] == 1.0 and min(right.values()) == 1.0
    shown = shown.roll(1, 0)
    wrong = zero_shot(network, pictures, torch.device("cpu"))
    assert wrong["caption"] < 0.5
    assert accepted(right) and not accepted(chance_levels())


def test_humble_rows_and_changes(pictures) -> None:
    humble = constant_rows(pictures, pictures)
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


def test_rows_get_their_seeds_and_folders_of_their_own() -> None:
    effort = Effort(seeds=3, first=4)
    assert [len(effort.seeds_of(row)) for row in TABLE[:6]] == [3, 3, 3, 3, 1, 1]
    assert len(Effort().seeds_of(Row("w", "words"))) == 1
    assert len({row.folder for row in TABLE}) == len(TABLE)


def test_the_study_runs_goes_on_and_writes_its_page(tmp_path, monkeypatch) -> None:
    said: list[str] = []
    rows = (MIRROR, *(row for row in TABLE if row.kind in ("sentence", "words", "learned words", "image")),
            *(row for row in TABLE if row.encoder != "learned" or row.pretrained))  # fmt: skip
    for module in (study, study.write_page.__globals__):
        target = module if isinstance(module, dict) else vars(module)
        monkeypatch.setitem(target, "TABLE", rows)
    monkeypatch.setattr(Effort, "seeds_of", lambda self, row: range(self.seeds))
    page = tmp_path / "clip.md"
    study.study_clip(TINY, tmp_path / "cache", tmp_path / "out", page, said.append)
    text = page.read_text()
    assert all(f"| {row.name} |" in text for row in rows) and "Not run" not in text
    assert "accuracy after all was learned through it" in text and "nan" not in text.split("## The constant")[0]
    assert text.startswith("# Mirror prompts") and "depth-prompt study clip --side 32" in text
    found = result_of(tmp_path / "out" / "mirror-0")
    assert set(found.figures["replaced"]) == {"random vector", "untrained mirror", "sentence", "as learned"}
    assert found.figures["replaced"]["as learned"]["all"] == pytest.approx(found.figures["abs_rel"], rel=1e-6)
    assert set(found.figures["curve"]) == {"0.05", "0.25", "1"}
    lines, before = len(said), json.loads((tmp_path / "out" / "mirror-0" / "result.json").read_text())
    study.study_clip(TINY, tmp_path / "cache", tmp_path / "out", page, said.append)
    assert not [line for line in said[lines:] if line.startswith("mirror")]  # nothing is learned again
    assert json.loads((tmp_path / "out" / "mirror-0" / "result.json").read_text()) == before
    assert page.read_text() == text


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
