"""Target crops through a network learned from video: each keeps its place and its focal length."""

from __future__ import annotations

from torch import Tensor, nn

from depth_prompt_ros.graph.metric_fit import MetricFit


class VideoTargets(nn.Module):
    """Target crops with what surrounds them in, metric inverse depth and fit out; S is the crops' side.

    Inputs: ``image`` (N, 3, S, S) RGB in [0, 1]; ``trusted`` (N, 1, S, S) metric inverse depth in 1/m, 0 = not trusted;
    ``free_shift`` (N,); ``grid`` (N, 2, S, S) u and v in [-1, 1] of the whole picture; ``focal`` (N, 2) fx and fy of
    the crop, pixels. Outputs: those of :class:`depth_prompt_ros.graph.prompted_network.PromptedNetwork`.
    """

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network, self.fit = network, MetricFit()

    def forward(
        self, image: Tensor, trusted: Tensor, free_shift: Tensor, grid: Tensor, focal: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Metric inverse depth, fit and what the network saw, as the class says."""
        relative = self.network(image, grid, focal)
        fit = self.fit(relative, trusted, free_shift)
        inverse_depth = fit[:, 0].view(-1, 1, 1, 1) * relative + fit[:, 1].view(-1, 1, 1, 1)
        return inverse_depth, fit, image * 1.0
