"""Every parameter of the pipeline, typed, with its range and meaning; one YAML drives replay and live nodes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from depth_prompt_ros.errors import BadInput
from depth_prompt_ros.parameter_file import parameters_of
from depth_prompt_ros.parameter_names import meant
from depth_prompt_ros.resources import below, preset_or_file
from depth_prompt_ros.yaml_file import faults, read_yaml

NODE = "object_depth"
"""Name of the node whose parameters these are."""


_MOST_PIXELS = 2**28


def _odd(value: int) -> int:
    if value % 2 == 0:
        raise ValueError(f"{value} is even, it must be odd")
    return value


def _word(value: Any) -> Any:
    """YAML's and ROS's true and false as the words that stand beside auto."""
    return str(value).lower() if isinstance(value, bool) else value


@dataclass(frozen=True)
class _FileName:
    """Marks a parameter that names a file, or does if it ends so: in a parameter file it is relative to that."""

    ending: str = ""


FileName = Annotated[str, _FileName()]


class _Group(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class RuntimeParameters(_Group):
    """What runs the networks."""

    runtime: Literal["auto", "onnxruntime", "tensorrt", "torch"] = Field(
        "auto", description="what runs the networks; auto: TensorRT where a GPU and it are there, else ONNX Runtime"
    )
    device: Literal["auto", "cpu", "cuda"] = Field("auto", description="auto: a GPU if it can be used")
    allow_fallback: bool = Field(
        False, description="run on the CPU when the runtime or GPU asked for fails, instead of refusing to start"
    )
    threads: int = Field(
        0, ge=0, le=64, description="of ONNX Runtime on the CPU, 0 = OMP_NUM_THREADS, else its default"
    )
    engine_folder: FileName = Field(
        "", description="where built TensorRT engines are kept; empty = ~/.cache/depth_prompt_ros/engines"
    )
    most_targets: int = Field(
        8, ge=1, le=64, description="largest batch a TensorRT engine is built for, if the graph leaves it free"
    )


RUNTIME_DEFAULTS = RuntimeParameters()


class StereoParameters(_Group):
    """Stereo matching."""

    matcher: Literal["sgbm", "onnx"] = Field("sgbm", description="stereo matcher")
    onnx: FileName = Field("", description="YAML that describes a stereo network's ONNX (matcher onnx)")
    left_right_check: bool = Field(
        True, description="match the right picture too, which finds what is wrong at twice the time (matcher onnx)"
    )
    min_disparity: int = Field(0, ge=-512, le=512, description="smallest disparity searched, pixels")
    num_disparities: int = Field(128, ge=16, le=1024, multiple_of=16, description="disparities searched, pixels")
    block_size: Annotated[int, AfterValidator(_odd)] = Field(5, ge=1, le=21, description="matching window, pixels, odd")
    left_right_tolerance: float = Field(1.5, gt=0, le=16, description="left-right check, pixels")
    uniqueness: int = Field(10, ge=0, le=99, description="margin of the best match over the second, percent")
    min_texture: float = Field(
        0.75,
        ge=0,
        le=255,
        description="weaker texture is matched only where both pictures show it alike, rms grey levels per pixel",
    )
    speckle_area: int = Field(60, ge=0, le=_MOST_PIXELS, description="smaller lone regions are dropped, pixels")


class SegmentationParameters(_Group):
    """Which objects to grasp."""

    method: Literal["point", "box", "things", "tabletop", "rembg", "onnx", "labels", "text", "detections"] = Field(
        "things",
        description="how the grasp targets are found; things: the shipped network, every thing on a table; "
        "point, box and detections: the thing that it finds there, else what GrabCut cuts out",
    )
    target_point: tuple[float, float] | None = Field(None, description="pixel x, y on the target (method point)")
    target_box: tuple[float, float, float, float] | None = Field(
        None, description="pixel x, y, width, height around the target (method box)"
    )
    working_width: int = Field(
        192,
        ge=64,
        le=4096,
        description="the surroundings of a target that GrabCut cuts out are reduced to this size, pixels",
    )
    rembg_model: Annotated[str, _FileName(".onnx")] = Field(
        "u2netp", description="rembg session name, or the path of a local ONNX file"
    )
    onnx: FileName = Field("", description="YAML that describes a segmentation network's ONNX (method onnx)")
    class_ids: tuple[int, ...] = Field((), description="classes that are targets; none: all but 0 (method onnx)")
    text: str = Field("", description="names of what to grasp, commas between them (method text)")
    text_network: FileName = Field("", description="YAML that depth-prompt export text writes (method text)")
    text_threshold: float = Field(
        0.5, gt=0, lt=1, description="pixels less likely of a name are not of the target (method text)"
    )
    min_score: float = Field(
        0.0, ge=0, le=1, description="detections of a lower score are no targets (method detections)"
    )
    max_targets: int = Field(
        16,
        ge=1,
        le=64,
        description="at most so many targets; those on the picture's rim last, else the largest first; 10 ms each",
    )
    min_area: int = Field(150, ge=1, description="smaller targets are dropped, pixels")


class TomParameters(_Group):
    """Which pixels are transparent or mirror (ToM)."""

    method: Literal["network", "labels", "onnx", "text", "none"] = Field(
        "network", description="where masks of ToM pixels come from; network: the shipped one for things"
    )
    evidence: bool = Field(
        True, description="what is measured overrules a network's mask of ToM pixels and reveals glass that has none"
    )
    onnx: FileName = Field("", description="YAML that describes a segmentation network's ONNX (method onnx)")
    class_ids: tuple[int, ...] = Field(
        (), description="classes that are transparent or mirror; none: all but 0 (method onnx)"
    )
    text: str = Field(
        "glass, mirror", description="names of what is transparent or mirror, commas between them (method text)"
    )
    text_network: FileName = Field("", description="YAML that depth-prompt export text writes (method text)")
    text_threshold: float = Field(0.5, gt=0, lt=1, description="pixels less likely of a name are not ToM (method text)")
    mono: FileName = Field(
        "", description="YAML that describes a network from picture to relative disparity; empty = the shipped one"
    )
    colours: int = Field(
        1, ge=0, le=32, description="ToM pixels are painted in so many random colours for it; 1 = grey, 0 = not painted"
    )
    min_area: int = Field(
        100, ge=1, description="smaller ToM regions without a shape of their own are left as measured, pixels"
    )
    max_residual: float = Field(
        0.5, gt=0, description="refuse a region's depth if the whole picture is farther off its surroundings, relative"
    )


class PromptedDepthParameters(_Group):
    """The frozen network on the learned background."""

    graph: FileName = Field(
        "",
        description="exported graph; empty = the shipped one; models/object_depth.onnx = without a metric prompt",
    )
    background: Literal["learned", "white"] = Field(
        "learned", description="what targets stand on; white to see what the learned one is worth (in ONNX Runtime)"
    )
    fill: float = Field(0.75, gt=0.1, le=1.0, description="share of the crop that the target's longer side fills")


class ScaleParameters(_Group):
    """What the metric scale is anchored to."""

    min_trusted: int = Field(60, ge=3, description="fewer trusted pixels inside a target: anchor on its support")
    min_trusted_share: float = Field(
        0.2, ge=0, le=1, description="a smaller trusted share of a target: anchor on its support"
    )
    trust_confidence: float = Field(0.5, ge=0, le=1, description="stereo confidence of a trusted pixel")
    free_shift_trusted: int = Field(500, ge=10, description="fewer trusted pixels: fit the scale only")
    min_relief: float = Field(
        0.02, ge=0, description="flatter trusted pixels, relative to their distance: fit the scale only"
    )
    max_residual: float = Field(0.1, gt=0, description="refuse a shape that is farther off its anchor, relative")


class MergeParameters(_Group):
    """Stereo where it can be believed, the monocular shape elsewhere."""

    agreement: float = Field(0.05, gt=0, description="relative difference at which measurement and shape agree")


class MovingParameters(_Group):
    """Which pixels show things that move."""

    method: Literal["none", "spimo", "geometric", "both"] = Field(
        "none",
        description="spimo: a network learned from this camera's video, for motion that goes with the place; "
        "geometric: measured depth beside that of the last frame, by the camera's poses",
    )
    graph: FileName = Field("", description="ONNX file of depth-prompt export video (method spimo, both)")
    rule: Literal["dispersion", "outlier"] = Field(
        "outlier",
        description="dispersion: three depths of a picture told to stand at three places disagree, as published; "
        "outlier: that of its own place disagrees with each of the others (method spimo, both)",
    )
    dispersion: float = Field(
        0.03, gt=0, description="static below: variance over squared mean of those depths (method spimo, both)"
    )
    horizon: float = Field(
        -1.0, ge=-1, le=1, description="rows above are static, -1 to 1 from top to bottom; -0.25 for driving"
    )
    fixed_frame: str = Field("", description="frame of the camera's poses, by tf (method geometric, both)")
    sigmas: float = Field(3.0, gt=0, description="standard deviations of depth that count as motion (geometric, both)")
    max_gap: float = Field(0.5, gt=0, description="the last frame is forgotten after so many seconds (geometric, both)")
    drop_points: bool = Field(False, description="no points of what moves in the clouds")


class SyncParameters(_Group):
    """Pairing of topics."""

    tolerance: float = Field(0.02, ge=0, description="stamps closer than this belong together, seconds")
    hold: float = Field(
        3.0, gt=0, le=60, description="how long a picture waits for its partners, and for other stages, seconds (live)"
    )
    most_megabytes: float = Field(
        256.0,
        gt=0,
        le=65536,
        description="pictures that wait take no more memory, or whole sets are dropped, the oldest first (live)",
    )


class DepthParameters(_Group):
    """The depth camera's image."""

    unit: float = Field(
        0.001,
        gt=0,
        le=1,
        description="metres of one count of 16UC1 (depth_scale of librealsense; D405 0.0001, L515 0.00025)",
    )
    float_unit: float = Field(1.0, gt=0, le=1, description="metres of 1.0 in 32FC1; 0.001 if it is in millimetres")
    aligned: Literal["auto", "always"] = Field(
        "auto",
        description="auto: if its frame_id, size and K are the picture's, else it is registered "
        "(topics.depth_camera_info, tf) or refused; always: whatever its frame_id says",
    )


