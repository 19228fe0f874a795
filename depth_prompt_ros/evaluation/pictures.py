"""Pictures of depth, error, masks and clouds: one colour scale, colour bars with units, missing values in grey."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from depth_prompt_ros.camera import CameraModel
from depth_prompt_ros.data.titles import INK, PAPER
from depth_prompt_ros.stages.merge import Provenance

Picture = NDArray[np.uint8]
Colour = tuple[int, int, int]

MISSING: Colour = (218, 221, 226)
_OVERSAMPLING = 2
TARGET_COLOURS: tuple[Colour, ...] = (
    (31, 119, 180), (255, 127, 14), (44, 160, 44), (214, 39, 40),
    (148, 103, 189), (23, 190, 207), (227, 119, 194), (188, 189, 34),
)  # fmt: skip
PROVENANCE_COLOURS = {
    int(Provenance.INVALID): ("invalid", MISSING),
    int(Provenance.STEREO): ("stereo", (58, 110, 165)),
    int(Provenance.MONO): ("mono", (242, 142, 43)),
    int(Provenance.MERGED): ("merged", (89, 161, 79)),
    int(Provenance.CONTINUED): ("continued", (176, 122, 161)),
}


@dataclass(frozen=True)
class Scale:
    """A colour scale with its unit; the same object colours every picture that is to be compared.

    Attributes:
        low, high: values at the two ends; beyond them the end's colour is used.
        unit: printed at the right end of the colour bar.
        palette: an OpenCV colour map.
    """

    low: float
    high: float
    unit: str
    palette: int = cv2.COLORMAP_TURBO

    def colour(self, values: NDArray[np.floating[Any]]) -> Picture:
        """(H, W, 3) uint8 RGB of (H, W) values; NaN and infinity in grey."""
        span = (self.high - self.low) or 1.0  # a picture of one value
        share = (np.nan_to_num(values, nan=0.0, posinf=0.0, neginf=0.0) - self.low) / span
        steps = np.round(np.clip(share, 0, 1) * 255).astype(np.uint8)
        picture = cv2.applyColorMap(steps, self.palette)[..., ::-1].copy()
        picture[~np.isfinite(values)] = MISSING
        return picture

    def panel(self, values: NDArray[np.floating[Any]]) -> Picture:
        """The coloured values above a colour bar with its unit."""
        picture = self.colour(values)
        width = picture.shape[1]
        gradient = self.colour(np.linspace(self.low, self.high, width, dtype=np.float32)[None])
        return np.vstack([picture, _colour_bar(gradient, self._ticks(), self.unit)])

    def _ticks(self) -> list[str]:
        values = np.linspace(self.low, self.high, 5)
        digits = 0 if np.allclose(values, np.round(values)) else 2 if self.high - self.low < 2 else 1
        return [f"{value:.{digits}f}" for value in values]


def error_scale(high: float, unit: str) -> Scale:
    """Dark = right, bright = wrong; zero to ``high`` in ``unit``."""
    return Scale(0.0, high, unit, cv2.COLORMAP_INFERNO)


def depth_scale(depths: Sequence[NDArray[np.floating[Any]]], margin: float = 0.0) -> Scale:
    """One scale in metres for several depth maps: 1st to 99th percentile of all values, wider by ``margin`` of that."""
    values = np.concatenate([depth[np.isfinite(depth)] for depth in depths])
    low, high = np.percentile(values, [1, 99]) if values.size else (0.0, 1.0)
    wider = margin * (high - low)
    return Scale(float(np.floor((low - wider) * 20) / 20), float(np.ceil((high + wider) * 20) / 20), "m")


def category_panel(categories: NDArray[np.integer[Any]], names: Mapping[int, tuple[str, Colour]]) -> Picture:
    """(H, W) integers in their categories' colours above a legend."""
    picture = np.full((*categories.shape, 3), MISSING, np.uint8)
    for value, (_, colour) in names.items():
        picture[categories == value] = colour
    return np.vstack([picture, _legend(picture.shape[1], list(names.values()))])


