"""Learning the network for things on a few rendered tables, from the set on disk to the graph that runs."""

from __future__ import annotations

import sys

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("open3d")

from depth_prompt_ros.cli import main as command
from depth_prompt_ros.data.rendering.tables import TableClass
from depth_prompt_ros.data.sets.table_set import TableSet, open_or_render_tables
from depth_prompt_ros.learning.things.samples import NOT_TOM, Samples, middles_and_outlines
from depth_prompt_ros.runtime.onnxruntime_graph import OnnxRuntimeGraph
from depth_prompt_ros.work.run import Where


@pytest.fixture(scope="module")
def tables(tmp_path_factory) -> TableSet:
    return open_or_render_tables(tmp_path_factory.mktemp("tables") / "set", 4, (96, 128), seed=3, where=Where(1))


def test_a_table_is_of_its_seed_and_its_truth_agrees_with_itself(tables) -> None:
    for index in range(len(tables)):
        classes, labels = tables.classes[index], tables.labels[index]
        things = np.isin(classes, (TableClass.THING, TableClass.TOM_THING))
        np.testing.assert_array_equal(things, labels > 0)
        assert (classes == TableClass.SUPPORT).mean() > 0.02
        with np.errstate(invalid="ignore"):
            behind = tables.behind[index] >= tables.depths[index] - 1e-4
        assert behind[np.isfinite(tables.depths[index]) & np.isfinite(tables.behind[index])].all()


def test_samples_are_functions_of_their_place(tables) -> None:
    samples = Samples([tables], (), (64, 96), seed=1)
    one, same = samples.load(np.array([0, 5])), samples.load(np.array([0, 5]))
    for first, second in zip(one, same, strict=True):
        np.testing.assert_array_equal(first.numpy(), second.numpy())
    assert one.seen.shape == (2, 10, 64, 96)
    assert not np.array_equal(one.seen[0].numpy(), samples.load(np.array([4])).seen[0].numpy())


def test_real_scenes_without_glass_say_nothing_but_that(tables) -> None:
    from depth_prompt_ros.camera import CameraModel
    from depth_prompt_ros.data.readers.scenes import RealScene

    camera = CameraModel(64, 48, 60, 60, 31.5, 23.5)
    scene = RealScene("room", np.full((48, 64, 3), 90, np.uint8), camera, np.full((48, 64), 1.5, np.float32))
    samples = Samples([tables] * 4, [scene], (64, 96), seed=1)
    batch = samples.load(np.array([samples.tables]))
    assert (batch.classes == NOT_TOM).all()
    assert not batch.labels.any()


def test_offsets_lead_to_the_middle_of_each_thing() -> None:
    labels = np.zeros((20, 40), np.uint8)
    labels[5:15, 2:12] = 1
    labels[5:15, 12:30] = 2
    offsets, outline = middles_and_outlines(labels)
    x = np.arange(40) + offsets[0] * 40
    np.testing.assert_allclose(x[labels == 1], 6.5, atol=1e-4)
    np.testing.assert_allclose(x[labels == 2], 20.5, atol=1e-4)
    assert outline[10, 11] == outline[10, 12] == 1
    assert outline[10, 20] == 0
    assert not outline[labels == 0].any()


def test_learning_leaves_weights_card_log_and_a_graph_that_answers(tables, tmp_path, monkeypatch, capsys) -> None:
    out, folder = tmp_path / "things.safetensors", str(tables.images.filename).rpartition("/")[0]
    arguments = ["learn", "things", folder, "--validation", folder, "--out", str(out), "--steps", "3", "--batch", "2"]
    monkeypatch.setattr(sys, "argv", ["depth-prompt", *arguments, "--float32"])
    with pytest.raises(SystemExit) as stopped:
        command.main()
    assert not stopped.value.code, capsys.readouterr().err
    assert {"thing_iou", "tom_iou", "found"} <= set(capsys.readouterr().out.split())
    for suffix in (".safetensors", ".json", ".csv", ".onnx"):
        assert out.with_suffix(suffix).is_file()
    graph = OnnxRuntimeGraph(out.with_suffix(".onnx"))
    answer = graph(seen=np.zeros((1, 10, 192, 256), np.float32))["found"]
    assert answer.shape == (1, 7, 192, 256)
    np.testing.assert_allclose(answer[:, :4].sum(1), 1, atol=1e-4)


def test_the_mean_with_the_weights_that_were_started_from(tables, tmp_path) -> None:
    from depth_prompt_ros.learning.things.learn import write_learned
    from depth_prompt_ros.learning.trainer import write_weights
    from depth_prompt_ros.networks.things_net import ThingsNet, load_things_net

    torch.manual_seed(0)
    first, second = ThingsNet(), ThingsNet()
    samples = Samples([tables], (), ThingsNet.SIZE, seed=0)
    write_weights(tmp_path / "first.safetensors", first.state_dict(), {"network": ThingsNet.NAME}, {})
    expected = (first.head.weight + second.head.weight).detach() / 2
    write_learned(second, samples, tmp_path / "mean.safetensors", {}, tmp_path / "first.safetensors")
    mean = load_things_net(tmp_path / "mean.safetensors")
    torch.testing.assert_close(mean.head.weight.detach(), expected, atol=1e-3, rtol=1e-2)
    assert '"averaged": true' in (tmp_path / "mean.json").read_text()
