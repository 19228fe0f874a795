"""MiDaS v2.1 and LeReS: tensors named and shaped as published, and what is odd about these networks.

The digests are of the published code's own tensors; with random weights in both, its output and ours were equal.
"""

from __future__ import annotations

import hashlib

import pytest

torch = pytest.importorskip("torch")

from depth_prompt_ros.errors import BadModel
from depth_prompt_ros.networks import store
from depth_prompt_ros.networks.catalogue import CATALOGUE
from depth_prompt_ros.networks.depth import leres, midas_small, midas_v21

PUBLISHED = {
    "midas-v21-large": (
        666, 105_362_945, "bfc75ffcc5d78752",
        {
            "pretrained.layer1.4.0.conv2.weight": (256, 8, 3, 3),
            "pretrained.layer3.22.bn3.running_var": (1024,),
            "scratch.refinenet4.resConfUnit1.conv1.bias": (256,),
            "scratch.output_conv.4.weight": (1, 32, 1, 1),
        },
    ),
    "midas-v21-small": (
        482, 21_320_545, "596d1ee871701acb",
        {
            "pretrained.layer1.3.0.conv_dw.weight": (32, 1, 3, 3),
            "pretrained.layer4.1.0.conv_pwl.weight": (384, 1392, 1, 1),
            "scratch.layer4_rn.weight": (512, 384, 3, 3),
            "scratch.refinenet2.out_conv.weight": (64, 128, 1, 1),
        },
    ),
    "leres-resnet50": (
        406, 52_126_529, "a20a08517c3c189c",
        {
            "encoder_modules.encoder.layer1.0.downsample.0.weight": (256, 64, 1, 1),
            "decoder_modules.conv.conv_branch.2.running_mean": (512,),
            "decoder_modules.ffm2.ftb1.conv1.weight": (256, 1024, 3, 3),
            "decoder_modules.outconv.adapt_conv.3.bias": (1,),
        },
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", PUBLISHED)
def test_tensors_are_named_and_shaped_as_published(name) -> None:
    count, parameters, digest, some = PUBLISHED[name]
    with torch.device("meta"):
        network = CATALOGUE[name].build()
    shapes = {key: tuple(value.shape) for key, value in network.state_dict().items()}
    assert len(shapes) == count
    assert sum(parameter.numel() for parameter in network.parameters()) == parameters
    assert {key: shapes[key] for key in some} == some
    lines = "\n".join(sorted(f"{key} {shape}" for key, shape in shapes.items()))
    assert hashlib.sha256(lines.encode()).hexdigest()[:16] == digest


def small_midas() -> torch.nn.Module:
    return midas_v21.MidasLarge(base=8, counts=(1, 1, 1, 1), groups=2, group_width=32, features=16)


def small_leres() -> torch.nn.Module:
    return leres.LeReS(base=4, counts=(1, 1, 1, 1))


@pytest.mark.parametrize("make", [small_midas, small_leres, midas_small.MidasSmall])
def test_the_answer_has_the_pictures_size_and_gives_it_a_gradient(make) -> None:
    torch.manual_seed(0)
    network = make().eval()
    with torch.no_grad():
        for layer in network.modules():
            if isinstance(layer, torch.nn.Conv2d):
                torch.nn.init.kaiming_normal_(layer.weight)
            if layer is getattr(getattr(network, "scratch", None), "output_conv", [None] * 5)[4]:
                layer.bias.fill_(50.0)
    picture = torch.randn(2, 3, 64, 64, requires_grad=True)
    answer = network(picture)
    assert answer.shape == (2, 1, 64, 64)
    answer[0].sum().backward()
    assert float(picture.grad[0].abs().sum()) > 0
    assert not picture.grad[1].any()


def test_shortcuts_carry_what_was_rectified_in_place() -> None:
    features = torch.tensor([-1.0, 2.0]).view(1, 2, 1, 1)
    unit, block = midas_v21.ResidualUnit(2), leres.Block(2, 2)
    with torch.no_grad():
        for parameter in (*unit.parameters(), *block.parameters()):
            parameter.zero_()
        block.conv1.weight[:, :, 1, 1] = torch.eye(2)
    assert unit(features).flatten().tolist() == [0.0, 2.0]
    block.eval()
    assert block(features).flatten().tolist() == [0.0, 2.0]


def test_same_padding_by_hand() -> None:
    """Stride 2 over 4 pixels, kernel 3: nothing to the left, one to the right; kernel 5: one and two."""
    row = torch.tensor([1.0, 2.0, 3.0, 4.0]).view(1, 1, 1, 4).expand(1, 1, 4, 4)
    for kernel, expected in ((3, [6.0, 7.0]), (5, [10.0, 9.0])):
        convolution = midas_small.SameConvolution(1, 1, kernel, 2, bias=False)
        with torch.no_grad():
            convolution.weight.zero_()
            convolution.weight[0, 0, kernel // 2] = 1.0
        assert convolution(row)[0, 0, 0].tolist() == expected
    odd = midas_small.SameConvolution(1, 1, 3, 2, bias=False)
    assert odd(torch.zeros(1, 1, 5, 5)).shape == (1, 1, 3, 3)


def test_checkpoints_of_several_gpus_load_and_wrong_ones_are_named(tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("DEPTH_PROMPT_MODELS", str(tmp_path / "models"))
    entry = CATALOGUE["leres-resnet50"]
    monkeypatch.setitem(CATALOGUE, "leres-resnet50", type(entry)(**{**vars(entry), "build": small_leres}))
    tensors = {f"module.depth_model.{key}": value for key, value in small_leres().state_dict().items()}
    torch.save({"depth_model": tensors, "shift_model": {}}, tmp_path / "res50.pth")
    store.add("leres-resnet50", tmp_path / "res50.pth")
    store.check("leres-resnet50")
    start = "module.depth_model.decoder_modules"
    tensors[f"{start}.conv9.weight"] = tensors.pop(f"{start}.conv1.weight")
    torch.save({"depth_model": tensors}, tmp_path / "wrong.pth")
    with pytest.raises(
        BadModel, match=r"wrong\.pth does not hold the weights of leres-resnet50.*decoder_modules\.conv1"
    ):
        store.add("leres-resnet50", tmp_path / "wrong.pth")
