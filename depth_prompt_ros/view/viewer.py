"""How Rerun is told: in its window, or into a file for another machine."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from depth_prompt_ros.errors import BadInput
from depth_prompt_ros.evaluation.pictures import TARGET_COLOURS, depth_scale
from depth_prompt_ros.view.classes import CLASSES
from depth_prompt_ros.view.layout import layout, middle
from depth_prompt_ros.view.shown import DEPTHS, Shown

if TYPE_CHECKING:
    from rerun import RecordingStream

_MOST_POINTS = 100_000
_JPEG = 90
_FRUSTUM = 0.15
"""Size of the camera in the clouds, in units of the targets' distance."""


@contextmanager
def viewer(name: str, save: Path | None) -> Iterator[Viewer]:
    """Open the window, or begin the file, which is kept if it holds a frame, however the work on it ends.

    Args:
        name: of the recording.
        save: an ``.rrd``; None: the window.

    Raises:
        BadInput: there is no display and no file was asked for, or it cannot be written; none of it stays then.
    """
    import rerun

    if save is None and not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
        raise BadInput("there is no display to open the viewer on: give --save FILE.rrd, and open it elsewhere")
    if save is not None and not save.parent.is_dir():
        raise BadInput(f"cannot write {save}: there is no folder {save.parent}")
    recording = rerun.RecordingStream("depth_prompt_ros", recording_id=name)
    recording.set_log_time_enabled(False)
    shows = Viewer(recording)
    if save is None:
        recording.spawn()
        yield shows
        recording.flush()
        return
    aside = save.with_name(f"{save.name}.part")
    recording.save(aside)
    whole = True
    try:
        yield shows
    finally:
        try:
            recording.flush()
        except RuntimeError:  # its writer has ended, and said why
            whole = False
        recording.disconnect()
        if shows.frames and whole:
            aside.replace(save)
        else:
            aside.unlink(missing_ok=True)
    if not whole:
        raise BadInput(f"cannot write {save} (Rerun's lines above say why): make room, or give another place")


class Viewer:
    """Puts frames into a recording of Rerun; ``frames`` counts them."""

    def __init__(self, recording: RecordingStream) -> None:
        import rerun

        self._rerun, self._recording = rerun, recording
        self._scale: tuple[float, float] = (0.0, 1.0)
        self.frames = 0

    def show(self, shown: Shown) -> None:
        """Put one frame onto the timelines ``frame`` and, in a recording, ``stamp``."""
        rerun, recording, camera = self._rerun, self._recording, shown.camera
        if not self.frames:
            self._begin(shown)
        recording.set_time("frame", sequence=self.frames)
        if shown.stamp_ns is not None:
            recording.set_time("stamp", timestamp=np.datetime64(shown.stamp_ns, "ns"))
        self.frames += 1
        recording.log(
            "camera",
            rerun.Pinhole(
                image_from_camera=camera.K,
                resolution=[camera.width, camera.height],
                camera_xyz=rerun.ViewCoordinates.RDF,
                image_plane_distance=_FRUSTUM * float(np.linalg.norm(middle(shown))),
            ),
        )
        for name, image in shown.images.items():
            recording.log(f"camera/{name}", self._image(name, image))
            if name in DEPTHS:
                unknown = rerun.SegmentationImage((~np.isfinite(image)).astype(np.uint8), opacity=1.0)
                recording.log(f"camera/{name}/unknown", unknown)
                recording.log(f"points/{name}", self._points(shown, image))
        heading = [f"**{shown.name}**"] if shown.name else []
        lines = [*heading, *(f"- {line}" for line in shown.lines)] or ["nothing is known of targets"]
        recording.log("targets", rerun.TextDocument("\n".join(lines), media_type=rerun.MediaType.MARKDOWN))

    def _begin(self, first: Shown) -> None:
        """What holds for all frames: axes, classes, one scale of depth, the layout."""
        rerun, recording = self._rerun, self._recording
        recording.log("/", rerun.ViewCoordinates.RDF, static=True)  # x right, y down, z forward: REP 103, optical
        for name, classes in CLASSES.items():
            if name.partition("/")[0] in first.images:
                known = [rerun.AnnotationInfo(value, *said) for value, said in classes.items()]
                recording.log(f"camera/{name}", rerun.AnnotationContext(known), static=True)
        if depths := [first.images[name] for name in DEPTHS if name in first.images]:
            scale = depth_scale(depths)
            self._scale = (scale.low, scale.high)
        recording.send_blueprint(layout(first))

    def _image(self, name: str, image: NDArray[Any]) -> Any:
        rerun = self._rerun
        if name in DEPTHS:
            return rerun.DepthImage(image.astype(np.float32), meter=1.0, colormap="turbo", depth_range=self._scale)
        if name in CLASSES:
            return rerun.SegmentationImage(image.astype(np.uint16), opacity=0.6 if name == "labels" else 1.0)
        return rerun.Image(image).compress(jpeg_quality=_JPEG)

    def _points(self, shown: Shown, depth: NDArray[np.float32]) -> Any:
        """Metres in the camera's optical frame, at most 100,000, in the picture's colours or in the targets'."""
        every = int(np.ceil(np.sqrt(depth.size / _MOST_POINTS)))
        thin = np.s_[::every, ::every]
        known = np.isfinite(depth[thin])
        points = shown.camera.back_project(depth)[thin][known]
        picture, labels = (shown.images.get(name) for name in ("picture", "labels"))
        if picture is not None:
            colours = picture[thin][known]
        else:
            colours = np.full((len(points), 3), 128, np.uint8)
            if labels is not None:
                there = labels[thin][known]
                palette = np.array(TARGET_COLOURS, np.uint8)
                colours[there > 0] = palette[(there[there > 0].astype(int) - 1) % len(palette)]
        radius = 0.7 * every * points[:, 2] / shown.camera.fx
        return self._rerun.Points3D(points, colors=colours, radii=radius)
