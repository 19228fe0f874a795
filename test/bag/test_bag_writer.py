"""The bag that is written: readable by others, the same bytes twice, valid whatever ends the program."""

from __future__ import annotations

import os
import re
import signal
import sqlite3
import subprocess
import sys
import textwrap
import threading
from contextlib import closing
from dataclasses import asdict
from pathlib import Path

import bags
import numpy as np
import pytest
import yaml

from depth_prompt_ros.bag.messages import (
    camera_info_message,
    cloud_message,
    diagnostics_message,
    disparity_message,
    image_message,
    stamp_of,
)
from depth_prompt_ros.bag.storage.writer import BagWriter
from depth_prompt_ros.camera import CameraModel
from depth_prompt_ros.errors import BadInput
from depth_prompt_ros.signals import DeferredSignals

STORAGES = ["mcap", "sqlite3"]


def files(path: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in sorted(path.iterdir())}


@pytest.mark.parametrize("storage", STORAGES)
def test_rosbags_reads_it_back(tmp_path, storage):
    records = bags.stereo_records(2)
    read = bags.read_with_rosbags(bags.write(tmp_path / "bag", records, storage))
    assert [(topic, log) for topic, log, _ in read] == [(topic, log) for topic, _, log in records]
    for (_, _, content), (_, expected, _) in zip(read, records, strict=True):
        assert stamp_of(content) == stamp_of(expected)
        assert content.header.frame_id == expected.header.frame_id


def test_the_mcap_package_reads_it_back(tmp_path):
    from mcap.reader import make_reader

    records = bags.stereo_records(2)
    with (bags.write(tmp_path / "bag", records) / "bag.mcap").open("rb") as file:
        reader = make_reader(file)
        assert reader.get_header().profile == "ros2"
        assert reader.get_summary().statistics.message_count == 8
        messages = [
            (channel.topic, schema.name, message.log_time) for schema, channel, message in reader.iter_messages()
        ]
    assert messages == [(topic, content.__msgtype__, log) for topic, content, log in records]


@pytest.mark.parametrize("storage", STORAGES)
def test_metadata_is_what_humble_reads(tmp_path, storage):
    """Version 8: QoS profiles are text; custom_data must be a map, not null."""
    bag = bags.write(tmp_path / "bag", bags.stereo_records(2), storage)
    information = yaml.safe_load((bag / "metadata.yaml").read_text())["rosbag2_bagfile_information"]
    assert information["version"] == 8
    assert information["storage_identifier"] == storage
    assert information["message_count"] == 8
    assert information["relative_file_paths"] == ["bag.mcap" if storage == "mcap" else "bag.db3"]
    assert isinstance(information["custom_data"], dict)
    assert information["starting_time"]["nanoseconds_since_epoch"] == bags.START + bags.LOG_DELAY
    for topic in information["topics_with_message_count"]:
        assert isinstance(topic["topic_metadata"]["offered_qos_profiles"], str)
        assert topic["topic_metadata"]["serialization_format"] == "cdr"


@pytest.mark.parametrize("storage", STORAGES)
def test_the_same_messages_give_the_same_bytes(tmp_path, storage):
    first = bags.write(tmp_path / "a" / "bag", bags.stereo_records(3), storage)
    second = bags.write(tmp_path / "b" / "bag", bags.stereo_records(3), storage)
    assert files(first) == files(second)


@pytest.mark.parametrize("storage", STORAGES)
@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt, SystemExit])
def test_an_exception_leaves_a_valid_bag(tmp_path, storage, error):
    records = bags.stereo_records(2)

    def write_and_fail():
        with BagWriter(tmp_path / "bag", storage) as bag:
            for topic, content, log in records:
                bag.write(topic, content, log)
            raise error

    with pytest.raises(error):
        write_and_fail()
    assert len(bags.read_with_rosbags(tmp_path / "bag")) == len(records)


@pytest.mark.parametrize("storage", STORAGES)
def test_a_bag_without_messages_is_valid(tmp_path, storage):
    with BagWriter(tmp_path / "bag", storage) as bag:
        bag.flush()
    assert bags.read_with_rosbags(tmp_path / "bag") == []


def test_an_existing_output_is_refused_and_untouched(tmp_path):
    (tmp_path / "bag").mkdir()
    (tmp_path / "bag" / "mine").write_text("keep")
    with pytest.raises(BadInput, match="exists already: give another name or remove it"), BagWriter(tmp_path / "bag"):
        pass
    assert (tmp_path / "bag" / "mine").read_text() == "keep"


