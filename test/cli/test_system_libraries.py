from __future__ import annotations

from depth_prompt_ros.system_libraries import advice, missing, not_found

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
