"""Every name and signature of TensorRT that the code uses, checked by mypy against NVIDIA's own bindings, 10 and 11.

TensorRT's libraries need a GPU; its Python bindings do not, once three empty libraries stand in for what they link to.
"""

from __future__ import annotations

import ast
import os
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
USERS = ["engine_cache.py", "build.py", "graph.py"]
LIBRARIES = ("nvinfer", "nvinfer_plugin", "nvonnxparser")
SYMBOLS = (
    "createInferBuilder_INTERNAL", "createInferRefitter_INTERNAL", "createInferRuntime_INTERNAL",
    "createNvOnnxParser_INTERNAL", "createNvOnnxParserRefitter_INTERNAL", "getBuilderPluginRegistry",
    "getInferLibVersion", "getNvOnnxParserVersion", "getPluginRegistry", "initLibNvInferPlugins",
)  # fmt: skip


def run(*command: str | Path, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        list(map(str, command)), check=False, capture_output=True, text=True, env={**os.environ, **variables}
    )


def fetch(folder: Path, *wanted: str) -> None:
    """Install wheels in a folder of their own, or skip the test."""
    fetched = run(
        sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--disable-pip-version-check", "--retries", "1",
        "--only-binary", ":all:", "--target", folder, *wanted,
    )  # fmt: skip
    if fetched.returncode:
        pytest.skip(f"cannot fetch {', '.join(wanted)}: {fetched.stderr.strip().splitlines()[-1]}")


def is_broken(line: str) -> bool:
    """Whether a line of the stubs is a one-line function that Python cannot parse, as one has of its own."""
    if not line.strip().startswith("def ") or not line.rstrip().endswith("..."):
        return False
    try:
        ast.parse(line.strip())
    except SyntaxError:
        return True
    return False


@pytest.fixture(scope="module", params=[10, 11])
def bindings(request, tmp_path_factory) -> dict[str, str]:
    """The environment in which ``import tensorrt`` gives the real bindings, with type stubs made from them."""
    pytest.importorskip("mypy")
    compiler, major = shutil.which("gcc") or shutil.which("cc"), request.param
    if compiler is None or sys.platform != "linux":
        pytest.skip("needs a C compiler, to stand in for TensorRT's libraries")
    folder = tmp_path_factory.mktemp(f"tensorrt{major}")
    fetch(folder, f"tensorrt-cu12-bindings>={major},<{major + 1}")
    (folder / "empty.c").write_text("\n".join(f"void *{symbol}(void) {{ return 0; }}" for symbol in SYMBOLS))
    for library in LIBRARIES:
        output = folder / f"lib{library}.so.{major}"
        subprocess.run([compiler, "-shared", "-fPIC", "-o", output, folder / "empty.c"], check=True)
    variables = {"LD_LIBRARY_PATH": str(folder), "PYTHONPATH": str(folder)}
    made = run(
        Path(sys.executable).with_name("stubgen"), "--quiet", "--inspect-mode", "-m", "tensorrt_bindings.tensorrt",
        "-o", folder / "stubs", **variables,
    )  # fmt: skip
    assert made.returncode == 0, made.stderr
    stubs = folder / "stubs" / "tensorrt_bindings" / "tensorrt.pyi"
    assert "def build_serialized_network" in stubs.read_text()
    (folder / "types").mkdir()
    (folder / "types" / "tensorrt.pyi").write_text(
        "\n".join(line for line in stubs.read_text().splitlines() if not is_broken(line)).replace(
            "class IHostMemory:", "class IHostMemory:\n    def __buffer__(self, flags: int, /) -> memoryview: ..."
        )
        + "\n__version__: str\ndef nptype(trt_type: DataType) -> type: ...\n"
    )  # stubgen sees neither the buffer protocol nor what is written in Python
    cache = tmp_path_factory.getbasetemp() / "types"  # for both versions: most of what is checked is neither
    return {**variables, "MYPYPATH": str(folder / "types"), "MYPY_CACHE_DIR": str(cache), "MAJOR": str(major)}


