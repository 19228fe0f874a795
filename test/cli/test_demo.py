"""The demo's bags hold what they should, and the way from bag to report is whole."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest

pytest.importorskip("jinja2")
pytest.importorskip("PIL")
pytest.importorskip("skimage")

from outcomes import made_up_outcome
from rich.console import Console

from depth_prompt_ros.bag.messages import typestore
from depth_prompt_ros.bag.reader import FrameReader
from depth_prompt_ros.bag.replay import replay
from depth_prompt_ros.bag.storage.recording import Recording
from depth_prompt_ros.demo.input_bag import TRUE_DISPARITY_TOPIC, StereoTruth, write_input_bag
from depth_prompt_ros.demo.motorcycle import TARGET_BOX, motorcycle_pair
from depth_prompt_ros.demo.recorded import RESULT_TOPICS, read_cloud, read_outcomes
from depth_prompt_ros.errors import BadInput
from depth_prompt_ros.frame import DepthMeasurement
from depth_prompt_ros.parameters import Parameters
from depth_prompt_ros.result import FrameDepth, TargetReport


def test_motorcycle_bag_holds_the_pair_and_its_calibration(tmp_path) -> None:
    pair = motorcycle_pair()
    assert write_input_bag(tmp_path / "bag", [pair]) == 1
    (recorded,) = FrameReader(tmp_path / "bag", Parameters(sync={"tolerance": 0.0})).read()
    frame = recorded.content
    np.testing.assert_array_equal(frame.image, pair.left)
    np.testing.assert_array_equal(frame.right, pair.right)
    camera = frame.camera
    assert (camera.width, camera.height) == (741, 500)
    assert camera.fx == pytest.approx(994.978)
    assert camera.cx == pytest.approx(311.193)
    assert camera.cx_offset == pytest.approx(31.086)
    assert camera.baseline == pytest.approx(0.193001)


def test_motorcycle_truth_is_the_data_sets_disparity(tmp_path) -> None:
    from skimage.data import stereo_motorcycle

    _, _, disparity = stereo_motorcycle()
    write_input_bag(tmp_path / "bag", [motorcycle_pair()])
    (raw,) = Recording(tmp_path / "bag").messages([TRUE_DISPARITY_TOPIC])
    message = typestore().deserialize_cdr(raw.data, raw.msgtype)
    stored = message.image.data.view(np.float32).reshape(500, 741)
    known = np.isfinite(disparity)
    # A DisparityImage's disparity is that of depth = f T / d: with the principal points' offset.
    np.testing.assert_allclose(stored[known], disparity[known] + 31.086, atol=1e-3)
    assert (stored[~known] < message.min_disparity).all()


def test_box_is_around_the_motorcycle() -> None:
    x, y, width, height = (int(value) for value in TARGET_BOX)
    depth = motorcycle_pair().depth
    inside = np.zeros(depth.shape, bool)
    inside[y : y + height, x : x + width] = True
    assert x >= 0 and x + width <= 741 and y >= 0 and y + height <= 500
    assert np.nanmedian(depth[inside]) < 2.7 < np.nanmedian(depth[~inside & (np.arange(500) < 300)[:, None]])


def remembered(outcome):
    """A pipeline that answers what ``outcome`` says."""

    def run(frame) -> FrameDepth:
        measurement = DepthMeasurement(
            outcome.stereo, outcome.measurement.confidence, outcome.camera.disparity_from_depth(outcome.stereo)
        )
        targets = [
            TargetReport(label, found.kind, found.inliers, found.residual, 1.0, 0.0, "")
            for label, found in outcome.anchors.items()
        ]
        pictures = outcome.prompted_image.astype(np.float32).transpose(2, 0, 1)[None] / 255
        return FrameDepth(
            frame, measurement, outcome.merged, np.full_like(outcome.merged, 0.5), outcome.labels, outcome.tom,
            np.zeros_like(outcome.provenance), outcome.provenance, outcome.mono, pictures, targets, [],
        )  # fmt: skip

    return run


@pytest.fixture
def replayed(tmp_path):
    outcome = made_up_outcome()
    frames = [
        StereoTruth(
            stamp, outcome.image, outcome.image, outcome.camera, outcome.true_depth, outcome.labels, outcome.true_tom
        )
        for stamp in (100, 200)
    ]
    write_input_bag(tmp_path / "in", frames)
    topics = [*RESULT_TOPICS, "object_points"]
    replay(tmp_path / "in", tmp_path / "out", Parameters(), topics=topics, pipeline=remembered(outcome))
    return outcome, tmp_path


def test_outcomes_come_back_from_the_bags(replayed) -> None:
    expected, folder = replayed
    outcomes = list(read_outcomes(folder / "in", folder / "out"))
    assert [outcome.stamp_ns for outcome in outcomes] == [100, 200]
    for outcome in outcomes:
        for name in ("image", "true_labels", "true_tom", "labels", "tom", "provenance", "prompted_image"):
            np.testing.assert_array_equal(getattr(outcome, name), getattr(expected, name), err_msg=name)
        for name in ("true_depth", "stereo", "mono", "merged"):
            np.testing.assert_allclose(getattr(outcome, name), getattr(expected, name), rtol=1e-5, err_msg=name)
        assert outcome.anchors == expected.anchors
        assert outcome.camera == expected.camera


def test_cloud_comes_back_from_the_bag(replayed) -> None:
    expected, folder = replayed
    cloud = read_cloud(folder / "out", "object_points", 200)
    assert len(cloud) == (np.isfinite(expected.merged) & (expected.labels > 0)).sum()
    np.testing.assert_allclose(np.sort(cloud["z"]), np.sort(expected.merged[expected.labels > 0]), rtol=1e-5)
    with pytest.raises(BadInput, match="stamp 300"):
        read_cloud(folder / "out", "object_points", 300)


def test_folder_that_cannot_be_written_is_named(tmp_path) -> None:
    from depth_prompt_ros.demo.run import run_demo

    (tmp_path / "file").write_text("in the way")
    with pytest.raises(BadInput, match="file"):
        run_demo(tmp_path / "file", frames=2)


def test_demo_from_nothing_to_the_report(tmp_path) -> None:
    from depth_prompt_ros.demo.run import run_demo
    from depth_prompt_ros.demo.summary import print_summary

    kept = tmp_path / "demo" / "mine.txt"
    kept.parent.mkdir()
    kept.write_text("not the demo's")
    before = [kept.parent / name for name in ("report.html", "bags/tabletop_depth/tabletop_depth.mcap")]
    stale = before[1].with_name("of_another_run.mcap")
    for path in (*before, stale):  # of an earlier run, whose files are replaced, and nothing else
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("old")
    demo = run_demo(tmp_path / "demo", frames=2, scenes=1)
    assert kept.exists()
    assert not any(path.read_bytes() == b"old" for path in before) and not stale.exists()
    assert all(path.exists() for path in demo.written.values())

    report = json.loads((tmp_path / "demo" / "report.json").read_text(encoding="utf-8"))
    motorcycle, tabletop = report["sections"]["motorcycle"], report["sections"]["tabletop"]
    assert motorcycle["tables"]["disparity"]["rows"]["Merged"]["target_coverage"] >= 99
    assert tabletop["tables"]["depth"]["rows"]["Merged"]["tom_coverage"] > 90
    backgrounds, depths = (tabletop["tables"][name]["rows"] for name in ("backgrounds", "depth"))
    assert backgrounds["Learned prompt"]["si_rmse"] > 0
    assert backgrounds["White, scale and shift fitted"]["si_rmse"] < backgrounds["White"]["si_rmse"]
    assert depths["Merged, white background"] != depths["Merged"]
    html = (tmp_path / "demo" / "report.html").read_text(encoding="utf-8")
    assert not re.search(r"(src|href)=.?(?!data:|#|.data:|.#)", html)
    for title in ("The motorcycle", "The frame above"):
        for name in ("stereo alone", "merged depth", "true depth"):
            assert f'aria-label="{name}, {title}"' in html
    header = (tmp_path / "demo" / "cloud.ply").read_bytes()[:300]
    assert int(re.search(rb"element vertex (\d+)", header)[1]) > 100_000
    assert set(Recording(tmp_path / "demo" / "bags" / "tabletop_depth").types) >= {"/object_depth/depth"}

    console = Console(record=True, width=100, quiet=False, file=open("/dev/null", "w"))  # noqa: PTH123, SIM115
    print_summary(demo, console)
    text = console.export_text()
    assert "report.html" in text.replace("\n", "")
    merged = tabletop["tables"]["depth"]["rows"]["Merged"]["tom_rmse"]
    assert f"{merged:.1f}" in text
