"""A list on a Ray cluster of two machines, made here: recordings, a machine that goes, one that is poisoned."""

from __future__ import annotations

import json
import os
import signal
from contextlib import suppress
from pathlib import Path

import bags
import numpy as np
import pytest
from jobs import ScriptedJob, items, plain

from depth_prompt_ros.bag.evaluation.document import write_document
from depth_prompt_ros.bag.evaluation.many import evaluate_bags
from depth_prompt_ros.bag.messages import image_message
from depth_prompt_ros.bag.truth.source import TruthSource
from depth_prompt_ros.errors import BadInput
from depth_prompt_ros.parameters import Parameters
from depth_prompt_ros.work import cluster as engine
from depth_prompt_ros.work.run import Where, run_list

pytest.importorskip("ray")
FRAMES = 3
TRUTH = "/truth/depth"


class Machines:
    """Two, with a core each; the first is the head. Ray's own answer to SIGTERM, one a machine, is taken away again."""

    def __init__(self) -> None:
        from ray.cluster_utils import Cluster

        self.cluster = Cluster()
        self.add(include_dashboard=False)
        self.ray, self.second = self.cluster.address, self.add()

    def add(self, **arguments):
        before = signal.getsignal(signal.SIGTERM)
        machine = self.cluster.add_node(num_cpus=1, object_store_memory=80 * 2**20, **arguments)
        signal.signal(signal.SIGTERM, before)
        return machine


@pytest.fixture(scope="module")
def machines():
    attempts = 3
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        here = str(Path(__file__).parents[1])  # jobs.py: a cluster's processes know no path of pytest
        patch.setenv("PYTHONPATH", os.pathsep.join([here, os.environ.get("PYTHONPATH", "")]))
        made = None
        while made is None:  # Ray gives a machine 30 s to start, which a busy one cannot always keep
            with suppress(Exception):
                made = Machines()
            attempts -= 1
            if made is None and not attempts:
                pytest.skip("Ray cannot start a machine here within its 30 s: this one is too busy")
        yield made
        made.cluster.shutdown()


@pytest.fixture(autouse=True)
def stopped_as_before():
    """A command's own answer to SIGTERM is the one that stays when it connects to a cluster."""
    before = signal.getsignal(signal.SIGTERM)
    yield
    assert signal.getsignal(signal.SIGTERM) is before


@pytest.fixture
def begun(monkeypatch):
    """Names of the items that were given to a worker."""
    names = []
    begin = engine.RayActors.begin
    monkeypatch.setattr(
        engine.RayActors, "begin", lambda self, item, before: (names.append(item.name), begin(self, item, before))[1]
    )
    return names


@pytest.fixture
def recordings(tmp_path):
    """Twelve, the fifth of them torn."""
    found = []
    for number in range(12):
        depth = np.full((bags.CAMERA.height, bags.CAMERA.width), 1 + number / 10, np.float32)
        truth = [
            (TRUTH, image_message(depth, "32FC1", bags.stamp(frame), "left"), bags.stamp(frame) + bags.LOG_DELAY)
            for frame in range(FRAMES)
        ]
        found.append(bags.write(tmp_path / f"bag{number:02d}", [*bags.stereo_records(FRAMES), *truth]))
    (torn,) = found[4].glob("*.mcap")
    torn.write_bytes(torn.read_bytes()[:50])
    return found


def evaluate(found, out, where, report=None):
    evaluated = evaluate_bags(found, out, Parameters(), TruthSource(depth_topic=TRUTH), where, report=report)
    write_document(evaluated, out / "evaluation.json")
    said = json.loads((out / "evaluation.json").read_text())
    assert set(said.pop("times")) == set(evaluated.folders)
    return evaluated, said


def test_a_machine_goes_and_one_recording_is_torn(tmp_path, machines, begun, recordings):
    _, serial = evaluate(recordings, tmp_path / "serial", Where())
    ended = []

    def report(name, *_):
        ended.append(name)
        if len(ended) == 3:  # the other machine works on something meanwhile
            machines.cluster.remove_node(machines.second, allow_graceful=False)

    where = Where(0, machines.ray)
    evaluated, said = evaluate(recordings, tmp_path / "cluster", where, report)
    names = [f"bag{number:02d}" for number in range(12)]
    assert sorted(ended) == names
    assert list(evaluated.failed) == ["bag04"]
    assert set(begun) == set(names)  # what the machine was at when it went, if it was at something, twice
    assert said == serial
    begun.clear()
    again, said = evaluate(recordings, tmp_path / "cluster", where)
    assert set(begun) == set(names)  # a worker may still be sent to the machine that went, and its recording again
    assert again.kept == [name for name in names if name != "bag04"]
    assert said == serial
    machines.second = machines.add()


def test_one_that_takes_its_worker_along_is_given_up(tmp_path, machines, begun):
    listed = [*items("poisoned", "unlucky", "bad"), *plain(3)]
    job = ScriptedJob(tmp_path / "log")
    found = {item.name: outcome for item, outcome in run_list(listed, job, tmp_path / "out", Where(0, machines.ray))}
    assert found.pop("poisoned").problem.startswith("its worker was lost 3 times, at last: ActorDiedError: ")
    assert found.pop("bad").problem == "nothing of use"
    assert not any(outcome.problem for outcome in found.values())
    assert job.begun().count("poisoned") == 3  # however often it was sent to a worker that did not start
    assert job.begun().count("unlucky") == 2
    assert sorted(path.name for path in (tmp_path / "out").glob("*/done.txt")) == ["done.txt"] * 4
    begun.clear()
    again = {item.name: outcome for item, outcome in run_list(listed, job, tmp_path / "out", Where(0, machines.ray))}
    assert "poisoned" not in begun
    assert again["poisoned"].problem.endswith("poisoned.lost to try again")


def test_large_results_come_in_pieces(tmp_path, machines, monkeypatch):
    monkeypatch.setattr(engine, "_PIECE", 3)  # of this side: the worker's own pieces are longer, and are cut to size
    job = ScriptedJob(tmp_path / "log")
    (done,) = run_list(items("a"), job, tmp_path / "out", Where(0, machines.ray))
    assert not done[1].problem
    assert (tmp_path / "out/a/done.txt").read_text() == "0"


def test_workers_larger_than_any_machine_are_one_line(tmp_path, machines):
    with pytest.raises(BadInput, match="no machine of the cluster has 64 CPU: give fewer --cores"):
        list(run_list(plain(1), ScriptedJob(tmp_path / "log"), tmp_path / "out", Where(0, machines.ray, cores=64)))


def test_a_cluster_that_is_not_there_is_one_line(tmp_path):
    with pytest.raises(BadInput, match="cannot reach the Ray cluster 127.0.0.1:1: ") as caught:
        list(run_list(plain(1), ScriptedJob(tmp_path / "log"), tmp_path / "out", Where(0, "127.0.0.1:1")))
    assert "\n" not in str(caught.value)
