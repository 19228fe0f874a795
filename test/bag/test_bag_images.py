"""Every encoding, endianness and row step into arrays and back."""

from __future__ import annotations

import resource
import struct
import zlib

import cv2
import numpy as np
import pytest

from depth_prompt_ros.bag.encodings.images import VIEWED, depth_metres, image_size, label_image, picture, view
from depth_prompt_ros.bag.messages import compressed_image_message, header, image_message, message, typestore
from depth_prompt_ros.errors import BadFrame

HEIGHT, WIDTH = 5, 7


def values(encoding: str) -> np.ndarray:
    rng = np.random.default_rng(3)
    element, channels = VIEWED[encoding]
    shape = (HEIGHT, WIDTH) if channels == 1 else (HEIGHT, WIDTH, channels)
    if element == np.float32:
        return rng.uniform(0.3, 5, shape).astype(np.float32)
    return rng.integers(1, np.iinfo(element).max, shape, dtype=element)


def raw_image(array: np.ndarray, encoding: str, big: bool = False, padding: int = 0, **changes):
    stored = array.astype(array.dtype.newbyteorder(">" if big else "<"))
    rows = stored.reshape(array.shape[0], -1).view(np.uint8)
    padded = np.full((rows.shape[0], rows.shape[1] + padding), 0xEE, np.uint8)
    padded[:, : rows.shape[1]] = rows
    fields = {
        "header": header(1, "left"), "height": array.shape[0], "width": array.shape[1], "encoding": encoding,
        "is_bigendian": int(big), "step": padded.shape[1], "data": padded.reshape(-1),
    }  # fmt: skip
    return message("sensor_msgs/msg/Image", **{**fields, **changes})


@pytest.mark.parametrize("padding", [0, 1, 13])
@pytest.mark.parametrize("big", [False, True])
@pytest.mark.parametrize("encoding", list(VIEWED))
def test_view_reads_every_layout_without_a_copy(encoding, big, padding):
    array = values(encoding)
    image = raw_image(array, encoding, big, padding)
    seen = view(image)
    np.testing.assert_array_equal(seen, array)
    assert np.shares_memory(seen, image.data)


def test_view_allows_a_last_row_without_padding():
    array = values("mono8")
    image = raw_image(array, "mono8", padding=3)
    image.data = image.data[:-3]
    np.testing.assert_array_equal(view(image), array)


@pytest.mark.parametrize("encoding", list(VIEWED))
def test_written_image_is_read_back(encoding):
    array = values(encoding)
    raw = typestore().serialize_cdr(image_message(array, encoding, 5, "left"), "sensor_msgs/msg/Image")
    np.testing.assert_array_equal(view(typestore().deserialize_cdr(raw, "sensor_msgs/msg/Image")), array)


@pytest.mark.parametrize(
    ("encoding", "order"), [("rgb8", [0, 1, 2]), ("bgr8", [2, 1, 0]), ("rgba8", [0, 1, 2]), ("bgra8", [2, 1, 0])]
)
@pytest.mark.parametrize("padding", [0, 5])
def test_colour_pictures_become_rgb(encoding, order, padding):
    array = values(encoding)
    rgb = picture(raw_image(array, encoding, padding=padding))
    np.testing.assert_array_equal(rgb, array[..., order])
    assert rgb.dtype == np.uint8
    assert rgb.flags.c_contiguous


def test_packed_rgb_is_not_copied():
    image = raw_image(values("rgb8"), "rgb8")
    assert np.shares_memory(picture(image), image.data)


@pytest.mark.parametrize("big", [False, True])
def test_grey_pictures_become_rgb(big):
    grey = values("mono8")
    np.testing.assert_array_equal(picture(raw_image(grey, "mono8", padding=2)), np.repeat(grey[..., None], 3, 2))
    np.testing.assert_array_equal(
        picture(raw_image(grey.astype(np.uint16) * 257, "mono16", big)), np.repeat(grey[..., None], 3, 2)
    )


@pytest.mark.parametrize("padding", [0, 6])
def test_bayer_goes_through_rosbags_image_with_any_step(padding):
    red = np.zeros((8, 8), np.uint8)
    red[::2, ::2] = 200  # the red cells of RGGB
    rgb = picture(raw_image(red, "bayer_rggb8", padding=padding))
    assert rgb.shape == (8, 8, 3)
    assert rgb[2:-2, 2:-2, 0].min() > 90
    assert rgb[2:-2, 2:-2, 1:].max() == 0


