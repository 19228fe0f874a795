"""What is shown of one frame, and how Rerun is told."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from depth_prompt_ros.camera import CameraModel
from depth_prompt_ros.errors import BadInput
from depth_prompt_ros.result import FrameDepth
from depth_prompt_ros.stages.belief import Reason
from depth_prompt_ros.stages.merge import Provenance

_DEPTHS = {"measured": "measured", "depth": "merged"}
_CLASSES: dict[str, Mapping[int, str]] = {
    "provenance": {each.value: each.name.lower() for each in Provenance},
    "belief": {each.value: each.name.lower() for each in Reason},
    "tom": {0: "opaque", 1: "transparent or mirror"},
    "labels": {},
}


@dataclass(frozen=True, eq=False)
class Shown:
    """One frame; what is not known of it is left out.

    Attributes:
        stamp_ns: on the timeline.
        camera: of the images.
        images: by name: ``picture`` (H, W, 3) uint8 RGB; ``measured`` and ``depth`` (H, W) float32 metres, NaN =
            unknown; ``labels``, ``tom``, ``provenance`` and ``belief`` (H, W) integers.
        lines: of text: anchors and reasons.
    """

    stamp_ns: int
    camera: CameraModel
    images: dict[str, NDArray[Any]]
    lines: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, result: FrameDepth) -> Shown:
        """What the pipeline returned."""
        images: dict[str, NDArray[Any]] = {
            "picture": result.frame.image, "measured": result.measurement.depth, "depth": result.depth,
            "labels": result.labels, "tom": result.tom, "provenance": result.provenance, "belief": result.belief,
        }  # fmt: skip
        lines = [f"target {each.label}: {each.anchor}, {each.reason}" for each in result.targets]
        return cls(result.frame.stamp_ns, result.frame.camera, images, [*lines, *filter(None, [result.reason])])


class Viewer:
    """A recording of Rerun, shown in its window or written to a file."""

    def __init__(self, name: str, save: Path | None) -> None:
        """Open the window, or the file.

        Raises:
            BadInput: there is no display and no file was asked for, or it cannot be written.
        """
        import rerun

        if save is None and not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
            raise BadInput("there is no display to open the viewer on: give --save FILE.rrd, and open it elsewhere")
        self._rerun = rerun
        self._recording = rerun.RecordingStream("depth_prompt_ros", recording_id=name)
        if save is None:
            self._recording.spawn()
        else:
            if not save.parent.is_dir():
                raise BadInput(f"cannot write {save}: there is no folder {save.parent}")
            self._recording.save(save)

    def show(self, shown: Shown) -> None:
        """Put one frame onto the timeline."""
        rerun, recording, camera = self._rerun, self._recording, shown.camera
        recording.set_time("stamp", timestamp=shown.stamp_ns * 1e-9)
        size = [camera.width, camera.height]
        axes = rerun.ViewCoordinates.RDF
        recording.log("camera", rerun.Pinhole(image_from_camera=camera.K, resolution=size, camera_xyz=axes))
        for name, image in shown.images.items():
            recording.log(f"camera/{name}", self._image(name, image))
            if _CLASSES.get(name):
                recording.log(f"camera/{name}", rerun.AnnotationContext(list(_CLASSES[name].items())), static=True)
        for name, said in _DEPTHS.items():
            if name in shown.images:
                recording.log(f"points/{said}", self._points(shown, shown.images[name]))
        if shown.lines:
            recording.log("targets", rerun.TextDocument("\n".join(shown.lines)))

    def close(self) -> None:
        """Write what is left."""
        self._recording.flush()

    def _image(self, name: str, image: NDArray[Any]) -> Any:
        if name in _DEPTHS:
            return self._rerun.DepthImage(np.nan_to_num(image, nan=0.0).astype(np.float32), meter=1.0)
        if name in _CLASSES:
            return self._rerun.SegmentationImage(image.astype(np.uint16))
        return self._rerun.Image(image)

    def _points(self, shown: Shown, depth: NDArray[np.float32]) -> Any:
        known = np.isfinite(depth)
        picture = shown.images.get("picture")
        colours = None if picture is None else picture[known]
        return self._rerun.Points3D(shown.camera.back_project(depth)[known], colors=colours)
