"""Tracing a network takes most of an export's time: exports that differ in what comes after it share one trace."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import pytest


def share_traces(monkeypatch: pytest.MonkeyPatch, exporter: ModuleType, kept: dict[str, Any]) -> None:
    """Let ``exporter`` trace once for each set of arguments, and begin every further export with a copy.

    Only for exports of one network with one set of weights, on which the trace depends, too. Every export still halves,
    checks against PyTorch and writes for itself.

    Args:
        exporter: a module with a function ``_to_onnx(module, *arguments)`` that gives a model and its batch.
        kept: what was traced, to be given again by the next test.
    """
    onnx = pytest.importorskip("onnx")
    trace = exporter._to_onnx

    def once(module: Any, *arguments: Any) -> tuple[Any, int | None]:
        key = repr(arguments)
        if key not in kept:
            kept[key] = trace(module, *arguments)
        model, batch = kept[key]
        copy = onnx.ModelProto()
        copy.CopyFrom(model)
        return copy, batch

    monkeypatch.setattr(exporter, "_to_onnx", once)
