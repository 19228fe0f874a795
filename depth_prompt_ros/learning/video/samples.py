"""Moments to learn from: a picture, its neighbours in time and beside it, as batches."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import NamedTuple

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from depth_prompt_ros.data.sets.following import follow, turn_between
from depth_prompt_ros.data.sets.video import VideoFrame
from depth_prompt_ros.errors import BadInput
from depth_prompt_ros.learning.video.view import View, joined, position_grid
from depth_prompt_ros.learning.video.warp import projected, sampled

_NEIGHBOURS = 2
"""Before is one or two steps before, after one or two steps after."""

POSE_WIDTH = 160
"""The pose network sees whole pictures of at most this width, pixels."""


class Channel(IntEnum):
    """What else belongs to each pixel."""

    SEEN = 0
    """1, but 0 on the robot itself."""
    STATIC = 1
    """1, but 0 on what moves."""
    LABEL = 2
    """Disparity of a label in any scale; 0 = none."""
    BELIEVED = 3
    """1 where a moving pixel has a label that is believed."""
    RIM = 4
    """1 on static pixels around moving ones."""


class VideoSet:
    """Spans of frames as arrays of one size.

    Attributes:
        images: (T, H, W, 3) uint8.
        extra: (T, C, H, W) float16 by :class:`Channel`.
        intrinsics: (T, 4) fx, fy, cx, cy.
        poses: (T, 4, 4), NaN where they are not known.
        rights: (T, H, W, 3) uint8 where every frame has a right picture, else None; ``baselines`` and ``offsets`` (T,).
        samples: (n, 5) numbers of the frames two and one before, at, one and two behind each moment.
        turns: (n, 5, 3, 3) rotation from each moment's camera to that of each of its frames, as corners that are
            followed say; none where they are not followed.
    """

    def __init__(
        self,
        spans: Sequence[Sequence[VideoFrame]],
        step: int = 1,
        follows: bool = True,
        chosen: NDArray[np.int64] | None = None,
    ) -> None:
        """Stack the frames.

        Args:
            step: frames between neighbours.
            follows: follow corners, so that the pose network need not learn how the camera turns.
            chosen: (n, 5) as ``samples``, counted through all spans; None: neighbours in time.

        Raises:
            BadInput: no span, or spans of pictures of several sizes.
        """
        frames = [frame for span in spans for frame in span]
        if not frames:
            raise BadInput("nothing to learn from: no span of frames can be used")
        sizes = sorted({frame.image.shape[:2] for frame in frames})
        if len(sizes) > 1:
            listed = ", ".join(f"{width}x{height}" for height, width in sizes)
            raise BadInput(f"pictures are of several sizes ({listed}): learn from recordings of one size at a time")
        self.size: tuple[int, int] = sizes[0]
        self.images = np.stack([frame.image for frame in frames])
        cameras = [frame.camera for frame in frames if frame.camera is not None]
        self.intrinsics = np.array([c.intrinsics for c in cameras], np.float32)
        self.baselines = np.array([c.baseline for c in cameras], np.float32)
        self.offsets = np.array([c.cx_offset for c in cameras], np.float32)
        unknown = np.full((4, 4), np.nan)
        self.poses = np.stack([unknown if frame.pose is None else frame.pose for frame in frames])
        rights = [frame.right for frame in frames if frame.right is not None]
        self.rights = np.stack(rights) if len(rights) == len(frames) else None
        self.extra = np.zeros((len(frames), len(Channel), *self.size), np.float16)
        self.extra[:, : Channel.LABEL] = 1
        for number, frame in enumerate(frames):
            if frame.own is not None:
                self.extra[number, Channel.SEEN] = ~frame.own
            if frame.moving is not None:
                self.extra[number, Channel.STATIC] = ~frame.moving
        width = min(POSE_WIDTH, self.size[1])
        small = (width, max(8, round(self.size[0] * width / self.size[1])))
        self.small = np.stack([cv2.resize(image, small, interpolation=cv2.INTER_AREA) for image in self.images])
        self.samples = self._samples(spans, step) if chosen is None else chosen
        if not len(self.samples):
            raise BadInput(f"nothing to learn from: no frame has neighbours {step} frames before and behind it")

        self.turns = self._turns() if follows else np.tile(np.eye(3, dtype=np.float32), (len(self.samples), 5, 1, 1))

    def __len__(self) -> int:
        return len(self.samples)

    def _turns(self) -> NDArray[np.float32]:
        grey = [np.asarray(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), np.uint8) for image in self.images]
        seen = self.extra[:, Channel.SEEN] > 0
        known: dict[tuple[int, int], NDArray[np.float64]] = {}

        def turn(middle: int, other: int) -> NDArray[np.float64]:
            if middle == other:
                return np.eye(3)
            if (other, middle) in known:
                return known[other, middle].T
            if (middle, other) not in known:
                corners = follow(grey[middle], grey[other], seen[middle])
                known[middle, other] = turn_between(*corners, self.intrinsics[middle])[0]
            return known[middle, other]

        rows = [[turn(int(frames[_NEIGHBOURS]), int(other)) for other in frames] for frames in self.samples]
        return np.array(rows, np.float32)

    @staticmethod
    def _samples(spans: Sequence[Sequence[VideoFrame]], step: int) -> NDArray[np.int64]:
        found, first = [], 0
        for span in spans:
            last = first + len(span) - 1
            for middle in range(first + step, last - step + 1):
                places = middle + step * np.arange(-_NEIGHBOURS, _NEIGHBOURS + 1)
                places[0] = places[0] if places[0] >= first else places[1]
                places[-1] = places[-1] if places[-1] <= last else places[-2]
                found.append(places)
            first = last + 1
        return np.array(found, np.int64).reshape(-1, 2 * _NEIGHBOURS + 1)

    def load(self, indices: NDArray[np.int64], device: torch.device) -> Moments:
        """Those samples."""
        frames = self.samples[indices]

        def tensor(array: NDArray[np.generic]) -> Tensor:
            return torch.from_numpy(np.ascontiguousarray(array)).to(device)

        middle = frames[:, _NEIGHBOURS]
        rights = None
        if self.rights is not None:
            rights = tensor(self.rights[middle]).permute(0, 3, 1, 2).float() / 255
        return Moments(
            tensor(self.images[frames]).permute(0, 1, 4, 2, 3).float() / 255,
            tensor(self.extra[frames]).float(),
            tensor(self.small[frames]).permute(0, 1, 4, 2, 3).float() / 255,
            tensor(self.intrinsics[frames]),
            tensor(self.poses[frames]),
            rights,
            tensor(np.stack([self.baselines[middle], self.offsets[middle]], 1)),
            tensor(self.turns[indices]),
        )  # fmt: skip


class Moments(NamedTuple):
    """B moments with the F = 5 frames around them, as they were taken; float32 but for the poses, float64.

    Attributes:
        images: (B, F, 3, H, W) RGB in [0, 1].
        extra: (B, F, C, H, W) by :class:`Channel`.
        small: (B, F, 3, h, w) the same pictures for the pose network.
        intrinsics: (B, F, 4).
        poses: (B, F, 4, 4), NaN = not known.
        rights: (B, 3, H, W), or None.
        stereo: (B, 2) baseline in metres and cx_right - cx_left in pixels.
        turns: (B, F, 3, 3) rotation from the moment's camera to each frame's, as far as it is known beforehand.
    """

    images: Tensor
    extra: Tensor
    small: Tensor
    intrinsics: Tensor
    poses: Tensor
    rights: Tensor | None
    stereo: Tensor
    turns: Tensor


@dataclass(frozen=True)
class Cuts:
    """How pictures are varied.

    Attributes:
        crop: height and width of what is learned at, pixels, multiples of 4.
        smallest, largest: factors that pictures are resized by; the smallest that holds the crop, if that is larger.
        colour: vary gamma, brightness and colour, of all pictures of a moment alike.
    """

    crop: tuple[int, int] = (96, 160)
    smallest: float = 0.5
    largest: float = 1.5
    colour: bool = True

    def factors(self, size: tuple[int, int]) -> tuple[float, float]:
        """Smallest and largest factor for pictures of this height and width."""
        low = max(self.smallest, self.crop[0] / size[0], self.crop[1] / size[1])
        return low, max(self.largest, low)

    def look(self, size: tuple[int, int]) -> int:
        """Width at which whole pictures of this height and width are looked at: with the middle factor, at most 1."""
        return max(8, round(size[1] * min(1.0, sum(self.factors(size)) / 2) / 4) * 4)


class Batch(NamedTuple):
    """Cut moments: each picture with P - 1 neighbours.

    Attributes:
        view: the first of its pictures is the one whose depth is sought.
        small: (B, 3, 3, h, w) whole pictures for the pose network: the moment, before, behind, the neighbours turned
            to the moment's camera as far as ``turns`` knows.
        motions: (B, P - 1, 4, 4) from the picture's camera to each neighbour's, NaN = not known.
        turns: (B, 2, 4, 4) the turn to before and behind that is known beforehand.
    """

    view: View
    small: Tensor
    motions: Tensor
    turns: Tensor


def cut(moments: Moments, cuts: Cuts, generator: torch.Generator) -> Batch:
    """Draw neighbours, resize, crop, mirror and colour each moment.

    Before is one or two steps before, behind one or two steps behind, and which of them comes first is drawn too.
    """
    views, smalls, motions, turns = [], [], [], []
    height, width = moments.images.shape[-2:]
    for number in range(len(moments.images)):
        draw = torch.rand(7, generator=generator)
        before, behind = int(draw[0] * 2), 3 + int(draw[1] * 2)
        order = [2, before, behind] if draw[2] < 0.5 else [2, behind, before]
        pictures, extra = moments.images[number, order], moments.extra[number, order]
        intrinsics = moments.intrinsics[number, order]
        motion = torch.linalg.solve(moments.poses[number, order[1:]], moments.poses[number, 2].expand(2, 4, 4))
        if moments.rights is not None:
            baseline, offset = moments.stereo[number]
            pictures = torch.cat([pictures, moments.rights[number, None]])
            extra = torch.cat([extra, torch.ones_like(extra[:1])])  # what is the robot there is not known
            beside = torch.tensor([0.0, 0.0, float(offset), 0.0]).to(intrinsics)
            intrinsics = torch.cat([intrinsics, intrinsics[:1] + beside])
            shift = torch.eye(4, dtype=motion.dtype, device=motion.device)[None].clone()
            shift[:, 0, 3] = -baseline
            motion = torch.cat([motion, shift])
        grid = position_grid(height, width).to(pictures)
        view = View(pictures[None], extra[None], grid, intrinsics[None], pictures.new_ones(1))
        views.append(_varied(view, cuts, draw[3:]))
        turn = torch.eye(4, device=pictures.device).repeat(2, 1, 1)
        turn[:, :3, :3] = moments.turns[number, order[1:3]]
        smalls.append(_turned(moments.small[number, order[:3]], turn, intrinsics[0], (height, width)))
        motions.append(motion)
        turns.append(turn)
    view = joined(views)
    small = torch.stack(smalls)
    if cuts.colour:
        view, small = _coloured(view, small, generator)
    return Batch(view, small, torch.stack(motions).float(), torch.stack(turns))


def _turned(small: Tensor, turns: Tensor, intrinsics: Tensor, size: tuple[int, int]) -> Tensor:
    """(3, 3, h, w) small pictures whose second and third are as the first one's camera would see what is far away."""
    if torch.equal(turns, torch.eye(4, device=turns.device).expand_as(turns)):
        return small
    height, width = small.shape[-2:]
    down, across = height / size[0], width / size[1]
    fx, fy, cx, cy = intrinsics
    camera = torch.stack([fx * across, fy * down, (cx + 0.5) * across - 0.5, (cy + 0.5) * down - 0.5]).expand(2, 4)
    places, _ = projected(small.new_zeros(2, 1, height, width), turns, camera, camera)
    return torch.cat([small[:1], sampled(small[1:], places)])


