"""OpenAI's own CLIP file, a TorchScript archive in half precision: its layout with random weights is added and used."""

from __future__ import annotations

import zipfile
from collections import OrderedDict
from types import SimpleNamespace

import pytest

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

from clips import TINY, noisy, use_tiny
from torch import Tensor, nn

from depth_prompt_ros.errors import BadModel
from depth_prompt_ros.networks import catalogue, store
from depth_prompt_ros.networks.clip_mirror import learned_file
from depth_prompt_ros.networks.clip_mirror.openai_names import from_openai
from depth_prompt_ros.networks.clip_mirror.sizes import ClipSizes
from depth_prompt_ros.networks.torchscript_file import read_torchscript

pytestmark = [
    pytest.mark.filterwarnings("ignore:`torch.jit:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::torch.jit.TracerWarning"),
]


class QuickGelu(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x * torch.sigmoid(1.702 * x)


class Block(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.attn = nn.MultiheadAttention(width, width // 64)
        self.ln_1, self.ln_2 = nn.LayerNorm(width), nn.LayerNorm(width)
        parts = {"c_fc": nn.Linear(width, 4 * width), "gelu": QuickGelu(), "c_proj": nn.Linear(4 * width, width)}
        self.mlp = nn.Sequential(OrderedDict(parts))

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        seen = self.ln_1(x)
        x = x + self.attn(seen, seen, seen, need_weights=False, attn_mask=mask)[0]
        return x + self.mlp(self.ln_2(x))


class Blocks(nn.Module):
    def __init__(self, width: int, layers: int) -> None:
        super().__init__()
        self.resblocks = nn.Sequential(*(Block(width) for _ in range(layers)))

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        x = x.permute(1, 0, 2)
        for block in self.resblocks:
            x = block(x, mask)
        return x.permute(1, 0, 2)


class Visual(nn.Module):
    def __init__(self, sizes: ClipSizes) -> None:
        super().__init__()
        width = sizes.image_width
        self.conv1 = nn.Conv2d(3, width, sizes.patch, sizes.patch, bias=False)
        self.class_embedding = nn.Parameter(torch.randn(width))
        self.positional_embedding = nn.Parameter(torch.randn(sizes.grid**2 + 1, width))
        self.ln_pre, self.ln_post = nn.LayerNorm(width), nn.LayerNorm(width)
        self.transformer = Blocks(width, sizes.image_layers)
        self.proj = nn.Parameter(0.1 * torch.randn(width, sizes.projection))

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv1(x).flatten(2).permute(0, 2, 1)
        x = torch.cat([self.class_embedding.expand(x.shape[0], 1, -1), x], 1)
        x = self.ln_pre(x + self.positional_embedding)
        return self.ln_post(self.transformer(x, torch.zeros(x.shape[1], x.shape[1], dtype=x.dtype))[:, 0]) @ self.proj


class OpenAiClip(nn.Module):
    """The layout of the file, with its three numbers that are no weights."""

    def __init__(self, sizes: ClipSizes) -> None:
        super().__init__()
        self.visual = Visual(sizes)
        self.transformer = Blocks(sizes.text_width, sizes.text_layers)
        self.token_embedding = nn.Embedding(sizes.vocabulary, sizes.text_width)
        self.positional_embedding = nn.Parameter(torch.randn(sizes.positions, sizes.text_width))
        self.ln_final = nn.LayerNorm(sizes.text_width)
        self.text_projection = nn.Parameter(0.1 * torch.randn(sizes.text_width, sizes.projection))
        self.logit_scale = nn.Parameter(torch.tensor(4.6))
        for name, value in (("input_resolution", sizes.patch * sizes.grid), ("context_length", sizes.positions),
                            ("vocab_size", sizes.vocabulary)):  # fmt: skip
            self.register_buffer(name, torch.tensor(value))

    def forward(self, picture: Tensor, ids: Tensor) -> tuple[Tensor, Tensor]:
        count = ids.shape[1]
        x = self.token_embedding(ids) + self.positional_embedding[:count]
        later = torch.full((count, count), float("-inf"), dtype=x.dtype).triu(1)
        x = self.ln_final(self.transformer(x, later))
        ends = x[torch.arange(x.shape[0]), ids.argmax(1)]
        return self.visual(picture), ends @ self.text_projection


PICTURE = torch.rand((2, 3, 48, 48), generator=torch.Generator().manual_seed(1))
IDS = torch.tensor([[512, 5, 9, 513, 513], [512, 7, 3, 4, 513]])


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    torch.manual_seed(0)
    network = noisy(OpenAiClip(TINY)).half()
    path = tmp_path_factory.mktemp("openai") / "ViT-B-16.pt"
    with torch.no_grad():
        torch.jit.trace(network, (PICTURE.half(), IDS), check_trace=False).save(str(path))
    return SimpleNamespace(path=path, network=network.float())


def test_every_tensor_is_read_as_pytorch_reads_it(made) -> None:
    found, state = read_torchscript(made.path), torch.jit.load(str(made.path)).state_dict()
    assert set(found) == set(state)
    assert all(torch.equal(found[key], value) and found[key].dtype == value.dtype for key, value in state.items())
    assert found["visual.proj"].dtype == torch.float16 and int(found["input_resolution"]) == 48


def test_the_archive_is_added_and_gives_openais_vectors(made, monkeypatch, tmp_path) -> None:
    use_tiny(monkeypatch, tmp_path / "models")
    monkeypatch.setitem(catalogue.CLIPS, "clip-tiny", catalogue.find_clip("clip-tiny").__class__(
        **{**vars(catalogue.find_clip("clip-tiny")), "adapt": from_openai}))  # fmt: skip
    assert store.add("clip-tiny", made.path).verified == "names and shapes"
    store.check("clip-tiny")
    loaded = learned_file.load_clip("clip-tiny")
    with torch.no_grad():
        picture, text = made.network(PICTURE, IDS)
        assert float((loaded.picture_vector(PICTURE) - picture).abs().max()) < 1e-4 * float(picture.abs().max())
        assert float((loaded.phrase_vectors(IDS) - text).abs().max()) < 1e-4 * float(text.abs().max())


def test_the_names_of_vit_b_16_are_the_librarys() -> None:
    entry = catalogue.find_clip("clip-vit-b-16")
    with torch.device("meta"):
        theirs = OpenAiClip(ClipSizes()).state_dict()
        library = transformers.CLIPModel(transformers.CLIPConfig(vision_config={"patch_size": 16})).state_dict()
    assert {key: value.shape for key, value in entry.adapt(theirs).items()} == {
        key: value.shape for key, value in library.items()
    }
    assert entry.adapt(library) is library


@pytest.mark.parametrize("fault", ["code", "truncated", "storage"])
def test_an_archive_that_is_wrong_is_one_clear_error(made, monkeypatch, tmp_path, fault) -> None:
    use_tiny(monkeypatch, tmp_path / "models")
    path = tmp_path / "ViT-B-16.pt"
    with zipfile.ZipFile(made.path) as before, zipfile.ZipFile(path, "w") as after:
        for info in before.infolist():
            content = before.read(info)
            if fault == "code" and info.filename.endswith("/data.pkl"):
                content = content.replace(b"ccollections\nOrderedDict", b"cposix\nsystem", 1)
            if fault == "storage" and info.filename.endswith("/data/0"):
                content = content[:-2]
            after.writestr(info.filename, content)
    if fault == "truncated":
        path.write_bytes(path.read_bytes()[:-200])
    words = {
        "code": "holds more than tensors, and reading it could run code: refused",
        "truncated": "it is damaged, not all there",
        "storage": "it is damaged, not all there",
    }[fault]
    with pytest.raises(BadModel, match=words) as found:
        store.add("clip-tiny", path)
    assert "\n" not in str(found.value)
