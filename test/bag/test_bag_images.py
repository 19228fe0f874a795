"""Every encoding, endianness and row step into arrays and back."""

from __future__ import annotations

import struct

import cv2
import numpy as np
import pytest

from depth_prompt_ros.bag.images import VIEWED, depth_metres, label_image, picture, view
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
        ("16UC1; compressedDepth rvl", bytes(40), "is not PNG: set the publisher's format to png"),
        ("16UC1; compressedDepth png", bytes(12) + b"\x89PNG damaged", "cannot decode"),
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
