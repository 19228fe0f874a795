"""What depth-prompt bench measures and writes."""

from __future__ import annotations

import json

import bags
import numpy as np
import pytest
from typer.testing import CliRunner

from depth_prompt_ros.bench import report
from depth_prompt_ros.bench.base import read_base, regressions
from depth_prompt_ros.bench.measure import SEPARATE, measure
from depth_prompt_ros.cli.main import app
from depth_prompt_ros.data.rendering.scenes import TABLETOP_CAMERA, render_tabletop_sequence
from depth_prompt_ros.demo.input_bag import StereoTruth, write_input_bag
from depth_prompt_ros.errors import BadInput
from depth_prompt_ros.parameters import Parameters

PARAMETERS = Parameters.checked(
    {"segmentation": {"method": "labels"}, "topics": {"labels": "/labels"}, "device": "cpu"}, "the test"
)


@pytest.fixture(scope="module")
def bag(tmp_path_factory):
    view = next(iter(render_tabletop_sequence(frames=200, seed=2)))
    truth = StereoTruth(
        view.stamp_ns,
        view.left,
        view.right,
        TABLETOP_CAMERA,
        view.depth,
        (view.labels == 5).astype(np.uint16),
        view.tom,
    )
    path = tmp_path_factory.mktemp("bench") / "bag"
    write_input_bag(path, [truth])
    return path


@pytest.fixture(scope="module")
def measured(bag):
    return measure(bag, PARAMETERS, frames=6, warm_up=2)


def test_a_short_bag_is_repeated_and_every_segment_is_timed(measured) -> None:
    assert measured.sent == 8
    assert not measured.missed
    assert measured.targets == [1] * 6
    expected = {"decode", "stereo", "segmentation", "tom", "surroundings", "anchor", "crop", "graph", "shape",
                "belief", "merge", "convert"}  # fmt: skip
    assert set(measured.segments) == expected | {"rest", "whole"}
    assert {len(seconds) for seconds in measured.segments.values()} == {6}


def test_the_segments_add_up_to_the_whole(measured) -> None:
    whole = np.array(measured.segments["whole"])
    parts = sum(np.array(seconds) for name, seconds in measured.segments.items() if name not in ("rest", "whole"))
    assert np.all(parts <= whole)
    assert np.all(parts > 0.95 * whole)
    rest = np.array(measured.segments["rest"])
    np.testing.assert_allclose(rest + sum(np.array(measured.segments[name]) for name in SEPARATE), whole)


def test_memory_and_the_cold_start_are_reported(measured) -> None:
    memory = measured.resident_mib
    assert 0 < memory["before loading"] <= memory["peak"]
    assert measured.load > 0
    assert measured.first > 0
    assert measured.gpu_mib is None
    assert "ONNX Runtime" in measured.runtimes[0]


def test_the_report_has_the_names_of_ros2_benchmark(measured, bag) -> None:
    content = report.as_json(measured, bag, PARAMETERS)
    assert content["BasicPerformanceMetrics.MEAN_FRAME_RATE"] == pytest.approx(6 / sum(measured.segments["whole"]))
    assert content["metadata"]["BenchmarkMetadata.INPUT_DATA_HASH"] == report.input_hash(bag)
    assert content["custom"]["segments_ms"]["whole"]["p50"] == pytest.approx(
        1000 * float(np.median(measured.segments["whole"]))
    )
    assert json.loads(json.dumps(content)) == content
    assert Parameters.model_validate_json(content["metadata"]["BenchmarkMetadata.CONFIG"]) == PARAMETERS


def test_every_segment_is_given_over_the_yardstick_of_the_same_run(measured) -> None:
    assert len(measured.yardstick) == 6
    ratios = report.over_yardstick(measured)
    assert ratios["graph"]["p50"] == pytest.approx(
        np.median(measured.segments["graph"]) / np.median(measured.yardstick)
    )
    assert set(ratios) == set(measured.segments)


def test_a_segment_that_grew_by_more_than_15_percent_is_a_regression() -> None:
    base = {"stereo": {"p50": 1.0}, "merge": {"p50": 0.02}, "whole": {"p50": 2.0}, "gone": {"p50": 1.0}}
    now = {"stereo": {"p50": 1.16}, "merge": {"p50": 0.08}, "whole": {"p50": 2.29}, "new": {"p50": 1.0}}
    (line,) = regressions(now, base)
    assert line.startswith("stereo: 1.16")
    assert "+16%" in line


def invoke(bag, folder, *words):
    (folder / "params.yaml").write_text(PARAMETERS.model_dump_json(exclude_none=True))
    return CliRunner().invoke(
        app, ["bench", str(bag), "--params", str(folder / "params.yaml"), "--frames", "3", *words]
    )  # fmt: skip


def test_the_command_ends_with_1_where_a_segment_is_slower_than_its_base(bag, tmp_path) -> None:
    base = tmp_path / "base.json"
    base.write_text(json.dumps({"custom": {"segments_over_yardstick": {"whole": {"p50": 1e-6}}}}))
    answer = invoke(bag, tmp_path, "--base", str(base))
    assert answer.exit_code == 1
    assert "slower: whole" in answer.output
    base.write_text(json.dumps({"custom": {"segments_over_yardstick": {"whole": {"p50": 1e6}}}}))
    assert invoke(bag, tmp_path, "--base", str(base)).exit_code == 0


@pytest.mark.parametrize("content", ["", "{}", '{"custom": {"segments_over_yardstick": {"whole": {"p50": 0}}}}', "[]"])
def test_a_base_that_is_none_is_refused(tmp_path, content) -> None:
    (tmp_path / "base.json").write_text(content)
    with pytest.raises(BadInput, match="is not what depth-prompt bench --json wrote"):
        read_base(tmp_path / "base.json")


def test_the_command_writes_table_and_json(bag, tmp_path) -> None:
    answer = invoke(bag, tmp_path, "--json", str(tmp_path / "bench.json"))
    assert answer.exit_code == 0, answer.output
    assert "frames per second" in answer.output
    assert "graph" in answer.output
    assert json.loads((tmp_path / "bench.json").read_text())["custom"]["targets"] == 1


def test_what_was_measured_is_told_though_its_file_cannot_be_written(bag, tmp_path) -> None:
    (tmp_path / "taken").mkdir()
    answer = invoke(bag, tmp_path, "--json", str(tmp_path / "taken"))
    assert isinstance(answer.exception, BadInput)
    assert "cannot write" in str(answer.exception)
    assert "frames per second" in answer.output
    assert not (tmp_path / "taken.part").exists()


def test_a_bag_of_which_nothing_can_be_used_is_an_error(tmp_path) -> None:
    path = bags.write(tmp_path / "in", bags.stereo_records(2))
    with pytest.raises(BadInput, match=r"no frame of .* can be used: .*labels"):
        measure(path, PARAMETERS.model_copy(update={"topics": Parameters().topics}), frames=2, warm_up=1)
