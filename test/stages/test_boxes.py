from __future__ import annotations

import numpy as np

from depth_prompt_ros.stages.boxes import targets_in


def test_each_label_with_the_rows_and_columns_it_spans() -> None:
    labels = np.zeros((20, 30), np.uint16)
    labels[3:9, 5:12] = 65535
    labels[6:15, 10:30] = 2
    labels[0, 0] = labels[19, 4] = 7
    found = targets_in(labels)
    boxes = [(target.label, target.box) for target in found]
    assert boxes == [(2, np.s_[6:15, 10:30]), (7, np.s_[0:20, 0:5]), (65535, np.s_[3:9, 5:12])]
    for target in found:
        np.testing.assert_array_equal(target.mask, labels[target.box] == target.label)


def test_no_label_no_box() -> None:
    assert not targets_in(np.zeros((4, 5), np.uint16))
