"""Prompts: how each starts, what it looks at, what of it can be learned and stored."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")
onnx = pytest.importorskip("onnx")

from torch.nn import functional

from depth_prompt_ros.errors import BadModel
from depth_prompt_ros.graph.disparity import relative_inverse_depth
from depth_prompt_ros.graph.prompt import FourierBackground, PromptSettings, add, composite, load_prompt, make_prompt
from depth_prompt_ros.graph.prompting_network import BoxAligned, PromptingNetwork, UNet, _box
from depth_prompt_ros.graph.weights import read_weights
from depth_prompt_ros.learning.background.learn import write_prompt
from depth_prompt_ros.learning.losses import prompting_losses
from depth_prompt_ros.resources import resource_path

SIZE = 32
SMALL = {"kind": "pnet", "width": 4, "downs": 3, "side": 32}
EVERY = [
    PromptSettings(),
    PromptSettings(decorrelate=True),
    PromptSettings(space="image"),
    PromptSettings(**SMALL),
    PromptSettings(**SMALL, bias=False),
    PromptSettings(**{**SMALL, "side": 48}),
    PromptSettings(**SMALL, space="image"),
    PromptSettings(**SMALL, sees="image"),
    PromptSettings(**SMALL, sees="box"),
]


def seeded(number: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(number)


def picture_and_mask() -> tuple[torch.Tensor, torch.Tensor]:
    mask = torch.zeros(2, 1, SIZE, SIZE)
    mask[0, :, 8:20, 10:26] = 1
    mask[1, :, 4:28, 12:20] = 1
    return torch.rand(2, 3, SIZE, SIZE, generator=seeded(1)), mask


@pytest.mark.parametrize("settings", EVERY)
def test_every_prompt_gives_a_picture_learns_and_is_the_same_after_storing(settings, tmp_path) -> None:
    prompt = make_prompt(settings, SIZE, seeded())
    image, mask = picture_and_mask()
    background = prompt(image, mask)
    seen = background.detach()
    assert seen.shape == (1 if settings.kind == "single" else 2, 3, SIZE, SIZE)
    assert 0 <= float(seen.min()) < float(seen.max()) <= 1
    background.square().sum().backward()
    assert all(float(parameter.grad.abs().sum()) > 0 for parameter in prompt.parameters())
    assert torch.equal(make_prompt(settings, SIZE, seeded())(image, mask), seen)
    write_prompt(tmp_path / "p.safetensors", prompt, settings, "scene-net", SIZE, {})
    stored = load_prompt(tmp_path / "p.safetensors", "scene-net")
    torch.testing.assert_close(stored(image, mask), seen)


def test_a_spectrum_gives_its_picture() -> None:
    """One cosine along x, by hand: 2 S / f / sqrt(pixels) at the frequency f = 1/8, and half grey elsewhere."""
    background = FourierBackground(8)
    with torch.no_grad():
        background.spectrum.zero_()
        background.spectrum[0, 0, 0, 1, 0] = 0.01
    wave = 2 * 0.01 * 8 / 8 * np.cos(2 * np.pi * np.arange(8) / 8) / 0.2
    picture = background(None, None).detach().numpy()[0]
    np.testing.assert_allclose(picture[0], np.tile(1 / (1 + np.exp(-wave)), (8, 1)), rtol=1e-5)
    np.testing.assert_allclose(picture[1:], 0.5)


def test_decorrelated_colours_drive_all_three() -> None:
    background = FourierBackground(8, decorrelate=True)
    with torch.no_grad():
        background.spectrum.zero_()
        background.spectrum[0, 0, 0, 1, 0] = 0.01
    drive = torch.logit(background(None, None)[0, :, 0, 0])
    torch.testing.assert_close(drive / drive[0], torch.tensor([1.0, 0.27 / 0.26, 0.27 / 0.26]))


def test_the_papers_network_has_its_size() -> None:
    with torch.device("meta"):
        unet = UNet(2, 6, 64, 7)
    assert sum(parameter.numel() for parameter in unet.parameters()) == 41_826_310
    assert [name for name, _ in unet.named_parameters() if "bias" in name] == ["up.0.bias"]
    assert [tuple(layer.weight.shape) for layer in unet.down[:2]] == [(64, 2, 4, 4), (128, 64, 4, 4)]
    assert tuple(unet.up[0].weight.shape) == (128, 6, 4, 4)


def test_the_prompting_network_works_at_its_own_size_whatever_the_frozen_networks_is() -> None:
    """The mask goes in at 384 and the background comes back from there; 384 is looked at as it is."""
    assert PromptingNetwork(SIZE, width=2, downs=2).side == PromptSettings().side == 384
    image, mask = picture_and_mask()
    network = PromptingNetwork(SIZE, width=4, downs=3, generator=seeded(), side=48)
    resized = [functional.interpolate(each, size=(48, 48), mode="bilinear") for each in (image, mask)]
    twin = PromptingNetwork(48, width=4, downs=3, generator=seeded(), side=48)
    back = functional.interpolate(twin(*resized), size=(SIZE, SIZE), mode="bilinear")
    torch.testing.assert_close(network(image, mask), back)


def test_the_network_sees_the_mask_and_not_the_picture() -> None:
    image, mask = picture_and_mask()
    for sees, image_matters in (("mask", False), ("image", True)):
        network = PromptingNetwork(SIZE, sees=sees, width=4, downs=3, generator=seeded(), side=SIZE)
        with torch.no_grad():
            for layer in network.unet.up:
                layer.weight.mul_(20)
        first = network(image, mask)
        assert torch.equal(first, network(1 - image, mask)) != image_matters
        assert not torch.equal(first[0], first[1])
        outside_changed = network(torch.where(mask > 0, image, 1 - image), mask)
        assert torch.equal(first, outside_changed)


def test_a_box_aligned_background_follows_the_object() -> None:
    """Moved by 4 pixels, the mask gives the same background, moved by 4 pixels."""
    network = PromptingNetwork(SIZE, width=4, downs=3, generator=seeded(), side=SIZE)
    with torch.no_grad():
        for layer in (*network.unet.down, *network.unet.up):
            layer.weight.mul_(5)
    prompt = BoxAligned(network)
    mask = torch.zeros(1, 1, SIZE, SIZE)
    mask[..., 10:20, 8:18] = 1
    first = prompt(torch.ones(1, 3, SIZE, SIZE), mask)
    moved = prompt(torch.ones(1, 3, SIZE, SIZE), mask.roll(4, 3))
    torch.testing.assert_close(moved[..., 9:23, 11:25], first[..., 9:23, 7:21], atol=1e-4, rtol=0)
    assert float(first.detach()[..., 9:23, 7:21].std()) > 1e-3
    middle, half = _box(mask)
    torch.testing.assert_close(middle, torch.tensor([[-3 / 16, -1 / 16]]))
    torch.testing.assert_close(half, torch.tensor([[5 / 16, 5 / 16]]))


def test_added_prompts_reach_the_object_too() -> None:
    image, mask = picture_and_mask()
    grey, bright = torch.full_like(image, 0.5), torch.full_like(image, 0.6)
    torch.testing.assert_close(add(image, mask, grey), mask * image + 1 - mask)
    torch.testing.assert_close(add(image, mask, bright) - add(image, mask, grey), torch.full_like(image, 0.1))


def test_the_shipped_prompt_is_its_picture_bit_for_bit_however_it_was_learned() -> None:
    """It was learned in decorrelated colours, which are not the default any more; graph and file hold one picture."""
    path = resource_path("models/background.safetensors")
    tensors, notes = read_weights(path)
    assert notes["decorrelate"] == "True" and not PromptSettings().decorrelate
    prompt = load_prompt(path, "scene-net")
    assert torch.equal(prompt(None, None), tensors["picture"])
    graph = onnx.load(str(resource_path("models/object_depth.onnx"))).graph
    stored = next(each for each in graph.initializer if each.name == "background.picture")
    assert np.array_equal(onnx.numpy_helper.to_array(stored), tensors["picture"].numpy())


def test_a_file_that_is_no_prompt_is_named(tmp_path) -> None:
    from safetensors.torch import save_file

    save_file({"picture": torch.zeros(1)}, str(tmp_path / "net.safetensors"), {"network": "scene-net"})
    with pytest.raises(BadModel, match=r"net\.safetensors holds no prompt"):
        load_prompt(tmp_path / "net.safetensors", "scene-net")
    settings = {"prompt": "pnet", "network": "scene-net", "size": "32", "kind": "pnet"}
    save_file({"x": torch.zeros(1)}, str(tmp_path / "old.safetensors"), settings)
    with pytest.raises(BadModel, match=r"old\.safetensors holds no prompt of this version"):
        load_prompt(tmp_path / "old.safetensors", "scene-net")


@pytest.mark.parametrize("settings", [PromptSettings(), PromptSettings(**SMALL), PromptSettings(**SMALL, sees="box")])
def test_the_gradient_of_the_whole_chain_against_finite_differences(settings) -> None:
    """Prompt, composite, a small network, disparity to depth, both losses: in float64 along a random direction."""
    torch.manual_seed(0)
    network = torch.nn.Sequential(
        torch.nn.Conv2d(3, 8, 5, padding=2), torch.nn.Tanh(), torch.nn.Conv2d(8, 1, 3, padding=1)
    ).double()
    prompt = make_prompt(settings, SIZE, seeded()).double()
    with torch.no_grad():  # biases start at zero, right on the rectifiers' kinks
        for each in prompt.parameters():
            each.add_(0.01 * torch.randn(each.shape, generator=seeded(2)))
    image, mask = (each.double() for each in picture_and_mask())
    target = 1 + torch.rand(2, 1, SIZE, SIZE, generator=seeded(3)).double()
    intrinsics = torch.tensor([[48.0, 48.0, 15.5, 15.5]] * 2)

    def loss() -> torch.Tensor:
        depth = 1 / relative_inverse_depth(network(composite(image, mask, prompt(image, mask))))
        return sum(prompting_losses(depth, target, mask, intrinsics).values())

    directions = [torch.randn(each.shape, generator=seeded(4)).double() for each in prompt.parameters()]
    loss().backward()
    expected = sum(float((each.grad * to).sum()) for each, to in zip(prompt.parameters(), directions, strict=True))
    ends, step = [], 1e-8
    for sign in (1, -2):
        with torch.no_grad():
            for each, to in zip(prompt.parameters(), directions, strict=True):
                each.add_(sign * step * to)
            ends.append(float(loss()))
    assert (ends[0] - ends[1]) / (2 * step) == pytest.approx(expected, rel=1e-4)
    assert abs(expected) > 1e-4
