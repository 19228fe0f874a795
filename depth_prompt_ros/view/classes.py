"""Names and colours of what pixels are counted as."""

from __future__ import annotations

from collections.abc import Mapping

from depth_prompt_ros.evaluation.pictures import MISSING, PROVENANCE_COLOURS, TARGET_COLOURS, Colour
from depth_prompt_ros.stages.belief import Reason
from depth_prompt_ros.view.shown import DEPTHS

Classes = Mapping[int, tuple[str, Colour | tuple[int, int, int, int]]]

_NOTHING = (0, 0, 0, 0)

CLASSES: dict[str, Classes] = {
    **{f"{name}/unknown": {0: ("known", _NOTHING), 1: ("no value", MISSING)} for name in DEPTHS},
    "provenance": PROVENANCE_COLOURS,
    "belief": {
        Reason.HOLE: ("hole", MISSING), Reason.BELIEVED: ("believed", (58, 110, 165)),
        Reason.TOLD: ("told: glass or mirror", (23, 190, 207)), Reason.SEEN_THROUGH: ("seen through", (242, 142, 43)),
        Reason.REFUTED: ("refuted", (214, 39, 40)),
    },
    "tom": {0: ("opaque", MISSING), 1: ("transparent or mirror", (23, 190, 207))},
    "labels": {
        0: ("background", _NOTHING),
        **{label + 1: (f"target {label + 1}", TARGET_COLOURS[label % len(TARGET_COLOURS)]) for label in range(64)},
    },
}  # fmt: skip
"""By the image's name."""
