"""Metric scale of a target's shape: a robust fit to the inverse depth of the pixels that can be trusted."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class MetricFit(nn.Module):
    """Scale, or scale and shift, that brings a relative inverse depth to trusted metric inverse depth.

    Iteratively reweighted least squares on the relative residual, Geman-McClure weights, a scale of the residual that
    follows the data (Holland and Welsch 1977): outliers are out-voted while they are the minority. [ours]

    Both fits run side by side, and each iteration is two matrix products and a handful of numbers: in a small graph the
    number of operations costs more than their arithmetic.
    """

    WIDTHS = (1.3,) * 4 + (3.0,) * 2
    """The residual's scale over its weighted mean, iteration by iteration: first small, so that it settles on the
    majority however the start leans, then large enough to let all of the majority in."""

    GRID = 40
    """Pixels a side that are fitted: neighbours say the same, and with fewer no scale would be surer."""

    FLOOR = 0.003
    """The residual's scale never falls below this (relative depth): finer agreement is noise."""

    def forward(self, inverse_depth: Tensor, trusted: Tensor, free_shift: Tensor) -> Tensor:
        """(N, 4): scale, shift [1/m], number of inliers among the fitted pixels, relative residual.

        Args:
            inverse_depth: (N, 1, H, W) up to scale (and shift).
            trusted: (N, 1, H, W) metric inverse depth in 1/m, 0 where nothing is known.
            free_shift: (N,) 1 to fit scale and shift, 0 for scale alone. A shift that would turn the shape inside out
                (scale not positive) is given up for scale alone.

        Without a trusted pixel the answer is scale 1, shift 0, 0 inliers.
        """
        stride = max(1, trusted.shape[-1] // self.GRID)
        q, y = (each[..., ::stride, ::stride].flatten(2)[:, None] for each in (inverse_depth, trusted))
        known = (y > 0).to(q.dtype)
        distance = known / y.clamp(min=1e-6)
        count = known.sum(3, keepdim=True)
        middle = (known * q).sum(3, keepdim=True) / count.clamp(min=1)

        # Relative to the measurement the residual of a q + b is |a q/y + b/y - 1|: two columns and a constant.
        # Scale alone has no second column; with a shift q is centred, or the columns are nearly the same. (N, 2, 1, P)
        shifted = torch.tensor([0.0, 1.0], dtype=q.dtype, device=q.device).view(1, 2, 1, 1)
        centre = shifted * middle
        first, second = (q - centre) * distance, shifted * distance
        diagonal = torch.maximum(second.square(), (1 - shifted) * known)  # 1 instead of 0 where there is no column
        known = known.expand(-1, 2, -1, -1)
        columns = torch.cat([first, second, -known], 2)
        moments = torch.cat([first.square(), first * second, diagonal, first, second, known], 2).transpose(2, 3)
        one = torch.ones_like(centre)
        # First by absolute residual: relative to it, a measurement far behind the target would weigh most of all.
        trust = known * y.square()
        for width in self.WIDTHS:
            aa, ab, bb, a1, b1, total = torch.matmul(trust, moments).split(1, 3)
            a = (a1 * bb - b1 * ab) / (aa * bb - ab * ab)
            b = (b1 - a * ab) / bb
            residual = torch.matmul(torch.cat([a, b, one], 3), columns).abs()
            mean = torch.matmul(trust, residual.transpose(2, 3)) / total
            relative = residual / (width * mean).clamp(min=self.FLOOR)
            trust = (1 + relative * relative).reciprocal().square()

        inlier = known * (relative < 2).to(q.dtype)
        inliers = inlier.sum(3, keepdim=True)
        error = (inlier * residual).sum(3, keepdim=True) / inliers.clamp(min=1)
        fits = torch.cat([a, b - a * centre, inliers, error], 3)[:, :, 0]
        use = (free_shift[:, None] > 0.5) & (fits[:, 1, :1] > 0)
        best = torch.where(use, fits[:, 1], fits[:, 0])
        identity = torch.tensor([1.0, 0, 0, 0], dtype=q.dtype, device=q.device)
        return torch.where(count[:, 0, 0] > 0, best, identity)
