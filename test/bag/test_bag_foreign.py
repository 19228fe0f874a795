"""Recordings as other programs write them: Humble's sqlite3, rosbag2 compression, MCAP of the mcap package."""

from __future__ import annotations

import re
import sqlite3
import tracemalloc
from functools import partial

import bags
import numpy as np
import pytest
import yaml

from depth_prompt_ros.bag.messages import typestore
from depth_prompt_ros.bag.reader import FrameReader
from depth_prompt_ros.bag.storage import mcap_source
from depth_prompt_ros.bag.storage.decompress import decompress
from depth_prompt_ros.bag.storage.recording import Recording
from depth_prompt_ros.errors import BadInput
from depth_prompt_ros.frame import Frame
from depth_prompt_ros.parameters import Parameters, Topics

RECORDS = bags.stereo_records(6)


def serialised():
    return [
        (topic, content.__msgtype__, bytes(typestore().serialize_cdr(content, content.__msgtype__)), log)
        for topic, content, log in RECORDS
    ]


def check(path, frames=6, damage=""):
    reader = FrameReader(path, Parameters())
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


def mcap_with_another_channel(path, encoding, schema, data, profile="ros2", first=True):
    """Our topics as CDR and one more channel of another encoding, before or behind them."""
    from mcap.writer import Writer

    with path.open("wb") as file:
        writer = Writer(file)
        writer.start(profile=profile, library="another recorder")

        def other():
            number = writer.register_schema("a.Type", schema, data) if schema else 0
            channel = writer.register_channel("/annotations", encoding, number)
            writer.add_message(channel, log_time=bags.stamp(1), data=b"{}", publish_time=0)

        if first:
            other()
        channels = {}
        for topic, msgtype, raw, log in serialised():
            if topic not in channels:
                definition, _ = typestore().generate_msgdef(msgtype, ros_version=2)
                number = writer.register_schema(msgtype, "ros2msg", definition.encode())
                channels[topic] = writer.register_channel(topic, "cdr", number)
            writer.add_message(channels[topic], log_time=log, data=raw, publish_time=log)
        if not first:
            other()
        writer.finish()


@pytest.mark.parametrize("first", [False, True])
@pytest.mark.parametrize("profile", ["ros2", "", "x"])
@pytest.mark.parametrize(
    ("encoding", "schema", "data"),
    [("protobuf", "protobuf", b"\x0a\x00"), ("json", "jsonschema", b"{}"), ("json", "", b""), ("flatbuffer", "x", b"")],
)
def test_channels_of_other_encodings_beside_ours(tmp_path, encoding, schema, data, profile, first):
    path = tmp_path / "rec.mcap"
    mcap_with_another_channel(path, encoding, schema, data, profile, first)
    check(path)
    with pytest.raises(
        BadInput, match=rf"/annotations \(topics.labels\) in .* is encoded as '{encoding}', not as ROS 2"
    ):
        FrameReader(path, Parameters(topics=Topics(labels="annotations")))


def test_a_recording_of_another_system_alone_names_its_topics(tmp_path):
    from mcap.writer import Writer

    path = tmp_path / "rec.mcap"
    with path.open("wb") as file:
        writer = Writer(file)
        writer.start(profile="", library="x")
        writer.add_message(writer.register_channel("/camera", "protobuf", 0), log_time=1, data=b"", publish_time=1)
        writer.finish()
    with pytest.raises(BadInput, match="one of those there .not ROS 2 but protobuf: /camera"):
        FrameReader(path, Parameters())


@pytest.mark.parametrize("storage", ["mcap", "sqlite3"])
@pytest.mark.parametrize("lone", [False, True])
def test_metadata_of_a_newer_version(tmp_path, storage, lone):
    bag = bags.write(tmp_path / "bag", RECORDS, storage)
    metadata = bag / "metadata.yaml"
    metadata.write_text(metadata.read_text().replace("version: 8", "version: 12\n  something_new: {a: 1}"))
    check(next(bag.glob("bag.*")) if lone else bag)


