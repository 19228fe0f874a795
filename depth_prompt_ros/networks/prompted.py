"""Catalogue networks with what was learned in front of them: a background, or a background and a metric prompt."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn

from depth_prompt_ros.data.rendering.scenes import OBJECT_FOCAL
from depth_prompt_ros.errors import BadModel, in_one_line
from depth_prompt_ros.graph.metric_prompt import MetricPrompt
from depth_prompt_ros.graph.metric_prompted_network import MetricPromptedNetwork
from depth_prompt_ros.graph.prompt import METRIC, load_prompt
from depth_prompt_ros.graph.prompted_network import PromptedNetwork
from depth_prompt_ros.graph.stated_interval import StatedInterval
from depth_prompt_ros.graph.weights import read_weights
from depth_prompt_ros.networks import catalogue
from depth_prompt_ros.networks.entry import NetworkEntry

Prompted = PromptedNetwork | MetricPromptedNetwork

INTERVAL = "interval"
"""Metadata of a metric prompt: its :class:`depth_prompt_ros.graph.stated_interval.StatedInterval`."""

_LAPLACE = StatedInterval(*3 * (2.3026,))
"""That of a Laplace distribution: ln 10."""


def load_prompted(prompt: Path, name: str, weights: Path | None = None) -> Prompted:
    """The network on its background, and with its metric prompt where the file holds one; in eval mode, frozen.

    Args:
        prompt: file that ``depth-prompt learn background`` or ``learn metric`` wrote.
        weights: of the network; None: those of the catalogue.

    Raises:
        BadModel: no such network, or files that do not belong together.
    """
    entry = catalogue.find(name)
    tensors, notes = read_weights(prompt)
    if INTERVAL in notes:
        return _metric(entry, prompt, weights, (tensors, notes))
    network, background = catalogue.load_frozen(entry.name, weights), load_prompt(prompt, entry.name)
    whole = PromptedNetwork(network, catalogue.Normalise(entry), background, entry.output)
    return whole.eval().requires_grad_(False)


def new_metric_prompt(prompt: Path, name: str, weights: Path | None = None) -> MetricPromptedNetwork:
    """The network on its background with a metric prompt of random weights, which changes nothing yet; all is frozen.

    Raises:
        BadModel: as :func:`load_prompted`.
    """
    return _metric(catalogue.find(name), prompt, weights, None)


def _metric(
    entry: NetworkEntry, prompt: Path, weights: Path | None, learned: tuple[dict[str, Tensor], dict[str, str]] | None
) -> MetricPromptedNetwork:
    network, background = catalogue.load_frozen(entry.name, weights), load_prompt(prompt, entry.name)
    metric, interval = MetricPrompt(_channels(network, entry)), _LAPLACE
    if learned is not None:
        tensors, notes = learned
        own = {key[len(METRIC) :]: value.float() for key, value in tensors.items() if key.startswith(METRIC)}
        try:
            metric.load_state_dict(own)
            interval = StatedInterval.read(notes[INTERVAL])
        except (RuntimeError, TypeError, ValueError) as error:
            raise BadModel(f"{prompt} is of another version ({in_one_line(error)}): learn it again") from error
    whole = MetricPromptedNetwork(
        network, catalogue.Normalise(entry), background, metric, entry.decoder, OBJECT_FOCAL, entry.output, interval,
        entry.takes_depth,
    )  # fmt: skip
    return whole.eval().requires_grad_(False)


@torch.no_grad()
def _channels(network: nn.Module, entry: NetworkEntry) -> list[int]:
    """Channels of the decoder's features, coarse to fine."""
    found: list[tuple[int, ...]] = []

    def note(_module: nn.Module, _inputs: object, output: Tensor) -> None:
        found.append(tuple(output.shape[1:]))

    handles = [network.get_submodule(each).register_forward_hook(note) for each in entry.decoder]
    if handles:
        network(torch.zeros(1, 3, entry.size, entry.size))
    for handle in handles:
        handle.remove()
    expected = [entry.size // 2**level for level in (4, 3, 2)]
    if handles and [shape[1:] for shape in found] != [(side, side) for side in expected]:
        raise BadModel(f"{entry.name}'s decoder has features of {found}: a metric prompt wants 1/16, 1/8 and 1/4")
    return [shape[0] for shape in found]
