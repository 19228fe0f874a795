"""A little of every kind of damage; ``python test/fuzz/fuzz.py`` does more of it."""

from __future__ import annotations

import resource
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from fuzz import fuzz

MOST_KIB = 300 * 1024


@pytest.mark.parametrize(("kind", "count"), [("messages", 400), ("bags", 60), ("cdr", 12), ("files", 60)])
def test_damage_is_used_or_refused_in_one_line(tmp_path, kind, count):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    outcomes = fuzz(kind, count, 0, tmp_path)
    assert outcomes["escaped"] == 0
    assert outcomes["used"] + outcomes["refused"] == count
    assert outcomes["used"] > 0
    if kind != "cdr":
        assert outcomes["refused"] > 0
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < MOST_KIB
