"""An exported graph in ONNX Runtime, without PyTorch."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from depth_prompt_ros.errors import BadModel


class OnnxGraph:
    """Named arrays in, named arrays out.

    Attributes:
        path: the file.
        input_shapes: by name; None is a free size.
        metadata: the graph's own notes: network, prompt, sizes, units.
    """

    def __init__(self, path: Path, expected_inputs: tuple[str, ...] = (), threads: int = 0) -> None:
        """Load and check.

        Args:
            expected_inputs: names that the graph must take, none more; empty = any.
            threads: of one run; 0 = ONNX Runtime's default.

        Raises:
            BadModel: missing or corrupt file, or other inputs than expected.
        """
        import onnxruntime

        if not path.is_file():
            raise BadModel(f"no graph at {path}: export one with `depth-prompt export` or leave the parameter empty")
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        # Spinning worker threads take the cores that stereo matching of the same frame needs.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        options.log_severity_level = 3
        try:
            self._session: Any = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        except Exception as error:
            first_line = str(error).strip().splitlines()[0]
            raise BadModel(f"cannot load graph {path}: the file is corrupt or not ONNX ({first_line})") from error
        names = tuple(value.name for value in self._session.get_inputs())
        if expected_inputs and set(names) != set(expected_inputs):
            raise BadModel(f"graph {path} takes {', '.join(names)}, not {', '.join(expected_inputs)}: export it again")
        self.input_shapes: dict[str, tuple[int | None, ...]] = {
            value.name: tuple(side if isinstance(side, int) else None for side in value.shape)
            for value in self._session.get_inputs()
        }
        self.path = path
        self.metadata: dict[str, str] = dict(self._session.get_modelmeta().custom_metadata_map)
        self._outputs = [value.name for value in self._session.get_outputs()]

    def __call__(self, **inputs: NDArray[Any]) -> dict[str, NDArray[np.float32]]:
        """Run; arrays as the graph's inputs and outputs are named. A graph for one target runs once for each."""
        targets = {len(value) for value in inputs.values()}
        if targets != {1} and all(shape[:1] == (1,) for shape in self.input_shapes.values()):
            rows = [self._run({key: value[i : i + 1] for key, value in inputs.items()}) for i in range(max(targets))]
            return {key: np.concatenate([row[key] for row in rows]) for key in self._outputs}
        return self._run(inputs)

    def _run(self, inputs: dict[str, NDArray[Any]]) -> dict[str, NDArray[np.float32]]:
        return dict(zip(self._outputs, self._session.run(self._outputs, inputs), strict=True))
