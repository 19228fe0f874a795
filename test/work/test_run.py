"""Work lists in one process and in several: everything once, whatever becomes of some of it."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import numpy as np
import pytest
from jobs import ScriptedJob, items, plain

from depth_prompt_ros.errors import BadInput, BadModel
from depth_prompt_ros.work.run import Where, run_list


class UnknownElsewhere(ScriptedJob):
    """Of a module that other processes cannot import."""


BOTH = pytest.mark.parametrize("jobs", [1, 3])


def run(tmp_path, listed, **where):
    job = ScriptedJob(tmp_path / "log")
    found = {item.name: outcome for item, outcome in run_list(listed, job, tmp_path / "out", Where(**where))}
    return found, job.begun()


def contents(folder: Path) -> dict[str, str]:
    return {str(path.relative_to(folder)): path.read_text() for path in sorted(folder.rglob("*")) if path.is_file()}


@BOTH
def test_every_item_once_and_not_again(tmp_path, jobs):
    found, begun = run(tmp_path, plain(7), jobs=jobs)
    assert sorted(begun) == [f"item{number}" for number in range(7)]
    assert contents(tmp_path / "out") == {f"item{number}/done.txt": str(number) for number in range(7)}
    assert {name: outcome.said for name, outcome in found.items()} == {f"item{n}": n for n in range(7)}
    found, begun = run(tmp_path, plain(7), jobs=jobs)
    assert len(begun) == 7
    assert all(outcome.kept for outcome in found.values())


@BOTH
def test_one_that_fails_is_named_and_stops_no_other(tmp_path, jobs):
    found, _ = run(tmp_path, items("a", "bad", "b", "odd", "c"), jobs=jobs)
    assert {name: outcome.problem for name, outcome in found.items()} == {
        "a": "", "bad": "nothing of use", "b": "", "odd": "ZeroDivisionError: by nothing", "c": "",
    }  # fmt: skip
    assert [path.name for path in sorted((tmp_path / "out").iterdir())] == ["a", "b", "c"]


@BOTH
def test_a_model_that_all_need_ends_the_list(tmp_path, jobs):
    with pytest.raises(BadModel, match="no such network"):
        run(tmp_path, items("model", "a", "b", "c", "d"), jobs=jobs)


def test_one_that_takes_its_process_along_is_given_up_and_not_begun_again(tmp_path):
    listed = items("a", "poisoned", "b", "c", "d")
    found, begun = run(tmp_path, listed, jobs=2, retries=2)
    assert begun.count("poisoned") == 3
    assert sorted(set(begun)) == ["a", "b", "c", "d", "poisoned"] and len(begun) == 7
    said = found["poisoned"].problem
    assert said == "its worker was lost 3 times, at last: its process ended with code -9 and said nothing"
    assert not any(outcome.problem for name, outcome in found.items() if name != "poisoned")
    found, begun = run(tmp_path, listed, jobs=2)
    assert len(begun) == 7
    mark = tmp_path / "out" / "poisoned.lost"
    assert found["poisoned"].problem == f"{said}; remove {mark} to try again"
    mark.unlink()
    _, begun = run(tmp_path, listed, jobs=2, retries=0)
    assert len(begun) == 8


def test_one_whose_worker_was_lost_is_done_again(tmp_path):
    found, begun = run(tmp_path, items("unlucky1", "a", "b", "unlucky2"), jobs=2)
    assert not any(outcome.problem for outcome in found.values())
    assert sorted(begun) == ["a", "b", "unlucky1", "unlucky1", "unlucky2", "unlucky2"]


def test_workers_that_cannot_start_are_one_line_and_no_items_fault(tmp_path):
    with pytest.raises(BadInput, match="no worker starts: its process ended with code 1 and said nothing"):
        list(run_list(plain(3), UnknownElsewhere(tmp_path / "log"), tmp_path / "out", Where(2)))
    assert not list((tmp_path / "out").iterdir())


def test_workers_share_the_cores_and_the_users_choice_wins(tmp_path, monkeypatch):
    from depth_prompt_ros.work.processes import thread_limits

    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.setenv("OPENCV_FOR_THREADS_NUM", "5")
    assert thread_limits(3) == {"OMP_NUM_THREADS": "3", "OPENCV_FOR_THREADS_NUM": "5"}
    before = dict(os.environ)
    run(tmp_path, plain(2), jobs=2)
    assert dict(os.environ) == before


def test_ctrl_c_ends_the_list_without_a_word_of_its_processes(tmp_path):
    code = textwrap.dedent(
        f"""
        import sys
        sys.path.insert(0, {str(Path(__file__).parents[1])!r})
        from pathlib import Path
        from jobs import ScriptedJob, plain
        from depth_prompt_ros.work.run import Where, run_list

        if __name__ == "__main__":
            job = ScriptedJob(Path({str(tmp_path / "log")!r}), 0.2)
            for item, _ in run_list(plain(50), job, Path({str(tmp_path / "out")!r}), Where(2)):
                print(item.name, flush=True)
        """
    )
    script = tmp_path / "script.py"
    script.write_text(code)
    process = subprocess.Popen(
        [sys.executable, script], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    for _ in range(4):  # both of its processes work by then
        process.stdout.readline()
    os.killpg(process.pid, signal.SIGINT)
    _, said = process.communicate(timeout=60)
    # One exception is said, the command's own; it may be said as raised while another was handled.
    assert len(re.findall("^KeyboardInterrupt", said, re.MULTILINE)) == 1
    assert "Process-" not in said
    assert 0 < len(list((tmp_path / "out").glob("item*"))) < 50


def test_processes_of_a_pool_end_with_a_command_that_is_killed(tmp_path):
    code = textwrap.dedent(
        """
        import time
        from concurrent.futures import ProcessPoolExecutor
        from multiprocessing import get_context
        from depth_prompt_ros.work.processes import end_with_parent

        def stay():
            print("there", flush=True)
            time.sleep(600)

        if __name__ == "__main__":
            with ProcessPoolExecutor(2, mp_context=get_context("spawn"), initializer=end_with_parent) as pool:
                for _ in range(3):
                    pool.submit(stay)
        """
    )
    script = tmp_path / "script.py"
    script.write_text(code)
    process = subprocess.Popen([sys.executable, script], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    for _ in range(2):  # both work by then
        process.stdout.readline()
    process.kill()
    process.communicate(timeout=60)  # the pipe ends when the last of them has


def test_an_output_that_cannot_be_written_is_one_line(tmp_path):
    (tmp_path / "out").write_text("a file")
    with pytest.raises(BadInput, match="cannot write to"):
        run(tmp_path, plain(1))


@pytest.mark.parametrize("jobs", [1, 2])
def test_killed_at_random_moments_and_resumed_it_gives_the_same(tmp_path, jobs):
    """SIGKILL at eight moments; what was finished is not begun again."""
    listed, out = plain(10), tmp_path / "out"
    code = textwrap.dedent(
        f"""
        import sys
        sys.path.insert(0, {str(Path(__file__).parents[1])!r})
        from pathlib import Path
        from jobs import ScriptedJob, plain
        from depth_prompt_ros.work.run import Where, run_list

        if __name__ == "__main__":
            print("ready", flush=True)
            for _ in run_list(plain(10), ScriptedJob(Path({str(tmp_path / "log")!r}), 0.3), Path({str(out)!r}),
                              Where({jobs})):
                pass
        """
    )
    script, kills = tmp_path / "script.py", 0
    script.write_text(code)
    for moment in np.random.default_rng(7).uniform(0.1, 0.6, 8):
        process = subprocess.Popen([sys.executable, script], stdout=subprocess.PIPE)
        process.stdout.readline()
        time.sleep(moment)
        kills += process.poll() is None
        process.send_signal(signal.SIGKILL)
        process.wait()
        process.stdout.close()
    assert kills >= 3
    time.sleep(0.5)  # for its processes, which end with it
    done = {path.name for path in out.glob("item*")}
    before = ScriptedJob(tmp_path / "log").begun()
    found, begun = run(tmp_path, listed, jobs=jobs)
    assert {name for name, outcome in found.items() if outcome.kept} == done
    assert sorted(begun[len(before) :]) == sorted({item.name for item in listed} - done)
    assert contents(out) == {f"item{number}/done.txt": str(number) for number in range(10)}
