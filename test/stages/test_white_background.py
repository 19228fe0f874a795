"""The prompted network on white: what the graph gives for a picture that was put on white by hand."""

from __future__ import annotations

import numpy as np
import pytest

from depth_prompt_ros.errors import BadModel
from depth_prompt_ros.parameters import PromptedDepthParameters, RuntimeParameters
from depth_prompt_ros.resources import resource_path
from depth_prompt_ros.stages import white_background
from depth_prompt_ros.stages.prompted_depth import BACKGROUND_GRAPH, PromptedDepth

ALONE = str(resource_path(BACKGROUND_GRAPH))


def _inputs(image, mask):
    return {
        "image": image.astype(np.float32),
        "mask": mask.astype(np.float32),
        "trusted": np.zeros((len(image), 1, *image.shape[2:]), np.float32),
        "relief": np.ones(len(image), np.float32),
        "free_shift": np.zeros(len(image), np.float32),
    }


def test_the_graph_sees_white_and_answers_as_to_a_white_picture() -> None:
    """With relief 1 a mask only scales inverse depth: a mask of ones on a finished picture gives the same shape."""
    white, learned = (
        PromptedDepth(PromptedDepthParameters(graph=ALONE, background=name)) for name in ("white", "learned")
    )
    with np.load(resource_path("models/check.npz")) as check:
        image, mask = check["image"].transpose(0, 3, 1, 2) / np.float32(255), check["mask"][:, None]
    found = white.graph(**_inputs(image, mask))
    by_hand = np.where(mask > 0, image, np.float32(1))
    np.testing.assert_allclose(found["picture"], by_hand, atol=1e-6)
    expected = learned.graph(**_inputs(by_hand, np.ones_like(mask)))["inverse_depth"]
    ratio = found["inverse_depth"] / expected
    np.testing.assert_allclose(ratio, np.broadcast_to(ratio[:, :, :1, :1], ratio.shape), rtol=1e-3)
    assert not np.allclose(found["picture"], learned.graph(**_inputs(image, mask))["picture"], atol=0.05)


def test_the_shipped_graph_sees_white_too() -> None:
    white = PromptedDepth(PromptedDepthParameters(background="white")).graph
    nothing = {name: np.zeros([side or 1 for side in shape], np.float32) for name, shape in white.inputs.items()}
    assert "block" in white.inputs
    assert np.all(white(**{**nothing, "relief": np.ones(1, np.float32)})["picture"] == 1)


def test_a_graph_without_a_single_background_is_refused_by_name(monkeypatch) -> None:
    monkeypatch.setattr(white_background, "BACKGROUND", "another.picture")
    with pytest.raises(BadModel, match=r"metric_depth\.onnx holds no single learned background: choose learned"):
        PromptedDepth(PromptedDepthParameters(background="white"))


def test_a_prompt_in_pytorch_is_refused_too() -> None:
    pytest.importorskip("torch")
    with pytest.raises(BadModel, match=r"metric\.safetensors holds no single learned background"):
        PromptedDepth(PromptedDepthParameters(background="white"), RuntimeParameters(runtime="torch"))