@pytest.mark.parametrize(("big", "encoding"), [(False, "rgb16"), (True, "rgb16"), (False, "bgr16")])
def test_sixteen_bit_colour_is_scaled(big, encoding):
    array = np.zeros((4, 4, 3), np.uint16)
    array[..., 0], array[..., 2] = 65535, 257
    first, last = picture(raw_image(array, encoding, big))[1, 1, [0, 2]]
    assert sorted((first, last)) == [1, 255]
    assert (first == 255) == (encoding == "rgb16")


@pytest.mark.parametrize("encoding", ["32FC1", "16UC1"])
def test_depth_is_no_picture(encoding):
    with pytest.raises(BadFrame, match=f"encoding {encoding} is depth, not a picture"):
        picture(raw_image(values(encoding), encoding))


@pytest.mark.parametrize("encoding", ["32FC2", "32FC3", "nonsense"])
def test_unknown_picture_encoding_is_named(encoding):
    with pytest.raises(BadFrame, match=encoding):
        picture(raw_image(np.ones((HEIGHT, WIDTH, 3), np.float32), encoding))


def test_view_names_the_encodings_it_takes():
    with pytest.raises(BadFrame, match="bayer_rggb8 is not one of mono8, 8UC1, rgb8"):
        view(raw_image(values("mono8"), "bayer_rggb8"))


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"step": 3}, "row step 3 is shorter than a row of 7 bytes"),
        ({"data": np.zeros(10, np.uint8)}, "has 10 bytes of data but 7x5 mono8 with its row step needs 35"),
        ({"width": 0}, "image is empty"),
    ],
)
def test_inconsistent_images_are_refused(changes, text):
    with pytest.raises(BadFrame, match=text):
        picture(raw_image(values("mono8"), "mono8", **changes))


@pytest.mark.parametrize("big", [False, True])
@pytest.mark.parametrize("padding", [0, 2])
def test_depth_units_and_invalid_values(big, padding):
    millimetres = np.array([[0, 1000, 65535]], np.uint16)
    np.testing.assert_allclose(depth_metres(raw_image(millimetres, "16UC1", big, padding)), [[np.nan, 1, 65.535]])
    metres = np.array([[0, 1.5, np.nan, np.inf, -np.inf, -1]], np.float32)
    depth = depth_metres(raw_image(metres, "32FC1", big, padding))
    np.testing.assert_array_equal(depth, np.array([[np.nan, 1.5, np.nan, np.nan, np.nan, np.nan]], np.float32))
    assert depth.dtype == np.float32
    assert depth.dtype.isnative


def test_depth_from_a_picture_is_refused():
    with pytest.raises(BadFrame, match="depth encoding rgb8 is not supported: give 16UC1"):
        depth_metres(raw_image(values("rgb8"), "rgb8"))


def test_zero_depth_is_never_written():
    written = view(image_message(np.array([[0, 1]], np.float32), "32FC1", 0, "left"))
    np.testing.assert_array_equal(written, np.array([[np.nan, 1]], np.float32))


@pytest.mark.parametrize("encoding", ["mono8", "8UC1", "mono16", "16UC1"])
def test_labels_from_one_channel(encoding):
    array = values(encoding)
    np.testing.assert_array_equal(label_image(raw_image(array, encoding, padding=1)), array)
    assert label_image(raw_image(array, encoding)).dtype == np.uint16


def test_labels_refuse_colour_and_lossy_compression():
    with pytest.raises(BadFrame, match="label encoding rgb8 is not supported"):
        label_image(raw_image(values("rgb8"), "rgb8"))
    with pytest.raises(BadFrame, match="use PNG"):
        label_image(compressed(".jpg", values("mono8"), "mono8; jpeg compressed "))
    with pytest.raises(BadFrame, match="colour PNG: give one channel"):
        label_image(compressed(".png", values("rgb8"), "png"))
    labels = values("mono16")
    np.testing.assert_array_equal(label_image(compressed(".png", labels, "mono16; png compressed ")), labels)


def compressed(extension: str, array: np.ndarray, format_: str, prefix: bytes = b""):
    done, data = cv2.imencode(extension, array)
    assert done
    return compressed_image_message(prefix + data.tobytes(), format_, 1, "left")


@pytest.mark.parametrize(
    ("format_", "rgb_inside"),
    [
        ("png", False),
        ("bgr8; png compressed bgr8", False),
        ("rgb8; png compressed bgr8", False),
        ("rgb8; png compressed rgb8", True),
    ],
)
def test_compressed_channel_order(format_, rgb_inside):
    array = values("rgb8")
    stored = array if rgb_inside else array[..., ::-1]
    np.testing.assert_array_equal(picture(compressed(".png", np.ascontiguousarray(stored), format_)), array)


