"""What a small CLIP learns from: framed pictures, captions of parts of them, wrong captions; and what it then tells."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")
pytest.importorskip("open3d")

from depth_prompt_ros.data.rendering.captioned import WORDS, caption
from depth_prompt_ros.data.sets.captioned_set import CaptionedSet, open_or_render_captioned
from depth_prompt_ros.learning.clip import zero_shot as zero_shot_module
from depth_prompt_ros.learning.clip.captioned_pictures import Captioned, framed, patches_of
from depth_prompt_ros.learning.clip.contrast import attributes_said, contrastive_loss, each_word, several_words
from depth_prompt_ros.learning.clip.first_weights import begin_with_places_and_whitened_patches
from depth_prompt_ros.learning.clip.small_clip import learn_small_clip
from depth_prompt_ros.learning.clip.zero_shot import accepted, chance_levels, zero_shot
from depth_prompt_ros.learning.trainer import Schedule
from depth_prompt_ros.networks.clip_mirror.clip import Clip
from depth_prompt_ros.networks.clip_mirror.entries import SMALL, SMALL_NAME
from depth_prompt_ros.networks.clip_mirror.learned_file import clip_sha256, load_clip
from depth_prompt_ros.work.run import Where


@pytest.fixture(scope="module")
def pictures(tmp_path_factory) -> CaptionedSet:
    return open_or_render_captioned(tmp_path_factory.mktemp("set") / "captioned", 12, 32, 1, where=Where(1))


def test_the_contrast_is_lowest_where_pictures_meet_their_captions() -> None:
    texts = torch.eye(4)
    of = torch.eye(4)[[0, 1, 1, 2]] > 0  # two pictures of one caption; the last caption is of none
    scale = torch.tensor(np.log(50.0), dtype=torch.float32)
    right, wrong = (contrastive_loss(texts[rows], texts, scale, of) for rows in ([0, 1, 1, 2], [1, 2, 2, 0]))
    assert float(right) == pytest.approx(np.log(2) / 3 / 2, abs=1e-3)  # two share a caption, and that is all
    assert float(wrong) > 10
    like_none = contrastive_loss(texts[[0, 1, 1, 3]], texts, scale, of)
    assert float(like_none) > float(right) + 5  # a caption that is true of no picture is what pictures are told from


def test_every_word_of_an_attribute_is_asked_alone() -> None:
    words = torch.tensor([[0, 1, 2, 3], [1, 0, 2, 0]])
    asked = each_word(words, "shape")
    assert asked.captions == [f"a {word}" for word in WORDS["shape"]]
    assert [row.nonzero().flatten().tolist() for row in asked.of] == [[3], [0]]
    assert each_word(words, "colour").captions[1] == "an orange thing"
    assert each_word(words, "material").of[:, 2].all()


def test_hard_negatives_are_wrong_in_one_word_that_is_told() -> None:
    generator = torch.Generator().manual_seed(0)
    words = torch.stack([torch.randint(len(each), (30,), generator=generator) for each in WORDS.values()], 1)
    for said in (list(WORDS), ["material", "shape"], ["size"]):
        asked = several_words(words, said, generator)
        assert len(set(asked.captions)) == len(asked.captions) and asked.of.sum(1).eq(1).all()
        for row, of in zip(words.numpy(), asked.of, strict=True):
            assert asked.captions[int(of.nonzero())] == caption(row, said)
        true = {text for text, of in zip(asked.captions, asked.of.any(0).tolist(), strict=True) if of}
        wrong = [text.split()[1:] for text in asked.captions if text not in true]
        assert wrong or said == ["size"]
        for text in wrong:
            assert min(sum(a != b for a, b in zip(text, each.split()[1:], strict=True)) for each in true) == 1


def test_a_framed_object_is_whole_fits_and_keeps_its_look() -> None:
    image = torch.zeros(40, 3, 64, 64)
    image[:, 2] = 1
    mask = torch.zeros(40, 1, 64, 64)
    for number in range(40):
        top = 8 + number % 9
        mask[number, 0, top : top + 20, 12:48] = 1
        image[number, :, top : top + 20, 12:48] = torch.tensor([1.0, 0, 0])[:, None, None]
        image[number, :, top : top + 20, 44:48] = torch.tensor([0.0, 1, 0])[:, None, None]  # at its right end
    batch = Captioned(image, torch.zeros(40, 4, dtype=torch.int64), mask)
    free, bound = (framed(batch, torch.Generator().manual_seed(1), most) for most in (None, 0.5))
    for found, most in ((free, 1.0), (bound, 0.53)):
        wide = found.mask[:, 0].amax(1).sum(1)
        assert wide.max() <= most * 64 and wide.min() >= 36 / 1.4 - 2
        assert (found.image[:, 2] > 0.5).eq(found.mask[:, 0] < 0.5).float().mean() > 0.97
    assert free.mask[:, 0].amax(1).sum(1).max() > 44
    middle = (free.mask[:, 0] * torch.arange(64.0)).sum((1, 2)) / free.mask.sum((1, 2, 3))
    green = (free.image[:, 1] * torch.arange(64.0)).sum((1, 2)) / free.image[:, 1].sum((1, 2))
    assert 8 < int((green < middle).sum()) < 32  # flipped, or not


def test_patches_that_show_the_object_come_first_and_the_encoder_sees_them_alone() -> None:
    mask = torch.zeros(2, 1, 112, 112)
    mask[0, 0, 20:40, 70:100] = mask[1, 0, :96, :96] = 1
    chosen = patches_of(mask, 16, 12, torch.Generator().manual_seed(0))
    assert chosen.shape == (2, 12) and all(len(set(row)) == 12 for row in chosen.tolist())
    assert {11, 12, 13, 18, 19, 20} <= set(chosen[0].tolist())
    assert all(number // 7 < 6 and number % 7 < 6 for number in chosen[1].tolist())
    again = [frozenset(patches_of(mask, 16, 12, torch.Generator().manual_seed(n))[1].tolist()) for n in range(9)]
    assert len(set(again)) > 5  # another part each time where the object is larger
    assert patches_of(mask, 16, 60, torch.Generator()).shape == (2, 49)
    torch.manual_seed(0)
    network, picture = Clip(SMALL).eval(), torch.rand(1, 3, 112, 112)
    with torch.no_grad():
        whole = network.picture_vector(picture)
        assert torch.allclose(network.picture_vector(picture, torch.arange(49)[None]), whole, atol=1e-5)
        seen, unseen = picture.clone(), picture.clone()
        seen[..., 48:64, 96:] = 0  # patch 27
        unseen[..., :16, :16] = 0  # patch 0
        some = torch.tensor([[18, 19, 20, 25, 26, 27]])
        answers = [network.picture_vector(each, some) for each in (picture, seen, unseen)]
    assert torch.equal(answers[0], answers[2]) and not torch.allclose(answers[0], answers[1], atol=1e-4)


def test_first_weights_whiten_patches_and_tell_places_apart() -> None:
    torch.manual_seed(0)
    network = Clip(SMALL)
    smooth = torch.nn.functional.interpolate(torch.randn(24, 3, 14, 14), (112, 112), mode="bilinear")
    begin_with_places_and_whitened_patches(network, smooth)
    embeddings = network.model.vision_model.embeddings
    with torch.no_grad():
        tokens = embeddings.patch_embedding(smooth).flatten(2).transpose(1, 2).flatten(0, 1)
    shared = torch.cov(tokens.T)
    assert (shared - torch.diag(shared.diag())).abs().max() < 1e-3  # no two components say the same
    assert shared[0, 0] == pytest.approx(0.49, rel=0.05) and shared.diag()[:16].min() > 0.35
    places = embeddings.position_embedding.weight[1:].detach()
    alike = torch.nn.functional.normalize(places, dim=1) @ torch.nn.functional.normalize(places, dim=1).T
    assert alike.fill_diagonal_(0).max() < 0.99 and alike[0, 1] > alike[0, 3] and alike[0, 7] > alike[0, 21]


def test_a_caption_tells_what_is_said() -> None:
    words = np.array([1, 1, 2, 3])
    assert caption(words, ["material"]) == "a glass thing" and caption(words, ["colour"]) == "an orange thing"
    assert caption(words, ["size", "shape"]) == "a large mug"
    generator = torch.Generator().manual_seed(0)
    drawn = [tuple(attributes_said(generator)) for _ in range(200)]
    assert len(set(drawn)) == 2 ** len(WORDS) - 1 and 0.4 < np.mean([each == tuple(WORDS) for each in drawn]) < 0.7


def test_zero_shot_counts_what_is_told_right(pictures, monkeypatch) -> None:
    torch.manual_seed(0)
    network = Clip(SMALL).eval()
    of_caption = {caption(words): torch.randn(SMALL.projection) for words in pictures.words}
    asked = []

    class Known(zero_shot_module.Tokeniser):
        def __call__(self, phrases):
            asked.append(phrases)
            return np.zeros((len(phrases), 1), np.int64)

    monkeypatch.setattr(zero_shot_module.Tokeniser, "of_pairs", classmethod(lambda cls, _: Known.__new__(Known)))
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


def test_learning_looks_at_some_patches_then_at_whole_pictures(pictures, tmp_path, monkeypatch) -> None:
    seen = []
    whole = Clip.picture_vector

    def spied(self, picture, patches=None):
        if self.training:
            seen.append(None if patches is None else patches.shape[1])
        return whole(self, picture, patches)

    monkeypatch.setattr(Clip, "picture_vector", spied)
    figures = learn_small_clip(pictures, pictures, tmp_path / "clip.safetensors", Schedule(10, 6, 1e-3))
    assert set(figures) == {*WORDS, "caption"} and (tmp_path / "clip.safetensors").is_file()
    assert seen == [4] * 9 + [None]  # of a picture of 32 pixels, all four


def test_a_further_round_goes_on_from_the_last(pictures, tmp_path) -> None:
    first, second = tmp_path / "first.safetensors", tmp_path / "second.safetensors"
    learn_small_clip(pictures, pictures, first, Schedule(1, 6, 1e-3))
    learn_small_clip(pictures, pictures, second, Schedule(1, 6, 0.0, 1), first)
    assert clip_sha256(load_clip(SMALL_NAME, second)) == clip_sha256(load_clip(SMALL_NAME, first))
