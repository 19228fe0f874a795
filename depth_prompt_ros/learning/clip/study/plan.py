"""What the study of mirrors runs: its rows, how long each is learned, and on what."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from depth_prompt_ros.networks.clip_mirror.condition import ROWS, Kind

Encoder = Literal["learned", "random", "fine-tuned"]
SENTENCE = "How far is this location from the camera?"
DISTANCES = ("giant", "extremely close", "close", "not in distance", "a little remote", "far", "unseen")
"""DepthCLIP's seven words (2207.01077)."""


@dataclass(frozen=True)
class Row:
    """One row of the table: how depth comes about.

    Attributes:
        name: in the table.
        kind: of the condition; ``words`` and ``learned words`` are depth by similarity scores instead.
        rows: of a mirror.
        film_frozen: FiLM's two layers stay as they are first.
        pretrained: the decoder starts from one that was taught to segment by captions.
        encoder: the small CLIP as learned, one with random weights, or one that is learned on, too.
    """

    name: str
    kind: Kind | Literal["words", "learned words"] = "mirror"
    rows: int = ROWS
    film_frozen: bool = False
    pretrained: bool = False
    encoder: Encoder = "learned"

    @property
    def folder(self) -> str:
        """Its name without what file systems mind."""
        return "".join(letter if letter.isalnum() else "-" for letter in self.name.lower())


MIRROR = Row("mirror")
TABLE = (
    MIRROR,
    Row("free vector", "vector"),
    Row("sentence", "sentence"),
    Row("similarity, distance words", "words"),
    Row("similarity, learned words", "learned words"),
    Row("FiLM frozen, mirror", film_frozen=True),
    Row("FiLM frozen, free vector", "vector", film_frozen=True),
    Row("FiLM frozen, sentence", "sentence", film_frozen=True),
    Row("no FiLM", "none"),
    Row("image condition", "image"),
    Row("mirror, decoder pretrained on segmentation", pretrained=True),
    Row("mirror of 16 rows", rows=16),
    Row("mirror of 77 rows", rows=77),
    Row("mirror, random image encoder", encoder="random"),
    Row("mirror, all of CLIP learned on", encoder="fine-tuned"),
)


@dataclass(frozen=True)
class Effort:
    """How much is rendered and learned.

    Attributes:
        side: of the pictures, pixels.
        clip_pictures, clip_steps, clip_batch: the small CLIP's; steps of each round, that goes on from the last.
        tables: with three objects each, that the decoder that segments by captions learns from as well; a tenth as
            many more are what it is asked on.
        text_steps: of that decoder.
        pictures: that depth is learned from, the first of CLIP's.
        test_pictures: other objects, that everything is measured on.
        steps: of every learned row.
        batch: pictures a step.
        rate: of the decoder.
        seeds: runs of every learned row.
        first: of the table's rows, that get all seeds; the others get one.
    """

    side: int = 112
    clip_pictures: int = 20000
    clip_steps: tuple[int, ...] = (6000,)
    clip_batch: int = 128
    tables: int = 1500
    text_steps: int = 2000
    pictures: int = 4000
    test_pictures: int = 500
    steps: int = 4000
    batch: int = 8
    rate: float = 1e-3
    seeds: int = 3
    first: int = len(TABLE)

    def seeds_of(self, row: Row) -> range:
        """Seeds of one row's runs; nothing random is learned of the distance words."""
        if row.kind == "words":
            return range(1)
        return range(self.seeds if row in TABLE[: self.first] else 1)
