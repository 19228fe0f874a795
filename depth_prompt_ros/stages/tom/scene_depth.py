"""A monocular network on the whole picture, ToM pixels painted over: it cannot be fooled by what they show."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from depth_prompt_ros.errors import BadInput
from depth_prompt_ros.parameters import RUNTIME_DEFAULTS, RuntimeParameters, TomParameters
from depth_prompt_ros.resources import resource_path
from depth_prompt_ros.runtime.picture_graph import PictureGraph

Float32 = NDArray[np.float32]

_NEAREST = np.float32(1e-3)
"""Metres."""

SHIPPED_NETWORK = "models/tom_mono.yaml"


@dataclass(frozen=True, eq=False)
class ScenePrediction:
    """Disparity of a whole picture up to scale and shift, larger = nearer, at the network's size.

    Attributes:
        painted: (h, w) float32, of the picture with its ToM pixels painted over.
        spread: (h, w) float32, median absolute deviation of the colours' predictions from ``painted``.
    """

    painted: Float32
    spread: Float32


class SceneDepth:
    """Disparity of pictures whose ToM pixels are painted in N random colours, its pixelwise median (2307.15052).

    N = 1 paints them grey, N = 0 not at all. All pictures run in one batch.
    """

    def __init__(self, parameters: TomParameters, runtime: RuntimeParameters = RUNTIME_DEFAULTS) -> None:
        """Load the network.

        Raises:
            BadInput: a description that cannot be read, or of another kind of network.
            BadModel: missing or corrupt network, or one that is not as described.
        """
        path = Path(parameters.mono) if parameters.mono else resource_path(SHIPPED_NETWORK)
        self._colours = parameters.colours
        self.network = PictureGraph(
            path, {"image"}, {"relative disparity", "metric depth"}, runtime, max(self._colours, 1)
        )

    def __call__(self, image: NDArray[np.uint8], tom: NDArray[np.bool_], seed: int) -> ScenePrediction:
        """Predict.

        Args:
            image: (H, W, 3) uint8 RGB.
            tom: (H, W) bool.
            seed: of the colours.
        """
        rng = np.random.default_rng(seed)
        colours = [np.full(3, 127)] if self._colours == 1 else [rng.integers(0, 256, 3) for _ in range(self._colours)]
        painted = [_painted(image, tom, colour) for colour in colours] or [image]
        output = self.network.description.output
        answers = self.network.batch(image=painted)[:, output.channel] * np.float32(output.factor)
        if output.meaning == "metric depth":
            answers = 1 / np.maximum(answers, _NEAREST)
        middle = np.median(answers, axis=0)
        return ScenePrediction(middle, np.median(np.abs(answers - middle), axis=0))


class SharedSceneDepth:
    """Inverse depth of the picture as it is, from the pass that texts are answered by; nothing is painted."""

    def __init__(self, parameters: TomParameters, runtime: RuntimeParameters = RUNTIME_DEFAULTS) -> None:
        """Open the network that ``parameters.mono`` names.

        Raises:
            BadInput: ``parameters.colours`` is not 0, or an export without depth.
            BadModel: see :class:`depth_prompt_ros.stages.text.finder.TextFinder`.
        """
        from depth_prompt_ros.stages.text.finder import open_text_finder

        if parameters.colours:
            raise BadInput(
                "tom.mono is the network for texts, which looks at the picture once, as it is: set tom.colours 0, or "
                "another tom.mono"
            )
        self._finder = open_text_finder(parameters.mono, "tom", runtime)
        if not self._finder.has_depth:
            raise BadInput(f"{parameters.mono} has no depth: run depth-prompt export text with --mirror")

    def __call__(self, image: NDArray[np.uint8], tom: NDArray[np.bool_], seed: int) -> ScenePrediction:  # noqa: ARG002
        """Predict; only ``image`` counts."""
        disparity = np.reciprocal(np.maximum(self._finder.depth(image), _NEAREST), dtype=np.float32)
        return ScenePrediction(disparity, np.zeros_like(disparity))


def _painted(image: NDArray[np.uint8], tom: NDArray[np.bool_], colour: NDArray[np.integer]) -> NDArray[np.uint8]:
    painted = image.copy()
    painted[tom] = colour
    return painted
