"""Other people's networks, pictures in and a picture out, as a small YAML file describes them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, PositiveFloat, PositiveInt, ValidationError

from depth_prompt_ros.errors import BadFrame, BadInput, BadModel
from depth_prompt_ros.parameters import RuntimeParameters
from depth_prompt_ros.resources import named_file
from depth_prompt_ros.runtime.choose import open_graph
from depth_prompt_ros.runtime.graph import Shape, describe_shape
from depth_prompt_ros.yaml_file import faults, read_yaml

Picture = NDArray[np.uint8]
Size = tuple[int, int]
Sides = tuple[PositiveInt, PositiveInt]
Triple = tuple[float, float, float]

_CODES = {"RGB": None, "BGR": cv2.COLOR_RGB2BGR, "grey": cv2.COLOR_RGB2GRAY}


class Output(BaseModel):
    """What a network's answer means."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field("", description="of the output; empty = the first")
    meaning: Literal["disparity", "relative disparity", "metric depth", "scores", "class ids", "saliency"] = Field(
        description="disparity, pixels; relative disparity, of one picture, up to scale and shift, larger = nearer; "
        "metric depth, metres; scores, a channel a class; class ids; saliency, above a threshold a target"
    )
    channel: int = Field(0, ge=0, description="which channel is meant (disparity, saliency)")
    factor: float = Field(
        1.0,
        allow_inf_nan=False,
        description="disparity = factor * output; -1 for networks that give x of the flow, or larger = farther",
    )
    threshold: float = Field(0.5, description="of saliency")