def test_jpeg_and_grey_png():
    flat = np.full((16, 16, 3), (10, 120, 240), np.uint8)
    np.testing.assert_allclose(picture(compressed(".jpg", flat, "jpeg")), flat[..., ::-1], atol=4)
    grey = values("mono8")
    np.testing.assert_array_equal(
        picture(compressed(".png", grey, "mono8; png compressed ")), np.repeat(grey[..., None], 3, 2)
    )


@pytest.mark.parametrize("data", [b"", b"\x89PNG broken", b"not a picture"])
def test_damaged_compressed_image(data):
    with pytest.raises(BadFrame, match="cannot decode the compressed image"):
        picture(compressed_image_message(data, "png", 1, "left"))


def test_compressed_depth_in_millimetres():
    depth = np.array([[0, 400, 65535]], np.uint16)
    for message_ in (
        compressed(".png", depth, "16UC1; compressedDepth png", struct.pack("<iff", 0, 0, 0)),
        compressed(".png", depth, "16UC1; compressedDepth", struct.pack("<iff", 0, 0, 0)),
        compressed(".png", depth, "16UC1; png compressed "),
    ):
        np.testing.assert_allclose(depth_metres(message_), [[np.nan, 0.4, 65.535]])


def test_compressed_depth_in_metres_is_dequantised():
    depth_max, quantisation = 10.0, 100.0  # the publisher's defaults
    quant_a = quantisation * (quantisation + 1)
    quant_b = 1 - quant_a / depth_max
    depth = np.array([[0.4, 0.75, 1.0, 2.5, 8.0]])
    stored = np.append(np.round(quant_a / depth + quant_b).astype(np.uint16), np.uint16(0))[None]
    read = depth_metres(
        compressed(".png", stored, "32FC1; compressedDepth png", struct.pack("<iff", 0, quant_a, quant_b))
    )
    assert np.isnan(read[0, -1])
    np.testing.assert_allclose(read[:, :-1], depth, rtol=4e-3)


@pytest.mark.parametrize(
    ("format_", "data", "text"),
    [
        ("16UC1; compressedDepth png", b"1234567", "has only 7 bytes"),
        ("16UC1; compressedDepth rvl", bytes(40), "says that it is 0x0 pixels"),
        ("16UC1; compressedDepth rvl", bytes(15), "has only 15 bytes"),
        ("16UC1; compressedDepth png", bytes(12) + b"\x89PNG damaged", "is no JPEG, PNG or TIFF picture"),
        ("16UC1; compressedDepth png", bytes(12) + b"\x89PNG\r\n\x1a\n", "is cut, or its lengths are wrong"),
    ],
)
def test_compressed_depth_errors(format_, data, text):
    with pytest.raises(BadFrame, match=text):
        depth_metres(compressed_image_message(data, format_, 1, "left"))


def test_compressed_depth_of_unknown_encoding_or_as_picture():
    stored = np.ones((2, 2), np.uint16)
    with pytest.raises(BadFrame, match="compressedDepth of '64FC1'"):
        depth_metres(compressed(".png", stored, "64FC1; compressedDepth png", bytes(12)))
    with pytest.raises(BadFrame, match="depth, not a picture"):
        picture(compressed(".png", stored, "16UC1; compressedDepth png", bytes(12)))
    with pytest.raises(BadFrame, match="not a 16-bit PNG"):
        depth_metres(compressed(".png", stored.astype(np.uint8), "8UC1; png compressed "))
    with pytest.raises(BadFrame, match="does not hold a 16-bit picture"):
        depth_metres(compressed(".png", stored.astype(np.uint8), "16UC1; compressedDepth png", bytes(12)))


