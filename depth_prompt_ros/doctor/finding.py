"""One thing that was looked at."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

State = Literal["ok", "note", "wrong"]


@dataclass(frozen=True)
class Finding:
    """What was found, and what to do about it.

    Attributes:
        state: "ok"; "note": it works and could be better, or is only said; "wrong": it does not work.
        what: was found, one line.
        advice: what to do, empty where there is nothing to do.
    """

    state: State
    what: str
    advice: str = ""


def ok(what: str) -> Finding:
    """It is as it should be."""
    return Finding("ok", what)


def note(what: str, advice: str = "") -> Finding:
    """It is worth knowing."""
    return Finding("note", what, advice)


def wrong(what: str, advice: str) -> Finding:
    """It does not work."""
    return Finding("wrong", what, advice)
