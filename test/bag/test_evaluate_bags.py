"""Recordings evaluated: figures, truth of every kind, resuming, failures, and one JSON."""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import bags
import cv2
import numpy as np
import pytest

from depth_prompt_ros.bag.evaluation import many
from depth_prompt_ros.bag.evaluation.document import write_document
from depth_prompt_ros.bag.evaluation.many import evaluate_bags
from depth_prompt_ros.bag.evaluation.page import write_page
from depth_prompt_ros.bag.messages import disparity_message, image_message
from depth_prompt_ros.bag.truth.source import TruthSource
from depth_prompt_ros.errors import BadInput
from depth_prompt_ros.evaluation.bags.plots import Curves
from depth_prompt_ros.evaluation.bags.sums import SUM_NAMES
from depth_prompt_ros.evaluation.bags.totals import Totals
from depth_prompt_ros.parameters import Parameters
from depth_prompt_ros.work.run import Where

PARAMETERS = Parameters()
TOPIC = "/truth/depth"
FRAMES = 4
NO_TRUTH = TruthSource()
WITH_TOPIC = TruthSource(depth_topic=TOPIC)


def truth_of(number):
    """What the fake pipeline answers, 20 mm nearer, but for the first row, which is not known."""
    depth = np.full((bags.CAMERA.height, bags.CAMERA.width), 1 + bags.picture(number)[0, 0, 0] / 255, np.float32)
    depth -= np.float32(0.02)
    depth[0] = np.nan
    return depth


def truth_records(message=lambda depth, t: image_message(depth, "32FC1", t, "left"), shift=0):
    return [
        (TOPIC, message(truth_of(n), bags.stamp(n) + shift), bags.stamp(n) + bags.LOG_DELAY + 9) for n in range(FRAMES)
    ]


@pytest.fixture
def bag(tmp_path):
    return bags.write(tmp_path / "in", [*bags.stereo_records(FRAMES), *truth_records()])


def run(found, out, source=WITH_TOPIC, **changes):
    found = found if isinstance(found, list) else [found]
    evaluated = evaluate_bags(found, out, PARAMETERS, source, **{"pipeline": bags.fake_pipeline, **changes})
    write_document(evaluated, out / "evaluation.json")
    return evaluated


def document(out):
    return json.loads((out / "evaluation.json").read_text())


def but_times(out):
    said = document(out)
    assert said.pop("times")
    return said


def problem(found, out, source=WITH_TOPIC):
    failed = run(found, out, source).failed
    (reason,) = failed.values()
    assert "\n" not in reason
    return reason


def test_figures_are_those_of_the_frames(tmp_path, bag):
    run(bag, tmp_path / "out")
    said = document(tmp_path / "out")
    (found,) = said["bags"]
    assert [frame["stamp_ns"] for frame in found["frames"]] == [bags.stamp(n) for n in range(FRAMES)]
    ours = found["metrics"]["ours"]
    assert ours["all"]["rmse"] == pytest.approx(20, abs=1e-3)
    assert ours["all"]["coverage"] == 100
    assert ours["targets"]["mae"] == pytest.approx(20, abs=1e-3)
    assert ours["tom"]["epe"] > 0
    assert set(ours) == {"all", "tom", "other", "edges", "targets"}
    assert found["targets"]["anchors"] == {"inside": FRAMES, "refused": FRAMES}
    assert found["targets"]["refused"] == FRAMES
    assert found["targets"]["mean_residual"] == pytest.approx(0.01)
    assert said["together"]["metrics"] == found["metrics"]
    segments = said["times"]["in"]["latency_ms"]
    assert set(segments) == {"read", "pipeline", "stereo"}
    assert segments["stereo"]["p99"] == 10
    assert said["times"]["in"]["peak_memory_mib"] > 1
    assert {"depth_prompt_ros", "numpy", "opencv"} <= set(said["versions"])
    assert len(found["input"]["bag"]) == 64


def test_twice_gives_the_same_but_for_times(tmp_path, bag):
    for name in ("one", "two"):
        run(bag, tmp_path / name)
    assert but_times(tmp_path / "one") == but_times(tmp_path / "two")
    one, two = ((tmp_path / name / "evaluation.json").read_text().split('"times"')[0] for name in ("one", "two"))
    assert one == two


