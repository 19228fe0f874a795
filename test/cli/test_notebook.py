"""The notebook in docs/ runs from its first cell to its last, in a folder of its own."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

nbclient = pytest.importorskip("nbclient")
nbformat = pytest.importorskip("nbformat")
pytest.importorskip("ipykernel")
pytest.importorskip("torch")
pytest.importorskip("onnxscript")
pytest.importorskip("open3d")

NOTEBOOK = Path(__file__).parents[2] / "docs" / "notebook.ipynb"


def test_the_notebook_runs_and_is_kept_without_outputs(tmp_path, monkeypatch) -> None:
    kept = nbformat.read(NOTEBOOK, as_version=4)
    assert not any(cell.get("outputs") for cell in kept.cells)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(NOTEBOOK.parents[1]), os.environ.get("PYTHONPATH", "")]))
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(tmp_path / "runtime"))
    client = nbclient.NotebookClient(
        kept, timeout=600, kernel_name="python3", resources={"metadata": {"path": tmp_path}}
    )
    client.execute()
    printed = "".join(
        output.get("text", "") for cell in kept.cells for output in cell.get("outputs", []) if cell.cell_type == "code"
    )
    assert "Target 1: " in printed
    assert "merged: median error" in printed
    assert {"answer", "prompt.safetensors", "object_depth.onnx", "target_1.ply"} <= {
        path.name for path in tmp_path.iterdir()
    }
