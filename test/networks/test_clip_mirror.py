"""Metric depth from a frozen CLIP: what its parts compute, against the library's own CLIP and CLIPSeg."""

from __future__ import annotations

import dataclasses

import pytest

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

from clips import TINY, noisy, published, tiny_clip, tiny_clipseg, use_tiny
from safetensors.torch import save_file

from depth_prompt_ros.errors import BadInput, BadModel
from depth_prompt_ros.learning.trainer import write_weights
from depth_prompt_ros.networks import catalogue, store
from depth_prompt_ros.networks.clip_mirror import learned_file
from depth_prompt_ros.networks.clip_mirror.clip import Clip, ClipSeg, grid_of
from depth_prompt_ros.networks.clip_mirror.condition import KINDS, Condition
from depth_prompt_ros.networks.clip_mirror.decoder import Decoder
from depth_prompt_ros.networks.clip_mirror.entries import CLIP_MEAN, CLIP_STD, IMAGENET_MEAN, IMAGENET_STD
from depth_prompt_ros.networks.clip_mirror.network import ClipMirror, folded, renormalised, sizes_of_folded
from depth_prompt_ros.networks.clip_mirror.sizes import ClipSizes

IDS = torch.tensor([[512, 3, 260, 513]])


def picture(height: int = 64, width: int = 96, count: int = 2, seed: int = 1) -> torch.Tensor:
    return torch.randn((count, 3, height, width), generator=torch.Generator().manual_seed(seed))


def mirror(kind: str = "mirror", seed: int = 0, rows: int = 64) -> ClipMirror:
    clip = tiny_clip(seed)
    torch.manual_seed(seed + 1)
    decoder = noisy(Decoder(TINY, film=kind != "none"), seed + 1)
    return ClipMirror(clip, Condition(kind, TINY, rows, IDS), decoder).eval()


def worst(first: torch.Tensor, second: torch.Tensor) -> float:
    assert first.shape == second.shape
    return float((first - second).abs().max())


# What the blocks compute is what the library computes.


def test_vectors_and_states_are_the_librarys() -> None:
    clip = tiny_clip()
    with torch.no_grad():
        library = clip.model.vision_model(picture(), interpolate_pos_encoding=True, output_hidden_states=True)
        for tap, state in zip(TINY.taps, clip.states(picture()), strict=True):
            assert worst(state, library.hidden_states[tap + 1]) < 1e-5
        square = picture(48, 48)
        assert worst(clip.picture_vector(square), clip.model.get_image_features(square).pooler_output) < 1e-5
        ids = torch.tensor([[512, 3, 260, 513, 513], [512, 9, 9, 261, 513]])
        assert worst(clip.phrase_vectors(ids), clip.model.get_text_features(ids).pooler_output) < 1e-5


def test_the_librarys_clipseg_gives_the_same_logits() -> None:
    network = tiny_clipseg()
    config = transformers.CLIPSegConfig(
        text_config=TINY.text(), vision_config=TINY.vision(), projection_dim=TINY.projection,
        extract_layers=list(TINY.taps), use_complex_transposed_convolution=True,
    )  # fmt: skip
    library = transformers.CLIPSegForImageSegmentation(config).eval()
    library.load_state_dict(published(network))
    seen, ids = picture(64, 64), torch.tensor([[512, 3, 260, 513], [512, 7, 300, 513]])
    with torch.no_grad():
        expected = library(input_ids=ids, pixel_values=seen).logits
        found = network(seen, network.phrase_vectors(ids))[:, 0]
    assert float(expected.std()) > 0.01
    assert worst(found, expected) < 1e-5


# Folding, and what can be said with FiLM.


@pytest.mark.parametrize("kind", ["mirror", "vector", "sentence", "none"])
def test_folding_is_exact(kind) -> None:
    network = mirror(kind)
    small = folded(network, cap=100.0)
    with torch.no_grad():
        expected = network(picture())
        assert float(expected.std()) > 0.01
        assert worst(small(picture()), expected) < 1e-5
    names = " ".join(small.state_dict())
    assert "text" not in names and "film" not in names and len(small.blocks) == TINY.taps[-1] + 1 < TINY.image_layers


def test_a_condition_that_is_no_constant_cannot_be_folded() -> None:
    with pytest.raises(BadInput, match="no constant and cannot be folded"):
        folded(mirror("image"), 10.0)


def test_the_cap_is_never_exceeded() -> None:
    network = mirror()
    with torch.no_grad():
        depth = network(picture())
        cap = float(depth.quantile(0.7))
        assert worst(folded(network, cap)(picture()), depth.clamp(max=cap)) < 1e-5


