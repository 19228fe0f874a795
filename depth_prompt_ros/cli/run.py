"""depth-prompt run: two pictures, or a picture and its depth, in; metric depth, masks and clouds out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Optional

import typer

from depth_prompt_ros.cli.target_options import Box, Point, Text

if TYPE_CHECKING:
    from depth_prompt_ros.api.answer import Answer

Number = Optional[float]  # noqa: UP045 (typer evaluates it)
File = Optional[Path]  # noqa: UP045


def run(
    image: Annotated[Path, typer.Argument(metavar="LEFT", help="The (left) picture, or a folder of them.")],
    right: Annotated[
        File, typer.Argument(help="The right picture of the pair, or a folder.", metavar="[RIGHT]")
    ] = None,
    out: Annotated[
        Path, typer.Option("--out", "-o", help="Folder to write; in it one for each picture of a folder.")
    ] = (Path("depth-prompt-out")),
    depth: Annotated[File, typer.Option("--depth", help="In place of RIGHT: 16-bit millimetres, or .npy.")] = None,
    camera: Annotated[File, typer.Option("--camera", help="ROS camera_info YAML, OpenCV's, or JSON.")] = None,
    right_camera: Annotated[File, typer.Option("--right-camera", help="Of the right picture.")] = None,
    fx: Annotated[Number, typer.Option("--fx", help="Focal length, pixels.")] = None,
    fy: Annotated[Number, typer.Option("--fy", help="Focal length, pixels.")] = None,
    cx: Annotated[Number, typer.Option("--cx", help="Principal point, pixels.")] = None,
    cy: Annotated[Number, typer.Option("--cy", help="Principal point, pixels.")] = None,
    baseline: Annotated[Number, typer.Option("--baseline", help="From the left to the right camera, metres.")] = None,
    cx_offset: Annotated[
        Number, typer.Option("--cx-offset", help="The right camera's cx minus the left one's, pixels; else 0.")
    ] = None,
    box: Box = "",
    point: Point = "",
    labels: Annotated[File, typer.Option("--labels", help="PNG of labels, 0 = background; or a folder.")] = None,
    text: Text = "",
    tom: Annotated[File, typer.Option("--tom", help="PNG of transparent and mirror pixels; or a folder.")] = None,
    params: Annotated[File, typer.Option("--params", help="Parameter file, or the name of a shipped one.")] = None,
    raw: Annotated[bool, typer.Option("--raw", help="The pictures are not rectified: rectify them.")] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace what is in --out.")] = False,
) -> None:
    """Metric depth, masks and point clouds of a stereo pair, or of a picture with a depth camera's image.

    Without --box, --point, --labels or --text every thing on the table is a target. Files that are written:
    docs/python.md.
    """
    from depth_prompt_ros.api.object_depth import ObjectDepth
    from depth_prompt_ros.api.picture_files import list_pictures
    from depth_prompt_ros.api.targets import numbers_of
    from depth_prompt_ros.errors import BadInput
    from depth_prompt_ros.parameters import Parameters

    if (right is None) == (depth is None):
        raise BadInput("give the right picture, or --depth in its place: depth-prompt run LEFT RIGHT --camera FILE")
    numbers = {name: value for name, value in (("fx", fx), ("fy", fy), ("cx", cx), ("cy", cy)) if value is not None}
    if (camera is None) != bool(numbers):
        raise BadInput("give the camera once: --camera FILE, or --fx, --fy, --cx and --cy")
    if missing := [f"--{name}" for name in ("fx", "fy", "cx", "cy") if numbers and name not in numbers]:
        raise BadInput(f"{', '.join(missing)} is missing: focal lengths and principal point are in pixels")
    if cx_offset is not None:
        if camera is not None:
            raise BadInput("--cx-offset goes with --fx, --fy, --cx and --cy; a camera file says cx_offset itself")
        numbers["cx_offset"] = cx_offset
    frames = list_pictures(image, {"right": right, "depth": depth, "labels": labels, "tom": tom})
    if out.exists() and not overwrite:
        raise BadInput(f"output {out} exists already: give another --out, remove it, or say --overwrite")
    parameters = Parameters() if params is None else Parameters.from_yaml(params)
    estimate = ObjectDepth(parameters.model_copy(update={"rectified": "false"}) if raw else parameters)
    common: Any = {"camera": camera or numbers, "right_camera": right_camera, "baseline": baseline}
    common |= {"box": numbers_of(box, "--box") if box else None, "text": text}
    common |= {"point": numbers_of(point, "--point") if point else None}
    failed = 0
    for frame in frames:
        folder = out / frame.name
        try:
            answer = estimate(frame.image, **(common | frame.others))
            answer.save(folder, overwrite=overwrite)
        except BadInput as error:
            if not frame.name:
                raise
            failed += 1
            typer.secho(f"{frame.image}: {error}", fg=typer.colors.RED, err=True)
        else:
            _tell(folder, answer)
    if failed:
        raise BadInput(f"{failed} of {len(frames)} pictures failed, each with its reason above")


def _tell(folder: Path, answer: Answer) -> None:
    """Print what was found, and on what each scale rests."""
    import numpy as np
    from rich.table import Table

    from depth_prompt_ros.evaluation.table import wide_console

    measured, known = (np.isfinite(depth).mean() for depth in (answer.measured, answer.depth))
    glass = answer.tom.mean()
    typer.echo(f"{folder}: depth on {known:.1%} of the pixels, {measured:.1%} were measured, {glass:.1%} are ToM")
    if answer.reason:
        typer.echo(f"no target: {answer.reason}")
        return
    table = Table("target", "pixels", "distance, m", "anchor", "why", box=None, pad_edge=False)
    for target in answer.targets:
        distance = f"{np.median(target.points[:, 2]):.3f}" if len(target.points) else "-"
        why = target.report.reason
        table.add_row(str(target.label), str(int(target.mask.sum())), distance, target.anchor, why)
    wide_console().print(table, highlight=False)