def test_every_frame_is_parsed_once_for_json_page_and_curves(tmp_path, bag, monkeypatch) -> None:
    second = bags.write(tmp_path / "second", [*bags.stereo_records(FRAMES), *truth_records()])
    out = tmp_path / "out"
    evaluated = evaluate_bags([bag, second], out, PARAMETERS, WITH_TOPIC, pipeline=bags.fake_pipeline)
    parsed = []
    real = json.loads
    monkeypatch.setattr(json, "loads", lambda text: parsed.append(text) or real(text))
    read = write_document(evaluated, out / "evaluation.json")
    write_page(evaluated, read, out / "evaluation.html", "the test")
    frames = [text for text in parsed if '"stamp_ns"' in text and '"signature"' not in text]
    monkeypatch.undo()
    said = document(out)
    written = [frame for found in said["bags"] for frame in found["frames"]]
    assert [real(text) for text in frames] == written
    assert len(written) == 2 * FRAMES
    totals = Totals()
    for frame in written:
        totals.add(frame)
    expected = totals.figures()
    del expected["targets"]["by_label"]
    assert said["together"] == read.together == real(json.dumps(expected))
    assert read.curves["in"].draw().std() > 0
    np.testing.assert_array_equal(read.curves["in"].draw(), read.curves["second"].draw())


