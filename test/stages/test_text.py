"""Targets and ToM pixels named in words: one pass of a picture for all, kept vectors, one clear error each."""

from __future__ import annotations

import gc

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")
pytest.importorskip("onnxscript")

from clips import use_tiny
from commands import run

from depth_prompt_ros.data.rendering.scenes import TABLETOP_CAMERA
from depth_prompt_ros.errors import BadInput, BadModel, NoTarget
from depth_prompt_ros.frame import DepthMeasurement, Frame
from depth_prompt_ros.networks import catalogue
from depth_prompt_ros.parameters import RUNTIME_DEFAULTS, Parameters, SegmentationParameters, TomParameters
from depth_prompt_ros.runtime.export.text import export_text
from depth_prompt_ros.stages.segmentation import make_segmenter
from depth_prompt_ros.stages.text.finder import TextFinder, open_text_finder
from depth_prompt_ros.stages.text.phrases import Tokeniser
from depth_prompt_ros.stages.tom import make_scene_depth, make_tom_detector

SIZE = (64, 96)


def picture(seed: int = 0, size: tuple[int, int] = SIZE) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 255, (*size, 3), np.uint8)


def as_network(image: np.ndarray) -> torch.Tensor:
    normalise = catalogue.Normalise(catalogue.find_clip("clipseg-rd64"))
    return normalise(torch.from_numpy(image).permute(2, 0, 1)[None].float() / 255)


def frame(image: np.ndarray) -> tuple[Frame, DepthMeasurement]:
    height, width = image.shape[:2]
    measured = DepthMeasurement(np.full((height, width), 1.0, np.float32), np.ones((height, width), np.float32))
    return Frame(0, "camera", image, TABLETOP_CAMERA.scaled(width, height)), measured


def test_probabilities_and_depth_are_pytorchs(words) -> None:
    assert set(words.differences) == {"image", "text", "pixels", "depth"}
    assert max(words.differences.values()) < 1e-4
    finder, image = TextFinder(words.path, RUNTIME_DEFAULTS), picture()
    phrases = ("the glass cup", "a mirror", "mug")
    found = finder.probabilities(image, phrases)
    ids = torch.from_numpy(Tokeniser.of_pairs([])(phrases))
    with torch.no_grad():
        expected = torch.sigmoid(words.network(as_network(image), words.network.phrase_vectors(ids)))[:, 0].numpy()
        depth = words.mirror(as_network(image))[0, 0].clamp(max=10.0).numpy()
    assert found.shape == (3, *SIZE) and np.abs(found - expected).max() < 1e-4
    assert float(expected.std()) > 1e-2
    assert np.abs(finder.depth(image) - depth).max() < 1e-4 * depth.max()
    assert finder.passes == 1


def test_a_picture_is_passed_once_and_a_phrases_vector_is_kept(words) -> None:
    finder, first, second = TextFinder(words.path, RUNTIME_DEFAULTS), picture(1), picture(2)
    texts, pixels = [], []
    text, decode = finder._text, finder._pixels
    finder._text = lambda ids: texts.append(len(ids)) or text(ids=ids)
    finder._pixels = lambda states, vectors: pixels.append(len(vectors)) or decode(states=states, vectors=vectors)
    one = finder.probabilities(first, ("cup",))
    other = finder.probabilities(first, ("glass", "mirror"))
    finder.depth(first)
    assert (finder.passes, texts, pixels) == (1, [1, 2], [1, 2])
    finder.probabilities(second, ("cup",))  # and what else was asked of the picture before, in one batch
    assert np.array_equal(finder.probabilities(first, ("cup",)), one)
    again = TextFinder(words.path, RUNTIME_DEFAULTS).probabilities(first, ("mirror", "glass"))
    assert np.allclose(again[::-1], other, atol=1e-5)
    assert finder.passes == 3 and texts == [1, 2] and pixels[2] == 3


def test_targets_are_the_likely_pixels_of_each_phrase(words) -> None:
    image = picture(4)
    finder = TextFinder(words.path, RUNTIME_DEFAULTS)
    likely = finder.probabilities(image, ("the glass cup", "a mug"))
    threshold = float(np.quantile(likely.max(0), 0.5))
    chosen = SegmentationParameters(
        method="text", text="the glass cup, a mug", text_network=str(words.path), text_threshold=threshold, min_area=10
    )
    labels = make_segmenter(chosen, RUNTIME_DEFAULTS)(*frame(image))
    assert labels.max() >= 1 and labels.dtype == np.uint16
    assert (likely.max(0)[labels > 0] >= threshold - 1e-6).all()
    areas = np.bincount(labels.ravel())[1:]
    assert areas.min() >= 10 and (np.diff(areas) <= 0).all()
    with pytest.raises(NoTarget, match="'the glass cup' 0.*lower segmentation.text_threshold"):
        make_segmenter(chosen.model_copy(update={"text_threshold": 0.999}), RUNTIME_DEFAULTS)(*frame(image))