def overlay(image: Picture, labels: NDArray[np.uint16], tom: NDArray[np.bool_] | None = None) -> Picture:
    """The picture with each target tinted and outlined; ToM pixels are hatched. Beside the target, it is faded."""
    faded = cv2.addWeighted(image, 0.45, np.full_like(image, 255), 0.55, 0)
    result = np.where(labels[..., None] > 0, image, faded)
    for label in np.unique(labels[labels > 0]):
        mask = (labels == label).astype(np.uint8)
        colour = np.array(TARGET_COLOURS[(int(label) - 1) % len(TARGET_COLOURS)], np.float32)
        inside = mask > 0
        result[inside] = (0.65 * result[inside] + 0.35 * colour).astype(np.uint8)
        contours, _ = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
        cv2.drawContours(result, contours, -1, colour.tolist(), max(2, image.shape[1] // 320), cv2.LINE_AA)
    if tom is not None:
        rows, columns = np.indices(tom.shape)
        result[tom & ((rows + columns) % 10 < 3)] = PAPER
    return result


@dataclass(frozen=True)
class Viewpoint:
    """Where a cloud is seen from.

    Attributes:
        yaw, pitch: degrees that the camera turns around the targets' middle, to the right and upwards.
        zoom: magnification beside the real camera's.
    """

    yaw: float = -35.0
    pitch: float = 22.0
    zoom: float = 1.0

    @property
    def rotation(self) -> NDArray[np.float64]:
        """(3, 3) from the real camera's optical frame to the turned one."""
        yaw, pitch = np.radians([self.yaw, self.pitch])
        turn = [[np.cos(yaw), 0, np.sin(yaw)], [0, 1, 0], [-np.sin(yaw), 0, np.cos(yaw)]]
        tilt = [[1, 0, 0], [0, np.cos(pitch), -np.sin(pitch)], [0, np.sin(pitch), np.cos(pitch)]]
        return np.asarray(np.array(tilt) @ np.array(turn))


def cloud_view(
    camera: CameraModel,
    depth: NDArray[np.float32],
    image: Picture,
    labels: NDArray[np.uint16],
    view: Viewpoint,
) -> Picture:
    """The cloud of a depth map seen from a second viewpoint, nearest point in front (z-buffer).

    Args:
        camera: intrinsics of ``depth`` and ``image``.
        depth: (H, W) metres, NaN = no point.
        image: (H, W, 3) uint8 RGB.
        labels: (H, W), targets keep their full colour, everything else is faded; the view turns around the middle of
            their bounding box at the median of their depth.
    """
    finite = np.isfinite(depth)
    on_target = finite & (labels > 0)
    if not on_target.any():
        return np.full_like(image, PAPER)
    distance = float(np.median(depth[on_target]))
    rows, columns = np.nonzero(on_target)
    middle = camera.rays[int(rows.min() + rows.max()) // 2, int(columns.min() + columns.max()) // 2]
    points = (camera.back_project(depth)[finite] - middle * distance) @ view.rotation.T
    points[:, 2] += np.linalg.norm(middle) * distance
    faded = cv2.addWeighted(image, 0.5, np.full_like(image, 235), 0.5, 0)
    colours = np.where(labels[..., None] > 0, image, faded)[finite]
    focal = camera.fx * view.zoom * _OVERSAMPLING
    return _splat(points, colours, focal, camera.width, camera.height)


def _splat(points: NDArray[np.floating[Any]], colours: Picture, focal: float, width: int, height: int) -> Picture:
    """Draw (N, 3) points as 5x5 squares at twice the size, from far to near, and average to (height, width)."""
    in_front = points[:, 2] > 0.1 * np.median(points[:, 2])
    order = np.flatnonzero(in_front)[np.argsort(-points[in_front, 2], kind="stable")]
    points, colours = points[order], colours[order]
    wide, high = width * _OVERSAMPLING, height * _OVERSAMPLING
    x = np.round(focal * points[:, 0] / points[:, 2] + wide / 2).astype(int)
    y = np.round(focal * points[:, 1] / points[:, 2] + high / 2).astype(int)
    picture = np.full((high, wide, 3), PAPER, np.uint8)
    square = np.arange(-2, 3)
    columns = np.broadcast_to(x[:, None, None] + square, (len(x), 5, 5)).reshape(-1)
    rows = np.broadcast_to(y[:, None, None] + square[:, None], (len(y), 5, 5)).reshape(-1)
    inside = (columns >= 0) & (columns < wide) & (rows >= 0) & (rows < high)
    picture[rows[inside], columns[inside]] = colours.repeat(25, axis=0)[inside]  # of equal pixels the last one stays
    return np.asarray(cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA))


def side_by_side(pictures: Sequence[Picture], gap: int = 8) -> Picture:
    """Pictures of one height in a row."""
    spacer = np.full((pictures[0].shape[0], gap, 3), PAPER, np.uint8)
    parts = [part for picture in pictures for part in (spacer, picture)][1:]
    return np.hstack(parts)


def png(picture: Picture) -> bytes:
    """Encode (H, W, 3) uint8 RGB."""
    return cv2.imencode(".png", np.ascontiguousarray(picture[..., ::-1]))[1].tobytes()


def jpeg(picture: Picture, quality: int = 88) -> bytes:
    """Encode (H, W, 3) uint8 RGB."""
    bgr = np.ascontiguousarray(picture[..., ::-1])
    return cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, quality])[1].tobytes()