@pytest.mark.parametrize("storage", ["MCAP", "SQLITE3"])
def test_a_lone_compressed_file(tmp_path, storage):
    from rosbags.rosbag2 import CompressionFormat, CompressionMode, StoragePlugin, Writer

    writer = Writer(tmp_path / "bag", version=9, storage_plugin=StoragePlugin[storage])
    writer.set_compression(CompressionMode.FILE, CompressionFormat.ZSTD)
    with writer:
        connections = {}
        for topic, msgtype, raw, log in serialised():
            if topic not in connections:
                connections[topic] = writer.add_connection(topic, msgtype, typestore=typestore())
            writer.write(connections[topic], log, raw)
    (file,) = (tmp_path / "bag").glob("*.zstd")
    check(file)
    content = file.read_bytes()
    file.write_bytes(content[: len(content) // 2])
    with pytest.raises(BadInput, match="cannot read bag .*zstd"):
        FrameReader(file, Parameters())


def test_one_file_of_a_split_recording_is_gone(tmp_path):
    bag = bags.write(tmp_path / "bag", RECORDS)
    metadata = bag / "metadata.yaml"
    metadata.write_text(metadata.read_text().replace("  - bag.mcap\n", "  - bag.mcap\n  - bag_1.mcap\n", 1))
    check(bag, damage="bag_1.mcap of ")


@pytest.mark.parametrize("compression", ["ZSTD", "LZ4"])
@pytest.mark.parametrize("indexed", [False, True])
def test_a_chunk_that_unpacks_to_more_than_the_limit_is_left_out(tmp_path, compression, indexed, monkeypatch):
    """A small file must not cost more memory than the largest chunk that is allowed, here 1 MiB."""
    from mcap.writer import CompressionType, Writer

    path = tmp_path / "rec.mcap"
    with path.open("wb") as file:
        writer = Writer(file, chunk_size=2000, compression=CompressionType[compression])
        writer.start(profile="ros2", library="another recorder")
        channels = {}
        for number, (topic, msgtype, raw, log) in enumerate(serialised()):
            if topic not in channels:
                definition, _ = typestore().generate_msgdef(msgtype, ros_version=2)
                schema = writer.register_schema(msgtype, "ros2msg", definition.encode())
                channels[topic] = writer.register_channel(topic, "cdr", schema)
            data = raw if number != 12 else bytes(2**26)
            writer.add_message(channels[topic], log_time=log, data=data, publish_time=log)
        writer.finish()
    if not indexed:
        path.write_bytes(path.read_bytes()[:-8])
    monkeypatch.setattr(mcap_source, "decompress", partial(decompress, limit=2**20))
    tracemalloc.start()
    recording = Recording(path)
    count = sum(1 for _ in recording.messages(recording.types))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2**24
    assert path.stat().st_size < 2**20
    assert (20 <= count < 24) if indexed else (8 <= count <= 12)
    assert re.search(
        "1 of its .* chunks were left out: .* unpack to more than 1 MiB" if indexed else "truncated", recording.damage
    )


@pytest.mark.parametrize("compression", ["zstd", "lz4", "", "snappy"])
def test_what_is_unpacked_is_bounded(compression):
    import lz4.frame
    import zstandard

    pack = {"zstd": zstandard.compress, "lz4": lz4.frame.compress}.get(compression, bytes)
    if compression == "snappy":
        with pytest.raises(BadInput, match="compression 'snappy' is not known"):
            decompress(b"x", compression)
        return
    assert decompress(pack(b"abc" * 300), compression, 900) == b"abc" * 300
    if compression:
        with pytest.raises(BadInput, match="unpack to more than"):
            decompress(pack(b"abc" * 300), compression, 899)
        with pytest.raises(BadInput, match="cannot be unpacked"):
            decompress(b"not packed at all", compression)


def test_mcap_without_chunks_cut_inside_a_message(tmp_path):
    from mcap.writer import CompressionType

    path = tmp_path / "rec.mcap"
    write_with_mcap_package(path, CompressionType.NONE, use_chunking=False)
    content = path.read_bytes()
    path.write_bytes(content[: content.index(bags.picture(3, 1).tobytes()) + 7])
    check(path, frames=3, damage="is truncated")


def test_names_of_a_damaged_recording_are_said_in_one_line(tmp_path):
    write_humble_sqlite3(tmp_path / "rec")
    with sqlite3.connect(tmp_path / "rec" / "rec_0.db3") as database:
        database.execute("UPDATE topics SET name = CAST(X'2f0c6c0a65' AS TEXT) WHERE name = '/left/image_rect'")
        database.execute("UPDATE topics SET type = CAST(X'ff' AS BLOB) WHERE name = '/right/camera_info'")
    database.close()
    with pytest.raises(BadInput, match="topic /left/image_rect .* is not in .*: / l e, /right/image_rect") as error:
        FrameReader(tmp_path / "rec" / "rec_0.db3", Parameters())
    assert str(error.value).isprintable()
