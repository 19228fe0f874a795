"""Where the truth of recordings comes from, as a user says it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from depth_prompt_ros.errors import BadInput
from depth_prompt_ros.work.places import Place, name_of, part_named


@dataclass(frozen=True)
class TruthSource:
    """Topics, another recording, a folder of files, or meshes; nothing at all is an answer, too.

    Attributes:
        depth_topic: ``sensor_msgs/Image``, ``CompressedImage`` or ``stereo_msgs/DisparityImage``.
        tom_topic: image, any value but 0 is transparent or mirror.
        labels_topic: image, 0 is no thing.
        bag: recording that holds these topics, and tf and poses of meshes, or a folder of such by the recordings'
            names; None: the evaluated one.
        folder: depth or disparity files named by stamp, or a folder of such; not together with ``depth_topic``.
        meshes: YAML file of meshes with poses (:mod:`depth_prompt_ros.data.known.mesh_file`), or a folder with one for
            each recording; not together with ``depth_topic`` or ``folder``.
        unit: metres of one count of 16-bit depth.
        disparity: the folder's files hold disparity.
        tolerance: seconds between the stamps of a picture and its truth.
        grasps_every: on every so-many-th frame with meshes grasps are planned and executed; 0 = on none.
    """

    depth_topic: str = ""
    tom_topic: str = ""
    labels_topic: str = ""
    bag: Place | None = None
    folder: Place | None = None
    meshes: Path | None = None
    unit: float = 0.001
    disparity: bool = False
    tolerance: float = 0.02
    grasps_every: int = 0

    def check(self) -> None:
        """Refuse what does not go together.

        Raises:
            BadInput: more than one of topic, folder and meshes, a recording without a topic, or grasps without meshes.
        """
        if (bool(self.depth_topic), self.folder is not None, self.meshes is not None).count(True) > 1:
            raise BadInput("the true depth comes from a topic, from a folder, or from meshes, not from two of them")
        if self.grasps_every and self.meshes is None:
            raise BadInput("grasps are executed in the true geometry: give meshes with poses")
        if self.bag is not None and not (self.depth_topic or self.tom_topic or self.labels_topic or self.meshes):
            raise BadInput("a recording with the truth needs the name of a topic in it")

    def of(self, bag: Place) -> TruthSource:
        """The source for one recording: of folders that have a part of the recording's name, that part."""
        meshes = self.meshes
        if meshes is not None and meshes.is_dir():
            meshes = meshes / f"{Path(name_of(bag)).stem}.yaml"
        return replace(self, bag=_part(self.bag, bag), folder=_part(self.folder, bag), meshes=meshes)

    @property
    def known(self) -> bool:
        """Something says what the true depth is."""
        return bool(self.depth_topic) or self.folder is not None or self.meshes is not None

    def to_dict(self) -> dict[str, Any]:
        """For JSON; of paths the names."""
        return {
            "depth_topic": self.depth_topic, "tom_topic": self.tom_topic, "labels_topic": self.labels_topic,
            "bag": None if self.bag is None else name_of(self.bag),
            "folder": None if self.folder is None else name_of(self.folder),
            "meshes": None if self.meshes is None else self.meshes.name,
            "unit": self.unit, "disparity": self.disparity, "tolerance": self.tolerance,
            "grasps_every": self.grasps_every,
        }  # fmt: skip


def _part(folder: Place | None, bag: Place) -> Place | None:
    name = name_of(bag)
    return None if folder is None else part_named(folder, (name, Path(name).stem))