def test_another_normalisation_gives_the_same_depth() -> None:
    plain = torch.rand((1, 3, 48, 80), generator=torch.Generator().manual_seed(2))
    mean, std, other_mean, other_std = (
        torch.tensor(each).view(1, 3, 1, 1) for each in (IMAGENET_MEAN, IMAGENET_STD, CLIP_MEAN, CLIP_STD)
    )
    small = folded(mirror(), 100.0)
    with torch.no_grad():
        expected = small((plain - mean) / std)
        renormalised(small, IMAGENET_MEAN, IMAGENET_STD, CLIP_MEAN, CLIP_STD)
        assert worst(small((plain - other_mean) / other_std), expected) < 1e-5


def test_with_biases_set_by_hand_a_zero_vector_gives_the_mirrors_answer() -> None:
    network = mirror()
    with torch.no_grad():
        condition = network.learned["condition"].constant(network.clip)
        decoder = network.learned["decoder"]
        zero = ClipMirror(network.clip, Condition("vector", TINY), Decoder(TINY)).eval()
        zero.learned["condition"].vector.zero_()
        zero.learned["decoder"].load_state_dict(decoder.state_dict())
        assert worst(zero(picture()), network(picture())) > 1e-3
        zero.learned["decoder"].film_mul.bias.copy_(decoder.film_mul(condition)[0])
        zero.learned["decoder"].film_add.bias.copy_(decoder.film_add(condition)[0])
        assert worst(zero(picture()), network(picture())) < 1e-5


@pytest.mark.parametrize("kind", KINDS)
def test_each_condition_gives_metres_and_learns_what_is_its_own(kind) -> None:
    network = mirror(kind).train()
    assert not network.clip.training and not any(each.requires_grad for each in network.clip.parameters())
    depth = network(picture())
    assert depth.shape == (2, 1, 64, 96) and bool((depth > 0).all())
    depth.log().mean().backward()
    own = {"mirror": ["mirror"], "vector": ["vector"]}.get(kind, [])
    parameters = dict(network.learned["condition"].named_parameters())
    assert sorted(parameters) == own
    assert all(float(each.grad.abs().max()) > 0 for each in parameters.values())


def test_a_picture_that_is_no_whole_number_of_patches_gets_depth_of_its_own_size() -> None:
    assert mirror()(picture(70, 90)).shape == (2, 1, 70, 90)


@pytest.mark.parametrize(
    ("kind", "rows", "ids", "words"),
    [("mirror", 78, None, "78 rows"), ("mirror", 0, None, "0 rows"), ("poem", 64, None, "no condition 'poem'"),
     ("sentence", 64, None, "give one")],
)  # fmt: skip
def test_a_condition_that_cannot_be_is_refused(kind, rows, ids, words) -> None:
    with pytest.raises(BadInput, match=words):
        Condition(kind, TINY, rows, ids)


# The mirror and the frozen encoders.


def test_only_the_last_row_is_read_and_all_rows_get_a_gradient() -> None:
    network = mirror()
    clip, rows = network.clip, network.learned["condition"].mirror
    states = clip.text_states(rows[None])
    with torch.no_grad():
        vector = clip.rows_vector(rows[None])
        assert worst(clip.model.text_projection(states[:, -1]), vector) < 1e-5
        other = rows.clone()
        other[-1] += torch.linspace(-1, 1, TINY.text_width)
        changed = clip.text_states(other[None])
        assert worst(changed[:, :-1], states[:, :-1]) < 1e-5  # causal: nothing before the last row sees it
        assert worst(clip.rows_vector(other[None]), vector) > 1e-3
    (gradient,) = torch.autograd.grad(clip.rows_vector(rows[None]).square().sum(), rows)
    assert gradient.shape == (64, TINY.text_width)
    assert bool((gradient.abs().amax(1) > 0).all())


def test_frozen_weights_are_bit_identical_after_a_step() -> None:
    network = mirror().train()
    before = {key: value.clone() for key, value in network.clip.state_dict().items()}
    learned = {key: value.clone() for key, value in network.learned.state_dict().items()}
    optimiser = torch.optim.AdamW([each for each in network.parameters() if each.requires_grad], 1e-2)
    network(picture()).log().square().mean().backward()
    optimiser.step()
    assert all(torch.equal(value, before[key]) for key, value in network.clip.state_dict().items())
    assert not any(torch.equal(value, learned[key]) for key, value in network.learned.state_dict().items())


