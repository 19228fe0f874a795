"""Finds, and installs where it may, the system libraries that Open3D, OpenCV or ONNX Runtime need and pip cannot bring.

As a program, with the standard library alone:

    python3 -m depth_prompt_ros.system_libraries             one line and exit code 1 if an installed wheel lacks one
    python3 -m depth_prompt_ros.system_libraries --packages  the list of Debian and Ubuntu packages
    python3 -m depth_prompt_ros.system_libraries --install   installs those that are missing, or says the one line
"""

from __future__ import annotations

import argparse
import ctypes
import os
import re
import shutil
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
"""The Debian and Ubuntu package of each library: the one list, for make, images and continuous integration."""

_APT_GET = ("env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-qq", "-o", "DPkg::Lock::Timeout=120")


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


def not_loadable() -> list[str]:
    """The libraries of :data:`APT_PACKAGES` that the system cannot load, sorted; none where there is no Linux.

    Unlike :func:`missing` it needs no installed wheels.
    """
    return sorted(name for name in APT_PACKAGES if not _loads(name)) if sys.platform == "linux" else []


def install(names: Iterable[str]) -> str:
    """Install the packages of missing libraries with apt-get, as root or through sudo that asks for no password.

    Returns:
        Why it could not, with the one command that brings them; empty if they load now.
    """
    names = list(names)
    packages = sorted({APT_PACKAGES[name] for name in names})
    if not packages:
        return ""
    prefix = _privilege()
    if prefix is None or shutil.which("apt-get") is None:
        return advice(names)
    sys.stdout.write(f"installing missing system libraries with apt-get: {' '.join(packages)}\n")
    sys.stdout.flush()
    # A mirror of something else that fails must not stop this: if the lists are of no use, the installation says so.
    _quietly([*prefix, *_APT_GET, "update"])
    why = _quietly([*prefix, *_APT_GET, "install", "-y", "--no-install-recommends", *packages])
    left = [name for name in names if not _loads(name)]
    return f"{advice(left)} (apt-get: {why or 'no error'})" if left else ""


def _privilege() -> list[str] | None:
    """What goes before a command that needs root; None if this user cannot run one without a password."""
    if os.geteuid() == 0:
        return []
    if shutil.which("sudo") is None or _quietly(["sudo", "-n", "true"]):
        return None
    return ["sudo", "-n"]


def _quietly(command: list[str]) -> str:
    """Run without input; the last line that it said if it failed, else empty."""
    ran = subprocess.run(  # noqa: S603
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    said = ran.stdout.strip().splitlines() or [f"exit code {ran.returncode}"]
    return said[-1] if ran.returncode else ""


def _loads(name: str) -> bool:
    try:
        ctypes.CDLL(name)
    except OSError:
        return False
    return True


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


def main(arguments: list[str] | None = None) -> str | None:
    """Run as a program; what to exit with: None, or the one line."""
    parser = argparse.ArgumentParser(prog="python3 -m depth_prompt_ros.system_libraries")
    wanted = parser.add_mutually_exclusive_group()
    wanted.add_argument("--packages", action="store_true", help="print the Debian and Ubuntu packages")
    wanted.add_argument("--install", action="store_true", help="install those that are missing")
    chosen = parser.parse_args(arguments)
    if chosen.packages:
        sys.stdout.write(" ".join(sorted(APT_PACKAGES.values())) + "\n")
        return None
    return (install(not_loadable()) if chosen.install else advice(missing())) or None


if __name__ == "__main__":
    sys.exit(main())
