"""Words over and under pictures: what is too long for its place goes on in the next line, and is never cut."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

INK, PAPER = (55, 62, 72), (255, 255, 255)
_SIZE, _LINE, _MARGIN = 11, 16, 2
_SHEET = 130


def text_row(lines: Sequence[str], width: int, size: int = _SIZE) -> NDArray[np.uint8]:
    """(H, ``width``, 3) uint8 RGB: lines of text on paper, by default small ones of 16 pixels each."""
    font, step = ImageFont.load_default(size), _LINE * size // _SIZE
    broken = [part for line in lines for part in _broken(line, width - 2 * _MARGIN, font)]
    strip = Image.new("RGB", (width, step * len(broken)), PAPER)
    draw = ImageDraw.Draw(strip)
    for number, line in enumerate(broken):
        draw.text((_MARGIN, step * number + 1), line, INK, font=font)
    return np.asarray(strip)


def caption(line: str, sheet: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The sheet, (H, W, 3), with a line below it that can be read where the sheet is made to fit a window."""
    width = sheet.shape[1]
    return np.vstack([sheet, text_row([line], width, max(_SIZE, width // _SHEET))])


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