class Topics(_Group):
    """Input topics; an empty name is not used. In a recording a relative name is below ``/``, live in the namespace."""

    left_image: str = "left/image_rect"
    left_camera_info: str = "left/camera_info"
    right_image: str = "right/image_rect"
    right_camera_info: str = "right/camera_info"
    depth_image: str = ""
    depth_camera_info: str = ""
    labels: str = ""
    tom_labels: str = ""
    detections: str = ""


_Transport = Annotated[
    Literal["auto", "raw", "compressed"],
    Field(description="auto: what its publishers send; raw: sensor_msgs/Image; compressed: CompressedImage (live)"),
]


class Transports(_Group):
    """Message type of the image topics, where the graph does not say it or says two."""

    left_image: _Transport = "auto"
    right_image: _Transport = "auto"
    depth_image: _Transport = "auto"
    labels: _Transport = "auto"
    tom_labels: _Transport = "auto"


class StageTopics(_Group):
    """Where a single-stage node finds what the stages before it publish (live)."""

    image: str = Field("stereo_depth/image", description="the rectified picture, of frames that were matched (live)")
    depth: str = Field("stereo_depth/depth", description="measured, or for the clouds merged (live)")
    confidence: str = Field("stereo_depth/confidence", description="of that depth (live)")
    labels: str = Field("segmentation/labels", description="of the targets (live)")
    tom_mask: str = Field("segmentation/tom_mask", description="transparent-or-mirror pixels (live)")
    targets: str = Field(
        "segmentation/targets",
        description="how the segmentation found them, and what a detector calls them; empty: the labels are someone "
        "else's (live)",
    )
    mono_depth: str = Field("prompted_depth/mono_depth", description="the fitted monocular shapes (live)")
    mono_uncertainty: str = Field("prompted_depth/uncertainty", description="how wrong they may be (live)")


