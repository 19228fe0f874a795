"""What ObjectDepth gives for one picture: depth, masks, the targets with points and normals, and files of them."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from depth_prompt_ros.camera import CameraModel
from depth_prompt_ros.result import FrameDepth, TargetReport
from depth_prompt_ros.stages.boxes import targets_in
from depth_prompt_ros.stages.cloud import organised_cloud, surface_normals, write_ply

Float32 = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Target:
    """One thing to grasp.

    Attributes:
        report: what its metric scale rests on.
        mask: (H, W) bool, its pixels.
        points: (N, 3) float32 metres in the (left) camera's optical frame: x right, y down, z forward (REP 103).
        normals: (N, 3) float32 unit surface normals that face the camera.
        colours: (N, 3) uint8 RGB.
        confidence: (N,) float32 in [0, 1].
        cloud: (N,) structured array of :data:`depth_prompt_ros.stages.cloud.CLOUD_DTYPE`.
    """

    report: TargetReport
    mask: NDArray[np.bool_]
    points: Float32
    normals: Float32
    colours: NDArray[np.uint8]
    confidence: Float32
    cloud: NDArray[Any]

    @property
    def label(self) -> int:
        """Its value in the label image."""
        return self.report.label

    @property
    def anchor(self) -> str:
        """What its scale rests on: "inside", "support", "surroundings", or "refused": its points are measured ones."""
        return self.report.anchor

    def save_ply(self, path: str | os.PathLike[str]) -> None:
        """Write its points as binary PLY with normals, colour, label and confidence."""
        write_ply(Path(path), self.cloud, self.normals)

    def __repr__(self) -> str:
        where = f"{np.median(self.points[:, 2]):.3f} m away" if len(self.points) else "without a point"
        return f"Target {self.label}: {len(self.points)} points, {where}, anchor {self.anchor}"


@dataclass(frozen=True, eq=False)
class Answer:
    """Everything that is known of one picture; images are (H, W).

    Attributes:
        result: as the pipeline gives it, with what the attributes below leave out.
    """

    result: FrameDepth

    @property
    def image(self) -> NDArray[np.uint8]:
        """(H, W, 3) uint8 RGB, rectified."""
        return self.result.frame.image

    @property
    def camera(self) -> CameraModel:
        """Of the picture and of all that is returned."""
        return self.result.frame.camera

    @property
    def depth(self) -> Float32:
        """Float32 metres, merged; NaN = unknown."""
        return self.result.depth

    @property
    def measured(self) -> Float32:
        """Float32 metres of stereo or of the depth camera alone; NaN = unknown."""
        return self.result.measurement.depth

    @property
    def confidence(self) -> Float32:
        """Float32 in [0, 1], 0 where depth is unknown."""
        return self.result.confidence

    @property
    def labels(self) -> NDArray[np.uint16]:
        """uint16, 0 = background, each target its own number."""
        return self.result.labels

    @property
    def tom(self) -> NDArray[np.bool_]:
        """Bool, transparent or mirror."""
        return self.result.tom

    @property
    def reason(self) -> str:
        """Why no target was found; empty where one was."""
        return self.result.reason

    @cached_property
    def cloud(self) -> NDArray[Any]:
        """Structured array of :data:`depth_prompt_ros.stages.cloud.CLOUD_DTYPE`, NaN where depth is unknown."""
        result = self.result
        return organised_cloud(self.camera, result.depth, self.image, result.labels, result.confidence)

    @cached_property
    def points(self) -> Float32:
        """(H, W, 3) float32 metres in the camera's optical frame; NaN = unknown."""
        return self.camera.back_project(self.depth)

    @cached_property
    def targets(self) -> list[Target]:
        """One a target, in the order of their reports."""
        boxes = {each.label: each.box for each in targets_in(self.labels)}
        nowhere = np.s_[:0, :0]
        return [self._target(report, boxes.get(report.label, nowhere)) for report in self.result.targets]

    def save_ply(self, path: str | os.PathLike[str]) -> None:
        """Write the whole scene's points as binary PLY with normals, colour, label (0 = background), confidence."""
        known = np.isfinite(self.depth)
        write_ply(Path(path), self.cloud[known], surface_normals(self.points)[known])

    def save(self, folder: str | os.PathLike[str], overwrite: bool = False) -> Path:
        """Write depth, masks, clouds, an overview and what was found into a new folder, whole or not at all.

        The files are described in docs/python.md.

        Raises:
            ValueError: the folder exists already and ``overwrite`` is false, or cannot be written.
        """
        from depth_prompt_ros.api.files import save

        return save(self, Path(folder), overwrite)

    def _target(self, report: TargetReport, box: tuple[slice, slice]) -> Target:
        mask = self.labels == report.label
        inside = mask[box] & np.isfinite(self.depth[box])
        points = np.where(inside[..., None], self.points[box], np.float32(np.nan))
        return Target(
            report, mask, points[inside], surface_normals(points)[inside], self.image[box][inside],
            self.confidence[box][inside], self.cloud[box][inside],
        )  # fmt: skip

    def __repr__(self) -> str:
        said = [f"{self.camera.width}x{self.camera.height}, {np.isfinite(self.depth).mean():.0%} with depth"]
        return "\n".join([*said, *map(repr, self.targets), *([self.reason] if self.reason else [])])
