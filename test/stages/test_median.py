from __future__ import annotations

import numpy as np
import pytest

from depth_prompt_ros.stages.median import median, quantile


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("count", [1, 2, 3, 10, 1001, 5000])
def test_it_is_the_median(count: int, dtype: type[np.floating]) -> None:
    values = np.random.default_rng(count).normal(size=count).astype(dtype)
    assert median(values) == float(np.median(values))


@pytest.mark.parametrize("share", [0.0, 0.02, 0.25, 0.9, 1.0])
@pytest.mark.parametrize("count", [1, 2, 10, 1001])
def test_it_is_the_quantile(count: int, share: float) -> None:
    values = np.random.default_rng(count).normal(size=count)
    assert quantile(values, share) == pytest.approx(float(np.quantile(values, share)), rel=1e-12)
