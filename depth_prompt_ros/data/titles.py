"""Words over and under pictures: what is too long for its place goes on in the next line, and is never cut."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

INK, PAPER = (55, 62, 72), (255, 255, 255)
_SIZE, _LINE, _MARGIN = 11, 16, 2


def text_row(lines: Sequence[str], width: int) -> NDArray[np.uint8]:
    """(H, ``width``, 3) uint8 RGB: lines of small text on paper, 16 pixels each."""
    font = ImageFont.load_default(_SIZE)
    broken = [part for line in lines for part in _broken(line, width - 2 * _MARGIN, font)]
    strip = Image.new("RGB", (width, _LINE * len(broken)), PAPER)
    draw = ImageDraw.Draw(strip)
    for number, line in enumerate(broken):
        draw.text((_MARGIN, _LINE * number + 1), line, INK, font=font)
    return np.asarray(strip)


def title_row(titles: Sequence[str], width: int) -> NDArray[np.uint8]:
    """(H, N * ``width``, 3) uint8 RGB: a title over each of N columns; all end at the same height."""
    rows = [text_row([title], width) for title in titles]
    height = max(len(row) for row in rows)
    padded = [np.vstack([np.full((height - len(row), width, 3), PAPER, np.uint8), row]) for row in rows]
    return np.hstack(padded)


def _broken(line: str, width: int, font: ImageFont.FreeTypeFont | ImageFont.ImageFont) -> list[str]:
    """The line in parts that are not wider than ``width``: between words, and within one that is too long by itself."""
    parts: list[str] = []
    for word in line.split(" "):
        joined = f"{parts[-1]} {word}" if parts else word
        if font.getlength(joined) <= width:
            parts[-1:] = [joined]
            continue
        parts.append("")
        for letter in word:
            if font.getlength(parts[-1] + letter) <= width or not parts[-1]:
                parts[-1] += letter
            else:
                parts.append(letter)
    return [part for part in parts if part] or [""]