def _varied(view: View, cuts: Cuts, draw: Tensor) -> View:
    """A window drawn, then resized to the crop; mirrored or not."""
    height, width = view.pictures.shape[-2:]
    low, high = cuts.factors((height, width))
    factor = low + float(draw[0]) * (high - low)
    across = min(width, round(cuts.crop[1] / factor))
    down = min(height, round(cuts.crop[0] * across / cuts.crop[1]))
    top, left = int(float(draw[1]) * (height - down + 1)), int(float(draw[2]) * (width - across + 1))
    view = view.cropped(top, left, down, across).resized(*cuts.crop)
    return view.mirrored() if draw[3] < 0.5 else view


def _coloured(view: View, small: Tensor, generator: torch.Generator) -> tuple[View, Tensor]:
    """Gamma 0.8 to 1.2, brightness 0.7 to 1.2 and gains of 0.9 to 1.1 a channel, alike for all pictures of a moment."""
    draw = torch.rand((len(small), 5), generator=generator).to(small)[:, None, :, None, None]
    power, gain = 0.8 + 0.4 * draw[:, :, :1], (0.7 + 0.5 * draw[:, :, 1:2]) * (0.9 + 0.2 * draw[:, :, 2:])

    def coloured(pictures: Tensor) -> Tensor:
        return (pictures.clamp(1e-3, 1) ** power * gain).clamp(0, 1)

    return view._replace(pictures=coloured(view.pictures)), coloured(small)
