"""Virtual depth of transparent and mirror surfaces: what a network says when they are painted over (2307.15052)."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator
from io import BytesIO
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from depth_prompt_ros.data.sets.tom_pictures import TomPicture, TomPictures
from depth_prompt_ros.data.titles import title_row
from depth_prompt_ros.errors import BadInput
from depth_prompt_ros.graph.relative_disparity import RelativeDisparityNetwork
from depth_prompt_ros.learning.tom.painting import Painting
from depth_prompt_ros.networks import catalogue
from depth_prompt_ros.networks.entry import NetworkEntry
from depth_prompt_ros.written_aside import write_picture, write_text, written_aside

_NOTE = "labels.json"


class VirtualLabel(NamedTuple):
    """One picture at its network's resolution.

    Attributes:
        image: (h, w, 3) uint8 RGB, as it is.
        tom: (h, w) bool.
        disparity: (h, w) float32 relative disparity, larger = nearer, in the teacher's own scale.
    """

    image: NDArray[np.uint8]
    tom: NDArray[np.bool_]
    disparity: NDArray[np.float32]


class Teacher:
    """A frozen network that labels pictures whose ToM surfaces are painted over.

    Networks of disparity give it as it is, others the inverse of their depth:
    :class:`depth_prompt_ros.graph.relative_disparity.RelativeDisparityNetwork`.
    """

    def __init__(self, name: str, weights: Path | None, painting: Painting, device: torch.device) -> None:
        """Load.

        Raises:
            BadModel: no such network, or weights that are not its own.
            BadInput: a painting that is none.
        """
        painting.check()
        self.entry, self.painting, self._device = catalogue.find(name), painting, device
        network = catalogue.load_frozen(name, weights)
        normalise = catalogue.Normalise(self.entry)
        self._network = RelativeDisparityNetwork(network, normalise, self.entry.output).eval().to(device)

    @torch.no_grad()
    def __call__(self, pictures: list[TomPicture]) -> list[VirtualLabel]:
        """The labels of pictures that have one size at the network: painted before resizing, median over N."""
        painted = [self.painting.painted(picture) for picture in pictures]
        resized = [self.entry.resized(each) for several in painted for each in several]
        stacked = torch.from_numpy(np.stack(resized)).permute(0, 3, 1, 2).to(self._device)
        answers = self._network(stacked)
        if self.painting.mirrored:
            answers = torch.cat([answers, self._network(stacked.flip(3)).flip(3)], 1)
        disparity = answers.float().cpu().numpy()
        ends = np.cumsum([len(several) for several in painted])[:-1]
        return [
            VirtualLabel(*_at_network(picture, self.entry), np.median(several, (0, 1)).astype(np.float32))
            for picture, several in zip(pictures, np.split(disparity, ends), strict=True)
        ]


def _at_network(picture: TomPicture, entry: NetworkEntry) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    image = entry.resized(picture.image.astype(np.float32) / np.float32(255))
    size = image.shape[1], image.shape[0]
    shares = cv2.resize(picture.tom.astype(np.float32), size, interpolation=cv2.INTER_AREA)
    return np.asarray(np.clip(image * 255 + 0.5, 0, 255), np.uint8), shares >= 0.5


def write_virtual_labels(
    pictures: TomPictures,
    source: str,
    out: Path,
    name: str,
    weights: Path | None = None,
    painting: Painting | None = None,
    batch: int = 16,
    report: Callable[[int, int], None] | None = None,
) -> tuple[int, int]:
    """Label every picture; returns how many were labelled now and how many had been before.

    In ``out``, for each picture NAME: ``labels/NAME.npy``, (h, w) float32 relative disparity at the network's
    resolution; ``pictures/NAME.png`` and ``masks/NAME.png``, what it belongs to, at the same resolution;
    ``views/NAME.png``, the three side by side. ``labels.json`` says how they were made. Each file is written aside,
    then renamed; pictures that have their label are skipped.

    Args:
        source: where the pictures come from; labels of others are not mixed with theirs.
        name: of the network in the catalogue.
        weights: of the network; None: those of the catalogue.
        batch: painted pictures through the network at once.
        report: called with pictures done and in all.

    Raises:
        BadModel: no such network, or weights that are not its own.
        BadInput: ``out`` holds labels made otherwise, or cannot be written; or what the pictures raise.
    """
    painting, device = painting or Painting(), torch.device("cuda" if torch.cuda.is_available() else "cpu")
    teacher = Teacher(name, weights, painting, device)
    digest = hashlib.sha256((weights or catalogue.weights_path(teacher.entry)).read_bytes()).hexdigest()
    note = {"source": source, "network": name, "network_sha256": digest, "output": teacher.entry.output}
    if masks := getattr(pictures, "masks", ""):
        note["masks"] = masks
    folder = LabelFolder(out)
    folder.claim({**note, **painting.noted()})
    done = before = 0
    for group in _groups(folder.unlabelled(pictures), teacher.entry, max(1, batch // painting.colours)):
        waiting = [picture for picture, labelled in group if not labelled]
        if waiting:
            for picture, label in zip(waiting, teacher(waiting), strict=True):
                folder.write(picture.name, label)
        done, before = done + len(waiting), before + len(group) - len(waiting)
        if report:
            report(done + before, len(pictures))
    return done, before


def _groups(
    pictures: Iterable[tuple[TomPicture, bool]], entry: NetworkEntry, most: int
) -> Iterator[list[tuple[TomPicture, bool]]]:
    """Neighbours whose size at the network is the same, at most so many."""
    group: list[tuple[TomPicture, bool]] = []
    for each in pictures:
        sizes = {entry.size_for(*picture.tom.shape) for picture, _ in (*group, each)}
        if len(sizes) > 1 or len(group) == most:
            yield group
            group = []
        group.append(each)
    if group:
        yield group


class LabelFolder:
    """Virtual labels on disk.

    Attributes:
        path: the folder.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def note(self) -> dict[str, Any]:
        """How the labels were made.

        Raises:
            BadInput: it is no folder of labels.
        """
        try:
            return dict(json.loads((self.path / _NOTE).read_text()))
        except (OSError, ValueError) as error:
            raise BadInput(
                f"{self.path} holds no virtual labels: make them with depth-prompt learn tom-labels"
            ) from error

    def names(self) -> list[str]:
        """Of the labelled pictures, sorted.

        Raises:
            BadInput: there are none.
        """
        self.note()
        names = sorted(path.stem for path in (self.path / "labels").glob("*.npy"))
        if not names:
            raise BadInput(f"{self.path} holds no label yet: run depth-prompt learn tom-labels again")
        return names

    def read(self, name: str) -> VirtualLabel:
        """One label.

        Raises:
            BadInput: a file of it is missing or damaged.
        """
        path = self.path / "labels" / f"{name}.npy"
        try:
            disparity = np.load(path)
            image = cv2.imread(str(self._png("pictures", name)), cv2.IMREAD_COLOR)
            tom = cv2.imread(str(self._png("masks", name)), cv2.IMREAD_GRAYSCALE)
            if image is None or tom is None or not image.shape[:2] == tom.shape == disparity.shape:
                raise ValueError("its picture or mask is missing or of another size")
        except (OSError, ValueError) as error:
            raise BadInput(f"label {path} is damaged ({error}): delete it and run tom-labels again") from error
        return VirtualLabel(
            np.ascontiguousarray(image[..., ::-1], np.uint8), tom > 0, np.asarray(disparity, np.float32)
        )

    def claim(self, note: dict[str, Any]) -> None:
        """Make the folder, for labels made as ``note`` says.

        Raises:
            BadInput: it holds others, or cannot be made.
        """
        if (self.path / _NOTE).exists():
            found = self.note()
            if found != note:
                other = [f"{key} {found.get(key)} (now {note[key]})" for key in note if found.get(key) != note[key]]
                raise BadInput(f"{self.path} holds labels made with other settings, {', '.join(other)}: give another")
            return
        try:
            for part in ("labels", "pictures", "masks", "views"):
                (self.path / part).mkdir(parents=True, exist_ok=True)
            write_text(self.path / _NOTE, json.dumps(note, indent=1) + "\n")
        except OSError as error:
            raise BadInput(f"cannot write labels to {self.path} ({error.strerror}): give another folder") from error

    def unlabelled(self, pictures: Iterable[TomPicture]) -> Iterator[tuple[TomPicture, bool]]:
        """The pictures, and whether each has its label already."""
        for picture in pictures:
            yield picture, (self.path / "labels" / f"{picture.name}.npy").exists()

    def write(self, name: str, label: VirtualLabel) -> None:
        """Write one label, its own file last.

        Raises:
            BadInput: the disk is full or the folder cannot be written.
        """
        write_picture(self._png("pictures", name), label.image)
        write_picture(self._png("masks", name), label.tom.astype(np.uint8) * np.uint8(255))
        write_picture(self._png("views", name), _view(label))
        path, packed = self.path / "labels" / f"{name}.npy", BytesIO()
        np.save(packed, label.disparity)  # into a file NumPy says of a full disk how many bytes it wrote, not why
        with written_aside(path, more="; the labels before are kept") as aside:
            aside.write_bytes(packed.getbuffer())

    def _png(self, part: str, name: str) -> Path:
        return self.path / part / f"{name}.png"


def _view(label: VirtualLabel) -> NDArray[np.uint8]:
    """(H, 3 w, 3) uint8 RGB, titles over picture, ToM in white, disparity from dark (far) to bright (near)."""
    low, high = float(label.disparity.min()), float(label.disparity.max())
    grey = ((label.disparity - low) * (255 / max(high - low, 1e-9))).astype(np.uint8)
    colours = cv2.applyColorMap(grey, cv2.COLORMAP_INFERNO)[..., ::-1]
    white = np.repeat(label.tom[..., None].astype(np.uint8) * np.uint8(255), 3, axis=2)
    titles = title_row(["picture", "transparent or mirror", "disparity: near bright"], label.image.shape[1])
    return np.vstack([titles, np.hstack([label.image, white, colours])]).astype(np.uint8)
