"""How a page of results on real scenes begins: what wrote it, what is said of the scenes, the bars."""

from __future__ import annotations

from collections.abc import Sequence

from depth_prompt_ros import __version__
from depth_prompt_ros.evaluation.table import Check


def page_head(title: str, command: str, about: str, checks: Sequence[Check]) -> list[str]:
    """Lines of Markdown, the last one empty.

    Args:
        command: that writes the page, ``depth-prompt evaluate NAME ...``.
        about: what is said of the scenes, perhaps nothing.
        checks: the bars; none, no table of them.
    """
    name = " ".join(command.split()[:3])
    written = (
        f"Written by `{name}`, version {__version__}; nothing here is typed by hand but what is said of the scenes."
    )
    lines = [f"# {title}", "", f"{written} How to read other pages: [README.md](README.md).", ""]
    lines += ["```", command, "```", ""]
    lines += [about, ""] if about else []
    if checks:
        lines += ["| bar | | found |", "|---|---|---|"]
        lines += [*(f"| {check.claim} | {check.word} | {check.found} |" for check in checks), ""]
    return lines