def checked(bindings: dict[str, str], *files: Path) -> subprocess.CompletedProcess[str]:
    return run(
        sys.executable, "-m", "mypy", "--config-file", ROOT / "pyproject.toml", "--follow-imports", "silent",
        "--no-warn-unused-ignores", "--no-warn-unreachable", *files, **bindings,
    )  # fmt: skip


def test_what_the_code_uses_is_there_with_these_arguments(bindings) -> None:
    answer = checked(bindings, *(ROOT / "depth_prompt_ros" / "runtime" / "tensorrt" / name for name in USERS))
    assert answer.returncode == 0, answer.stdout + answer.stderr


def test_the_check_finds_what_is_not_there(bindings, tmp_path) -> None:
    wrong = tmp_path / "wrong.py"
    wrong.write_text(
        textwrap.dedent("""
            import tensorrt as trt

            def build(builder: trt.Builder, context: trt.IExecutionContext) -> None:
                config = builder.create_builder_config()
                config.max_workspace_size = 1
                builder.create_network("explicit")
                context.execute_async_v2([1], 2)
                builder.build_engine(None, config)
        """)
    )
    errors = checked(bindings, wrong).stdout
    for name in ("max_workspace_size", "create_network", "execute_async_v2", "build_engine"):
        assert name in errors


def test_the_bindings_themselves_run_our_log_and_progress(bindings, tmp_path) -> None:
    """Classes of ours that TensorRT calls can be made, and are called with what its documentation says."""
    (tmp_path / "tensorrt.py").write_text(
        "from tensorrt_bindings import *\nfrom tensorrt_bindings import __version__\n"
    )
    code = """
        import tensorrt as trt
        from depth_prompt_ros.runtime.tensorrt.build import Log, _EVERY_S, _Progress
        log = Log()
        log.log(trt.ILogger.ERROR, "broken")
        log.log(trt.ILogger.INFO, "fine")
        assert log.errors == ["broken"]
        said = []
        progress = _Progress(said.append)
        progress.phase_start("Tactics", None, 4)
        progress._said -= 2 * _EVERY_S
        assert progress.step_complete("Tactics", 1)
        assert progress.step_complete("Tactics", 2)
        progress.phase_finish("Tactics")
        assert len(said) == 1 and "Tactics, step 2 of 4" in said[0], said
        print(trt.__version__)
    """
    variables = {**bindings, "PYTHONPATH": f"{tmp_path}{os.pathsep}{bindings['PYTHONPATH']}{os.pathsep}{ROOT}"}
    answer = run(sys.executable, "-c", textwrap.dedent(code), **variables)
    assert answer.returncode == 0, answer.stderr
    assert answer.stdout.startswith(bindings["MAJOR"] + ".")


@pytest.mark.parametrize("major", [12, 13])
def test_what_the_code_uses_of_cuda_is_there(major, tmp_path) -> None:
    fetch(tmp_path, f"cuda-bindings>={major},<{major + 1}", "cuda-pathfinder")
    code = """
        import ast, pathlib
        from cuda.bindings import runtime
        from depth_prompt_ros.runtime.tensorrt import cuda
        names = [ast.unparse(node) for node in ast.walk(ast.parse(pathlib.Path(cuda.__file__).read_text()))
                 if isinstance(node, ast.Attribute) and ast.unparse(node).startswith("runtime.")]
        assert len(names) > 15
        for name in names:
            eval(name)
        assert runtime.cudaError_t(cuda._OUT_OF_MEMORY).name == "cudaErrorMemoryAllocation"
        found = cuda.find_gpu()
        assert isinstance(found, cuda.Gpu) or found.startswith(("no usable NVIDIA", "no NVIDIA GPU", "CUDA ")), found
    """
    answer = run(sys.executable, "-c", textwrap.dedent(code), PYTHONPATH=f"{tmp_path}{os.pathsep}{ROOT}")
    assert answer.returncode == 0, answer.stderr