class Description(BaseModel):
    """How a network wants its pictures. All of it is plain data; nothing is executed."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    graph: Path = Field(description="ONNX file, beside the YAML file or an absolute path")
    inputs: dict[str, Literal["left", "right", "image"]] = Field(
        description="which picture each input takes; one picture may go to several inputs, each at its own size"
    )
    layout: Literal["NCHW", "NHWC"] = "NCHW"
    channels: Literal["RGB", "BGR", "grey"] = "RGB"
    white: float = Field(255.0, gt=0, description="value of white before mean and std: 255 or 1")
    mean: Triple = Field((0.0, 0.0, 0.0), description="subtracted")
    std: tuple[PositiveFloat, PositiveFloat, PositiveFloat] = Field(
        (1.0, 1.0, 1.0), description="divided by, after that"
    )
    fit: Literal["resize", "pad"] = Field(
        "resize", description="how a picture comes to the network's size: resized, or copied with its border repeated"
    )
    size: Sides | None = Field(None, description="height and width, where the graph leaves them free")
    multiple: int = Field(32, ge=1, description="sides are multiples of this, where graph and size leave them free")
    output: Output

    @classmethod
    def from_yaml(cls, path: Path) -> Description:
        """Read and check.

        Raises:
            BadInput: no such file, not YAML, an unknown entry or a value out of range, each named.
        """
        path = named_file(path)
        try:
            description = cls.model_validate(read_yaml(path, "the description of a network") or {})
        except ValidationError as error:
            raise BadInput(f"{path} does not describe a network: {faults(error)}") from error
        try:
            graph = path.parent / description.graph.expanduser()
        except RuntimeError as error:
            raise BadInput(f"{path} names the graph {description.graph}: {error}") from error
        return description.model_copy(update={"graph": graph})


class PictureGraph:
    """A described network.

    Attributes:
        description: of the network.
        graph: the network.
    """

    def __init__(
        self, path: Path, pictures: set[str], meanings: set[str], runtime: RuntimeParameters, most: int = 1
    ) -> None:
        """Load the description and its network, and compare them.

        Args:
            path: YAML file.
            pictures: what the network is to be given, each at least once: left and right, or image.
            meanings: outputs that will do.
            runtime: what runs it.
            most: largest batch that it will be given at once, for engines that are built for one.

        Raises:
            BadInput: a description that cannot be read, or of another kind of network.
            BadModel: a network that cannot be used, or has other inputs or outputs than described.
        """
        if path.suffix == ".onnx":
            raise BadInput(f"{path} is a network: give the YAML file that describes it (docs/networks.md)")
        self.description = Description.from_yaml(path)
        if set(self.description.inputs.values()) != pictures or self.description.output.meaning not in meanings:
            raise BadInput(
                f"{path} describes a network from {' and '.join(sorted(set(self.description.inputs.values())))} to "
                f"{self.description.output.meaning}: here it must be from {' and '.join(sorted(pictures))} to "
                f"{' or '.join(sorted(meanings))}"
            )
        changes: dict[str, object] = {"most_targets": most}  # PyTorch runs prompts alone
        if runtime.runtime == "torch":
            changes["runtime"] = "auto"
        self.graph = open_graph(self.description.graph, runtime.model_copy(update=changes))
        self._path = path
        self._compare()
        self._output = self.description.output.name or self.graph.outputs[0]

    def __call__(self, **pictures: Picture) -> NDArray[np.float32]:
        """Run.

        Args:
            pictures: (H, W, 3) uint8 RGB, all of one size.

        Returns:
            (C, h, w) float32, the answer at the network's size without what was padded; h and w are H and W, unless it
            was resized or the network answers at another size than it takes.

        Raises:
            BadFrame: pictures that the network cannot take: padding does not shrink.
            BadModel: an answer that is no picture.
        """
        return self.batch(**{name: [picture] for name, picture in pictures.items()})[0]

    def batch(self, **pictures: Sequence[Picture]) -> NDArray[np.float32]:
        """Run for several pictures, or pairs, in one batch where the graph takes one, else one after the other.

        Args:
            pictures: by name, each N pictures (H, W, 3) uint8 RGB, all of one size.

        Returns:
            (N, C, h, w) float32, as of one picture.

        Raises:
            BadFrame: pictures that the network cannot take: padding does not shrink.
            BadModel: an answer that is no picture.
        """
        first = next(iter(pictures.values()))
        height, width = first[0].shape[:2]
        sizes = {name: self._size(shape, (height, width)) for name, shape in self.graph.inputs.items()}
        inputs = {
            name: np.stack(
                [self._prepared(picture, size) for picture in pictures[self.description.inputs[name]]]
            ).astype(self.graph.types[name], copy=False)
            for name, size in sizes.items()
        }
        if len(first) == 1 or all(shape[0] != 1 for shape in self.graph.inputs.values()):
            answers = self._as_planes(self.graph(**inputs)[self._output], len(first))
        else:
            each = [
                self.graph(**{name: array[number : number + 1] for name, array in inputs.items()})[self._output]
                for number in range(len(first))
            ]
            answers = np.concatenate([self._as_planes(answer, 1) for answer in each])
        if self.description.output.channel >= answers.shape[1]:
            raise BadModel(
                f"{self._path} describes channel {self.description.output.channel}, but "
                f"{self.description.graph.name} gives {answers.shape[1]}"
            )
        if self.description.fit == "pad":
            answers = np.stack([self._unpadded(answer, max(sizes.values()), (height, width)) for answer in answers])
        return answers

    def _unpadded(self, answer: NDArray[np.float32], size: Size, picture: Size) -> NDArray[np.float32]:
        """(C, H, W): the answer in the pixels of the network's input, without those that padded the picture."""
        rows, columns = size
        if answer.shape[1:] != size:
            stretch = columns / answer.shape[2] if self.description.output.meaning == "disparity" else 1
            way = cv2.INTER_NEAREST if self.description.output.meaning == "class ids" else cv2.INTER_LINEAR
            planes = [cv2.resize(plane, (columns, rows), interpolation=way) for plane in answer]
            answer = np.asarray(np.stack(planes) * np.float32(stretch), np.float32)
        return answer[:, : picture[0], : picture[1]]

    def _compare(self) -> None:
        """Raise BadModel where the graph is not as described."""
        described, there = set(self.description.inputs), set(self.graph.inputs)
        if described != there:
            raise BadModel(
                f"{self._path} describes inputs {', '.join(sorted(described))}, but {self.description.graph.name} "
                f"takes {', '.join(f'{name} {describe_shape(shape)}' for name, shape in self.graph.inputs.items())}"
            )
        wanted = 1 if self.description.channels == "grey" else 3
        for name, shape in self.graph.inputs.items():
            place = 1 if self.description.layout == "NCHW" else 3
            if len(shape) != 4 or shape[place] not in (wanted, None):
                raise BadModel(
                    f"{self._path} describes {self.description.layout} {self.description.channels} pictures, but input "
                    f"{name} of {self.description.graph.name} is {describe_shape(shape)}"
                )
        if self.description.output.name not in ("", *self.graph.outputs):
            raise BadModel(
                f"{self._path} describes output {self.description.output.name}, but {self.description.graph.name} "
                f"gives {', '.join(self.graph.outputs)}"
            )

    def _size(self, shape: Shape, picture: Size) -> Size:
        """Height and width of an input for a picture of this height and width."""
        fixed = shape[2:] if self.description.layout == "NCHW" else shape[1:3]
        multiple = self.description.multiple
        free = self.description.size or tuple(-(-side // multiple) * multiple for side in picture)
        return fixed[0] or free[0], fixed[1] or free[1]

    def _prepared(self, picture: Picture, size: Size) -> NDArray[np.float32]:
        height, width = picture.shape[:2]
        if self.description.fit == "pad":
            below, beside = size[0] - height, size[1] - width
            if min(below, beside) < 0:
                raise BadFrame(
                    f"the picture is {width}x{height} but {self.description.graph.name} takes {size[1]}x{size[0]}: "
                    f"say fit: resize in {self._path}, or export it larger"
                )
            picture = np.asarray(cv2.copyMakeBorder(picture, 0, below, 0, beside, cv2.BORDER_REPLICATE), np.uint8)
        elif (height, width) != size:
            shrinks = height * width > size[0] * size[1]
            way = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
            picture = np.asarray(cv2.resize(picture, size[::-1], interpolation=way), np.uint8)
        code = _CODES[self.description.channels]
        if code is not None:
            picture = np.asarray(cv2.cvtColor(picture, code), np.uint8).reshape(*size, -1)
        channels = picture.shape[2]
        scale = np.float32(self.description.white / 255) / np.array(self.description.std[:channels], np.float32)
        offset = np.array(self.description.mean[:channels], np.float32) / np.array(
            self.description.std[:channels], np.float32
        )
        planes = picture * scale - offset
        if self.description.layout == "NCHW":
            planes = planes.transpose(2, 0, 1)
        return np.ascontiguousarray(planes, np.float32)

    def _as_planes(self, answer: NDArray[np.generic], count: int) -> NDArray[np.float32]:
        """(N, C, h, w) of an answer to ``count`` pictures; of one picture the answer may leave out N, and any may C."""
        planes = answer
        if count == 1 and (answer.ndim == 2 or (answer.ndim == 3 and answer.shape[0] != 1)):
            planes = answer[None]
        if planes.ndim == 4 and self.description.layout == "NHWC":
            planes = planes.transpose(0, 3, 1, 2)
        planes = planes[:, None] if planes.ndim == 3 else planes
        if planes.ndim != 4 or len(planes) != count or min(planes.shape[2:]) < 2:
            raise BadModel(f"{self.description.graph.name} gives {self._output} of shape {answer.shape}, no picture")
        return np.asarray(planes, np.float32)
