"""The mean of two networks."""

from __future__ import annotations

from torch import Tensor


def mean_of(weights: dict[str, Tensor], others: dict[str, Tensor]) -> dict[str, Tensor]:
    """The mean of two networks' weights of the same names; what is not a floating-point number is the first's."""
    return {
        key: (value + others[key].to(value.device)) / 2 if value.is_floating_point() else value
        for key, value in weights.items()
    }
