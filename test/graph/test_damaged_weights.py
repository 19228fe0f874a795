"""Weights, prompts and published checkpoints with any damage: read, or one error; never a traceback or gigabytes."""

from __future__ import annotations

import io
import resource

import numpy as np
import pytest

torch = pytest.importorskip("torch")
from safetensors.torch import save, save_file

from depth_prompt_ros.errors import BadModel
from depth_prompt_ros.graph.prompt import load_prompt
from depth_prompt_ros.graph.weights import read_weights
from depth_prompt_ros.networks.published_file import read_file
from depth_prompt_ros.resources import resource_path

PROMPT = resource_path("models/background.safetensors")
NOTES = read_weights(PROMPT)[1]


def mutations(good: bytes, count: int, head: int):
    """Bytes changed, cut out, doubled, or the end cut off; most of it in the first ``head`` bytes."""
    rng = np.random.default_rng(0)
    for _ in range(count):
        content = bytearray(good)
        for _ in range(rng.integers(1, 4)):
            place = int(rng.integers(min(head, len(content)) if rng.random() < 0.7 else len(content)))
            kind = rng.integers(4)
            if kind == 0:
                content[place] = int(rng.integers(256))
            elif kind == 1:
                del content[place : place + int(rng.integers(1, 9))]
            elif kind == 2:
                content[place:place] = content[place : place + 8]
            else:
                del content[max(place, 1) :]
            if not content:
                content = bytearray(b"\0")
        yield bytes(content)


def refused(read, path, contents) -> int:
    count = 0
    for content in contents:
        path.write_bytes(content)
        try:
            read(path)
        except BadModel as error:
            count += "\n" not in str(error)
    return count


def test_safetensors(tmp_path) -> None:
    good = save({"a": torch.arange(12.0).view(3, 4), "b": torch.ones(5, dtype=torch.int64)}, {"network": "n"})
    assert refused(read_weights, tmp_path / "w.safetensors", mutations(good, 500, 200)) > 250
    with pytest.raises(BadModel, match=r"cannot read weights .*: fetch or learn it again"):
        read_weights(tmp_path)


@pytest.mark.filterwarnings("ignore::UserWarning")  # PyTorch's, of what it meets there
@pytest.mark.parametrize("zipped", [True, False])
def test_published_checkpoints(tmp_path, zipped) -> None:
    packed = io.BytesIO()
    torch.save({"state_dict": {"a": torch.arange(12.0)}}, packed, _use_new_zipfile_serialization=zipped)
    count = refused(read_file, tmp_path / "w.pt", mutations(packed.getvalue(), 300, 400))
    assert count > 80


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"size": "100000"}, "size 100000"),
        ({"size": "-3"}, "size -3"),
        ({"size": "9" * 5000}, "ValueError"),
        ({"size": "x"}, "invalid literal"),
        ({"size": "4000"}, "other names or shapes"),
        ({"width": "100000"}, "other names or shapes|no prompt of this version"),
        ({"downs": "60"}, "60 halvings|other names or shapes"),
        ({"side": "1000000"}, "side 1000000"),
    ],
)
def test_a_prompt_s_metadata_take_no_memory(tmp_path, changes, said) -> None:
    tensors = {"network.unet.down.0.weight": torch.zeros(2, 2)}
    notes = {**NOTES, "kind": "network", "prompt": "network", "side": "384", **changes}
    save_file(tensors, str(tmp_path / "p.safetensors"), notes)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(BadModel, match=rf"p.safetensors holds no prompt of this version .*({said})"):
        load_prompt(tmp_path / "p.safetensors", NOTES["network"])
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 200_000


@pytest.mark.parametrize("picture", [torch.zeros(3, 8, 8), torch.zeros(1, 4, 8, 8), torch.zeros(1, 3, 8, 8).int()])
def test_a_prompt_that_is_no_picture(tmp_path, picture) -> None:
    save_file({"picture": picture}, str(tmp_path / "p.safetensors"), NOTES)
    with pytest.raises(BadModel, match=r"holds a picture of shape"):
        load_prompt(tmp_path / "p.safetensors", NOTES["network"])
