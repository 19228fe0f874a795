"""A target at a point or in a box: the network's thing there, else what is cut out."""

from __future__ import annotations

import numpy as np
import pytest
from standing import CAMERA, StandingBlock, measured

from depth_prompt_ros.errors import BadFrame, BadInput
from depth_prompt_ros.frame import DepthMeasurement, Frame
from depth_prompt_ros.parameters import Parameters, SegmentationParameters
from depth_prompt_ros.pipeline import ObjectDepthPipeline
from depth_prompt_ros.stages.segmentation import make_segmenter
from depth_prompt_ros.stages.segmentation.grabcut import GrabCutSegmenter
from depth_prompt_ros.stages.segmentation.named_target import NamedTarget
from depth_prompt_ros.stages.things.finder import Things

BLOCK = StandingBlock(width=0.15, height=0.14)
X, Y = (int(values.mean()) for values in np.nonzero(BLOCK.mask)[::-1])


class Finds:
    """In place of the network: these labels, whatever is asked."""

    def __init__(self, labels: np.ndarray) -> None:
        self.labels = labels.astype(np.uint16)

    def __call__(self, frame: Frame, measurement: DepthMeasurement) -> Things:
        return Things(self.labels, np.zeros(self.labels.shape, np.bool_))


def seen() -> Frame:
    rng = np.random.default_rng(1)
    picture = np.where(BLOCK.mask[..., None], (150, 60, 40), (120, 110, 100)) + rng.normal(0, 6, (*BLOCK.mask.shape, 3))
    return Frame(5, "camera", picture.clip(0, 255).astype(np.uint8), CAMERA, depth=BLOCK.depth)


def box_of(mask: np.ndarray, margin: float = 0) -> tuple[float, float, float, float]:
    rows, columns = np.nonzero(mask)
    return (
        columns.min() - margin, rows.min() - margin, np.ptp(columns) + 1 + 2 * margin, np.ptp(rows) + 1 + 2 * margin
    )  # fmt: skip


def test_the_thing_at_a_point_is_the_target_even_where_nothing_is_measured() -> None:
    blind = np.where(BLOCK.mask, np.float32(np.nan), BLOCK.depth)
    segment = make_segmenter(SegmentationParameters(method="point", target_point=(X, Y)))
    for depth in (BLOCK.depth, blind):
        found = segment(seen(), measured(depth))
        assert (found > 0)[BLOCK.mask].mean() > 0.9
        assert np.count_nonzero(found) < 1.15 * BLOCK.mask.sum()


def test_a_box_that_agrees_with_a_thing_means_that_thing_and_no_more_of_it_than_lies_in_the_box() -> None:
    thing = BLOCK.mask.copy()
    x, y, width, height = box_of(thing)
    thing[y - 6 : y, x : x + 3] = True  # a part that sticks out above
    chosen = SegmentationParameters(method="box", target_box=(x, y, width, height))
    found = NamedTarget(chosen, Finds(thing))(seen(), measured(BLOCK.depth)) > 0
    assert found[BLOCK.mask].all()
    assert not found[: y - round(0.03 * max(width, height)) - 1].any()


@pytest.mark.parametrize(("margin", "agrees"), [(0, True), (8, True), (25, False)])
def test_a_box_may_have_a_margin_of_the_same_width_around_the_thing(margin: int, agrees: bool) -> None:
    target = SegmentationParameters(method="box", target_box=box_of(BLOCK.mask, margin))
    found = NamedTarget(target, Finds(BLOCK.mask))(seen(), measured(BLOCK.depth)) > 0
    assert np.array_equal(found, BLOCK.mask) == agrees


def test_a_piece_of_what_a_box_is_around_is_not_taken_for_the_whole() -> None:
    piece = BLOCK.mask.copy()
    piece[Y + 4 :] = False
    target = SegmentationParameters(method="box", target_box=box_of(BLOCK.mask))
    found = NamedTarget(target, Finds(piece))(seen(), measured(BLOCK.depth)) > 0
    assert found[BLOCK.mask].mean() > 0.9


def test_of_two_things_in_a_box_the_one_that_fills_it_is_meant() -> None:
    labels = BLOCK.mask.astype(np.uint16)
    labels[Y - 3 : Y + 3, X - 3 : X + 3] = 2
    target = SegmentationParameters(method="box", target_box=box_of(BLOCK.mask, 1))
    found = NamedTarget(target, Finds(labels))(seen(), measured(BLOCK.depth)) > 0
    np.testing.assert_array_equal(found, labels == 1)


@pytest.mark.parametrize("labels", [np.zeros_like(BLOCK.mask), np.roll(BLOCK.mask, 60, 1)])
@pytest.mark.parametrize("method", ["point", "box"])
def test_where_no_thing_is_named_depth_and_colour_cut_the_target_out(method: str, labels: np.ndarray) -> None:
    chosen = SegmentationParameters(method=method, target_point=(X, Y), target_box=box_of(BLOCK.mask, 4))
    labels = labels & ~BLOCK.mask
    found = NamedTarget(chosen, Finds(labels))(seen(), measured(BLOCK.depth))
    np.testing.assert_array_equal(found, GrabCutSegmenter(chosen)(seen(), measured(BLOCK.depth)))


def test_a_point_or_box_outside_the_picture_is_refused_as_one_that_is_missing() -> None:
    for settings in ({"method": "point", "target_point": (900, 3)}, {"method": "box", "target_box": (900, 3, 9, 9)}):
        with pytest.raises(BadFrame, match="lies outside"):
            NamedTarget(SegmentationParameters(**settings), Finds(BLOCK.mask))(seen(), measured(BLOCK.depth))
    with pytest.raises(BadInput, match="target_point"):
        NamedTarget(SegmentationParameters(method="point"), Finds(BLOCK.mask))


def test_another_target_each_frame_loads_no_network_again() -> None:
    pipeline = ObjectDepthPipeline(Parameters.checked({"segmentation": {"method": "things"}}, "the test"))
    graph = pipeline.things.graph
    for point in ((X, Y), (X + 3, Y - 4)):
        pipeline.take_targets(SegmentationParameters(method="point", target_point=point))
        assert pipeline(seen()).targets[0].label == 1
    assert pipeline.things.graph is graph
    assert pipeline.segment.finder is pipeline.things
