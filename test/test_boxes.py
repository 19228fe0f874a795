from __future__ import annotations

import numpy as np

from depth_prompt_ros.stages.boxes import target_boxes


def test_each_label_with_the_rows_and_columns_it_spans() -> None:
    labels = np.zeros((20, 30), np.uint16)
    labels[3:9, 5:12] = 65535
    labels[6:15, 10:30] = 2
    labels[0, 0] = labels[19, 4] = 7
    assert list(target_boxes(labels)) == [(2, np.s_[6:15, 10:30]), (7, np.s_[0:20, 0:5]), (65535, np.s_[3:9, 5:12])]


def test_no_label_no_box() -> None:
    assert not list(target_boxes(np.zeros((4, 5), np.uint16)))
