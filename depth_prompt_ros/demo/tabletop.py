"""The rendered table-top sequence: opaque, glass and mirror objects seen by a stereo camera, with their truth."""

from __future__ import annotations

from collections.abc import Iterator

from depth_prompt_ros.data.rendering.scenes import render_tabletop_sequence
from depth_prompt_ros.demo.input_bag import LABELS_TOPIC, StereoTruth
from depth_prompt_ros.parameters import Parameters


def tabletop_frames(frames: int, seed: int) -> Iterator[StereoTruth]:
    """Render ``frames`` pairs; every ``seed`` gives other objects, textures and light."""
    for view in render_tabletop_sequence(frames, seed):
        yield StereoTruth(view.stamp_ns, view.left, view.right, view.camera, view.depth, view.labels, view.tom)


def given_labels_parameters(background: str = "learned") -> Parameters:
    """Targets from the bag's labels, as an outside segmenter would give them; ToM pixels by the defaults.

    Args:
        background: that the network sees them on, learned or white.
    """
    return Parameters.checked(
        {
            "topics": {"labels": LABELS_TOPIC},
            "segmentation": {"method": "labels"},
            "prompted_depth": {"background": background},
        },
        "the table-top demo",
    )


def all_by_itself_parameters() -> Parameters:
    """Targets found as clusters on the table: nothing from outside."""
    return Parameters.checked({"segmentation": {"method": "things"}}, "the table-top demo")
