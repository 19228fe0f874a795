"""The frames of a recording, or of several, added up."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from depth_prompt_ros.evaluation.bags.steadiness import SteadySums
from depth_prompt_ros.evaluation.bags.sums import RegionSums
from depth_prompt_ros.evaluation.grasps.scores import GraspSums


class Totals:
    """Adds up frames as they are written; what it holds grows with the number of labels, not of frames.

    Attributes:
        frames, true_frames: how many, and those with a true depth.
        sums: by answer and region.
    """

    def __init__(self) -> None:
        self.frames, self.true_frames, self.still = 0, 0, 0
        self.sums: dict[str, dict[str, RegionSums]] = {}
        self._labels: dict[int, dict[str, RegionSums]] = {}
        self._steady: dict[str, SteadySums] = {}
        self._anchors: Counter[str] = Counter()
        self._surfaces: Counter[str] = Counter()
        self._untargeted: Counter[str] = Counter()
        self._inliers, self._residual, self._fitted = 0, 0.0, 0
        self._targets = 0
        self._grasps: dict[str, dict[str, GraspSums]] = {}

    def add(self, frame: Mapping[str, Any]) -> None:
        """Take one frame as :meth:`FrameScores.to_dict` gives it."""
        self.frames += 1
        self.true_frames += frame["true"]
        for name, by_region in frame["sums"].items():
            mine = self.sums.setdefault(name, {})
            for region, numbers in by_region.items():
                mine[region] = mine.get(region, RegionSums()) + RegionSums(*numbers)
        for target in frame["targets"]:
            self._add_target(target)
        for thing in frame["targets"] if frame["things"] is None else frame["things"]:
            mine = self._labels.setdefault(thing["label"], {})
            for name, numbers in thing["sums"].items():
                mine[name] = mine.get(name, RegionSums()) + RegionSums(*numbers)
        self._surfaces.update(frame["surfaces"])
        if frame["reason"]:
            self._untargeted[frame["reason"]] += 1
        for name, by_kind in (frame["grasps"] or {}).items():
            kinds = self._grasps.setdefault(name, {})
            for kind, numbers in by_kind.items():
                kinds[kind] = kinds.get(kind, GraspSums()) + GraspSums(*numbers)
        if frame["steady"] is not None:
            self.still += 1
            for name, steady in frame["steady"].items():
                self._steady[name] = self._steady.get(name, SteadySums()) + SteadySums(*steady)

    def figures(self) -> dict[str, Any]:
        """Everything that the frames say together."""
        residual = self._residual / self._fitted if self._fitted else None
        inliers = self._inliers / self._fitted if self._fitted else None
        return {
            "frames": self.frames,
            "true_frames": self.true_frames,
            "metrics": {
                name: {region: sums.figures() for region, sums in by_region.items()}
                for name, by_region in self.sums.items()
            },
            "targets": {
                "seen": self._targets,
                "anchors": dict(sorted(self._anchors.items())),
                "refused": self._anchors["refused"],
                "mean_inliers": inliers,
                "mean_residual": residual,
                "surfaces": dict(sorted(self._surfaces.items())),
                "by_label": {
                    str(label): {name: sums.figures() for name, sums in answers.items()}
                    for label, answers in sorted(self._labels.items())
                },
            },
            "grasps": {
                name: {kind: {"targets": sums.targets, **sums.figures()} for kind, sums in kinds.items()}
                for name, kinds in self._grasps.items()
            },
            "untargeted": dict(sorted(self._untargeted.items())),
            "steadiness": {
                "still_frames": self.still,
                **{name: steady.figures() for name, steady in self._steady.items()},
            },
        }

    def _add_target(self, target: Mapping[str, Any]) -> None:
        self._targets += 1
        self._anchors[target["anchor"]] += 1
        if target["residual"] is not None:
            self._inliers += target["inliers"]
            self._residual += target["residual"]
            self._fitted += 1
