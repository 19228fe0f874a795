"""What is shown of one frame."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from numpy.typing import NDArray

from depth_prompt_ros.camera import CameraModel
from depth_prompt_ros.result import FrameDepth, TargetReport

DEPTHS = ("measured", "merged")


@dataclass(frozen=True, eq=False)
class Shown:
    """One frame; what is not known of it is left out.

    Attributes:
        stamp_ns: of the recording; None: a picture of no recording.
        camera: of the images.
        images: by name: ``picture`` (H, W, 3) uint8 RGB; ``measured`` and ``merged`` (H, W) float32 metres, NaN =
            unknown; ``labels``, ``tom``, ``provenance`` and ``belief`` (H, W) integers.
        lines: of text: anchors and reasons.
        name: of a picture of no recording.
    """

    stamp_ns: int | None
    camera: CameraModel
    images: dict[str, NDArray[Any]]
    lines: list[str] = field(default_factory=list)
    name: str = ""

    @classmethod
    def of(cls, result: FrameDepth) -> Shown:
        """What the pipeline returned."""
        images: dict[str, NDArray[Any]] = {
            "picture": result.frame.image, "measured": result.measurement.depth, "merged": result.depth,
            "labels": result.labels, "tom": result.tom, "provenance": result.provenance, "belief": result.belief,
        }  # fmt: skip
        lines = lines_of([*result.targets, *result.surfaces], result.reason)
        return cls(result.frame.stamp_ns, result.frame.camera, images, lines)


def lines_of(reports: Sequence[TargetReport], no_target: str) -> list[str]:
    """A line a report, on what its scale rests, or why there is no target."""
    lines = [line_of(each.label, each.anchor, each.reason) for each in reports]
    return [*([f"no target: {no_target}"] if no_target else []), *lines]


def line_of(label: int, anchor: str, reason: str) -> str:
    """On what the scale of a target, or with label 0 of a surface on none, rests."""
    return f"{f'target {label}' if label else 'transparent or mirror surface'}: {anchor}, {reason}"
