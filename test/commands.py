"""The command line from within a test."""

from __future__ import annotations

import sys
from collections.abc import Sequence

import pytest

from depth_prompt_ros.cli import main as command


def run(monkeypatch, words: Sequence[str]) -> int:
    """The exit code of ``depth-prompt`` with these words."""
    monkeypatch.setattr(sys, "argv", ["depth-prompt", *words])
    with pytest.raises(SystemExit) as ended:
        command.main()
    return int(ended.value.code or 0)
