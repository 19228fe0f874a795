"""Tests of the live nodes run on the ROS that is sourced, else on a stand-in; the report's header says which."""

from __future__ import annotations

import os
import signal
from types import SimpleNamespace

import pytest

try:
    import rclpy  # noqa: F401

    ROS = f"ROS 2 {os.environ.get('ROS_DISTRO', '')}, rclpy, {os.environ.get('RMW_IMPLEMENTATION', 'its default rmw')}"
except ImportError:
    import ros_stand_in

    ros_stand_in.install()
    ROS = "none: the live nodes run on test/ros_stand_in.py (one process, rosbags' messages through CDR)"


# Workers of pytest-xdist ignore Ctrl-C, and so would the commands that tests start and interrupt.
signal.signal(signal.SIGINT, signal.default_int_handler)


LONG = ("work", "learning", "runtime", "graph", "networks")
"""Folders whose tests come first: a long one that begins last would leave the other processes idle."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: LONG.index(item.path.parent.name) if item.path.parent.name in LONG else len(LONG))


@pytest.fixture(scope="session")
def words(tmp_path_factory: pytest.TempPathFactory) -> SimpleNamespace:
    """What :func:`clips.export_words` exports for pictures of 64x96 pixels, once for all processes of the tests."""
    for needed in ("torch", "transformers", "onnxscript"):
        pytest.importorskip(needed)
    import filelock  # comes with PyTorch
    from clips import export_words

    own = tmp_path_factory.getbasetemp()
    folder = own.parent if "PYTEST_XDIST_WORKER" in os.environ else own
    with filelock.FileLock(folder / "words.lock"):
        return export_words(folder / "words", (64, 96))


def pytest_report_header() -> str:
    return f"ROS: {ROS}"