def test_an_output_that_cannot_be_made(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(BadInput, match="cannot write a bag to"), BagWriter(tmp_path / "file" / "bag"):
        pass


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_waits_for_the_end_of_a_write(number):
    steps = []
    before = signal.getsignal(number)

    def signalled():
        with DeferredSignals() as signals:
            with signals.uninterrupted():
                with signals.uninterrupted():
                    os.kill(os.getpid(), number)
                    steps.append("inner")
                steps.append("outer")
            steps.append("never")

    with pytest.raises(KeyboardInterrupt if number == signal.SIGINT else SystemExit) as stop:
        signalled()
    assert steps == ["inner", "outer"]
    assert signal.getsignal(number) is before
    if number == signal.SIGTERM:
        assert stop.value.code == 143


def test_a_swallowed_signal_comes_back_at_the_next_write():
    with DeferredSignals() as signals:
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)
        with pytest.raises(KeyboardInterrupt), signals.uninterrupted():
            pass


def test_writing_outside_the_main_thread(tmp_path):
    thread = threading.Thread(target=bags.write, args=(tmp_path / "bag", bags.stereo_records(1)))
    thread.start()
    thread.join()
    assert len(bags.read_with_rosbags(tmp_path / "bag")) == 4


def start_endless_writer(tmp_path, storage):
    """A program that writes frames until it is stopped; it has flushed so many as its output has lines."""
    program = f"""
        import bags, itertools
        from pathlib import Path
        from depth_prompt_ros.bag.storage.writer import BagWriter
        (record, *_) = bags.stereo_records(1)
        with BagWriter(Path({str(tmp_path / "bag")!r}), {storage!r}) as bag:
            for n in itertools.count():
                bag.write("/n", record[1], n)
                bag.flush()
                print(n, flush=True)
    """
    paths = os.pathsep.join([str(Path(__file__).parents[1]), str(Path(__file__).parents[2])])
    process = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(program)],
        env={**os.environ, "PYTHONPATH": paths}, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    for _ in range(30):
        assert process.stdout.readline(), process.stderr.read()
    return process


@pytest.mark.parametrize("storage", STORAGES)
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, -signal.SIGINT), (signal.SIGTERM, 143)])
def test_a_signal_from_outside_leaves_a_valid_bag(tmp_path, storage, number, code):
    process = start_endless_writer(tmp_path, storage)
    process.send_signal(number)
    process.communicate(timeout=60)
    assert process.returncode == code
    assert len(bags.read_with_rosbags(tmp_path / "bag")) >= 30


def test_after_a_kill_the_mcap_is_readable_as_a_stream(tmp_path):
    from mcap.exceptions import EndOfFile
    from mcap.records import Message
    from mcap.stream_reader import StreamReader

    process = start_endless_writer(tmp_path, "mcap")
    process.kill()
    process.communicate(timeout=60)
    numbers = []

    def read_all(file):
        records = (record for record in StreamReader(file).records if isinstance(record, Message))
        numbers.extend(record.log_time for record in records)

    with (tmp_path / "bag" / "bag.mcap").open("rb") as file, pytest.raises(EndOfFile):
        read_all(file)
    assert numbers == list(range(len(numbers)))
    assert len(numbers) >= 30


def test_after_a_kill_the_sqlite3_bag_holds_what_was_flushed(tmp_path):
    process = start_endless_writer(tmp_path, "sqlite3")
    process.kill()
    process.communicate(timeout=60)
    with closing(sqlite3.connect(tmp_path / "bag" / "bag.db3")) as database:
        stamps = [row[0] for row in database.execute("SELECT timestamp FROM messages ORDER BY id")]
    assert stamps == list(range(len(stamps)))
    assert len(stamps) >= 30


def fill_the_disk(folder: Path, storage: str, blocks: int, frames: int = 40) -> subprocess.CompletedProcess[str]:
    """Write frames of 5 kB with files of so many bytes at most: the kernel refuses more as a full disk does."""
    program = f"""
        import resource, signal
        import numpy as np
        import bags
        from pathlib import Path
        from depth_prompt_ros.bag.messages import image_message
        from depth_prompt_ros.bag.storage.writer import BagWriter
        from depth_prompt_ros.errors import BadInput
        try:
            with BagWriter(Path({str(folder)!r}), {storage!r}) as bag:
                bag.flush()
                resource.setrlimit(resource.RLIMIT_FSIZE, ({blocks}, {blocks}))
                for n in range({frames}):
                    for topic in ("/a", "/b"):
                        picture = np.random.default_rng(n).integers(0, 255, (30, 85), np.uint8)
                        bag.write(topic, image_message(picture, "mono8", n, "left"), n)
                    bag.flush()
        except BadInput as error:
            print(error)
            raise SystemExit(2)
    """
    paths = os.pathsep.join([str(Path(__file__).parents[1]), str(Path(__file__).parents[2])])
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)],
        env={**os.environ, "PYTHONPATH": paths}, capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip


