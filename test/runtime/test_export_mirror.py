"""What is exported of a learned mirror: the same depth without CLIP's text encoder, and a network as any other."""

from __future__ import annotations

import dataclasses
import shutil
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")
onnx = pytest.importorskip("onnx")
pytest.importorskip("onnxscript")

from clips import TINY, noisy, published, tiny_clip, tiny_clipseg, use_tiny
from commands import run
from safetensors.torch import load_file, save_file

from depth_prompt_ros.data.sets.picture_set import PictureSet
from depth_prompt_ros.errors import BadInput, BadModel
from depth_prompt_ros.graph.metric_fit import MetricFit
from depth_prompt_ros.learning.background.learn import learn_background
from depth_prompt_ros.learning.trainer import Schedule, write_weights
from depth_prompt_ros.networks import catalogue, store
from depth_prompt_ros.networks.clip_mirror import learned_file
from depth_prompt_ros.networks.clip_mirror.condition import Condition
from depth_prompt_ros.networks.clip_mirror.decoder import Decoder
from depth_prompt_ros.networks.clip_mirror.network import ClipMirror
from depth_prompt_ros.parameters import RUNTIME_DEFAULTS, TomParameters
from depth_prompt_ros.runtime.export.mirror import export_mirror
from depth_prompt_ros.runtime.export.pictures import example_pictures
from depth_prompt_ros.runtime.export.prompted import export_graph
from depth_prompt_ros.runtime.onnxruntime_graph import OnnxRuntimeGraph
from depth_prompt_ros.runtime.picture_graph import PictureGraph
from depth_prompt_ros.stages.tom.scene_depth import SceneDepth

SIZE = (48, 64)


def learned(monkeypatch, tmp_path, kind: str = "mirror", name: str = "clip-tiny") -> tuple[ClipMirror, Path]:
    """A network and its file, its CLIP in the model folder."""
    use_tiny(monkeypatch, tmp_path / "models")
    clip = tiny_clipseg() if "seg" in name else tiny_clip()
    save_file({key: value.contiguous() for key, value in published(clip).items()}, str(tmp_path / "clip.safetensors"))
    store.add(name, tmp_path / "clip.safetensors")
    torch.manual_seed(1)
    network = ClipMirror(clip, Condition(kind, TINY), noisy(Decoder(TINY), 1)).eval()
    notes = learned_file.described(name, clip, network.learned["condition"], 10.0, SIZE)
    path = tmp_path / "learned.safetensors"
    write_weights(path, learned_file.learned_tensors(network), notes, {})
    return network, path


def export(folder: Path, name: str, size: tuple[int, int] | None) -> SimpleNamespace:
    """A learned mirror and what was exported of it for pictures of ``size``: network, folder, out, written."""
    with pytest.MonkeyPatch.context() as patch:
        network, path = learned(patch, folder, name=name)
        out = folder / "out" / "mirror.safetensors"
        return SimpleNamespace(network=network, folder=folder, out=out, written=export_mirror(path, out, size=size))


@pytest.fixture(scope="module")
def mirror(tmp_path_factory) -> SimpleNamespace:
    """Of a camera's size, which is looked at larger."""
    return export(tmp_path_factory.mktemp("mirror"), "clip-tiny", (96, 128))