def test_tom_pixels_are_those_of_any_phrase_and_share_the_pass(words) -> None:
    image = picture(5)
    parameters = Parameters.checked(
        {
            "segmentation": {"method": "text", "text": "a mug", "text_network": str(words.path), "text_threshold": 0.1},
            "tom": {"method": "text", "text_network": str(words.path), "mono": str(words.path), "colours": 0},
        },
        "the test",
    )
    segment = make_segmenter(parameters.segmentation, parameters)
    find_tom, scene = make_tom_detector(parameters.tom, parameters, segment), make_scene_depth(parameters)
    finder = open_text_finder(str(words.path), "tom", parameters)
    before = finder.passes
    given = frame(image)
    segment(*given)
    tom = find_tom(*given)
    disparity = scene(image, tom, 0)
    assert finder.passes == before + 1
    likely = finder.probabilities(image, ("glass", "mirror")).max(0)
    assert np.array_equal(tom, likely >= 0.5)
    assert np.allclose(disparity.painted, 1 / finder.depth(image), rtol=1e-5) and not disparity.spread.any()


def test_finders_are_shared_while_used_and_dropped_after(words) -> None:
    first = open_text_finder(str(words.path), "tom", RUNTIME_DEFAULTS)
    assert open_text_finder(str(words.path), "segmentation", RUNTIME_DEFAULTS) is first
    number = first.passes = 77
    del first
    gc.collect()
    assert open_text_finder(str(words.path), "tom", RUNTIME_DEFAULTS).passes != number


@pytest.mark.parametrize(
    ("update", "words_said"),
    [
        ({"text": ""}, "empty phrase"),
        ({"text": "cup,,mug"}, "empty phrase"),
        ({"text": "a very long name " * 10}, "tokens with its start and end, CLIP takes 77"),
        ({"text_network": ""}, "needs segmentation.text_network"),
        ({"text_network": "/nowhere/words.yaml"}, "no network for texts at /nowhere/words.yaml"),
    ],
)
def test_what_is_wrong_is_one_clear_error(words, update, words_said) -> None:
    chosen = SegmentationParameters(method="text", text="mug", text_network=str(words.path))
    with pytest.raises(BadInput, match=words_said) as found:
        make_segmenter(chosen.model_copy(update=update), RUNTIME_DEFAULTS)
    assert "\n" not in str(found.value)


@pytest.mark.parametrize("fault", ["truncated graph", "missing graph", "no yaml", "foreign yaml", "other export"])
def test_damaged_files_are_one_clear_error(words, tmp_path, fault) -> None:
    for file in words.folder.glob("words*"):
        (tmp_path / file.name).write_bytes(file.read_bytes())
    path, graph = tmp_path / "words.yaml", tmp_path / "words_image.onnx"
    if fault == "truncated graph":
        graph.write_bytes(graph.read_bytes()[:-500])
    elif fault == "missing graph":
        graph.unlink()
    elif fault == "no yaml":
        path.write_text("image: [")
    elif fault == "foreign yaml":
        path.write_text("graph: x.onnx\n")
    else:
        import onnx

        model = onnx.load(str(graph))
        onnx.helper.set_model_props(model, {"clip_sha256": "another"})
        onnx.save(model, str(graph))
    expected = BadInput if "yaml" in fault else BadModel
    said = {"no yaml": "cannot read", "foreign yaml": "is not what depth-prompt export text writes",
            "other export": "of different exports"}.get(fault, "words_image.onnx")  # fmt: skip
    with pytest.raises(expected, match=said):
        make_segmenter(SegmentationParameters(method="text", text="mug", text_network=str(path)), RUNTIME_DEFAULTS)


def test_the_export_refuses_what_does_not_fit(words, tmp_path, monkeypatch, capsys) -> None:
    use_tiny(monkeypatch, words.folder / "models")
    letters, out = Tokeniser.of_pairs([]), tmp_path / "words.yaml"
    for given, said in (
        ((tmp_path / "words.onnx", letters, "clipseg-tiny", None, SIZE), "must end in .yaml"),
        ((out, letters, "clipseg-tiny", None, (50, 64)), "no whole number of patches"),
        ((out, Tokeniser.of_pairs([("a", "b")]), "clipseg-tiny", None, SIZE), "the vocabulary has 515 tokens"),
        ((out, letters, "clip-tiny", None, SIZE), "no weights of clip-tiny"),
    ):
        with pytest.raises(BadInput, match=said):
            export_text(*given)
    vocabulary = tmp_path / "bpe.txt"
    assert run(monkeypatch, ["export", "text", "--out", str(out), "--vocabulary", str(vocabulary)]) == 2
    assert "no vocabulary at" in capsys.readouterr().err
    assert not list(tmp_path.glob("words*"))


def test_tom_has_words_of_its_own() -> None:
    assert TomParameters().text == "glass, mirror"
    with pytest.raises(BadInput, match=r"needs tom\.text_network"):
        make_tom_detector(TomParameters(method="text"))
