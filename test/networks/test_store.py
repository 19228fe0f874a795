"""The user's model folder: what is added is verified, what is wrong is one clear error and leaves nothing behind."""

from __future__ import annotations

import dataclasses
import os
import sys
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("safetensors")

from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import nn

from depth_prompt_ros.cli import main as command
from depth_prompt_ros.errors import BadInput, BadModel
from depth_prompt_ros.networks import catalogue, store
from depth_prompt_ros.networks.entry import NetworkEntry, Source
from depth_prompt_ros.resources import model_folder


class Small(nn.Module):
    """One convolution and a norm, so that there are buffers too."""

    def __init__(self) -> None:
        super().__init__()
        self.mix = nn.Conv2d(3, 1, 3, padding=1)
        self.norm = nn.BatchNorm2d(1)

    def forward(self, picture):
        return self.norm(self.mix(picture))


def without_prefix(tensors):
    return {key.removeprefix("published."): value for key, value in tensors.items()}


ENTRY = NetworkEntry(
    name="small",
    build=Small,
    size=16,
    multiple=1,
    mean=(0.5, 0.5, 0.5),
    std=(0.5, 0.5, 0.5),
    output="depth",
    licence="none",
    source=Source("https://example.org/small", ("http://127.0.0.1:9/files/small.pt?dl=1",)),
    adapt=without_prefix,
)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    folder = tmp_path / "models"
    monkeypatch.setenv("DEPTH_PROMPT_MODELS", str(folder))
    use(monkeypatch, ENTRY)
    return folder


def use(monkeypatch, entry) -> None:
    monkeypatch.setitem(catalogue.CATALOGUE, entry.name, entry)


def published(seed: int = 0) -> dict[str, torch.Tensor]:
    torch.manual_seed(seed)
    return {f"published.{key}": value for key, value in Small().state_dict().items()}


def written(path, content):
    torch.save(content, path)
    return path


def left_in(folder) -> list[str]:
    return sorted(path.name for path in folder.iterdir()) if folder.exists() else []


@pytest.mark.parametrize("packing", ["safetensors", "checkpoint", "wrapped", "folder"])
def test_added_weights_are_found_frozen_and_checked(folder, tmp_path, packing) -> None:
    if packing == "safetensors":
        source = tmp_path / "small.safetensors"
        save_file(published(), str(source))
    elif packing == "folder":
        source = tmp_path / "repository"
        source.mkdir()
        (source / "README.md").write_text("nothing")
        written(source / "pytorch_model.bin", published())
    else:
        content = published() if packing == "checkpoint" else {"epoch": 3, "state_dict": published()}
        source = written(tmp_path / "weights.ckpt", content)
    added = store.add("small", source)
    assert added.path == folder / "small.safetensors"
    assert left_in(folder) == ["small.safetensors"]
    assert added.path.stat().st_mode & 0o777 == 0o644
    network = catalogue.load_frozen("small")
    assert not network.training
    assert not any(parameter.requires_grad for parameter in network.parameters())
    assert torch.equal(network.mix.weight, published()["published.mix.weight"])
    store.check("small")
    with safe_open(str(added.path), framework="pt") as file:
        metadata = file.metadata()
    assert metadata["network"] == "small"
    assert metadata["source_sha256"] == added.sha256
    assert added.verified == "names and shapes"


def test_a_known_sha256_is_verified_and_another_refused(folder, tmp_path, monkeypatch) -> None:
    right = written(tmp_path / "small.pt", published())
    source = dataclasses.replace(ENTRY.source, sha256=store.sha256_of(right))
    use(monkeypatch, dataclasses.replace(ENTRY, source=source))
    assert store.add("small", right).verified == "sha256"
    before = (folder / "small.safetensors").read_bytes()
    wrong = tmp_path / "other" / "small.pt"
    wrong.parent.mkdir()
    written(wrong, published(seed=1))
    with pytest.raises(BadModel, match=rf"small\.pt has sha256 [0-9a-f]{{64}}, not {source.sha256}"):
        store.add("small", wrong)
    assert (folder / "small.safetensors").read_bytes() == before
    assert left_in(folder) == ["small.safetensors"]
    renamed = wrong.rename(wrong.with_name("mine.pt"))
    assert store.add("small", renamed).verified == "names and shapes"


class Malicious:
    def __init__(self, trace) -> None:
        self.trace = trace

    def __reduce__(self):
        return os.mkdir, (str(self.trace),)


