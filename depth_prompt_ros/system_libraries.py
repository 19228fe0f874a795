"""Finds the system libraries that Open3D, OpenCV or ONNX Runtime need and pip cannot bring."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterable, Iterator
from importlib.util import find_spec
from pathlib import Path

APT_PACKAGES = {
    "libEGL.so.1": "libegl1",
    "libGL.so.1": "libgl1",
    "libX11.so.6": "libx11-6",
    "libgomp.so.1": "libgomp1",
    "libidn2.so.0": "libidn2-0",
    "libudev.so.1": "libudev1",
    "libusb-1.0.so.0": "libusb-1.0-0",
}
"""The Debian and Ubuntu package of each library."""


def missing() -> list[str]:
    """Names of the shared libraries that the installed wheels link and the system lacks, sorted."""
    names: set[str] = set()
    for module in _extension_modules():
        ldd = subprocess.run(["ldd", str(module)], capture_output=True, text=True, check=False)  # noqa: S603, S607
        names.update(not_found(ldd.stdout))
    return sorted(names)


def not_found(ldd_output: str) -> list[str]:
    """The libraries that the output of ``ldd`` calls not found."""
    return re.findall(r"^\s*(\S+) => not found", ldd_output, flags=re.MULTILINE)


def advice(names: Iterable[str]) -> str:
    """One line that names the missing libraries and the one command that brings them; empty if none is missing."""
    names = list(names)
    if not names:
        return ""
    packages = sorted({APT_PACKAGES[name] for name in names if name in APT_PACKAGES})
    unknown = sorted(name for name in names if name not in APT_PACKAGES)
    line = f"missing system libraries: {', '.join(names)}"
    if packages:
        line += f"; run: sudo apt-get install -y {' '.join(packages)}"
    if unknown:
        line += f"; find the package of {', '.join(unknown)} with: apt-file search"
    return line


def _extension_modules() -> Iterator[Path]:
    for package, pattern in (("open3d", "pybind*.so"), ("cv2", "cv2*.so"), ("onnxruntime", "onnxruntime_pybind*.so")):
        spec = find_spec(package)
        for folder in (spec.submodule_search_locations or ()) if spec else ():
            yield from Path(folder).rglob(pattern)


if __name__ == "__main__":
    sys.exit(advice(missing()) or None)
