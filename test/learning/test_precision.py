"""Bfloat16 is left out where it would take hundreds of times as long."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

from depth_prompt_ros.learning import precision


def test_bfloat16_is_left_out_where_the_processor_has_none(monkeypatch) -> None:
    device = torch.device("cpu")
    product = torch.rand(2, 2)
    for there in (False, True):
        monkeypatch.setattr(precision, "has_bfloat16", lambda _, there=there: there)
        for wanted in (False, True):
            with precision.in_bfloat16(device, wanted):
                kind = (product @ product).dtype
            assert (kind == torch.bfloat16) == (there and wanted)