def test_code_in_a_pickle_is_refused_and_not_run(folder, tmp_path) -> None:
    trace = tmp_path / "ran"
    source = written(tmp_path / "small.pt", {"state_dict": published(), "hyper_parameters": Malicious(trace)})
    with pytest.raises(BadModel, match=r"small\.pt holds more than tensors, and reading it could run code: refused"):
        store.add("small", source)
    assert not trace.exists()
    assert left_in(folder) == []


@pytest.mark.parametrize("name", ["small.pt", "small.safetensors"])
def test_truncated_files_are_refused(folder, tmp_path, name) -> None:
    source = tmp_path / name
    if source.suffix == ".pt":
        written(source, published())
    else:
        save_file(published(), str(source))
    source.write_bytes(source.read_bytes()[:-100])
    with pytest.raises(BadModel, match=rf"cannot read weights .*{name}"):
        store.add("small", source)
    assert left_in(folder) == []


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"published.mix.weight": torch.zeros(1, 3, 3, 3)}, "Missing key.*mix.bias"),
        (published() | {"published.mix.weight": torch.zeros(1, 3, 5, 5)}, "size mismatch for mix.weight"),
        (published() | {"published.more": torch.zeros(1)}, "Unexpected key.*more"),
        ({"epoch": 3}, "holds no tensors by name"),
        ([torch.zeros(2)], "holds no tensors by name"),
    ],
)
def test_weights_of_another_network_are_refused(folder, tmp_path, content, message) -> None:
    with pytest.raises(BadModel, match=message) as refused:
        store.add("small", written(tmp_path / "small.pt", content))
    assert "\n" not in str(refused.value)
    assert left_in(folder) == []


def test_a_web_page_instead_of_weights_is_refused(folder, tmp_path) -> None:
    (tmp_path / "small.pt").write_text("<!DOCTYPE html><html>Please log in</html>")
    with pytest.raises(BadModel, match="damaged, not all there or no checkpoint of PyTorch"):
        store.add("small", tmp_path / "small.pt")


def test_a_folder_must_say_which_file_it_is(folder, tmp_path) -> None:
    for name in ("a.pt", "b.pt"):
        written(tmp_path / name, published())
    with pytest.raises(BadModel, match=r"which file of .* are the weights of small\? There are: a\.pt, b\.pt"):
        store.add("small", tmp_path)
    with pytest.raises(BadModel, match="there is no file or folder"):
        store.add("small", tmp_path / "nowhere")


def test_fetched_from_where_it_was_published(folder, tmp_path, monkeypatch) -> None:
    file = written(tmp_path / "small.pt", published())
    source = Source("page", (file.as_uri(),), store.sha256_of(file))
    use(monkeypatch, dataclasses.replace(ENTRY, source=source))
    seen: list[tuple[int, int]] = []
    assert store.add("small", report=lambda done, total: seen.append((done, total))).verified == "sha256"
    assert seen[-1] == (file.stat().st_size, file.stat().st_size)
    assert left_in(folder) == ["small.safetensors"]


def test_without_a_network_one_line_says_what_to_do(folder, monkeypatch) -> None:
    with pytest.raises(BadModel, match=r"cannot fetch http.*small\.pt.* then depth-prompt models add small FILE"):
        store.add("small")
    assert left_in(folder) == []
    use(monkeypatch, dataclasses.replace(ENTRY, source=Source("https://example.org/small")))
    with pytest.raises(BadModel, match=r"cannot be fetched by a program: download it from https://example\.org/small"):
        store.add("small")


def test_a_connection_that_breaks_leaves_nothing(folder, tmp_path, monkeypatch) -> None:
    file = written(tmp_path / "small.pt", published())

    class Broken:
        def __init__(self, *_: object, **__: object) -> None:
            self.headers = {"Content-Length": "5000000"}
            self.file = file.open("rb")

        def __enter__(self):
            return self

        def __exit__(self, *_: object) -> None:
            self.file.close()

        def read(self, count: int) -> bytes:
            return self.file.read(count)

    monkeypatch.setattr(store, "urlopen", Broken)
    with pytest.raises(BadModel, match=r"of 5000000 bytes came"):
        store.add("small")
    assert left_in(folder) == []


def test_a_model_folder_that_cannot_be_written_is_named(folder, tmp_path) -> None:
    folder.write_text("in the way")
    with pytest.raises(BadInput, match="cannot write .*models"):
        store.add("small", written(tmp_path / "small.pt", published()))