@pytest.mark.parametrize("axis", [0, 1])
def test_a_grid_shifted_by_a_patch_shifts_the_answer_by_its_pixels(axis) -> None:
    network, (rows, columns) = mirror(), (6, 9)
    decoder = network.learned["decoder"]
    generator = torch.Generator().manual_seed(3)
    states = [torch.randn((1, 1 + rows * columns, TINY.image_width), generator=generator) for _ in TINY.taps]
    shifted = []
    for state in states:
        plane = state[:, 1:].reshape(1, rows, columns, -1).roll(1, 1 + axis)
        shifted.append(torch.cat([state[:, :1], plane.reshape(1, rows * columns, -1)], 1))
    with torch.no_grad():
        condition = network.learned["condition"].constant(network.clip)
        before = decoder(states, (rows, columns), condition)
        after = decoder(shifted, (rows, columns), condition)
    assert before.shape == (1, 1, 16 * rows, 16 * columns)
    moved, inside = before.roll(16, 2 + axis), (..., slice(32, -32), slice(32, -32))
    assert worst(after[inside], moved[inside]) < 1e-4 * float(before.abs().max())
    assert worst(after[inside], before[inside]) > 1e-2 * float(before.abs().max())


# Published names and shapes, files, and what is refused.


def test_sizes_are_those_of_the_published_networks() -> None:
    with torch.device("meta"):
        clip, decoder = Clip(ClipSizes()), Decoder(ClipSizes())
    counts = {name: sum(each.numel() for each in module.parameters()) for name, module in
              {"clip": clip, "decoder": decoder, "mirror": Condition("mirror", ClipSizes())}.items()}  # fmt: skip
    assert counts == {"clip": 149_620_737, "decoder": 1_127_009, "mirror": 32_768}
    learned = counts["decoder"] + counts["mirror"]
    assert learned == 1_159_777 and round(100 * learned / counts["clip"], 2) == 0.78
    assert ClipSizes().taps == (3, 6, 9)
    assert ClipSizes.of(dict(clip.model.state_dict())) == ClipSizes()


@pytest.mark.parametrize("name", ["clip-vit-b-16", "clipseg-rd64"])
def test_published_names_and_shapes_of_the_real_networks(name) -> None:
    entry = catalogue.find_clip(name)
    with torch.device("meta"):
        if entry.segments:
            config = transformers.CLIPSegConfig(
                vision_config={"patch_size": 16}, use_complex_transposed_convolution=True
            )
            library = transformers.CLIPSegForImageSegmentation(config)
        else:
            library = transformers.CLIPModel(transformers.CLIPConfig(vision_config={"patch_size": 16}))
        ours = entry.build()
    theirs = {key: value.shape for key, value in library.state_dict().items()}
    assert {key: value.shape for key, value in published(ours).items()} == theirs


@pytest.mark.parametrize("name", ["clip-tiny", "clipseg-tiny"])
def test_added_weights_are_loaded_frozen_and_checked(monkeypatch, tmp_path, name) -> None:
    use_tiny(monkeypatch, tmp_path / "models")
    network = tiny_clipseg() if "seg" in name else tiny_clip()
    prefix = "clip." if "seg" in name else ""
    old = {f"{prefix}text_model.embeddings.position_ids": torch.arange(77)[None]}
    torch.save({**published(network), **old}, tmp_path / "pytorch_model.bin")
    assert store.add(name, tmp_path / "pytorch_model.bin").verified == "names and shapes"
    loaded = learned_file.load_clip(name)
    assert type(loaded) is type(network) and not any(each.requires_grad for each in loaded.parameters())
    with torch.no_grad():
        assert worst(loaded.picture_vector(picture()), network.picture_vector(picture())) < 1e-5
        assert worst(loaded.phrase_vectors(IDS), network.phrase_vectors(IDS)) < 1e-5
        if isinstance(loaded, ClipSeg):
            assert worst(loaded(picture(), torch.ones(1, 32)), network(picture(), torch.ones(1, 32))) < 1e-5
    store.check(name)
    config = {"model_type": "clipseg" if "seg" in name else "clip", "vision_config": {"patch_size": 32}}
    assert catalogue.find_clip(name).contradictions(config) == ["vision_config.patch_size is 32, not 16"]
    assert "model_type is 'dpt'" in catalogue.find_clip(name).contradictions({"model_type": "dpt"})[0]


