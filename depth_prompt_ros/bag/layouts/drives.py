"""Drives of KITTI raw with their pairs, and what is known of their depth."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from depth_prompt_ros.bag.layouts.pairs import read_kitti_pairs
from depth_prompt_ros.bag.layouts.write import FRAME_ID, LayoutFrame, read_depth
from depth_prompt_ros.data.readers.driving import KittiDrive
from depth_prompt_ros.errors import BadInput
from depth_prompt_ros.frame import Frame

_ANNOTATED = "proj_depth/groundtruth/image_02"
_COUNTS = 256.0
"""Of a metre in annotated depth."""


def read_kitti(folder: Path) -> Iterator[LayoutFrame]:
    """A drive of KITTI raw, ``DATE/DATE_drive_NNNN_sync``, or a stereo benchmark, see :func:`read_kitti_pairs`.

    The drive's truth is the annotated depth (``proj_depth/groundtruth/image_02/N.png`` in the drive itself, or in the
    folder of its name in ``train`` or ``val``, beside it or above), else its Velodyne points.

    Raises:
        BadInput: neither of both, a drive without right pictures, or a file that cannot be read.
    """
    if not (folder / "image_02").is_dir():
        yield from read_kitti_pairs(folder)
        return
    annotated = _annotated(folder)
    for each in KittiDrive(folder, pair=True):
        if each.right is None or each.camera is None:
            raise BadInput(f"{folder / 'image_03/data' / each.name}.png is not there: pairs need the right picture")
        known = annotated / f"{each.name}.png" if annotated else None
        truth = read_depth(known, _COUNTS) if known is not None and known.is_file() else each.depth
        frame = Frame(each.stamp_ns, FRAME_ID, each.image, each.camera, right=each.right)
        yield LayoutFrame(frame, truth, f"{folder} {each.name}")


def _annotated(drive: Path) -> Path | None:
    drive = drive.resolve()
    beside = [parent / part / drive.name for parent in drive.parents for part in ("train", "val")]
    return next((path / _ANNOTATED for path in [drive, *beside] if (path / _ANNOTATED).is_dir()), None)
