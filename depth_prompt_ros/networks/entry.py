"""What the catalogue knows of one frozen network."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

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


@dataclass(frozen=True)
class NetworkEntry:
    """One network of the catalogue.

    Attributes:
        name: the id that prompts and graphs refer to.
        build: makes it with random weights; normalised (N, 3, S, S) picture in, (N, 1, S, S) of kind ``output`` out.
        size: side S of the square input picture that it was made for, pixels.
        multiple: S must be a multiple of this; equal to ``size`` if no other size works.
        mean, std: normalisation of RGB in [0, 1].
        output: what its output is.
        licence: of the weights.
        weights: file under ``models/`` that ships with the package; empty = in the user's model folder.
        source: where the weights were published; None = learned by this package.
        adapt: from the published file's tensors, a wrapping ``state_dict`` or the like already taken off, to those of
            the module's ``state_dict``.
    """

    name: str
    build: Callable[[], nn.Module]
    size: int
    multiple: int
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    output: OutputKind
    licence: str
    weights: str = ""
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
