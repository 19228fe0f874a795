"""Which extra of the package to install where a library is missing."""

from __future__ import annotations

from importlib.util import find_spec

EXTRAS = {
    "cuda": ("gpu", "tensorrt"),
    "fsspec": ("cluster",),
    "h5py": ("evaluate",),
    "jinja2": ("demo", "evaluate"),
    "matplotlib": ("evaluate",),
    "onnx": ("learn",),
    "onnxscript": ("learn",),
    "open3d": ("tabletop", "demo", "learn", "scanned"),
    "OpenEXR": ("evaluate",),
    "ray": ("cluster",),
    "rembg": ("rembg",),
    "safetensors": ("learn", "networks"),
    "skimage": ("demo", "learn"),
    "tensorboardX": ("tensorboard",),
    "tensorrt": ("tensorrt",),
    "tflite": ("networks",),
    "tokenizers": ("text", "networks"),
    "torch": ("learn", "networks"),
    "transformers": ("networks",),
    "rerun": ("view",),
    "trimesh": ("scanned",),
}
"""Which extras of the package bring a library that is not always installed."""

VERBS = {
    "demo": "demo",
    "evaluate": "evaluate",
    "learn": "learn",
    "export": "learn",
    "study": "learn",
    "models": "networks",
}
"""The extra that is made for a command: it brings what else that needs."""


def needed(*libraries: str) -> None:
    """Say before the work what its end cannot do without.

    Raises:
        ModuleNotFoundError: of the first library that is not installed; the command's ``main`` names its extra.
    """
    for library in libraries:
        if find_spec(library) is None:
            raise ModuleNotFoundError(f"No module named {library!r}", name=library)


def extra_of(library: str, verb: list[str]) -> str:
    """The extra to install: that of the command that was typed if it brings the library, else the smallest."""
    wanted = VERBS.get(verb[0], "") if verb else ""
    return wanted if wanted in EXTRAS[library] else EXTRAS[library][0]
