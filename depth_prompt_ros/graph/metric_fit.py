"""Metric scale of a target's shape: a robust fit to the inverse depth of the pixels that can be trusted."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class MetricFit(nn.Module):
    """Scale, or scale and shift, that brings a relative inverse depth to trusted metric inverse depth.

    Iteratively reweighted least squares on the relative residual, Geman-McClure weights, a scale of the residual that
    follows the data (Holland and Welsch 1977): outliers are out-voted while they are the minority. [ours]
    """

    WIDTHS = (1.5,) * 8 + (3.0,) * 8
    """The residual's scale over its weighted mean, iteration by iteration: first small, so that it settles on the
    majority however the start leans, then large enough to let all of the majority in."""

    STRIDE = 2
    """Every second pixel of every second row is fitted: neighbours say the same, and four times faster."""

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
        stride = self.STRIDE
        q, y = inverse_depth[..., ::stride, ::stride].flatten(1), trusted[..., ::stride, ::stride].flatten(1)
        known = (y > 0).to(q.dtype)
        precision = known / y.clamp(min=1e-6).square()  # residuals relative to the measurement
        sloped, sloped_fit = self._fit(q, y, known, precision, shifted=True)
        plain, plain_fit = self._fit(q, y, known, precision, shifted=False)
        use = ((free_shift > 0.5) & (sloped[:, 0] > 0))[:, None]
        count = known.sum(1, keepdim=True)
        identity = torch.zeros_like(plain)
        identity[:, :1] = 1
        coefficients = torch.where(count > 0, torch.where(use, sloped, plain), identity)
        return torch.cat([coefficients, torch.where(use, sloped_fit, plain_fit)], 1)

    def _fit(self, q: Tensor, y: Tensor, known: Tensor, precision: Tensor, shifted: bool) -> tuple[Tensor, Tensor]:
        """(N, 2) scale and shift, (N, 2) inliers and residual."""
        trust = known
        for width in self.WIDTHS:
            scale, shift = _weighted_line(q, y, trust * precision, shifted)
            residual = known * (scale * q + shift - y).abs() / y.clamp(min=1e-6)
            size = (trust * residual).sum(1, keepdim=True) / trust.sum(1, keepdim=True).clamp(min=1e-6)
            size = (width * size).clamp(min=self.FLOOR)
            trust = known * (size.square() / (size.square() + residual.square())).square()
        inlier = known * (residual < 2 * size).to(q.dtype)
        inliers = inlier.sum(1, keepdim=True)
        error = (inlier * residual).sum(1, keepdim=True) / inliers.clamp(min=1)
        return torch.cat([scale, shift], 1), torch.cat([inliers, error], 1)


def _weighted_line(q: Tensor, y: Tensor, weight: Tensor, shifted: bool) -> tuple[Tensor, Tensor]:
    """(N, 1) slope and intercept of the weighted least-squares line through (q, y); intercept 0 unless ``shifted``."""
    total = weight.sum(1, keepdim=True).clamp(min=1e-12)
    mean_q, mean_y = (weight * q).sum(1, keepdim=True) / total, (weight * y).sum(1, keepdim=True) / total
    if not shifted:
        mean_q, mean_y = torch.zeros_like(mean_q), torch.zeros_like(mean_y)
    p = q - mean_q
    slope = (weight * p * (y - mean_y)).sum(1, keepdim=True) / ((weight * p * p).sum(1, keepdim=True) + 1e-9 * total)
    return slope, mean_y - slope * mean_q