@pytest.mark.parametrize("fault", ["truncated", "missing tensor", "other shape", "absent"])
def test_weights_that_are_wrong_are_one_clear_error(monkeypatch, tmp_path, fault) -> None:
    use_tiny(monkeypatch, tmp_path / "models")
    tensors = published(tiny_clipseg())
    if fault == "missing tensor":
        del tensors["clip.text_model.final_layer_norm.weight"]
    elif fault == "other shape":
        tensors["decoder.reduces.0.weight"] = torch.zeros(64, 8)
    path = tmp_path / "model.safetensors"
    save_file({key: value.contiguous() for key, value in tensors.items()}, str(path))
    if fault == "truncated":
        path.write_bytes(path.read_bytes()[:-1000])
    words = {
        "truncated": "cannot read weights",
        "missing tensor": "1 tensors are missing, .*final_layer_norm.weight first",
        "other shape": "reduces.0.weight",
        "absent": "no weights of clipseg-tiny .*depth-prompt models add clipseg-tiny",
    }[fault]
    use = (learned_file.load_clip, "clipseg-tiny") if fault == "absent" else (store.add, "clipseg-tiny", path)
    with pytest.raises(BadModel, match=words) as found:
        use[0](*use[1:])
    assert "\n" not in str(found.value)


def write_mirror(path, network: ClipMirror, name: str) -> None:
    condition = network.learned["condition"]
    notes = learned_file.described(name, network.clip, condition, 10.0, (48, 64))
    write_weights(path, learned_file.learned_tensors(network), notes, {})


@pytest.mark.parametrize("kind", KINDS)
def test_a_learned_file_is_small_and_gives_the_same_depth(monkeypatch, tmp_path, kind) -> None:
    use_tiny(monkeypatch, tmp_path / "models")
    network = mirror(kind)
    save_file(
        {key: value.contiguous() for key, value in published(network.clip).items()}, str(tmp_path / "c.safetensors")
    )
    store.add("clip-tiny", tmp_path / "c.safetensors")
    write_mirror(tmp_path / "mirror.safetensors", network, "clip-tiny")
    again, notes = learned_file.load_mirror(tmp_path / "mirror.safetensors")
    assert notes["condition"] == kind and notes["size"] == "64x48"
    with torch.no_grad():
        assert worst(again(picture()), network(picture())) < 1e-5


def test_another_clip_is_refused_by_name(monkeypatch, tmp_path) -> None:
    use_tiny(monkeypatch, tmp_path / "models")
    network = mirror()
    for name, clip in (("mine", network.clip), ("other", tiny_clip(9))):
        save_file(
            {key: value.contiguous() for key, value in published(clip).items()}, str(tmp_path / f"{name}.safetensors")
        )
    store.add("clip-tiny", tmp_path / "other.safetensors")
    path = tmp_path / "mirror.safetensors"
    write_mirror(path, network, "clip-tiny")
    digest = learned_file.clip_sha256(network.clip)
    with pytest.raises(BadModel, match=f"learned through clip-tiny with sha256 {digest}, but .*clip-tiny.safetensors"):
        learned_file.load_mirror(path)
    store.add("clip-tiny", tmp_path / "mine.safetensors")
    learned_file.load_mirror(path)
    with pytest.raises(BadModel, match="not what learn mirror writes"):
        learned_file.load_mirror(tmp_path / "models" / "clip-tiny.safetensors")
    path.write_bytes(path.read_bytes()[:-10])
    with pytest.raises(BadModel, match="cannot read weights"):
        learned_file.load_mirror(path)


def test_the_catalogue_loads_what_is_left_of_any_clip(tmp_path) -> None:
    small = folded(mirror(), 7.0)
    path = tmp_path / "folded.safetensors"
    write_weights(path, dict(small.state_dict()), {"network": "clip-mirror"}, {})
    loaded = catalogue.load_frozen("clip-mirror", path)
    with torch.no_grad():
        assert worst(loaded(picture()), small(picture())) < 1e-5
    assert sizes_of_folded(small.state_dict()).taps == TINY.taps
    assert catalogue.find("clip-mirror").output == "metric depth"
    write_weights(path, {"decoder.x": torch.zeros(1)}, {"network": "clip-mirror"}, {})
    with pytest.raises(BadModel, match="does not fit clip-mirror"):
        catalogue.load_frozen("clip-mirror", path)


def test_grids_are_rows_and_columns() -> None:
    assert grid_of(picture(70, 100), 16) == (4, 6)
    assert dataclasses.replace(ClipSizes(), image_layers=24).taps == (7, 13, 19)