@pytest.mark.parametrize(("name", "size"), [("clip-tiny", (352, 464)), ("clipseg-tiny", SIZE)])
def test_the_graph_gives_the_learned_depth_and_holds_no_text(monkeypatch, tmp_path, request, name, size) -> None:
    """At a camera's size, and without one at the size that was learned on."""
    made = request.getfixturevalue("mirror") if name == "clip-tiny" else export(tmp_path, name, None)
    use_tiny(monkeypatch, made.folder / "models")
    network, out, written = made.network, made.out, made.written
    assert written.difference < 1e-4 and written.path == out.with_suffix(".onnx")
    pictures = example_pictures(size, 2, seed=5)
    with torch.no_grad():
        expected = network(catalogue.Normalise(catalogue.find_clip(name))(torch.from_numpy(pictures))).numpy()
    graph = OnnxRuntimeGraph(written.path)
    found = graph(picture=pictures)["depth"]
    assert np.abs(found - expected).max() < 1e-4 * expected.max()
    assert graph.metadata["clip_sha256"] == learned_file.clip_sha256(network.clip)
    content = onnx.load(str(written.path)).graph
    names = " ".join([*(each.name for each in content.initializer), *(each.name for each in content.node)])
    assert "text" not in names and "film" not in names and "token_embedding" not in names
    weights = sum(int(np.prod(each.dims)) for each in content.initializer)
    small = sum(value.numel() for value in load_file(out).values())
    assert weights < 1.05 * small < sum(each.numel() for each in network.parameters())
    blocks = {key.split(".")[1] for key in load_file(out) if key.startswith("blocks.")}
    assert len(blocks) == TINY.taps[-1] + 1


def test_its_description_runs_as_the_whole_pictures_network(mirror) -> None:
    description = mirror.out.with_suffix(".yaml")
    image = (255 * example_pictures((96, 128), 1, 2)[0].transpose(1, 2, 0)).astype(np.uint8)
    depth = PictureGraph(description, {"image"}, {"metric depth"}, RUNTIME_DEFAULTS)(image=image)
    scene = SceneDepth(TomParameters(mono=str(description), colours=0))
    found = scene(image, np.zeros((96, 128), bool), 0).painted
    assert depth.shape == (1, 352, 464) and np.allclose(found, 1 / depth[0], rtol=1e-4)


def test_a_background_is_learned_and_exported_through_it(mirror, monkeypatch, tmp_path) -> None:
    use_tiny(monkeypatch, tmp_path / "models")
    entry = dataclasses.replace(catalogue.find("clip-mirror"), size=48)
    monkeypatch.setitem(catalogue.CATALOGUE, "clip-mirror", entry)
    catalogue.weights_path(entry).parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(mirror.out, catalogue.weights_path(entry))
    monkeypatch.setattr(MetricFit, "WIDTHS", (1.5, 3.0))  # the fit takes longest to export, and is tested elsewhere
    rng = np.random.default_rng(0)

    def fill(aside) -> None:
        made = PictureSet.open(aside, mode="r+")
        made.images[:] = rng.integers(0, 255, made.images.shape, np.uint8)
        made.depths[:] = rng.uniform(1, 2, made.depths.shape)
        made.masks[:, 10:40, 10:40] = True
        made.intrinsics[:] = 72, 72, 23.5, 23.5

    pictures = PictureSet.open_or_make(tmp_path / "set", {}, 4, (48, 48), fill)
    prompt = tmp_path / "prompt.safetensors"
    learn_background(pictures, pictures, prompt, Schedule(2, 2, 1e-2, 0, False), name="clip-mirror")
    assert export_graph(tmp_path / "graph.onnx", prompt, "clip-mirror").difference < 1e-4
    store.check("clip-mirror")


def test_what_cannot_be_exported_is_one_clear_error(monkeypatch, tmp_path, capsys) -> None:
    _, path = learned(monkeypatch, tmp_path, "image")
    with pytest.raises(BadModel, match="cannot be exported: the condition is the picture itself"):
        export_mirror(path, tmp_path / "out.safetensors")
    with pytest.raises(BadInput, match="has no pixels"):
        export_mirror(path, tmp_path / "out.safetensors", size=(0, 3))
    catalogue.weights_path(catalogue.find_clip("clip-tiny")).unlink()
    assert run(monkeypatch, ["export", "mirror", str(path), "--out", str(tmp_path / "out.safetensors")]) == 2
    assert "no weights of clip-tiny" in capsys.readouterr().err
    assert not list(tmp_path.glob("out*"))
