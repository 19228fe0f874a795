"""The prompted network with a metric prompt: what is measured goes in, metric inverse depth and its error come out."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from depth_prompt_ros.graph.disparity import OutputKind, inverse_depth_up_to_scale, with_relief
from depth_prompt_ros.graph.metric_fit import MetricFit
from depth_prompt_ros.graph.metric_prompt import Metric, MetricPrompt, Taps, Units, units
from depth_prompt_ros.graph.prompt import composite
from depth_prompt_ros.graph.stated_interval import StatedInterval


class MetricPromptedNetwork(nn.Module):
    """Target crops in, metric inverse depth with its uncertainty out; S is the network's size.

    Inputs: those of :class:`depth_prompt_ros.graph.prompted_network.PromptedNetwork`, and three of (N, 1, S, S)
    inverse depth in 1/m, 0 = nothing: ``block``, the target by outline and support alone; ``measured``, all that is
    believed of a measurement, in the target and around it; ``support``, the plane that it stands on. Outputs:
    ``inverse_depth``, ``fit`` and ``picture`` as there; ``uncertainty`` (N, 1, S, S) metres, half the width of the 90 %
    interval of depth.
    """

    INPUTS = ("image", "mask", "trusted", "relief", "free_shift", "block", "measured", "support")
    OUTPUTS = ("inverse_depth", "fit", "picture", "uncertainty")

    def __init__(
        self, network: nn.Module, normalise: nn.Module, background: nn.Module, metric: MetricPrompt,
        decoder: Sequence[str], focal: float, output: OutputKind, interval: StatedInterval, takes_depth: bool = False,
    ) -> None:  # fmt: skip
        """Put the parts together.

        Args:
            decoder: names of the frozen network's modules that the metric prompt adds to, coarse to fine.
            focal: at which the background was learned, over the picture's side.
            interval: over the mean error that the prompt foretells.
            takes_depth: the network is given what is known of the crop as metric depth, too.
        """
        super().__init__()
        self.output, self.focal, self.interval, self.takes_depth = output, focal, interval, takes_depth
        self.network, self.normalise, self.background, self.fit = network, normalise, background, MetricFit()
        self.metric, self._taps = metric, Taps(network, decoder)

    def forward(
        self, image: Tensor, mask: Tensor, trusted: Tensor, relief: Tensor, free_shift: Tensor, block: Tensor,
        measured: Tensor, support: Tensor,
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:  # fmt: skip
        """Metric inverse depth, fit, prompted picture and uncertainty, as the class says."""
        inverse_depth, fit, picture, error, unit = self.answer(
            image, mask, Metric(trusted, block, measured, support), relief, free_shift
        )
        return inverse_depth, fit, picture, self.interval.at(unit.measured) * error

    def answer(
        self, image: Tensor, mask: Tensor, metric: Metric, relief: Tensor, free_shift: Tensor
    ) -> tuple[Tensor, Tensor, Tensor, Tensor, Units]:
        """As :meth:`forward`, but the foretold mean error of depth in metres in place of an interval, and the unit."""
        picture = composite(image, mask, self.background(image, mask))
        unit = units(mask, metric, relief / self.focal)
        own = self.metric.features(mask, metric, unit)
        with self._taps.adding(self.metric.additions(own)) as decoder:
            known = (metric.dense_depth(mask, unit),) if self.takes_depth else ()
            said = self.network(self.normalise(picture), *known)
        relative = with_relief(inverse_depth_up_to_scale(said, self.output), mask, relief)
        fit = self.fit(relative.detach(), metric.trusted, free_shift)
        shape = fit[:, 0].view(-1, 1, 1, 1) * relative + fit[:, 1].view(-1, 1, 1, 1)
        inverse_depth, error = self.metric.correct(own, decoder, shape, mask, unit)
        return inverse_depth, fit, picture, error, unit
