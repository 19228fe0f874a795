"""Prompt, normalisation, frozen network, disparity to depth and metric fit as one module: what is exported."""

from __future__ import annotations

from torch import Tensor, nn

from depth_prompt_ros.graph.disparity import OutputKind, inverse_depth_up_to_scale, with_relief
from depth_prompt_ros.graph.metric_fit import MetricFit
from depth_prompt_ros.graph.prompt import composite


class PromptedNetwork(nn.Module):
    """Target crops in, metric inverse depth and fit out; S is the network's size.

    Inputs: ``image`` (N, 3, S, S) RGB in [0, 1]; ``mask`` (N, 1, S, S) in {0, 1}; ``trusted`` (N, 1, S, S) metric
    inverse depth in 1/m, 0 = not trusted; ``relief`` (N,) learned over actual focal length; ``free_shift`` (N,).
    Outputs: ``inverse_depth`` (N, 1, S, S) in 1/m; ``fit`` (N, 4) scale, shift, inliers, relative residual;
    ``picture`` (N, 3, S, S) RGB in [0, 1], what the network saw.
    """

    INPUTS: tuple[str, ...] = ("image", "mask", "trusted", "relief", "free_shift")
    OUTPUTS: tuple[str, ...] = ("inverse_depth", "fit", "picture")

    def __init__(
        self, network: nn.Module, normalise: nn.Module, background: nn.Module, output: OutputKind = "disparity"
    ) -> None:
        super().__init__()
        self.output = output
        self.network, self.normalise, self.background, self.fit = network, normalise, background, MetricFit()

    def shape(self, image: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """Inverse depth up to scale, (N, 1, S, S), and the prompted picture."""
        picture = composite(image, mask, self.background(image, mask))
        return inverse_depth_up_to_scale(self.network(self.normalise(picture)), self.output), picture

    def forward(
        self, image: Tensor, mask: Tensor, trusted: Tensor, relief: Tensor, free_shift: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Metric inverse depth, fit and prompted picture, as the class says."""
        relative, picture = self.shape(image, mask)
        relative = with_relief(relative, mask, relief)
        fit = self.fit(relative, trusted, free_shift)
        inverse_depth = fit[:, 0].view(-1, 1, 1, 1) * relative + fit[:, 1].view(-1, 1, 1, 1)
        return inverse_depth, fit, picture
