"""The report's two sections: what each data set is, what came out, what is good and what is not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from depth_prompt_ros.evaluation.background.backgrounds import BackgroundComparison
from depth_prompt_ros.evaluation.figures import (
    cloud_figures,
    cloud_row,
    depth_error_mm,
    depth_figures,
    disparity_error,
    error_figures,
    input_figures,
    overview_figure,
    provenance_figure,
    sequence_figure,
)
from depth_prompt_ros.evaluation.methods import (
    FOUND,
    MERGED,
    MONO,
    PLANE,
    ROW_FILLED,
    STEREO,
    WHITE,
    stereo_answers,
    tom_answers,
)
from depth_prompt_ros.evaluation.outcome import Outcome
from depth_prompt_ros.evaluation.pictures import Viewpoint, error_scale
from depth_prompt_ros.evaluation.report import Figure, Gallery, Section
from depth_prompt_ros.evaluation.stereo.comparison import DisparityComparison
from depth_prompt_ros.evaluation.tom.comparison import TomComparison, scene_remark, scene_table
from depth_prompt_ros.parameters import PromptedDepthParameters
from depth_prompt_ros.resources import resource_path
from depth_prompt_ros.stages.prompted_depth import BACKGROUND_GRAPH, PromptedDepth


def motorcycle_section(outcome: Outcome) -> Section:
    """The real pair: what stereo leaves empty on a hard target, and what fills it."""
    answers = stereo_answers(outcome)
    comparison = DisparityComparison(outcome, answers)
    galleries = [
        Gallery("What goes in", input_figures(outcome), 3),
        Gallery("Depth", depth_figures(outcome)),
        Gallery("Error", error_figures(outcome, disparity_error, error_scale(8, "px"), answers)),
        Gallery("Points", [provenance_figure(outcome), *cloud_figures(outcome, Viewpoint(zoom=0.9))], 3),
    ]
    return Section(
        "motorcycle",
        "A real stereo pair: Middlebury 2014 Motorcycle",
        "741x500 pixels, baseline 193 mm, 2 to 5 m away, with ground-truth disparity. The target is given by a box "
        "around the motorcycle; its thin spokes, chrome and black leather leave stereo with holes.",
        comparison.checks(),
        [comparison.table()],
        galleries,
        comparison.remarks(),
        [cloud_row(outcome, "The motorcycle")],
    )


def tabletop_section(
    given: Sequence[Outcome],
    found: Sequence[Outcome],
    white: Sequence[Outcome],
    scenes: Mapping[str, Sequence[Outcome]],
) -> Section:
    """The rendered sequence, with labels given (headline) and with everything found by itself.

    Args:
        given: outcomes of the replay that read labels from the bag.
        found: outcomes of the same frames, with targets from the pictures alone.
        white: with labels from the bag, and white in place of the learned background.
        scenes: outcomes of other scenes by name, with labels from the bag.
    """
    alone = PromptedDepth(PromptedDepthParameters(graph=str(resource_path(BACKGROUND_GRAPH))))
    comparison, backgrounds = TomComparison(), BackgroundComparison(alone)
    for outcome, other, on_white in zip(given, found, white, strict=True):
        comparison.add(outcome, tom_answers(outcome) | {WHITE: on_white.merged, FOUND: other.merged})
        backgrounds.add(outcome)
    others = {name: TomComparison() for name, outcomes in scenes.items() if outcomes}
    for name, other_scene in others.items():
        for outcome in scenes[name]:
            other_scene.add(outcome, tom_answers(outcome))
    example = given[len(given) // 2]
    answers = tom_answers(example)
    shown = {name: answers[name] for name in (STEREO, ROW_FILLED, PLANE, MONO, MERGED)}
    galleries = [
        Gallery("What goes in", input_figures(example), 3),
        Gallery("Depth", depth_figures(example)),
        Gallery(
            "Error",
            [*error_figures(example, depth_error_mm, error_scale(60, "mm"), shown), provenance_figure(example)],
            3,
        ),
        Gallery("Points", cloud_figures(example, Viewpoint(zoom=1.2)), 2),
        Gallery("Time", [sequence_figure(given, "Top to bottom: left picture, stereo alone, merged depth.")], 1),
    ]
    return Section(
        "tabletop",
        "A rendered table-top with glass and a mirror",
        "Opaque, glass and mirror objects on a table, 640x480, baseline 60 mm. The pictures are ray-traced, so stereo "
        "sees through the glass and into the mirror as a camera would. Targets are labels given from outside; which "
        "pixels are transparent or mirror (ToM) is found by the shipped segmenter and by evidence, without labels.",
        [*comparison.checks(), backgrounds.check()],
        [comparison.table(), comparison.object_table(), scene_table(others), backgrounds.table()],
        galleries,
        [*comparison.remarks(), scene_remark(others)],
        [cloud_row(example, "The frame above")],
    )


def overview(outcomes: Sequence[Outcome]) -> Figure:
    """The report's first picture."""
    return overview_figure(outcomes[len(outcomes) // 2], Viewpoint())
