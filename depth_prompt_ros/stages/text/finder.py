"""Which pixels of a picture a phrase is of: CLIPSeg's graphs, one pass of a picture for all phrases and its depth."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path
from weakref import WeakValueDictionary

import cv2
import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, ValidationError

from depth_prompt_ros.errors import BadInput, BadModel
from depth_prompt_ros.parameters import RuntimeParameters
from depth_prompt_ros.resources import named_file
from depth_prompt_ros.runtime.choose import open_graph
from depth_prompt_ros.runtime.graph import Graph
from depth_prompt_ros.stages.text.phrases import POSITIONS, Tokeniser
from depth_prompt_ros.yaml_file import faults, read_yaml

Float32 = NDArray[np.float32]


class TextGraphs(BaseModel):
    """The files of ``depth-prompt export text``, beside their description."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    image: str
    text: str
    pixels: str
    tokens: str
    depth: str = ""

    @classmethod
    def from_yaml(cls, path: Path) -> TextGraphs:
        """Read and check.

        Raises:
            BadInput: no such file, not YAML, or not what ``depth-prompt export text`` writes.
        """
        try:
            return cls.model_validate(read_yaml(path, "what depth-prompt export text writes") or {})
        except ValidationError as error:
            raise BadInput(f"{path} is not what depth-prompt export text writes: {faults(error)}") from error


class TextFinder:
    """Probabilities of phrases, and depth where the export has it; a picture goes through the encoder once.

    Vectors of phrases are kept. All phrases that were asked of the picture before are answered in one batch when a new
    picture comes, so that targets and ToM pixels named in words cost one run of the decoder.
    """

    def __init__(self, path: Path, runtime: RuntimeParameters) -> None:
        """Load the graphs; they run in ONNX Runtime whatever ``runtime`` says, on its device.

        Args:
            path: description that ``depth-prompt export text`` wrote.
            runtime: device, threads and whether the CPU will do instead.

        Raises:
            BadInput: a description that cannot be read.
            BadModel: graphs or tokens that are missing, damaged, or of another export.
        """
        files = TextGraphs.from_yaml(path)
        chosen = runtime.model_copy(update={"runtime": "onnxruntime"})

        def load(name: str, inputs: tuple[str, ...]) -> Graph:
            return open_graph(path.parent / name, chosen, inputs)

        self._image = load(files.image, ("picture",))
        self._text = load(files.text, ("ids",))
        self._pixels = load(files.pixels, ("states", "vectors"))
        self._depth = load(files.depth, ("states",)) if files.depth else None
        self._tokeniser = Tokeniser.read(path.parent / files.tokens)
        digests = {graph.metadata.get("clip_sha256") for graph in (self._image, self._text, self._pixels)}
        if len(digests) != 1:
            raise BadModel(f"the graphs that {path} names are of different exports: run depth-prompt export text again")
        self._vectors: dict[str, Float32] = {}
        self._lock = threading.Lock()
        self._picture: NDArray[np.uint8] | None = None
        self._states: Float32 = np.zeros(0, np.float32)
        self._found: dict[str, Float32] = {}
        self._asked: dict[str, None] = {}
        self.passes = 0

    @property
    def has_depth(self) -> bool:
        """Whether the export has a mirror's decoder."""
        return self._depth is not None

    def vectors(self, phrases: Sequence[str]) -> Float32:
        """(P, projection) float32, those that are new in one batch.

        Raises:
            BadInput: an empty phrase, or one of too many tokens.
        """
        new = [phrase for phrase in dict.fromkeys(phrases) if phrase not in self._vectors]
        if new:
            ids = self._tokeniser(new)
            filled = np.pad(ids, ((0, 0), (0, POSITIONS - ids.shape[1])), mode="edge")
            for phrase, vector in zip(new, self._text(ids=filled)["vectors"], strict=True):
                self._vectors[phrase] = vector
        return np.stack([self._vectors[phrase] for phrase in phrases])

    def probabilities(self, image: NDArray[np.uint8], phrases: Sequence[str]) -> Float32:
        """(P, H, W) float32 in [0, 1]: how likely a pixel is of each phrase.

        Args:
            image: (H, W, 3) uint8 RGB; the same array again is not looked at again.
            phrases: at least one.

        Raises:
            BadInput: an empty phrase, or one of too many tokens.
        """
        with self._lock:
            before = self._asked if image is not self._picture else {}
            self._look(image)
            new = [phrase for phrase in dict.fromkeys((*phrases, *before)) if phrase not in self._found]
            if new:
                vectors = self.vectors(new)
                answers = self._pixels(states=self._states, vectors=vectors)["probability"]
                self._found.update(zip(new, answers[:, 0], strict=True))
            self._asked.update(dict.fromkeys(phrases))
            return np.stack([_resized(self._found[phrase], image) for phrase in phrases])

    def depth(self, image: NDArray[np.uint8]) -> Float32:
        """(h, w) float32 metres at the graph's size.

        Raises:
            BadInput: the export has no mirror.
        """
        if self._depth is None:
            raise BadInput("this export of texts has no depth: run depth-prompt export text with --mirror")
        with self._lock:
            self._look(image)
            return np.asarray(self._depth(states=self._states)["depth"][0, 0], np.float32)

    def _look(self, image: NDArray[np.uint8]) -> None:
        """Run the encoder where this is another picture than the last one."""
        if image is self._picture:
            return
        height, width = (int(side or 0) for side in self._image.inputs["picture"][2:])
        shrinks = height * width < image.shape[0] * image.shape[1]
        seen = cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)
        planes = np.ascontiguousarray(seen.transpose(2, 0, 1)[None], np.float32) / np.float32(255)
        self._states = self._image(picture=planes)["states"]
        self._picture, self._found, self._asked = image, {}, {}
        self.passes += 1


def _resized(plane: Float32, image: NDArray[np.uint8]) -> Float32:
    height, width = image.shape[:2]
    return np.asarray(cv2.resize(plane, (width, height), interpolation=cv2.INTER_LINEAR), np.float32)


_OPEN: WeakValueDictionary[tuple[str, int, str, int, bool], TextFinder] = WeakValueDictionary()
_OPENING = threading.Lock()


def open_text_finder(description: str, group: str, runtime: RuntimeParameters) -> TextFinder:
    """The finder of a description; one that somebody still uses is shared, so that a new phrase loads nothing.

    Args:
        description: YAML file, the parameter ``GROUP.text_network``.
        group: of the parameters, for messages.
        runtime: what runs it.

    Raises:
        BadInput: no description, or one that cannot be read.
        BadModel: see :class:`TextFinder`.
    """
    if not description:
        raise BadInput(
            f"{group}.method text needs {group}.text_network, the YAML file that depth-prompt export text writes"
        )
    path = named_file(Path(description))
    if not path.is_file():
        raise BadModel(f"no network for texts at {path}: make one with depth-prompt export text --out {path}")
    key = (str(path.resolve()), path.stat().st_mtime_ns, runtime.device, runtime.threads, runtime.allow_fallback)
    with _OPENING:
        found = _OPEN.get(key)
        if found is None:
            found = _OPEN[key] = TextFinder(path, runtime)
        return found
