"""METER against the outputs of its published code: with drawn weights, and with the real ones where they are."""

from __future__ import annotations

import os
from pathlib import Path

import cv2
import numpy as np
import pytest

torch = pytest.importorskip("torch")

from depth_prompt_ros.data.sets.picture_set import PictureSet
from depth_prompt_ros.learning.background.learn import learn_background
from depth_prompt_ros.learning.trainer import Schedule
from depth_prompt_ros.networks import store
from depth_prompt_ros.networks.catalogue import Normalise, find, load_frozen
from depth_prompt_ros.networks.depth.meter import Meter

_DRAWN = (
    (55.041466, -76.65989, 19.408981, -15.590246),
    (41.11503, 0.22818184, -26.397087, 186.17497),
    (86.2859, 150.47525, 38.22137, 124.49528),
    (59.184845, -1.4367237, 96.83441, -3.197795),
)
"""Of the published code, with the weights and the picture of :func:`_drawn`; its largest output there is 636."""

_MOTORCYCLE = (
    (492.903, 511.043, 508.638, 515.172, 540.479, 509.926, 477.256, 443.501),
    (501.442, 515.070, 504.753, 510.332, 500.790, 492.858, 462.953, 414.034),
    (477.465, 439.190, 446.547, 393.984, 360.117, 405.149, 437.372, 411.373),
    (482.587, 396.978, 357.085, 334.358, 338.333, 363.816, 345.082, 345.347),
    (393.472, 384.953, 342.969, 320.098, 328.843, 353.533, 319.089, 313.105),
    (313.763, 299.644, 277.841, 263.176, 267.122, 271.173, 270.815, 276.522),
)


def _drawn(shapes: dict) -> dict:
    """Weights from NumPy's generator, tensor after tensor in the network's order."""
    rng, drawn = np.random.default_rng(0), {}
    for name, tensor in shapes.items():
        if not tensor.dtype.is_floating_point:
            drawn[name] = tensor
            continue
        if name.endswith("running_var"):
            values = rng.uniform(0.5, 1.5, tensor.shape)
        elif tensor.ndim > 1:
            values = rng.normal(0, (2 / tensor[0].numel()) ** 0.5, tensor.shape)
        else:
            values = rng.normal(1.0 if name.endswith("weight") else 0.0, 0.1, tensor.shape)
        drawn[name] = torch.from_numpy(np.asarray(values, np.float32))
    return drawn


def _meter() -> Meter:
    network = Meter().eval()
    network.load_state_dict(_drawn(network.state_dict()))
    return network


def test_with_drawn_weights_it_says_what_the_published_code_says() -> None:
    picture = torch.from_numpy(np.random.default_rng(1).normal(size=(1, 3, 128, 192)).astype(np.float32))
    with torch.no_grad():
        found = _meter().quarter(picture)
    assert found.shape == (1, 1, 32, 48)
    np.testing.assert_allclose(found[0, 0, 3::8, 5::12].numpy(), _DRAWN, rtol=0, atol=636 * 1e-5)


def test_it_has_the_published_number_of_tensors_and_values() -> None:
    tensors = Meter().state_dict()
    assert len(tensors) == 261
    assert sum(tensor.numel() for tensor in tensors.values()) == 717_771


def test_metres_are_the_quarters_centimetres_enlarged() -> None:
    network, entry = _meter(), find("meter-xxs")
    picture = torch.rand(2, 3, entry.multiple, 2 * entry.multiple, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        metres, quarter = network(picture), network.quarter(picture)
    assert metres.shape == (2, 1, 64, 128)
    # the pixels around the middle of four quarter pixels have the mean of those four as their mean
    middle = metres[..., 6:10, 6:10].mean((2, 3))
    torch.testing.assert_close(middle, quarter[..., 1:3, 1:3].mean((2, 3)) / 100, rtol=1e-4, atol=1e-4)


def test_a_whole_picture_of_a_colour_camera_comes_at_the_size_it_was_learned_at() -> None:
    assert find("meter-xxs").size_for(480, 640) == (192, 256)


def test_a_prompt_is_learned_through_it_while_it_stays_as_it_is(tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("DEPTH_PROMPT_MODELS", str(tmp_path))
    published = tmp_path / "build_model_best_nyu_xxs"
    drawn = _drawn(Meter().state_dict())
    torch.save({name: tensor.clone() for name, tensor in drawn.items()}, published)
    with pytest.raises(store.BadModel, match="another or a damaged file"):
        store.add("meter-xxs", published)
    store.add("meter-xxs", published.rename(tmp_path / "own.pt"))
    size, rng = find("meter-xxs").size, np.random.default_rng(0)
    mask = np.zeros((2, size, size), bool)
    mask[:, size // 4 : -size // 4, size // 4 : -size // 4] = True
    pictures = PictureSet(
        rng.integers(0, 255, (2, size, size, 3)).astype(np.uint8),
        np.where(mask, 1 + np.linspace(0, 1, size, dtype=np.float32), np.float32("nan")),
        mask,
        np.tile(np.array([1.5 * size, 1.5 * size, size / 2, size / 2], np.float32), (2, 1)),
    )
    out = tmp_path / "prompt.safetensors"
    learn_background(pictures, pictures, out, Schedule(steps=2, batch=2, learning_rate=1e-2), name="meter-xxs")
    assert out.is_file()
    kept = load_frozen("meter-xxs").state_dict()
    assert all(torch.equal(kept[name], tensor) for name, tensor in drawn.items())
    picture = torch.full((1, 3, size, size), 0.5, requires_grad=True)
    load_frozen("meter-xxs")(picture).sum().backward()
    assert float(picture.grad.abs().sum()) > 0


@pytest.mark.skipif("DEPTH_PROMPT_DATA" not in os.environ, reason="needs the real network: set DEPTH_PROMPT_DATA")
def test_the_real_network_reads_a_room_as_its_published_code_does(tmp_path, monkeypatch) -> None:
    """Samples of the motorcycle's depth in centimetres, made once with the published code."""
    data = pytest.importorskip("skimage.data")
    file = Path(os.environ["DEPTH_PROMPT_DATA"]) / "weights" / "meter" / "build_model_best_nyu_xxs"
    monkeypatch.setenv("DEPTH_PROMPT_MODELS", str(tmp_path))
    assert store.add("meter-xxs", file).verified == "sha256"
    store.check("meter-xxs")
    small = cv2.resize(data.stereo_motorcycle()[0], (256, 192), interpolation=cv2.INTER_AREA)
    picture = torch.from_numpy(small).permute(2, 0, 1)[None].float() / 255
    with torch.no_grad():
        found = load_frozen("meter-xxs").quarter(Normalise(find("meter-xxs"))(picture))[0, 0, 4::8, 4::8].numpy()
    np.testing.assert_allclose(found, _MOTORCYCLE, rtol=1e-5, atol=0.003)
    assert 150 < float(np.median(found)) < 500
