from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from depth_prompt_ros import system_libraries
from depth_prompt_ros.system_libraries import APT_PACKAGES, advice, install, missing, not_found, not_loadable

ROOT = Path(__file__).parents[2]

LDD = """
\tlinux-vdso.so.1 (0x00007ffd1)
\tlibusb-1.0.so.0 => not found
\tlibEGL.so.1 => /lib/x86_64-linux-gnu/libEGL.so.1 (0x00007f1)
\tlibGL.so.1 => not found
"""


def test_finds_what_ldd_did_not() -> None:
    assert not_found(LDD) == ["libusb-1.0.so.0", "libGL.so.1"]


def test_one_apt_line_for_all_of_them() -> None:
    assert advice(not_found(LDD)) == (
        "missing system libraries: libusb-1.0.so.0, libGL.so.1; run: sudo apt-get install -y libgl1 libusb-1.0-0"
    )


def test_a_library_of_unknown_package_is_named_too() -> None:
    line = advice(["libodd.so.3", "libGL.so.1"])
    assert "apt-get install -y libgl1;" in line
    assert line.endswith("libodd.so.3 with: apt-file search")


def test_nothing_missing_needs_no_advice() -> None:
    assert advice([]) == ""


def test_this_machine_runs_the_tests_and_so_lacks_nothing() -> None:
    assert missing() == []


def test_the_libraries_of_the_list_load_here() -> None:
    assert not_loadable() == []


def test_the_list_is_printed_by_a_python_that_has_nothing_installed() -> None:
    ran = subprocess.run(
        [sys.executable, "-S", "-m", "depth_prompt_ros.system_libraries", "--packages"],
        cwd=ROOT, env={}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert ran.stdout.split() == sorted(APT_PACKAGES.values())


@pytest.mark.skipif(not (ROOT / "Makefile").is_file(), reason="not in a checkout")
@pytest.mark.parametrize("name", ["Makefile", ".ci/run", "docker/install.sh", ".github/workflows/test.yml"])
def test_no_second_list(name: str) -> None:
    text = (ROOT / name).read_text()
    assert not [package for package in APT_PACKAGES.values() if package in text]


def fake_programs(folder: Path, monkeypatch: pytest.MonkeyPatch, **scripts: str) -> Path:
    """Makes the programs, each writes its arguments to the log that is returned, the only ones in PATH; no root."""
    log = folder / "log"
    folder.mkdir(exist_ok=True)
    (folder / "env").symlink_to("/usr/bin/env")
    for name, script in scripts.items():
        program = folder / name.replace("_", "-")
        program.write_text(f'#!/bin/sh\necho "{program.name} $*" >> {log}\n{script}\n')
        program.chmod(0o755)
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    return log


LINE = "missing system libraries: libusb-1.0.so.0; run: sudo apt-get install -y libusb-1.0-0"


def test_without_root_and_sudo_one_line(tmp_path, monkeypatch) -> None:
    log = fake_programs(tmp_path / "bin", monkeypatch, apt_get="")
    assert install(["libusb-1.0.so.0"]) == LINE
    assert not log.exists()


def test_sudo_that_asks_for_a_password_is_left_alone(tmp_path, monkeypatch) -> None:
    log = fake_programs(tmp_path / "bin", monkeypatch, apt_get="", sudo="echo a password is required >&2; exit 1")
    assert install(["libusb-1.0.so.0"]) == LINE
    assert log.read_text() == "sudo -n true\n"


def test_without_apt_get_one_line(tmp_path, monkeypatch) -> None:
    fake_programs(tmp_path / "bin", monkeypatch, sudo="")
    assert install(["libusb-1.0.so.0"]) == LINE


def test_lists_are_fetched_first_and_what_is_installed_loads(tmp_path, monkeypatch) -> None:
    log = fake_programs(tmp_path / "bin", monkeypatch, apt_get="", sudo='shift; [ "$1" = true ] || exec "$@"')
    assert install(["libgomp.so.1"]) == ""  # it is here already
    asked = [line for line in log.read_text().splitlines() if line.startswith("apt-get")]
    assert [line.split("Timeout=120 ")[1] for line in asked] == [
        "update", "install -y --no-install-recommends libgomp1"
    ]  # fmt: skip


def test_what_apt_get_says_is_passed_on(tmp_path, monkeypatch) -> None:
    fake_programs(
        tmp_path / "bin",
        monkeypatch,
        apt_get="echo E: no space left; exit 100",
        sudo='shift; [ "$1" = true ] || exec "$@"',
    )
    monkeypatch.setattr(system_libraries, "_loads", lambda name: False)
    assert install(["libusb-1.0.so.0"]) == f"{LINE} (apt-get: E: no space left)"
