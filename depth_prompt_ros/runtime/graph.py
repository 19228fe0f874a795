"""What every runtime offers: named arrays in, named arrays out."""

from __future__ import annotations

from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from depth_prompt_ros.errors import BadModel

Shape = tuple[int | None, ...]
Arrays = dict[str, NDArray[Any]]


class Graph(ABC):
    """A loaded graph.

    Attributes:
        path: the file.
        inputs: shape by name, in the graph's order; None is a free side.
        types: of the inputs' elements.
        outputs: names.
        metadata: the graph's own notes: network, prompt, sizes, units.
        runs_in: runtime, its version and the device, for people.
        on_gpu: whether it runs on a GPU.
        runtime: name as the parameter ``runtime`` has it.
        most_targets: largest batch of one run; None: any.
    """

    runtime: ClassVar[str]
    most_targets: int | None = None
    path: Path
    inputs: dict[str, Shape]
    types: dict[str, np.dtype[Any]]
    outputs: tuple[str, ...]
    metadata: dict[str, str]
    runs_in: str
    on_gpu: bool

    @abstractmethod
    def run(self, inputs: Arrays) -> Arrays:
        """Run once, with arrays of the graph's own shapes and types. The answer belongs to the caller."""

    def __call__(self, **inputs: NDArray[Any]) -> Arrays:
        """Run for any number of targets, the first side of every array.

        A graph for a fixed or largest number runs as often as needed; places that are left over repeat the last target.

        Raises:
            BadModel: names or shapes that the graph does not take.
        """
        self._check(inputs)
        count = len(next(iter(inputs.values())))
        places = {shape[0] for shape in self.inputs.values() if shape}
        fixed = places.pop() if len(places) == 1 else None
        batch = fixed or min(count, self.most_targets or count)
        if batch == count:
            return self.run(inputs)
        answers = [self.run(rows(inputs, first, batch)) for first in range(0, count, batch)]
        return {name: np.concatenate([answer[name] for answer in answers])[:count] for name in answers[0]}

    def require_inputs(self, names: tuple[str, ...]) -> None:
        """Raise BadModel unless the graph takes these inputs and no others."""
        if set(self.inputs) != set(names):
            raise BadModel(f"graph {self.path} takes {', '.join(self.inputs)}, not {', '.join(names)}: export it again")

    def _check(self, inputs: Arrays) -> None:
        if inputs.keys() != self.inputs.keys():
            raise BadModel(f"graph {self.path} takes {', '.join(self.inputs)}, but was given {', '.join(inputs)}")
        for name, array in inputs.items():
            wanted = self.inputs[name]
            if len(array.shape) != len(wanted) or any(
                side not in (None, given) for side, given in zip(wanted[1:], array.shape[1:], strict=True)
            ):
                raise BadModel(
                    f"input {name} of graph {self.path} is {describe_shape(wanted)}, but was given "
                    f"{describe_shape(array.shape)}"
                )


def describe_shape(shape: Shape) -> str:
    """For example ``(any, 3, 160, 160)``."""
    return f"({', '.join('any' if side is None else str(side) for side in shape)})"


def rows(inputs: Arrays, first: int, count: int) -> Arrays:
    """``count`` targets from ``first`` on, the last one repeated beyond the end."""
    index = np.minimum(np.arange(first, first + count), len(next(iter(inputs.values()))) - 1)
    return {name: array[index] for name, array in inputs.items()}
