"""What is left of a learned background's gain once scale and shift are fitted: a paragraph, and a study's figures."""

from __future__ import annotations

from collections.abc import Iterable

from depth_prompt_ros.learning.background.errors import FITTED
from depth_prompt_ros.learning.background.study.figures import Results

_WORTH = (
    "Eq. 2 takes disparity's shift from the farthest pixel of the picture, and on white that is a wrong one: most of "
    "what a learned background gains is a better shift. Where pixels are measured on an object, scale and shift can be "
    "fitted to them, and rows *scale and shift fitted* (to the truth: the best that measuring could do) say what the "
    "background is worth then. It is worth learning where little or nothing is measured on the object itself, as on "
    "glass, chrome and in holes: there a scale alone can be fitted, and the shift is the network's. It is worth little "
    "where enough is measured to fit the shift; what it still changes there is the shape's detail."
)


def surviving(networks: Iterable[tuple[str, Results]]) -> list[str]:
    """Lines of Markdown: the paragraph, then each network's gain over white on each test set, without and with it."""
    lines = ["## What survives a fit", "", _WORTH, ""]
    for name, results in networks:
        for test in results.tests:
            plain = results.gain("1-BG", "none (white)", test)
            fit = results.gain(f"1-BG{FITTED}", f"none (white){FITTED}", test)
            if plain and fit:
                lines.append(f"- {name}, {test}: 1-BG's si-RMSE is {plain} white's; with both fitted {fit}.")
    return [*lines, ""]
