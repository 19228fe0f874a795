"""The nodes' executables without a ROS 2: one line and exit code 2."""

from __future__ import annotations

import configparser
import re
import subprocess
import sys
from pathlib import Path

import pytest

SETTINGS = configparser.ConfigParser()
SETTINGS.read(Path(__file__).parents[2] / "setup.cfg")
NODES = re.findall(r"(\w+_node) = ([\w.]+):(\w+)", SETTINGS["options.entry_points"]["console_scripts"])


def test_every_node_has_an_executable() -> None:
    assert len(NODES) == 6


@pytest.mark.parametrize(("name", "module", "function"), NODES, ids=[node[0] for node in NODES])
def test_without_ros_a_node_says_so_in_one_line(name, module, function) -> None:
    hidden = "import sys; sys.modules['rclpy'] = None  # of a distribution that is sourced"
    program = f"{hidden}\nfrom {module} import {function}\n{function}()"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert re.match(rf"{name} needs ROS 2 \(\w+ is not there\): source a distribution first", done.stderr)
    assert len(done.stderr.splitlines()) == 1
