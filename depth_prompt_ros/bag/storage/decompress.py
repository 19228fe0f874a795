"""Zstandard and LZ4, bounded: what claims or turns out to be larger than a limit is refused, not unpacked."""

from __future__ import annotations

from pathlib import Path

from depth_prompt_ros.errors import BadInput

LARGEST = 2**28
"""Bytes of a message or of a chunk of them; recorders write chunks of some MiB."""


def decompress(data: bytes | memoryview, compression: str, limit: int = LARGEST) -> bytes:
    """Unpack one piece of a recording.

    Args:
        data: packed bytes.
        compression: ``zstd``, ``lz4`` or empty for none.
        limit: bytes.

    Raises:
        BadInput: another compression, damaged data, or more than the limit.
    """
    if not compression:
        return bytes(data)
    try:
        if compression == "zstd":
            import zstandard

            with zstandard.ZstdDecompressor().stream_reader(data, read_across_frames=True) as stream:
                unpacked = stream.read(limit + 1)
        elif compression == "lz4":
            import lz4.frame

            unpacked = lz4.frame.LZ4FrameDecompressor().decompress(data, max_length=limit + 1)
        else:
            raise BadInput(f"compression {compression!r} is not known: zstd and lz4 are")
    except BadInput:
        raise
    except Exception as error:
        raise BadInput(f"{compression} data cannot be unpacked ({error})") from error
    if len(unpacked) > limit:
        raise BadInput(f"{len(data)} bytes of {compression} data unpack to more than {limit // 2**20} MiB")
    return bytes(unpacked)


def decompress_file(packed: Path, unpacked: Path) -> None:
    """Unpack a file of Zstandard, as rosbag2 writes with ``--compression-mode file``, piece by piece.

    Raises:
        BadInput: it is damaged, or the disk is full.
    """
    import zstandard

    try:
        with packed.open("rb") as source, unpacked.open("wb") as target:
            zstandard.ZstdDecompressor().copy_stream(source, target)
    except (OSError, zstandard.ZstdError) as error:
        raise BadInput(f"cannot unpack {packed} to {unpacked.parent}: {error}") from error
