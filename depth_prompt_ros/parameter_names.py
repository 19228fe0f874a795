"""What somebody meant who misspelt a parameter's name."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches

_CLOSE, _CLOSER = 0.6, 0.8


def meant(name: str, known: Sequence[str]) -> str:
    """The known parameter that a name is closest to, empty if none is close.

    In its group a parameter is told by its own name alone; one in another group, or in none, by the same name.

    Args:
        name: as it was given, groups and dots before it.
        known: every parameter and group, as they are given.
    """
    group, _, last = name.rpartition(".")
    beside = {each.rpartition(".")[2]: each for each in known if each.rpartition(".")[0] == group}
    elsewhere = {each.rpartition(".")[2]: each for each in known if "." in each}
    if found := get_close_matches(last, beside, 1, _CLOSE):
        return beside[found[0]]
    if last in elsewhere:
        return elsewhere[last]
    found = get_close_matches(last, elsewhere, 1, _CLOSER)
    return elsewhere[found[0]] if found else ""
