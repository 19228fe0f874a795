"""The pictures of one run: single files, or folders whose files belong together by name."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from depth_prompt_ros.errors import BadInput

PICTURES = (".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".webp", ".ppm", ".pgm")
ARRAYS = (".png", ".tif", ".tiff", ".npy")
_SHOWN = 5


@dataclass(frozen=True)
class PictureFiles:
    """What belongs to one frame.

    Attributes:
        name: of its results; empty for single files.
        image: the (left) picture.
        others: ``right``, ``depth``, ``labels`` and ``tom``, those that are there.
    """

    name: str
    image: Path
    others: dict[str, Path]


def list_pictures(image: Path, others: dict[str, Path | None]) -> list[PictureFiles]:
    """The frames of a picture, or of a folder of pictures, with what else is given.

    In folders the files of one frame have one name, but for its ending. A folder of pictures goes with folders; only
    ``labels`` and ``tom`` may be a single file beside it, which then belongs to each picture.

    Raises:
        BadInput: something is not there, a folder beside a file, or a picture without its partner.
    """
    given = {what: path for what, path in others.items() if path is not None}
    for what, path in {"picture": image, **given}.items():
        if not path.exists():
            raise BadInput(f"there is no {path}, which was given as {what}")
    if not image.is_dir():
        if folders := [what for what, path in given.items() if path.is_dir()]:
            raise BadInput(f"{image} is a picture but {folders[0]} {given[folders[0]]} is a folder: give two of a kind")
        return [PictureFiles("", image, given)]
    for what in ("right", "depth"):
        if what in given and not given[what].is_dir():
            raise BadInput(f"{image} is a folder but {what} {given[what]} is a file: give two of a kind")
    pictures = _files(image, PICTURES)
    if not pictures:
        raise BadInput(f"{image} holds no picture ({', '.join(PICTURES)})")
    partners = {
        what: _files(path, PICTURES if what == "right" else ARRAYS) for what, path in given.items() if path.is_dir()
    }
    for what, files in partners.items():
        if alone := [name for name in pictures if name not in files]:
            more = f" and {len(alone) - _SHOWN} more" if len(alone) > _SHOWN else ""
            raise BadInput(
                f"{given[what]} has no {what} for {', '.join(alone[:_SHOWN])}{more} of {image}: files that belong "
                "together have one name"
            )
    return [
        PictureFiles(name, path, {what: partners[what][name] if what in partners else given[what] for what in given})
        for name, path in pictures.items()
    ]


def _files(folder: Path, endings: tuple[str, ...]) -> dict[str, Path]:
    """Files by name without ending, sorted.

    Raises:
        BadInput: two with one name.
    """
    found: dict[str, Path] = {}
    for path in sorted(folder.iterdir()):
        if path.suffix.lower() in endings:
            if path.stem in found:
                raise BadInput(f"{folder} has {found[path.stem].name} and {path.name}: which one is meant?")
            found[path.stem] = path
    return found
