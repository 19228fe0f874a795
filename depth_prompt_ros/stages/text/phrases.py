"""Phrases to CLIP's tokens: its byte-pair vocabulary, read from the file that it is published as."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from depth_prompt_ros.errors import BadInput, BadModel
from depth_prompt_ros.written_aside import write_text

MERGES = 49152 - 256 - 2
"""Pairs of CLIP's vocabulary; the published list goes on, and CLIP does not use the rest."""

POSITIONS = 77
"""Most tokens of a text, start and end included."""

START, END, WORD_END = "<|startoftext|>", "<|endoftext|>", "</w>"
_WORDS = r"<\|startoftext\|>|<\|endoftext\|>|'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"
"""What a text is cut into before pairs are joined, as in CLIP's own code."""


class Tokeniser:
    """CLIP's tokeniser (2103.00020): lower case, byte pairs, a start and an end.

    The library tokenizers does the work. Of letters that Unicode writes in several ways the composed one is taken;
    broken encodings are not mended.
    """

    def __init__(self, library: Any, positions: int = POSITIONS) -> None:
        """``library``: ``tokenizers.Tokenizer``; see :meth:`of_pairs` and :meth:`read`."""
        self.library, self._positions = library, positions
        self._end = library.token_to_id(END)

    @classmethod
    def of_pairs(cls, pairs: Sequence[tuple[str, str]], positions: int = POSITIONS) -> Tokeniser:
        """With these pairs, the first joined first; without any, a text is read byte by byte.

        Raises:
            BadInput: the library tokenizers is not installed.
        """
        tokenizers = _library()
        alphabet = _byte_letters()
        words = [*alphabet, *(letter + WORD_END for letter in alphabet), *map("".join, pairs), START, END]
        ids = {word: number for number, word in enumerate(words)}
        made = tokenizers.Tokenizer(
            tokenizers.models.BPE(ids, list(pairs), end_of_word_suffix=WORD_END, continuing_subword_prefix="")
        )
        normalizers, parts = tokenizers.normalizers, tokenizers.pre_tokenizers
        made.normalizer = normalizers.Sequence(
            [normalizers.NFC(), normalizers.Replace(tokenizers.Regex(r"\s+"), " "), normalizers.Lowercase()]
        )
        made.pre_tokenizer = parts.Sequence(
            [
                parts.Split(tokenizers.Regex(_WORDS), behavior="removed", invert=True),
                parts.ByteLevel(add_prefix_space=False, use_regex=False),
            ]
        )
        made.post_processor = tokenizers.processors.TemplateProcessing(
            single=f"{START} $0 {END}", special_tokens=[(START, ids[START]), (END, ids[END])]
        )
        return cls(made, positions)

    @classmethod
    def read(cls, path: Path) -> Tokeniser:
        """Of a file: ``bpe_simple_vocab_16e6.txt.gz`` as CLIP's own code and open_clip have it, or ``NAME.json``.

        The latter is what :meth:`write` wrote.

        Raises:
            BadModel: no such file, or one that is no such vocabulary.
            BadInput: the library tokenizers is not installed.
        """
        if path.suffix == ".json":
            return cls._read_written(path)
        try:
            content = gzip.decompress(path.read_bytes()).decode() if path.suffix == ".gz" else path.read_text()
        except FileNotFoundError as error:
            raise BadModel(f"no vocabulary at {path}: give CLIP's bpe_simple_vocab_16e6.txt.gz") from error
        except (OSError, EOFError, UnicodeDecodeError, zlib.error) as error:
            raise BadModel(
                f"cannot read the vocabulary {path} ({error}): the file is damaged or not all there"
            ) from error
        pairs = [tuple(line.split()) for line in content.split("\n")[1 : MERGES + 1]]
        if len(pairs) < MERGES or any(len(pair) != 2 for pair in pairs):
            raise BadModel(f"{path} is not CLIP's vocabulary: {MERGES} pairs are expected after its first line")
        try:
            return cls.of_pairs([(first, second) for first, second in pairs])
        except Exception as error:
            if isinstance(error, BadInput):
                raise
            raise BadModel(f"{path} is not CLIP's vocabulary: {error}") from error

    @classmethod
    def _read_written(cls, path: Path) -> Tokeniser:
        tokenizers = _library()
        try:
            made = tokenizers.Tokenizer.from_file(str(path))
        except Exception as error:  # the library raises nothing more exact
            raise BadModel(f"cannot read the vocabulary {path}: it is missing, damaged or not all there") from error
        if made.token_to_id(END) != made.get_vocab_size() - 1:
            raise BadModel(f"{path} is a vocabulary without CLIP's end of text: export the network again")
        return cls(made)

    def write(self, path: Path) -> None:
        """Write it for :meth:`read`, aside first.

        Raises:
            BadInput: it cannot be written.
        """
        write_text(path, self.library.to_str())

    @property
    def size(self) -> int:
        """Tokens that there are."""
        return int(self.library.get_vocab_size())

    def __call__(self, phrases: Sequence[str]) -> NDArray[np.int64]:
        """(P, longest) int64 token ids, start first, then the end repeated up to the longest of them.

        Raises:
            BadInput: a phrase without a word, or one of more tokens than CLIP has positions.
        """
        found = []
        for phrase in phrases:
            ids = self.library.encode(phrase).ids
            if len(ids) <= 2:
                raise BadInput(f"the phrase {phrase!r} is empty: say what to look for, such as 'the glass cup'")
            if len(ids) > self._positions:
                raise BadInput(
                    f"the phrase {phrase[:40]!r}... has {len(ids)} tokens with its start and end, CLIP takes "
                    f"{self._positions}: say it shorter"
                )
            found.append(ids)
        longest = max(map(len, found))
        return np.array([[*ids, *[self._end] * (longest - len(ids))] for ids in found], np.int64)


def phrases_in(text: str) -> tuple[str, ...]:
    """The phrases of a text, which commas separate; spaces around them are dropped.

    Raises:
        BadInput: a text without any, or with nothing between two commas.
    """
    phrases = tuple(part.strip() for part in text.split(","))
    if not all(phrases):
        raise BadInput(f"the text {text!r} has an empty phrase: say what to look for, such as 'the glass cup'")
    return phrases


def find_vocabulary() -> Path | None:
    """CLIP's vocabulary in an installed open_clip, None where there is none."""
    try:
        found = find_spec("open_clip")
    except (ImportError, ValueError):
        return None
    folders = found.submodule_search_locations if found else None
    paths = (Path(folder) / "bpe_simple_vocab_16e6.txt.gz" for folder in folders or ())
    return next((path for path in paths if path.is_file()), None)


def _byte_letters() -> list[str]:
    """A visible letter for each of the 256 bytes, in the order of CLIP's vocabulary (GPT-2's)."""
    seen = [*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), ord("ÿ") + 1)]
    return [chr(byte) for byte in seen] + [chr(256 + number) for number in range(256 - len(seen))]


def _library() -> Any:
    try:
        import tokenizers
    except ImportError as error:
        raise BadInput("texts need the library tokenizers: pip install 'depth_prompt_ros[text]'") from error
    return tokenizers
