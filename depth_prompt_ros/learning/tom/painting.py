"""How transparent and mirror (ToM) pixels are painted over before a network labels a picture (2307.15052)."""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass
from typing import Any, Literal, get_args

import cv2
import numpy as np
from numpy.typing import NDArray

from depth_prompt_ros.data.sets.tom_pictures import TomPicture
from depth_prompt_ros.errors import BadInput

Float32 = NDArray[np.float32]
Paint = Literal["colours", "texture", "neighbours", "none"]
PAINTS: tuple[Paint, ...] = get_args(Paint)

_GREY = 0.5
_BLOTCHES = 8
"""Colours of a texture along the picture's longer side."""
_RING = 0.03
"""Width of what is looked at around a thing, in widths of the picture."""


@dataclass(frozen=True)
class Painting:
    """How ToM pixels are painted.

    Attributes:
        colours: N, how many times, each with another colour or texture; 1 is grey 0.5.
        per_instance: every thing gets a colour of its own in each of the N paintings [ours: the paper's future work].
        mirrored: the network looks at each painting in a mirror too, and the median is over 2 N [ours].
        seed: of the colours, together with the picture's name.
        paint: with what. "colours": one random colour a painting (the paper). "texture": smooth blotches of random
            colours [ours]. "neighbours": once, each thing in the mean colour of what is around it [ours]. "none":
            nothing; what a network then learns is its own answer, the paper's control "Ft. Base".
    """

    colours: int = 5
    per_instance: bool = False
    mirrored: bool = False
    seed: int = 0
    paint: Paint = "colours"

    def check(self) -> None:
        """Raise BadInput where it is none."""
        if self.paint not in PAINTS:
            raise BadInput(f"no paint {self.paint!r}: give one of {', '.join(PAINTS)}")
        if self.colours < 1:
            raise BadInput(f"{self.colours} colours paint nothing: give 1 (grey) or more, or the paint none")
        if self.per_instance and self.paint != "colours":
            raise BadInput(f"the paint {self.paint} has no colour of each instance: paint with colours for that")
        if self.per_instance and self.colours == 1:
            raise BadInput("one colour is grey for every thing: give more colours, or none for each instance")

    def noted(self) -> dict[str, Any]:
        """For the folder of labels and cards; what is made of colours is noted as it always was."""
        return {name: value for name, value in asdict(self).items() if (name, value) != ("paint", "colours")}

    def painted(self, picture: TomPicture) -> Float32:
        """(N, H, W, 3) float32 RGB in [0, 1]; one picture as it is where nothing is ToM, or nothing is painted.

        Colours are uniform in RGB and depend on the seed and the picture's name alone.
        """
        image = picture.image.astype(np.float32) / np.float32(255)
        if self.paint == "none" or not picture.tom.any():
            return image[None]
        if self.paint == "neighbours":
            return _in_neighbours_colours(image, picture)[None]
        name = np.frombuffer(hashlib.sha256(picture.name.encode()).digest(), np.uint32)
        rng = np.random.default_rng([self.seed, *name.tolist()])
        painted = np.repeat(image[None], self.colours, 0)
        if self.paint == "texture":
            for each in painted:
                each[picture.tom] = _texture(rng, picture.tom.shape)[picture.tom]
            return painted
        parts = picture.parts() if self.per_instance else picture.tom.astype(np.int64)
        colours = rng.random((self.colours, int(parts.max()), 3), np.float32)
        if self.colours == 1:
            colours[:] = _GREY
        for each, of_parts in zip(painted, colours, strict=True):
            each[picture.tom] = of_parts[parts[picture.tom] - 1]
        return painted


def _texture(rng: np.random.Generator, shape: tuple[int, ...]) -> Float32:
    """(H, W, 3) RGB in [0, 1]: a coarse grid of random colours, enlarged smoothly."""
    height, width = shape
    rows, columns = (max(2, round(_BLOTCHES * side / max(shape))) for side in (height, width))
    grid = rng.random((rows, columns, 3), np.float32)
    return np.asarray(np.clip(cv2.resize(grid, (width, height), interpolation=cv2.INTER_CUBIC), 0, 1), np.float32)


def _in_neighbours_colours(image: Float32, picture: TomPicture) -> Float32:
    """Each thing in the mean colour of the ring of other pixels around it; of all others where it has no ring."""
    painted, parts = image.copy(), picture.parts()
    reach = max(1, round(_RING * picture.tom.shape[1]))
    kernel = np.ones((2 * reach + 1, 2 * reach + 1), np.uint8)
    for number in range(1, int(parts.max()) + 1):
        part = parts == number
        ring = (cv2.dilate(part.astype(np.uint8), kernel) > 0) & ~picture.tom
        seen = ring if ring.any() else ~picture.tom
        painted[part] = image[seen].mean(0) if seen.any() else _GREY
    return painted
