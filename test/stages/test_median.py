from __future__ import annotations

import numpy as np
import pytest

from depth_prompt_ros.stages.median import median


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("count", [1, 2, 3, 10, 1001, 5000])
def test_it_is_the_median(count: int, dtype: type[np.floating]) -> None:
    values = np.random.default_rng(count).normal(size=count).astype(dtype)
    assert median(values) == float(np.median(values))
