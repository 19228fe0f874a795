"""What is seen first: pictures, depths, provenance and clouds side by side, from where the camera stood."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from depth_prompt_ros.view.shown import DEPTHS, Shown

if TYPE_CHECKING:
    from rerun.blueprint import Blueprint, EyeControls3D, View

_BESIDE = (0.35, -0.3, -0.1)
"""Where clouds are looked at from: right of the camera, above and behind it, in units of the targets' distance."""


def layout(first: Shown) -> Blueprint:
    """The viewer's layout for frames like this one; what a frame does not have gets no place."""
    import rerun.blueprint as rrb

    has = first.images
    views: list[View] = []
    if "picture" in has:
        views.append(rrb.Spatial2DView(origin="camera", contents=["camera/picture"], name="picture"))
    found = [f"camera/{name}" for name in ("picture", "labels") if name in has]
    views.append(rrb.Spatial2DView(origin="camera", contents=found, name="targets"))
    depths = [name for name in DEPTHS if name in has]
    views += [_pixels(name, f"{name} depth") for name in depths]
    reasons = (("provenance", "provenance"), ("belief", "belief"), ("tom", "glass and mirrors"))
    tabs = [_pixels(name, title) for name, title in reasons if name in has]
    eye = _eye(first)
    clouds = [
        rrb.Spatial3DView(
            origin="/",
            contents=["camera", f"points/{name}"],
            name=f"{name} points",
            eye_controls=eye,
            line_grid=False,
            background=[255, 255, 255],
        )
        for name in depths
    ]
    right = rrb.Vertical(rrb.Tabs(*tabs), rrb.TextDocumentView(origin="targets", name="targets"), row_shares=[2, 1])
    return rrb.Blueprint(
        rrb.Vertical(
            rrb.Horizontal(*views), rrb.Horizontal(*clouds, right, column_shares=[*[3] * len(clouds), 2]),
            row_shares=[2, 3],
        ),
        rrb.BlueprintPanel(state="collapsed"),
        rrb.SelectionPanel(state="collapsed"),
        rrb.TimePanel(state="collapsed", timeline="frame"),
        auto_views=False,
    )  # fmt: skip


def middle(shown: Shown) -> NDArray[np.float64]:
    """(3,) metres: the middle of the targets, or of everything, in the camera's optical frame."""
    depth = next(shown.images[name] for name in reversed(DEPTHS) if name in shown.images)
    known = np.isfinite(depth)
    labels = shown.images.get("labels")
    targets = known if labels is None else known & (labels > 0)
    chosen = targets if targets.any() else known
    if not chosen.any():
        return np.array([0.0, 0.0, 1.0])
    return np.median(shown.camera.back_project(depth)[chosen], axis=0).astype(np.float64)


def _pixels(name: str, title: str) -> View:
    import rerun.blueprint as rrb

    return rrb.Spatial2DView(origin="camera", contents=[f"camera/{name}/**"], name=title)


def _eye(shown: Shown) -> EyeControls3D:
    import rerun.blueprint as rrb

    target = middle(shown)
    place = np.array(_BESIDE) * np.linalg.norm(target)
    return rrb.EyeControls3D(kind=rrb.Eye3DKind.Orbital, position=place, look_target=target, eye_up=(0, -1, 0))
