from __future__ import annotations

import errno
import subprocess
import sys
from pathlib import Path

import pytest
import typer

from depth_prompt_ros.cli import main as command
from depth_prompt_ros.errors import BadInput, BadModel

HEAVY = (
    "cv2",
    "matplotlib",
    "numpy",
    "onnxruntime",
    "open3d",
    "pydantic",
    "rembg",
    "rosbags",
    "skimage",
    "torch",
    "transformers",
    "yaml",
)


def run_python(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)


def stop_with(error: Exception, monkeypatch: pytest.MonkeyPatch) -> pytest.ExceptionInfo[SystemExit]:
    app = typer.Typer()

    @app.command()
    def fail() -> None:
        raise error

    monkeypatch.setattr(command, "app", app)
    monkeypatch.setattr(sys, "argv", ["depth-prompt"])
    with pytest.raises(SystemExit) as stopped:
        command.main()
    return stopped


def test_help_imports_no_heavy_library() -> None:
    code = (
        "import sys; sys.argv = ['depth-prompt', '--help']\n"
        "from depth_prompt_ros.cli.main import main\n"
        "try: main()\n"
        "except SystemExit as stopped: assert not stopped.code\n"
        f"print('imported:', sorted(set({HEAVY}) & set(sys.modules)))"
    )
    done = run_python(code)
    assert done.returncode == 0, done.stderr
    assert "replay" in done.stdout
    assert done.stdout.splitlines()[-1] == "imported: []"


@pytest.mark.parametrize(
    "verb",
    [
        "demo",
        "evaluate",
        "evaluate background",
        "evaluate cleargrasp",
        "export",
        "export mono",
        "export prompted",
        "export stereo",
        "find",
        "find tom",
        "learn",
        "learn background",
        "learn tom-stereo",
        "models",
        "parameters",
        "replay",
    ],
)
def test_every_verb_has_a_help(verb: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "argv", ["depth-prompt", *verb.split(), "--help"])
    with pytest.raises(SystemExit) as stopped:
        command.main()
    assert not stopped.value.code
    assert f"depth-prompt {verb}" in capsys.readouterr().out


@pytest.mark.parametrize("error", [BadInput("no bag\nat x.mcap"), BadModel("no bag at x.mcap")])
def test_bad_input_is_one_line_and_exit_code_2(
    error: Exception, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    stopped = stop_with(error, monkeypatch)
    assert stopped.value.code == 2
    assert capsys.readouterr().err == "no bag at x.mcap\n"


def test_bad_parameter_file_is_named_without_a_traceback(tmp_path: Path) -> None:
    broken = tmp_path / "broken.yaml"
    broken.write_text("stereo: {block_size: 99}\n")
    done = subprocess.run(
        [sys.executable, "-m", "depth_prompt_ros.cli.main", "replay", "bag", "--out", "out", "--params", str(broken)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1
    assert str(broken) in done.stderr
    assert "stereo.block_size" in done.stderr


def test_missing_extra_says_how_to_install_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    stopped = stop_with(ModuleNotFoundError("No module named 'torch'", name="torch"), monkeypatch)
    assert stopped.value.code == 2
    assert "pip install 'depth_prompt_ros[learn]'" in capsys.readouterr().err


def test_missing_system_library_says_how_to_install_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("depth_prompt_ros.system_libraries.missing", lambda: ["libusb-1.0.so.0"])
    message = "libusb-1.0.so.0: cannot open shared object file: No such file or directory"
    stopped = stop_with(OSError(message), monkeypatch)
    assert stopped.value.code == 2
    assert "sudo apt-get install -y libusb-1.0-0" in capsys.readouterr().err


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EFBIG])
def test_a_full_disk_is_one_line_and_exit_code_2(number, monkeypatch, capsys) -> None:
    stopped = stop_with(OSError(number, "No space left on device", "/out/picture.png"), monkeypatch)
    assert stopped.value.code == 2
    said = capsys.readouterr().err
    assert said.startswith("cannot write /out/picture.png: No space left on device; what was finished before is there")
    assert len(said.splitlines()) == 1


def test_too_little_memory_is_one_line_and_exit_code_2(monkeypatch, capsys) -> None:
    assert stop_with(MemoryError("Unable to allocate 17 GiB"), monkeypatch).value.code == 2
    assert "not enough memory (Unable to allocate 17 GiB)" in capsys.readouterr().err


@pytest.mark.parametrize("error", [ModuleNotFoundError("No module named 'ours'", name="ours"), OSError("disk full")])
def test_a_fault_of_the_program_keeps_its_traceback(error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    app = typer.Typer(pretty_exceptions_enable=False)

    @app.command()
    def fail() -> None:
        raise error

    monkeypatch.setattr(command, "app", app)
    monkeypatch.setattr(sys, "argv", ["depth-prompt"])
    with pytest.raises(type(error)):
        command.main()


def test_files_of_the_command_stay_small() -> None:
    folder = Path(command.__file__).parent
    assert {path.name for path in folder.rglob("*.py") if len(path.read_text().splitlines()) > 150} == set()