def two_planes(rgb: np.ndarray, encoding: str) -> np.ndarray:
    """(H * 3 / 2, W) as cameras send it: grey, then colour at half the size, u and v in turns."""
    height, width = rgb.shape[:2]
    planes = cv2.cvtColor(rgb, cv2.COLOR_RGB2YUV_I420)
    u, v = planes[height:].reshape(2, height // 2, width // 2)
    return np.concatenate([planes[:height], np.stack([u, v] if encoding == "nv12" else [v, u], -1).reshape(-1, width)])


@pytest.mark.parametrize("all_rows", [False, True])
@pytest.mark.parametrize("padding", [0, 6])
@pytest.mark.parametrize("encoding", ["nv12", "nv21"])
def test_two_planes_of_yuv(encoding, padding, all_rows):
    rgb = np.full((8, 12, 3), (200, 60, 30), np.uint8)
    rgb[4:] = (20, 90, 220)
    image = raw_image(two_planes(rgb, encoding), encoding, padding=padding, height=12 if all_rows else 8)
    assert image_size(image) == (12, 8)
    np.testing.assert_allclose(picture(image), rgb, atol=6)


def test_two_planes_that_are_cut_or_odd_are_refused():
    planes = two_planes(np.full((8, 12, 3), 90, np.uint8), "nv12")
    with pytest.raises(BadFrame, match="has 132 bytes of data but 12x12 nv12 with its row step needs 144"):
        picture(raw_image(planes, "nv12", height=8, data=planes.reshape(-1)[:132]))
    with pytest.raises(BadFrame, match="nv12 of 11x8 has an odd side"):
        picture(raw_image(planes, "nv12", height=8, width=11))


def test_interleaved_yuv():
    rgb = np.full((4, 8, 3), (200, 60, 30), np.uint8)
    y, u, v = cv2.cvtColor(rgb, cv2.COLOR_RGB2YUV_I420).reshape(-1)[[0, 32, 40]]
    for encoding, pair in (("yuv422_yuy2", [y, u, y, v]), ("yuv422", [u, y, v, y])):
        image = raw_image(np.tile(np.array(pair, np.uint8), (4, 4)), encoding, width=8)
        np.testing.assert_allclose(picture(image), rgb, atol=6)


@pytest.mark.parametrize("bits", [8, 16])
def test_a_mosaic_inside_a_compressed_image(bits):
    red = np.zeros((8, 8), np.uint8 if bits == 8 else np.uint16)
    red[::2, ::2] = 200 if bits == 8 else 200 * 257
    rgb = picture(compressed(".png", red, f"bayer_rggb{bits}; png compressed "))
    assert rgb.dtype == np.uint8
    assert rgb[2:-2, 2:-2, 0].min() > 90
    assert rgb[2:-2, 2:-2, 1:].max() == 0


@pytest.mark.parametrize("format_", ["h264", "nv12", "", "bgr8; hevc compressed"])
def test_what_is_no_picture_is_refused_by_its_name_and_not_called_damaged(format_):
    data = b"\0\0\0\1\x67\x42\0\x1f" + b"\x11" * 400
    with pytest.raises(BadFrame, match=f"format '{format_}' with data that begins with 00 00 00 01 67") as error:
        picture(compressed_image_message(data, format_, 1, "left"))
    assert "damaged" not in str(error.value)


def test_tiff_is_read():
    array = values("rgb8")
    message_ = compressed(".tiff", np.ascontiguousarray(array[..., ::-1]), "rgb8; tiff compressed bgr8")
    assert image_size(message_) == (WIDTH, HEIGHT)
    np.testing.assert_array_equal(picture(message_), array)


@pytest.mark.parametrize("extension", [".png", ".jpg", ".tiff"])
def test_the_size_is_known_from_the_first_bytes_and_a_cut_before_it_is_said(extension):
    done, data = cv2.imencode(extension, np.zeros((24, 40, 3), np.uint8))
    assert done
    assert image_size(compressed_image_message(data.tobytes(), "x", 1, "left")) == (40, 24)
    with pytest.raises(BadFrame, match="is cut, or its lengths are wrong"):
        picture(compressed_image_message(data.tobytes()[:15], "x", 1, "left"))


def with_size(png: bytes, width: int, height: int) -> bytes:
    head = png[12:16] + struct.pack(">II", width, height) + png[24:29]
    return png[:8] + png[8:12] + head + struct.pack(">I", zlib.crc32(head)) + png[33:]


@pytest.mark.parametrize("read", [picture, depth_metres, label_image])
def test_a_few_bytes_that_claim_gigabytes_are_refused_before_memory_is_taken(read):
    png = cv2.imencode(".png", np.zeros((8, 8), np.uint16))[1].tobytes()
    claim = compressed_image_message(with_size(png, 60000, 60000), "png", 1, "left")
    assert image_size(claim) == (60000, 60000)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(BadFrame, match="cannot decode the compressed image .* it says 60000x60000 pixels"):
        read(claim)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100_000
    rvl = compressed_image_message(bytes(12) + struct.pack("<II", 60000, 60000) + bytes(8), RVL, 1, "left")
    with pytest.raises(BadFrame, match="RVL depth says that it is 60000x60000"):
        depth_metres(rvl)


def test_compressed_depth_without_its_header():
    depth = np.array([[0, 400, 65535]], np.uint16)
    np.testing.assert_allclose(
        depth_metres(compressed(".png", depth, "16UC1; compressedDepth png")), [[np.nan, 0.4, 65.535]]
    )
    with pytest.raises(BadFrame, match="lacks its 12-byte header, which holds the scale of 32FC1"):
        depth_metres(compressed(".png", depth, "32FC1; compressedDepth png"))


RVL = "16UC1; compressedDepth rvl"


def encode_rvl(depth: np.ndarray) -> bytes:
    """The published encoder (Wilson 2017, listing 1), number by number."""
    pieces: list[int] = []

    def put(number: int) -> None:
        while True:
            pieces.append(number & 7 | (8 if number >> 3 else 0))
            number >>= 3
            if not number:
                return

    flat, place, before = depth.reshape(-1).astype(int).tolist(), 0, 0
    while place < len(flat):
        start = place
        while place < len(flat) and flat[place] == 0:
            place += 1
        put(place - start)
        start = place
        while place < len(flat) and flat[place] != 0:
            place += 1
        put(place - start)
        for value in flat[start:place]:
            difference, before = value - before, value
            put(difference << 1 if difference >= 0 else (-difference << 1) - 1)
    pieces += [0] * (-len(pieces) % 8)
    words = [sum(piece << 28 - 4 * n for n, piece in enumerate(pieces[k : k + 8])) for k in range(0, len(pieces), 8)]
    return np.array(words, "<u4").tobytes()


def rvl_message(depth: np.ndarray, data: bytes | None = None, quant=(0.0, 0.0), format_=RVL):
    head = struct.pack("<iff", 0, *quant) + struct.pack("<II", depth.shape[1], depth.shape[0])
    return compressed_image_message(head + (encode_rvl(depth) if data is None else data), format_, 1, "left")


@pytest.mark.parametrize("seed", range(4))
def test_rvl_depth_is_decoded_exactly(seed):
    rng = np.random.default_rng(seed)
    depth = rng.integers(0, [2, 20, 3000, 65536][seed], (17, 23)).astype(np.uint16)
    depth[rng.random(depth.shape) < 0.4] = 0
    message_ = rvl_message(depth)
    assert image_size(message_) == (23, 17)
    expected = np.where(depth > 0, depth * np.float32(0.001), np.float32(np.nan))
    np.testing.assert_array_equal(depth_metres(message_), expected)


@pytest.mark.parametrize("fill", [0, 700])
def test_rvl_depth_of_one_value(fill):
    depth = np.full((3, 5), fill, np.uint16)
    np.testing.assert_allclose(depth_metres(rvl_message(depth)), np.where(depth > 0, 0.7, np.nan))


def test_rvl_depth_in_metres_is_dequantised():
    quant_a, quant_b = 10100.0, 1 - 10100.0 / 10
    stored = np.array([[0, 5000, 9000]], np.uint16)
    read = depth_metres(rvl_message(stored, quant=(quant_a, quant_b), format_="32FC1; compressedDepth rvl"))
    np.testing.assert_allclose(read, [[np.nan, quant_a / (5000 - quant_b), quant_a / (9000 - quant_b)]], rtol=1e-5)


@pytest.mark.parametrize("data", [b"", b"\xff" * 8, bytes(8), np.random.default_rng(0).bytes(400)])
def test_damaged_rvl_depth(data):
    with pytest.raises(BadFrame, match="RVL depth .* damaged"):
        depth_metres(rvl_message(np.zeros((40, 50), np.uint16), data))


def test_depth_in_other_units():
    counts = np.array([[0, 7500]], np.uint16)
    for message_ in (raw_image(counts, "16UC1"), compressed(".png", counts, "16UC1; compressedDepth png")):
        np.testing.assert_allclose(depth_metres(message_, unit=0.0001), [[np.nan, 0.75]])
    floats = np.array([[0, 750]], np.float32)
    np.testing.assert_allclose(depth_metres(raw_image(floats, "32FC1"), float_unit=0.001), [[np.nan, 0.75]])


@pytest.mark.parametrize("place", [8, 33, -12])
def test_a_png_whose_chunk_claims_gigabytes_is_refused(place):
    png = cv2.imencode(".png", np.arange(96, dtype=np.uint8).reshape(8, 12))[1].tobytes()
    place %= len(png)
    claim = png[:place] + struct.pack(">I", 0xC0000000) + png[place + 4 :]
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(BadFrame, match="it is cut, or its lengths are wrong"):
        picture(compressed_image_message(claim, "png", 1, "left"))
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100_000
    np.testing.assert_array_equal(
        label_image(compressed_image_message(png, "png", 1, "left")), np.arange(96).reshape(8, 12)
    )
