"""Tables of pages that studies write."""

from __future__ import annotations

from collections.abc import Iterable


def table_head(columns: Iterable[str]) -> list[str]:
    """The two first lines of a Markdown table; a name with " | " in it heads two columns."""
    joined = " | ".join(columns)
    return [f"| {joined} |", "|---" * (joined.count("|") + 1) + "|"]