class Parameters(RuntimeParameters):
    """Everything the pipeline can be told."""

    mode: Literal["stream", "capture"] = Field(
        "stream",
        description="stream: work while someone subscribes; capture: only when ~/capture is called, and what was "
        "published last stays for those who subscribe later (live)",
    )
    autostart: bool = Field(
        False,
        description="configure and activate the node when it starts, and activate it when configured later (live)",
    )
    output_frame: str = Field("", description="frame of the clouds, by tf; empty = the camera's (live)")
    rectified: Annotated[Literal["auto", "true", "false"], BeforeValidator(_word)] = Field(
        "auto",
        description="true: pictures are rectified, P is used and D ignored; false: they are rectified here; "
        "auto: true of a topic with rect in its name, else false",
    )
    most_megapixels: float = Field(64.0, gt=0, le=256, description="larger pictures are refused before they are read")
    topics: Topics = Topics()
    transport: Transports = Transports()
    depth: DepthParameters = DepthParameters()
    sync: SyncParameters = SyncParameters()
    stages: StageTopics = StageTopics()
    stereo: StereoParameters = StereoParameters()
    segmentation: SegmentationParameters = SegmentationParameters()
    tom: TomParameters = TomParameters()
    prompted_depth: PromptedDepthParameters = PromptedDepthParameters()
    scale: ScaleParameters = ScaleParameters()
    merge: MergeParameters = MergeParameters()
    moving: MovingParameters = MovingParameters()

    @classmethod
    def from_yaml(cls, path: Path) -> Parameters:
        """Read a ROS parameter file, of one node or of many, or a plain one; ``X`` or ``config/X``: a shipped one.

        Files that it names are relative to it; ``models/X`` may be a shipped one.

        Of a file with sections for several nodes those of ``object_depth`` and wildcards count, see
        :func:`depth_prompt_ros.parameter_file.parameters_of`; ``use_sim_time`` and others of ROS's own are left out.

        Raises:
            BadInput: no such file, not YAML, no section for this node, an unknown name or a value out of range.
        """
        path = preset_or_file(path)
        read = cls.checked(parameters_of(read_yaml(path, "parameters"), NODE, str(path)), str(path))
        return read.with_files(lambda named: below(path.parent, named))

    @classmethod
    def checked(cls, content: Any, source: str) -> Parameters:
        """Validate a nested dictionary; ``source`` names it in the error.

        Raises:
            BadInput: an unknown name or a value out of range, each named.
        """
        try:
            return cls.model_validate(content)
        except ValidationError as error:
            raise BadInput(f"bad parameters in {source}: {faults(error, _meant)}") from error

    def with_files(self, place: Callable[[Path], Path]) -> Parameters:
        """The same parameters; each file that they name is where ``place`` puts it."""
        return _with_files(self, place)


def _meant(name: str) -> str:
    """What a misspelt parameter was to be, as a question, empty where nothing is close."""
    found = meant(name, list(_names(Parameters, "")))
    return f"did you mean {found}?" if found else ""


def _names(group: type[BaseModel], before: str) -> Iterator[str]:
    """Every parameter and group of parameters, dots between."""
    for name, field in group.model_fields.items():
        yield before + name
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield from _names(field.annotation, f"{before}{name}.")


Group = TypeVar("Group", bound=BaseModel)


def _with_files(group: Group, place: Callable[[Path], Path]) -> Group:
    changed: dict[str, Any] = {}
    for name, field in type(group).model_fields.items():
        value = getattr(group, name)
        if isinstance(value, BaseModel):
            changed[name] = _with_files(value, place)
        elif value and any(isinstance(mark, _FileName) and value.endswith(mark.ending) for mark in field.metadata):
            changed[name] = str(place(Path(value)))
    return group.model_copy(update=changed)


def fixed_frame(parameters: Parameters) -> str:
    """The frame whose camera poses are needed; empty where none are."""
    return parameters.moving.fixed_frame if parameters.moving.method in ("geometric", "both") else ""
