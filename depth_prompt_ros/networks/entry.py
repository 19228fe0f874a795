"""What the catalogue knows of one frozen network."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import cv2
import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn

from depth_prompt_ros.graph.disparity import OutputKind


def as_published(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """The published names are the module's own."""
    return tensors


@dataclass(frozen=True)
class Source:
    """Where published weights come from.

    Attributes:
        page: what a person opens: description, licence, download.
        files: addresses that ``depth-prompt models add`` fetches, the weights first; empty if a person must.
        sha256: of the weights' file, the first of ``files``; empty = not known yet.
    """

    page: str
    files: tuple[str, ...] = ()
    sha256: str = ""


@dataclass(frozen=True, kw_only=True)
class Entry:
    """What every network of the catalogue has.

    Attributes:
        name: the id that prompts and graphs refer to.
        build: makes it with random weights.
        multiple: the sides of its input are multiples of this.
        mean, std: normalisation of RGB in [0, 1].
        licence: of the weights.
        weights: file under ``models/`` that ships with the package; empty = in the user's model folder.
        own: weights of the user's own on a published architecture.
        source: where the weights were published; None = learned by this package.
        adapt: from the published file's tensors, a wrapping ``state_dict`` or the like already taken off, to those of
            the module's ``state_dict``.
    """

    name: str
    build: Callable[[], nn.Module]
    multiple: int
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    licence: str
    weights: str = ""
    own: bool = False
    source: Source | None = None
    adapt: Callable[[dict[str, Tensor]], dict[str, Tensor]] = as_published

    def load(self, tensors: dict[str, Tensor]) -> nn.Module:
        """The network with these tensors, named as published.

        Raises:
            RuntimeError: a tensor is missing, too many, or has another shape.
        """
        network = self.build()
        network.load_state_dict(self.adapt(tensors))
        return network

    def contradictions(self, config: Mapping[str, Any]) -> list[str]:  # noqa: ARG002
        """What a ``config.json`` published beside the weights says against this entry; here, nothing."""
        return []


@dataclass(frozen=True, kw_only=True)
class NetworkEntry(Entry):
    """A depth network: normalised (N, 3, S, S) picture in, (N, 1, S, S) of kind ``output`` out.

    Attributes:
        size: side S of the square input picture that it was made for, pixels, a multiple of ``multiple``; equal to it
            if no other size works.
        output: what its output is.
        bounds: how a whole picture comes to the network: its short side is S and the long one more, or its long side is
            S and the short one less.
        decoder: names of the three modules of its decoder whose outputs a metric prompt adds to, at 1/16, 1/8 and 1/4
            of the picture's size; empty: it corrects the network's answer alone.
        resampling: how a whole picture is resized for it: "cubic" as the published networks' own code does, or "area"
            as :mod:`depth_prompt_ros.runtime.picture_graph` does, which averages what it shrinks.
    """

    size: int
    output: OutputKind
    bounds: Literal["short side", "long side"] = "short side"
    resampling: Literal["cubic", "area"] = "cubic"
    decoder: tuple[str, ...] = ()
    takes_depth: bool = False

    def size_for(self, height: int, width: int) -> tuple[int, int]:
        """Height and width in pixels at which the network looks at a whole picture of this height and width.

        The sides are multiples of ``multiple`` nearest to those that keep the picture's shape, the bounded side never
        beyond ``size`` (MiDaS's and DPT's transforms, 1907.01341 and 2103.13413; 2307.15052 makes its labels so). A
        network whose only size is ``size`` gets its square, whatever the picture's shape.
        """
        if self.multiple == self.size:
            return self.size, self.size
        at_least = self.bounds == "short side"
        scale = self.size / (min if at_least else max)(height, width)

        def fitted(side: int) -> int:
            steps, bound = round(side * scale / self.multiple), self.size // self.multiple
            return self.multiple * (max(steps, bound) if at_least else max(min(steps, bound), 1))

        return fitted(height), fitted(width)

    def resized(self, picture: NDArray[np.float32]) -> NDArray[np.float32]:
        """(h, w, 3) float32: an (H, W, 3) RGB picture in [0, 1] at :meth:`size_for`.

        "cubic" can pass [0, 1] a little at edges, as it does where the published networks are used.
        """
        height, width = picture.shape[:2]
        size = self.size_for(height, width)
        if size == (height, width):
            return picture
        shrinks = size[0] * size[1] < height * width
        way = cv2.INTER_CUBIC if self.resampling == "cubic" else cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
        return np.asarray(cv2.resize(picture, size[::-1], interpolation=way), np.float32)


class StereoNetwork(nn.Module):
    """Normalised left and right picture, (N, 3, H, W), to the left's disparity in pixels, (N, 1, H, W).

    Attributes:
        iterations: recurrent updates; more or fewer can be asked of the same weights.
    """

    iterations: int

    def steps(self, left: Tensor, right: Tensor) -> list[Tensor]:
        """Its disparities from the first guess to the last, which is the answer: what is learned from."""
        raise NotImplementedError


@dataclass(frozen=True, kw_only=True)
class StereoEntry(Entry):
    """A stereo network.

    Attributes:
        blue_first: its pictures are BGR.
    """

    build: Callable[[], StereoNetwork]
    mean: tuple[float, float, float] = (0.5, 0.5, 0.5)
    std: tuple[float, float, float] = (0.5, 0.5, 0.5)
    blue_first: bool = False


@dataclass(frozen=True, kw_only=True)
class VideoEntry(Entry):
    """A depth network learned from video: picture, position grid and focal lengths in, disparity out."""

    mean: tuple[float, float, float] = (0.411, 0.432, 0.45)
    std: tuple[float, float, float] = (1.0, 1.0, 1.0)
