"""Nodes in processes of their own, as ``ros2 launch`` starts them; only where ROS is sourced and the package built."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

packages = pytest.importorskip("ament_index_python.packages")
try:
    packages.get_package_share_path("depth_prompt_ros")
except packages.PackageNotFoundError:
    pytest.skip("the package is not built", allow_module_level=True)

PATIENCE_S = 90.0
ACTIVE = "active: works while"


class Launched:
    """``ros2 launch`` with arguments, and what it has said so far."""

    def __init__(self, log: Path, *arguments: str) -> None:
        self._log = log
        command = ["ros2", "launch", "depth_prompt_ros", "object_depth.launch.py", *arguments]
        with log.open("w") as out:
            self.process = subprocess.Popen(command, stdout=out, stderr=subprocess.STDOUT, start_new_session=True)

    def said(self) -> str:
        return self._log.read_text()

    def until(self, condition: Callable[[], object]) -> None:
        end = time.monotonic() + PATIENCE_S
        while not condition():
            assert time.monotonic() < end, self.said()
            time.sleep(0.05)

    def nodes(self) -> list[int]:
        return [int(number) for number in re.findall(r"process started with pid \[(\d+)\]", self.said())]

    def interrupt(self) -> None:
        """As Ctrl-C: to all processes of the terminal."""
        os.killpg(self.process.pid, signal.SIGINT)


def alive(number: int) -> bool:
    try:
        os.kill(number, 0)
    except ProcessLookupError:
        return False
    return Path(f"/proc/{number}/stat").read_text().split()[2] != "Z"


@pytest.fixture
def launched(tmp_path):
    running = []

    def start(*arguments: str) -> Launched:
        running.append(Launched(tmp_path / "log", *arguments))
        return running[-1]

    yield start
    for launch in running:
        if launch.process.poll() is None:
            os.killpg(launch.process.pid, signal.SIGKILL)
            launch.process.wait()


def test_a_node_that_is_killed_comes_back_and_works(launched) -> None:
    launch = launched("respawn:=true")
    launch.until(lambda: launch.said().count(ACTIVE) == 1)
    os.kill(launch.nodes()[0], signal.SIGKILL)
    launch.until(lambda: launch.said().count(ACTIVE) == 2)
    assert len(launch.nodes()) == 2


@pytest.mark.parametrize("composed", ["true", "false"])
def test_two_interrupts_end_all_nodes_cleanly(launched, composed) -> None:
    launch = launched(f"composed:={composed}")
    count = 1 if composed == "true" else 5
    launch.until(lambda: launch.said().count(ACTIVE) == count)
    launch.interrupt()
    time.sleep(0.2)
    launch.interrupt()
    launch.process.wait(PATIENCE_S)
    assert "Traceback" not in launch.said()
    assert launch.said().count("process has finished cleanly") == count
    assert not any(map(alive, launch.nodes()))


@pytest.mark.skipif(shutil.which("rviz2") is not None, reason="rviz2 is installed")
def test_without_rviz2_nothing_is_started_and_left_behind(launched) -> None:
    launch = launched("rviz:=true")
    assert launch.process.wait(PATIENCE_S) != 0
    assert "rviz2 is not installed: apt install" in launch.said()
    assert launch.nodes() == []
