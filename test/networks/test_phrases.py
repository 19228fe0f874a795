"""Phrases to CLIP's tokens: the reference tokeniser's ids, and one clear error for what is wrong."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("tokenizers")

from depth_prompt_ros.errors import BadInput, BadModel
from depth_prompt_ros.stages.text.phrases import MERGES, POSITIONS, Tokeniser, find_vocabulary, phrases_in

KNOWN = json.loads((Path(__file__).parent / "clip_pairs.json").read_text())


def vocabulary_file(folder: Path) -> Path:
    """As published, with pairs that no text has in place of those that the sentences below cannot need."""
    letters = [chr(256 + number) for number in range(68)]  # of bytes that no text has
    fillers = [f"{first} {second}" for first in letters for second in letters]
    fillers += [f"{pair.replace(' ', '')} {letter}" for pair in fillers for letter in letters]
    coming = iter(fillers)
    pairs = [KNOWN["pairs"].get(str(rank)) or next(coming) for rank in range(MERGES)]
    path = folder / "bpe_simple_vocab_16e6.txt.gz"
    path.write_bytes(gzip.compress("\n".join(["# first line", *pairs, "more pairs"]).encode(), 1))
    return path


@pytest.fixture(scope="module")
def tokeniser(tmp_path_factory) -> Tokeniser:
    return Tokeniser.read(vocabulary_file(tmp_path_factory.mktemp("vocabulary")))


@pytest.mark.parametrize("known", KNOWN["sentences"], ids=lambda known: known["text"][:12])
def test_ids_are_the_reference_tokenisers(tokeniser, known) -> None:
    assert tokeniser([known["text"]]).tolist() == [known["ids"]]


@pytest.mark.skipif(find_vocabulary() is None, reason="open_clip is not installed")
def test_ids_with_the_whole_vocabulary() -> None:
    whole = Tokeniser.read(find_vocabulary())
    for known in KNOWN["sentences"]:
        assert whole([known["text"]]).tolist() == [known["ids"]]


def test_several_phrases_are_filled_up_with_ends(tokeniser) -> None:
    together = tokeniser([known["text"] for known in KNOWN["sentences"]])
    for row, known in zip(together, KNOWN["sentences"], strict=True):
        count = len(known["ids"])
        assert row[:count].tolist() == known["ids"]
        assert (row[count:] == 49407).all()
    assert together.dtype == np.int64 and tokeniser.size == 49408


def test_what_is_written_is_read_again(tokeniser, tmp_path) -> None:
    tokeniser.write(tmp_path / "tokens.json")
    again = Tokeniser.read(tmp_path / "tokens.json")
    assert again(["The glass  cup"]).tolist() == tokeniser(["the glass cup"]).tolist()
    assert [path.name for path in tmp_path.iterdir()] == ["tokens.json"]


def test_without_pairs_a_text_is_its_bytes() -> None:
    bytewise = Tokeniser.of_pairs([])
    assert bytewise.size == 514
    ids = bytewise(["ab"])[0].tolist()
    assert ids == [512, ord("a") - ord("!"), 256 + ord("b") - ord("!"), 513]


def test_a_phrase_without_words_or_with_too_many_is_refused(tokeniser) -> None:
    with pytest.raises(BadInput, match="empty: say what to look for"):
        tokeniser(["glass", "  "])
    assert tokeniser(["glass " * (POSITIONS - 2)]).shape == (1, POSITIONS)
    with pytest.raises(BadInput, match=f"has {POSITIONS + 1} tokens with its start and end, CLIP takes {POSITIONS}"):
        tokeniser(["glass " * (POSITIONS - 1)])


def test_phrases_are_separated_by_commas() -> None:
    assert phrases_in(" glass, a mirror ") == ("glass", "a mirror")
    for text in ("", "glass,,mirror", "glass,"):
        with pytest.raises(BadInput, match="empty phrase"):
            phrases_in(text)


@pytest.mark.parametrize("fault", ["missing", "truncated", "other", "impossible pair", "not json", "foreign json"])
def test_a_file_that_is_no_vocabulary_is_one_clear_error(tmp_path, fault) -> None:
    path = tmp_path / ("tokens.json" if "json" in fault else "bpe_simple_vocab_16e6.txt.gz")
    if fault == "truncated":
        whole = vocabulary_file(tmp_path).read_bytes()
        path.write_bytes(whole[: len(whole) // 2])
    elif fault == "other":
        path.write_bytes(gzip.compress(b"a b\nc d\n"))
    elif fault == "impossible pair":
        content = gzip.decompress(vocabulary_file(tmp_path).read_bytes()).decode().replace("\nt h\n", "\ntea time\n")
        path.write_bytes(gzip.compress(content.encode(), 1))
    elif fault == "not json":
        path.write_text("{")
    elif fault == "foreign json":
        Tokeniser.of_pairs([]).write(path)
        path.write_text(path.read_text().replace("<|endoftext|>", "<|elsewhere|>"))
    words = {
        "missing": "no vocabulary at",
        "truncated": "damaged or not all there",
        "other": "is not CLIP's vocabulary",
        "impossible pair": "is not CLIP's vocabulary",
        "not json": "missing, damaged or not all there",
        "foreign json": "without CLIP's end of text",
    }[fault]
    with pytest.raises(BadModel, match=words) as found:
        Tokeniser.read(path)
    assert "\n" not in str(found.value)
