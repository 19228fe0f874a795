"""Recordings as other programs write them: Humble's sqlite3, rosbag2 compression, MCAP of the mcap package."""

from __future__ import annotations

import sqlite3

import bags
import numpy as np
import pytest
import yaml

from depth_prompt_ros.bag.messages import typestore
from depth_prompt_ros.bag.reader import FrameReader
from depth_prompt_ros.frame import Frame
from depth_prompt_ros.parameters import Topics

RECORDS = bags.stereo_records(6)


def serialised():
    return [
        (topic, content.__msgtype__, bytes(typestore().serialize_cdr(content, content.__msgtype__)), log)
        for topic, content, log in RECORDS
    ]


def check(path, frames=6, damage=""):
    reader = FrameReader(path, Topics(), 0.02)
    contents = [recorded.content for recorded in reader.read()]
    read = [content for content in contents if isinstance(content, Frame)]
    assert [frame.stamp_ns for frame in read] == [bags.stamp(n) for n in range(len(read))]
    for number, frame in enumerate(read):
        np.testing.assert_array_equal(frame.image, bags.picture(number))
        np.testing.assert_array_equal(frame.right, bags.picture(number, 1))
    assert len(read) == frames
    assert damage in reader.recording.damage
    assert bool(damage) == bool(reader.recording.damage)


def write_humble_sqlite3(path):
    """The tables and the version 5 metadata of Humble: no message definitions anywhere."""
    path.mkdir()
    topics = {topic: msgtype for topic, msgtype, *_ in serialised()}
    database = sqlite3.connect(path / "rec_0.db3")
    database.executescript(
        "CREATE TABLE topics(id INTEGER PRIMARY KEY, name TEXT NOT NULL, type TEXT NOT NULL,"
        " serialization_format TEXT NOT NULL, offered_qos_profiles TEXT NOT NULL);"
        "CREATE TABLE messages(id INTEGER PRIMARY KEY, topic_id INTEGER NOT NULL, timestamp INTEGER NOT NULL,"
        " data BLOB NOT NULL);"
    )
    for number, (topic, msgtype) in enumerate(topics.items()):
        database.execute("INSERT INTO topics VALUES(?, ?, ?, 'cdr', '')", (number, topic, msgtype))
    for topic, _, raw, log in serialised():
        database.execute(
            "INSERT INTO messages(topic_id, timestamp, data) VALUES(?, ?, ?)", (list(topics).index(topic), log, raw)
        )
    database.commit()
    database.close()
    information = {
        "version": 5,
        "storage_identifier": "sqlite3",
        "duration": {"nanoseconds": RECORDS[-1][2] - RECORDS[0][2]},
        "starting_time": {"nanoseconds_since_epoch": RECORDS[0][2]},
        "message_count": len(RECORDS),
        "topics_with_message_count": [
            {
                "topic_metadata": {
                    "name": topic,
                    "type": msgtype,
                    "serialization_format": "cdr",
                    "offered_qos_profiles": "",
                },
                "message_count": len(RECORDS) // len(topics),
            }
            for topic, msgtype in topics.items()
        ],
        "compression_format": "",
        "compression_mode": "",
        "relative_file_paths": ["rec_0.db3"],
        "files": [],
    }
    (path / "metadata.yaml").write_text(yaml.safe_dump({"rosbag2_bagfile_information": information}))


@pytest.mark.parametrize("lone", [False, True])
def test_sqlite3_as_humble_records_it(tmp_path, lone):
    write_humble_sqlite3(tmp_path / "rec")
    check(tmp_path / "rec" / "rec_0.db3" if lone else tmp_path / "rec")


@pytest.mark.parametrize(
    ("storage", "mode"),
    [("MCAP", "FILE"), ("MCAP", "MESSAGE"), ("MCAP", "STORAGE"), ("SQLITE3", "FILE"), ("SQLITE3", "MESSAGE")],
)
def test_compressed_by_rosbag2(tmp_path, storage, mode):
    from rosbags.rosbag2 import CompressionFormat, CompressionMode, StoragePlugin, Writer

    writer = Writer(tmp_path / "bag", version=9, storage_plugin=StoragePlugin[storage])
    writer.set_compression(CompressionMode[mode], CompressionFormat.ZSTD)
    with writer:
        connections = {}
        for topic, msgtype, raw, log in serialised():
            if topic not in connections:
                connections[topic] = writer.add_connection(topic, msgtype, typestore=typestore())
            writer.write(connections[topic], log, raw)
    check(tmp_path / "bag")


def write_with_mcap_package(path, compression, use_chunking=True):
    from mcap.writer import Writer

    with path.open("wb") as file:
        writer = Writer(file, chunk_size=2000, compression=compression, use_chunking=use_chunking)
        writer.start(profile="ros2", library="another recorder")
        channels = {}
        for topic, msgtype, raw, log in serialised():
            if topic not in channels:
                definition, _ = typestore().generate_msgdef(msgtype, ros_version=2)
                schema = writer.register_schema(msgtype, "ros2msg", definition.encode())
                channels[topic] = writer.register_channel(topic, "cdr", schema)
            writer.add_message(channels[topic], log_time=log, data=raw, publish_time=log)
        writer.finish()


@pytest.mark.parametrize("compression", ["NONE", "LZ4", "ZSTD"])
@pytest.mark.parametrize("chunked", [False, True])
def test_mcap_of_another_recorder(tmp_path, compression, chunked):
    from mcap.writer import CompressionType

    write_with_mcap_package(tmp_path / "rec.mcap", CompressionType[compression], chunked)
    check(tmp_path / "rec.mcap")


@pytest.mark.parametrize("compression", ["NONE", "LZ4", "ZSTD"])
def test_mcap_of_another_recorder_cut_inside_a_chunk(tmp_path, compression):
    from mcap.reader import make_reader
    from mcap.writer import CompressionType

    path = tmp_path / "rec.mcap"
    write_with_mcap_package(path, CompressionType[compression])
    with path.open("rb") as file:
        chunk = make_reader(file).get_summary().chunk_indexes[-1]
    path.write_bytes(path.read_bytes()[: chunk.chunk_start_offset + chunk.chunk_length // 2])
    check(path, frames=5, damage="is truncated")


def test_mcap_without_chunks_cut_inside_a_message(tmp_path):
    from mcap.writer import CompressionType

    path = tmp_path / "rec.mcap"
    write_with_mcap_package(path, CompressionType.NONE, use_chunking=False)
    content = path.read_bytes()
    path.write_bytes(content[: content.index(bags.picture(3, 1).tobytes()) + 7])
    check(path, frames=3, damage="is truncated")
