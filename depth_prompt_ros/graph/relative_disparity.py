"""A monocular network as it looks at whole pictures: RGB in, relative disparity out."""

from __future__ import annotations

from torch import Tensor, nn

from depth_prompt_ros.graph.disparity import OutputKind, inverse_depth_up_to_scale


class RelativeDisparityNetwork(nn.Module):
    """Normalisation, network, and inverse depth where the network gives depth.

    Input (N, 3, H, W) RGB in [0, 1], sides that the network takes. Output (N, 1, H, W), larger = nearer: of a network
    that gives disparity, its output as it is, up to scale and shift; of one that gives depth,
    :func:`depth_prompt_ros.graph.disparity.inverse_depth_up_to_scale` of it.
    """

    def __init__(self, network: nn.Module, normalise: nn.Module, output: OutputKind) -> None:
        super().__init__()
        self.network, self.normalise, self.output = network, normalise, output

    def forward(self, picture: Tensor) -> Tensor:
        """(N, 1, H, W), as the class says."""
        answer: Tensor = self.network(self.normalise(picture))
        return answer if self.output == "disparity" else inverse_depth_up_to_scale(answer.float(), self.output)