@pytest.mark.parametrize("count", [0, 1, 1500, 1501, 40_000])
def test_curves_hold_so_many_points_and_no_more(count) -> None:
    name = {"ours": {"all": [0.0] * len(SUM_NAMES)}, "measured": {"all": [0.0] * len(SUM_NAMES)}}
    curves = Curves(count)
    for number in range(count):
        curves.add({"stamp_ns": number, "sums": name, "targets": []})
    held = list(curves._times)
    assert held == list(range(0, count, max(1, -(-count // 1500))))
    assert len(held) <= 1500
    assert curves.draw().shape == (700, 1100, 3)


def test_truth_of_every_kind_gives_the_same_figures(tmp_path, bag):
    run(bag, tmp_path / "topic")
    plain = bags.write(tmp_path / "plain" / "in", bags.stereo_records(FRAMES))
    other = bags.write(tmp_path / "truth", truth_records(shift=5_000_000))
    folders = {name: tmp_path / name for name in ("metres", "disparities", "counts", "packed")}
    for folder in folders.values():
        folder.mkdir()
    for n in range(FRAMES):
        np.save(folders["metres"] / f"{bags.stamp(n)}.npy", truth_of(n))
        np.save(
            folders["disparities"] / f"{bags.stamp(n) / 1e9:.3f}.npy", bags.CAMERA.disparity_from_depth(truth_of(n))
        )
        counts = np.nan_to_num(truth_of(n) * 20000).round().astype(np.uint16)
        cv2.imwrite(str(folders["counts"] / f"{bags.stamp(n) / 1e9:.3f}.png"), counts)

    def disparities(depth, t):
        return disparity_message(bags.CAMERA.disparity_from_depth(depth), bags.CAMERA, (0, 128), t, "left")

    drawn = bags.write(tmp_path / "drawn" / "in", [*bags.stereo_records(FRAMES), *truth_records(disparities)])
    found = {
        "bag": (plain, TruthSource(depth_topic=TOPIC, bag=other)),
        "metres": (plain, TruthSource(folder=folders["metres"])),
        "disparities": (plain, TruthSource(folder=folders["disparities"], disparity=True)),
        "counts": (plain, TruthSource(folder=folders["counts"], unit=1 / 20000)),
        "disparity topic": (drawn, WITH_TOPIC),
    }
    expected = document(tmp_path / "topic")["together"]["metrics"]["ours"]["all"]
    for name, (recording, source) in found.items():
        run(recording, tmp_path / f"out {name}", source)
        figures = document(tmp_path / f"out {name}")["together"]["metrics"]["ours"]["all"]
        assert figures == pytest.approx(expected, abs=2e-2), name


def test_without_truth_coverage_fit_and_steadiness_are_left(tmp_path, bag):
    run(bag, tmp_path / "out", NO_TRUTH)
    (found,) = document(tmp_path / "out")["bags"]
    ours = found["metrics"]["ours"]["all"]
    assert ours["coverage"] == pytest.approx(100 * 191 / 192)
    assert ours["rmse"] is None
    assert found["targets"]["mean_inliers"] == 20
    assert found["steadiness"] == {"still_frames": 0}


def test_regions_of_the_truth_replace_those_found(tmp_path):
    tom = np.zeros((bags.CAMERA.height, bags.CAMERA.width), np.uint8)
    tom[:6] = 255
    records = bags.stereo_records(1)
    records += [
        ("/tom", image_message(tom, "mono8", bags.stamp(0), "left"), bags.stamp(0)),
        ("/things", image_message(tom // 100, "mono8", bags.stamp(0), "left"), bags.stamp(0)),
    ]
    bag = bags.write(tmp_path / "in", [*records, *truth_records()[:1]])
    run(bag, tmp_path / "out", TruthSource(depth_topic=TOPIC, tom_topic="/tom", labels_topic="/things"))
    (found,) = document(tmp_path / "out")["bags"]
    sums = found["frames"][0]["sums"]["ours"]
    assert (sums["tom"][0], sums["targets"][0]) == (96, 96)
    assert list(found["targets"]["by_label"]) == ["2"]
    assert found["targets"]["by_label"]["2"]["ours"] == found["metrics"]["ours"]["tom"]
    assert found["targets"]["anchors"] == {"inside": 1, "refused": 1}  # of what was found, whatever is true


def test_truth_that_does_not_fit_gets_one_clear_line(tmp_path, bag):
    small = np.ones((6, 8), np.float32)
    records = [*bags.stereo_records(2), ("/small", image_message(small, "32FC1", bags.stamp(0), "left"), bags.stamp(0))]
    sizes = bags.write(tmp_path / "sizes", records)
    assert "is 8x6 but the picture is 16x12" in problem(sizes, tmp_path / "a", TruthSource(depth_topic="/small"))
    late = bags.write(tmp_path / "late", truth_records(shift=10**12))
    reason = problem(bag, tmp_path / "b", TruthSource(depth_topic=TOPIC, bag=late))
    assert "within 0.02 s of a picture" in reason
    assert "1700001000.000 to 1700001000.300 s" in reason
    assert "is not there" in problem(bag, tmp_path / "c", TruthSource(depth_topic="/nothing"))
    assert "is sensor_msgs/msg/CameraInfo, not" in problem(
        bag, tmp_path / "d", TruthSource(depth_topic="/left/camera_info")
    )
    assert "encoding rgb8 is not supported" in problem(bag, tmp_path / "e", TruthSource(depth_topic="/left/image_rect"))
    folder = tmp_path / "files"
    folder.mkdir()
    assert "no file named by its stamp" in problem(bag, tmp_path / "f", TruthSource(folder=folder))
    np.save(folder / f"{bags.stamp(0)}.npy", small)
    assert "8x6 but the picture is 16x12" in problem(bag, tmp_path / "g", TruthSource(folder=folder))
    (folder / f"{bags.stamp(0)}.npy").write_bytes(b"no array")
    assert "cannot read the truth" in problem(bag, tmp_path / "h", TruthSource(folder=folder))
    np.save(folder / f"{bags.stamp(0)}.npy", np.full((12, 16), np.nan, np.float32))
    assert "known at no pixel" in problem(bag, tmp_path / "i", TruthSource(folder=folder))
    with pytest.raises(BadInput, match="not from two of them"):
        run(bag, tmp_path / "j", TruthSource(depth_topic=TOPIC, folder=folder))


def test_one_bad_recording_does_not_stop_the_rest(tmp_path, bag):
    torn = tmp_path / "torn"
    torn.mkdir()
    (torn / "torn_0.mcap").write_bytes(b"\x89MCAP0\r\nnothing")
    other = bags.write(tmp_path / "elsewhere" / "in", [*bags.stereo_records(2), *truth_records()[:2]])
    evaluated = run([bag, torn, tmp_path / "missing", other], tmp_path / "out")
    assert set(evaluated.failed) == {"torn", "missing"}
    assert list(evaluated.folders) == ["in", "in-2"]
    said = document(tmp_path / "out")
    assert said["together"]["frames"] == 6
    assert said["failed"]["missing"].endswith("does not exist")


def test_what_is_done_is_not_done_again_unless_something_changed(tmp_path, bag, monkeypatch):
    seen = []

    def pipeline(frame):
        seen.append(frame.stamp_ns)
        return bags.fake_pipeline(frame)

    run(bag, tmp_path / "out", pipeline=pipeline)
    before = (tmp_path / "out/evaluation.json").read_text()
    assert run(bag, tmp_path / "out", pipeline=pipeline).kept == ["in"]
    assert len(seen) == FRAMES
    assert (tmp_path / "out/evaluation.json").read_text() == before
    run(bag, tmp_path / "out", NO_TRUTH, pipeline=pipeline)
    assert len(seen) == 2 * FRAMES
    run(bag, tmp_path / "out", NO_TRUTH, pipeline=pipeline)
    with (bag / "metadata.yaml").open("a") as metadata:
        metadata.write("\n")
    run(bag, tmp_path / "out", NO_TRUTH, pipeline=pipeline)
    assert len(seen) == 3 * FRAMES
    monkeypatch.setattr(many, "LAYOUT", many.LAYOUT + 1)  # what an older version left is done again
    run(bag, tmp_path / "out", NO_TRUTH, pipeline=pipeline)
    assert len(seen) == 4 * FRAMES


def test_frames_that_cannot_be_used_are_skipped_with_the_reason(tmp_path, bag):
    def pipeline(frame):
        if frame.stamp_ns == bags.stamp(1):
            raise ValueError("no luck")
        return bags.fake_pipeline(frame)

    run(bag, tmp_path / "out", pipeline=pipeline)
    (found,) = document(tmp_path / "out")["bags"]
    assert found["skipped"] == {"ValueError: no luck": 1}
    assert [frame["number"] for frame in found["frames"]] == [0, 2, 3]
    assert [frame["true"] for frame in found["frames"]] == [True] * 3


def test_processes_give_what_one_gives(tmp_path, bag):
    """With the package's own pipeline: spawned processes know no fake one."""
    other = bags.write(tmp_path / "other", [*bags.stereo_records(2), *truth_records()[:2]])
    missing = tmp_path / "missing"
    for name, jobs in (("one", 1), ("two", 2)):
        evaluated = run([bag, missing, other], tmp_path / name, where=Where(jobs), pipeline=None)
        assert list(evaluated.failed) == ["missing"]
    assert but_times(tmp_path / "one") == but_times(tmp_path / "two")


def test_killed_at_any_moment_and_resumed_it_gives_the_same(tmp_path):
    """SIGKILL at ten moments spread over a run of three recordings, each with frames of a twentieth of a second."""
    recordings = [
        bags.write(tmp_path / name, [*bags.stereo_records(FRAMES), *truth_records()]) for name in ("a", "b", "c")
    ]
    run(recordings, tmp_path / "whole")
    code = textwrap.dedent(
        f"""
        import sys, time
        sys.path.insert(0, {str(Path(__file__).parents[1])!r})
        import bags
        from pathlib import Path
        from depth_prompt_ros.bag.evaluation.document import write_document
        from depth_prompt_ros.bag.evaluation.many import evaluate_bags
        from depth_prompt_ros.bag.truth.source import TruthSource
        from depth_prompt_ros.parameters import Parameters

        def slow(frame):
            time.sleep(0.05)
            return bags.fake_pipeline(frame)

        print("ready", flush=True)
        found = evaluate_bags(
            [Path(p) for p in {[str(path) for path in recordings]!r}], Path(sys.argv[1]), Parameters(),
            TruthSource(depth_topic={TOPIC!r}), pipeline=slow,
        )
        write_document(found, Path(sys.argv[1]) / "evaluation.json")
        """
    )
    out, moments, kills = tmp_path / "killed", np.random.default_rng(3).uniform(0.0, 0.25, 10), 0
    for moment in moments:
        process = subprocess.Popen([sys.executable, "-c", code, str(out)], stdout=subprocess.PIPE)
        process.stdout.readline()
        time.sleep(moment)
        kills += process.poll() is None
        process.kill()
        process.wait()
        process.stdout.close()
    assert kills >= 5
    run(recordings, out)
    assert but_times(out) == but_times(tmp_path / "whole")
    assert sorted(path.name for path in (out / "bags").iterdir()) == ["a", "b", "c"]