def _colour_bar(gradient: Picture, ticks: Sequence[str], unit: str) -> Picture:
    """Strip below a picture: a gradient with tick values, the unit and the colour of missing values."""
    width = gradient.shape[1]
    text = max(10, width // 26)
    strip = Image.new("RGB", (width, int(text * 2.7)), PAPER)
    draw, font = ImageDraw.Draw(strip), ImageFont.load_default(text)
    top, bottom = int(text * 0.5), int(text * 1.1)
    missing = int(width * 0.78)
    bar = cv2.resize(gradient, (int(width * 0.68), bottom - top), interpolation=cv2.INTER_AREA)
    left = int(width * 0.02)
    strip.paste(Image.fromarray(bar), (left, top))
    for index, tick in enumerate(ticks):
        x = left + bar.shape[1] * index / (len(ticks) - 1)
        label = f"{tick} {unit}" if index == len(ticks) - 1 else tick
        anchor = "lt" if index == 0 else "mt"
        draw.text((x, bottom + text * 0.35), label, INK, font=font, anchor=anchor)
    draw.rectangle((missing, top, missing + text, bottom), fill=MISSING)
    draw.text((missing + text * 1.4, (top + bottom) / 2), "no value", INK, font=font, anchor="lm")
    return np.asarray(strip)


def _legend(width: int, entries: Sequence[tuple[str, Colour]]) -> Picture:
    """Names beside their colours, in as many lines as they need."""
    text = max(10, width // 26)
    font, margin = ImageFont.load_default(text), width * 0.02
    places, x, line = [], margin, 0
    for name, _ in entries:
        long = text * 1.4 + font.getlength(name)
        if x > margin and x + long > width:
            x, line = margin, line + 1
        places.append((x, text * (0.9 + 1.5 * line)))
        x += long + text * 1.2
    strip = Image.new("RGB", (width, int(text * (2.7 + 1.5 * line))), PAPER)
    draw = ImageDraw.Draw(strip)
    for (name, colour), (x, middle) in zip(entries, places, strict=True):
        draw.rectangle((x, middle - text * 0.4, x + text, middle + text * 0.4), fill=colour)
        draw.text((x + text * 1.4, middle), name, INK, font=font, anchor="lm")
    return np.asarray(strip)