@pytest.mark.parametrize("storage", STORAGES)
@pytest.mark.parametrize("size", [60_007, 101_000, 121_031])
def test_when_the_disk_is_full_what_was_flushed_is_a_finished_bag(tmp_path, storage, size):
    done = fill_the_disk(tmp_path / "bag", storage, size)
    assert done.returncode == 2, done.stderr
    (line,) = done.stdout.splitlines()
    assert re.search(r"cannot write to .*bag \(.+\): what was finished before is there, \d+ messages; free some", line)
    assert done.stderr == ""
    read = [(topic, log) for topic, log, _ in bags.read_with_rosbags(tmp_path / "bag")]
    assert len(read) == int(re.search(r"(\d+) messages", line)[1])
    most = {"mcap": size // 5500, "sqlite3": (size - 40_000) // 5500 + 1}[
        storage
    ]  # frames, with the storage's overhead
    assert most - 6 <= len(read) // 2 <= most
    assert read == [(topic, n) for n in range(len(read) // 2) for topic in ("/a", "/b")]
    assert sorted(file.name for file in (tmp_path / "bag").iterdir()) == [
        f"bag.{'mcap' if storage == 'mcap' else 'db3'}",
        "metadata.yaml",
    ]


@pytest.mark.parametrize("storage", STORAGES)
def test_when_nothing_fits_nothing_is_left(tmp_path, storage):
    done = fill_the_disk(tmp_path / "bag", storage, 600)
    assert done.returncode == 2, done.stderr
    assert "nothing was written; free some space" in done.stdout
    assert not (tmp_path / "bag").exists()


def test_camera_info_of_the_pair_gives_the_camera_back():
    camera = CameraModel(width=20, height=10, fx=30.0, fy=31.0, cx=9.0, cy=4.0, baseline=0.12, cx_offset=3.0)
    left, right = camera_info_message(camera, 1, "l"), camera_info_message(camera, 1, "r", right=True)
    assert asdict(CameraModel.from_camera_info(left, right)) == pytest.approx(asdict(camera))


def test_cloud_fields_and_data_follow_the_array():
    kind = np.dtype(
        {"names": ["x", "rgb", "label"], "formats": ["<f4", "<f4", "<u4"], "offsets": [0, 8, 12], "itemsize": 16}
    )
    cloud = np.zeros((2, 3), kind)
    cloud["x"], cloud["label"] = np.arange(6).reshape(2, 3), 7
    organised = cloud_message(cloud, 1, "left")
    assert (organised.height, organised.width, organised.point_step, organised.row_step) == (2, 3, 16, 48)
    assert organised.is_dense is False
    fields = [(field.name, field.offset, field.datatype, field.count) for field in organised.fields]
    assert fields == [("x", 0, 7, 1), ("rgb", 8, 7, 1), ("label", 12, 6, 1)]
    np.testing.assert_array_equal(organised.data.view(kind)["x"], np.arange(6))
    points = cloud_message(cloud[cloud["x"] > 3], 1, "left")
    assert (points.height, points.width, points.row_step, points.is_dense) == (1, 2, 32, True)


def test_disparity_message_gives_depth_by_its_own_formula():
    """stereo_msgs: Z = f T / d, d adjusted by the principal points; below min_disparity is invalid."""
    camera = CameraModel(width=3, height=1, fx=100.0, fy=100.0, cx=1.0, cy=0.0, baseline=0.2, cx_offset=5.0)
    disparity = np.array([[10, np.nan, 0]], np.float32)
    content = disparity_message(disparity, camera, (0, 64), 1, "left")
    stored = content.image.data.view(np.float32)
    np.testing.assert_allclose(
        content.f * content.t / stored[[0, 2]], camera.depth_from_disparity(disparity)[0, [0, 2]]
    )
    assert stored[1] < content.min_disparity <= stored[2]
    assert content.max_disparity == 68


def test_diagnostics_round_trip(tmp_path):
    content = diagnostics_message([(1, "target 1", "no support", {"anchor": "refused"})], bags.stamp(0), "left")
    ((_, _, read),) = bags.read_with_rosbags(bags.write(tmp_path / "bag", [("/d", content, 5)]))
    (status,) = read.status
    assert (status.level, status.name, status.message) == (1, "target 1", "no support")
    assert [(pair.key, pair.value) for pair in status.values] == [("anchor", "refused")]


@pytest.mark.parametrize(
    ("array", "encoding"),
    [
        (np.zeros((2, 2), np.float64), "32FC1"),
        (np.zeros((2, 2), np.uint8), "rgb8"),
        (np.zeros((2, 2, 3), np.uint8), "mono8"),
    ],
)
def test_an_array_that_is_not_of_the_encoding(array, encoding):
    with pytest.raises(ValueError, match=f"is not {encoding}"):
        image_message(array, encoding, 1, "left")


def test_a_bool_mask_is_written_as_0_and_255():
    content = image_message(np.array([[True, False]]), "mono8", 1, "left")
    assert content.data.tolist() == [255, 0]