def test_a_full_disk_leaves_the_old_file(folder, tmp_path, monkeypatch) -> None:
    store.add("small", written(tmp_path / "small.pt", published()))
    before = (folder / "small.safetensors").read_bytes()

    def full(tensors, path, metadata) -> None:
        Path(path).write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(store, "save_file", full)
    with pytest.raises(BadInput, match="No space left on device"):
        store.add("small", tmp_path / "small.pt")
    assert left_in(folder) == ["small.safetensors"]
    assert (folder / "small.safetensors").read_bytes() == before


def test_what_has_changed_since_it_was_added_is_found(folder, tmp_path) -> None:
    added = store.add("small", written(tmp_path / "small.pt", published()))
    with safe_open(str(added.path), framework="pt") as file:
        metadata = file.metadata()
    tensors = load_file(str(added.path))
    save_file(tensors | {"published.mix.bias": torch.ones(1)}, str(added.path), metadata)
    with pytest.raises(BadModel, match="has changed since it was added: run depth-prompt models add small again"):
        store.check("small")


@pytest.mark.parametrize("damage", ["nothing but one value", "no numbers"])
def test_a_network_that_says_nothing_is_found(folder, tmp_path, damage) -> None:
    tensors = published()
    tensors["published.mix.weight"] *= 0 if damage == "nothing but one value" else float("nan")
    store.add("small", written(tmp_path / "small.pt", tensors))
    with pytest.raises(BadModel, match="its weights are damaged"):
        store.check("small")


def test_what_is_not_there_and_what_is_learned_here(folder) -> None:
    with pytest.raises(BadModel, match=r"no weights of small at .*: get them with depth-prompt models add small"):
        catalogue.load_frozen("small")
    with pytest.raises(BadModel, match="learned by this package"):
        store.add("scene-net")
    store.check("scene-net")


def test_the_digest_sees_names_types_shapes_and_values() -> None:
    base = {"a": torch.arange(6.0).view(2, 3), "b": torch.tensor(3)}
    others = [
        {"a": base["a"], "c": base["b"]},
        {"a": base["a"], "b": torch.tensor(3, dtype=torch.int32)},
        {"a": base["a"].view(3, 2), "b": base["b"]},
        {"a": base["a"] + 1, "b": base["b"]},
    ]
    digests = {store.tensors_sha256(tensors) for tensors in (base, *others)}
    assert len(digests) == 5
    assert store.tensors_sha256({"b": base["b"], "a": base["a"].t().contiguous().t()}) == store.tensors_sha256(base)


def test_model_folder_follows_the_environment(monkeypatch, tmp_path) -> None:
    monkeypatch.delenv("DEPTH_PROMPT_MODELS", raising=False)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    assert model_folder() == tmp_path / "depth_prompt_ros" / "models"
    monkeypatch.delenv("XDG_DATA_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert model_folder() == tmp_path / ".local" / "share" / "depth_prompt_ros" / "models"
    monkeypatch.setenv("DEPTH_PROMPT_MODELS", "~/here")
    assert model_folder() == tmp_path / "here"


def run(monkeypatch, *arguments: str) -> int:
    monkeypatch.setattr(sys, "argv", ["depth-prompt", "models", *arguments])
    with pytest.raises(SystemExit) as stopped:
        command.main()
    return int(stopped.value.code or 0)


def test_commands_list_add_and_check(folder, tmp_path, monkeypatch, capsys) -> None:
    monkeypatch.setattr(catalogue, "CATALOGUE", {"small": ENTRY})
    source = written(tmp_path / "small.pt", published())
    assert run(monkeypatch, "list") == 0
    assert "https://example.org/small" in capsys.readouterr().out
    assert run(monkeypatch, "add", "small", str(source)) == 0
    assert f"sha256 {store.sha256_of(source)}\nverified by names and shapes\n" in capsys.readouterr().out
    assert run(monkeypatch, "list") == 0
    assert f"added: {folder}" in capsys.readouterr().out.replace("\n", "")
    assert run(monkeypatch, "add", "small") == 2
    assert "cannot fetch" in capsys.readouterr().err.splitlines()[-1]
    assert run(monkeypatch, "check") == 0
    assert capsys.readouterr().out == "small: ok\n"
    (folder / "small.safetensors").write_bytes(b"no")
    assert run(monkeypatch, "check", "small") == 2
    captured = capsys.readouterr()
    assert captured.out.startswith("small: cannot read weights")
    assert captured.err == "1 of 1 networks cannot be used\n"
