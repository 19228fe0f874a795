"""The networks that are learned here: their answer has the picture's size and the picture gets its gradient."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

from depth_prompt_ros.networks.catalogue import CATALOGUE


@pytest.mark.parametrize("name", ["scene-net", "scene-vit"])
def test_every_pixel_of_the_picture_can_move_the_answer(name) -> None:
    torch.manual_seed(0)
    entry = CATALOGUE[name]
    network = entry.build().eval()
    picture = torch.randn(2, 3, entry.size, entry.size, requires_grad=True)
    answer = network(picture)
    assert answer.shape == (2, 1, entry.size, entry.size)
    answer[0, 0, entry.size // 2, entry.size // 2].backward()
    assert float((picture.grad[0] != 0).float().mean()) > 0.9
    assert not picture.grad[1].any()
