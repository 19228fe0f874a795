"""Where the truth of recordings comes from, as a user says it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from depth_prompt_ros.errors import BadInput


@dataclass(frozen=True)
class TruthSource:
    """Topics, another recording, a folder of files, or meshes; nothing at all is an answer, too.

    Attributes:
        depth_topic: ``sensor_msgs/Image``, ``CompressedImage`` or ``stereo_msgs/DisparityImage``.
        tom_topic: image, any value but 0 is transparent or mirror.
        labels_topic: image, 0 is no thing.
        bag: recording that holds these topics, and tf and poses of meshes; None: the evaluated one.
        folder: depth or disparity files named by stamp; not together with ``depth_topic``.
        meshes: YAML file of meshes with poses (:mod:`depth_prompt_ros.data.known.mesh_file`), or a folder with one for
            each recording; not together with ``depth_topic`` or ``folder``.
        unit: metres of one count of 16-bit depth.
        disparity: the folder's files hold disparity.
        tolerance: seconds between the stamps of a picture and its truth.
    """

    depth_topic: str = ""
    tom_topic: str = ""
    labels_topic: str = ""
    bag: Path | None = None
    folder: Path | None = None
    meshes: Path | None = None
    unit: float = 0.001
    disparity: bool = False
    tolerance: float = 0.02

    def check(self) -> None:
        """Refuse what does not go together.

        Raises:
            BadInput: more than one of topic, folder and meshes, or a recording without a topic.
        """
        if (bool(self.depth_topic), self.folder is not None, self.meshes is not None).count(True) > 1:
            raise BadInput("the true depth comes from a topic, from a folder, or from meshes, not from two of them")
        if self.bag is not None and not (self.depth_topic or self.tom_topic or self.labels_topic or self.meshes):
            raise BadInput("a recording with the truth needs the name of a topic in it")

    def of(self, bag: Path) -> TruthSource:
        """The source for one recording: of folders that have a part of the recording's name, that part."""
        meshes = self.meshes
        if meshes is not None and meshes.is_dir():
            meshes = meshes / f"{bag.resolve().stem}.yaml"
        return replace(self, bag=_part(self.bag, bag), folder=_part(self.folder, bag), meshes=meshes)

    @property
    def known(self) -> bool:
        """Something says what the true depth is."""
        return bool(self.depth_topic) or self.folder is not None or self.meshes is not None

    def to_dict(self) -> dict[str, Any]:
        """For JSON; of paths the names."""
        return {
            "depth_topic": self.depth_topic, "tom_topic": self.tom_topic, "labels_topic": self.labels_topic,
            "bag": None if self.bag is None else self.bag.name,
            "folder": None if self.folder is None else self.folder.name,
            "meshes": None if self.meshes is None else self.meshes.name,
            "unit": self.unit, "disparity": self.disparity, "tolerance": self.tolerance,
        }  # fmt: skip


def _part(folder: Path | None, bag: Path) -> Path | None:
    if folder is None:
        return None
    return next((folder / name for name in (bag.name, bag.stem) if (folder / name).exists()), folder)
