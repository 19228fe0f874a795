"""What needs Open3D says so where it is missing; everything else works without it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from depth_prompt_ros import system_libraries
from depth_prompt_ros.camera import CameraModel
from depth_prompt_ros.data.rendering.tracer import Scene
from depth_prompt_ros.errors import BadInput
from depth_prompt_ros.open3d_library import load_open3d
from depth_prompt_ros.parameters import Parameters
from depth_prompt_ros.stages.segmentation import make_segmenter
from depth_prompt_ros.stages.segmentation.table_planes import find_tables

WORDS = r"needs Open3D, which is not installed: pip install 'depth_prompt_ros\[tabletop\]'$"
TABLETOP = Parameters.checked({"segmentation": {"method": "tabletop"}}, "the test")


@pytest.fixture
def without(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "open3d", None)


@pytest.mark.usefixtures("without")
def test_tabletop_is_refused_before_the_first_frame() -> None:
    with pytest.raises(BadInput, match=r"^finding the table \(segmentation.method tabletop\) " + WORDS):
        make_segmenter(TABLETOP.segmentation, TABLETOP)


@pytest.mark.usefixtures("without")
def test_a_frame_says_it_too() -> None:
    camera = CameraModel(64, 48, 60.0, 60.0, 32.0, 24.0)
    with pytest.raises(BadInput, match=WORDS):
        find_tables(camera, np.ones((48, 64), np.float32), 0)


@pytest.mark.usefixtures("without")
def test_the_renderer_says_it_too() -> None:
    with pytest.raises(BadInput, match=r"^rendering " + WORDS):
        Scene([], [], np.zeros(3, np.float32), np.zeros(3, np.float32))


@pytest.mark.parametrize("kind", ["OSError", "ImportError"])
def test_a_missing_system_library_is_named_with_its_package(kind: str, tmp_path: Path, monkeypatch) -> None:
    message = "libusb-1.0.so.0: cannot open shared object file: No such file or directory"
    (tmp_path / "open3d.py").write_text(f"raise {kind}({message!r})\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "open3d", raising=False)
    monkeypatch.setattr(system_libraries, "missing", lambda: ["libusb-1.0.so.0"])
    with pytest.raises(BadInput) as refused:
        load_open3d("rendering")
    assert str(refused.value) == (
        "rendering needs Open3D, which does not load: missing system libraries: libusb-1.0.so.0; "
        "run: sudo apt-get install -y libusb-1.0-0"
    )


def command(*arguments: object) -> subprocess.CompletedProcess[str]:
    """The command line in a process in which Open3D cannot be imported."""
    code = "import sys; sys.modules['open3d'] = None; from depth_prompt_ros.cli.main import main; main()"
    return subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)], capture_output=True, text=True, check=False, timeout=300
    )


@pytest.fixture(scope="module")
def motorcycle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("skimage")
    from depth_prompt_ros.demo.input_bag import write_input_bag
    from depth_prompt_ros.demo.motorcycle import motorcycle_pair

    bag = tmp_path_factory.mktemp("bags") / "in"
    write_input_bag(bag, [motorcycle_pair()])
    return bag


@pytest.mark.parametrize(
    "content", ["method: box, target_box: [88.0, 30.0, 600.0, 428.0]", "method: point, target_point: [370.0, 260.0]"]
)
def test_a_replay_with_a_box_or_a_point_works_without_open3d(content: str, motorcycle: Path, tmp_path: Path) -> None:
    (tmp_path / "parameters.yaml").write_text(f"/**: {{ros__parameters: {{segmentation: {{{content}}}}}}}\n")
    ran = command("replay", motorcycle, "--out", tmp_path / "out", "--params", tmp_path / "parameters.yaml")
    assert ran.returncode == 0, ran.stderr
    assert "1 frames in" in ran.stdout
    assert "targets by anchor" in ran.stdout


def test_a_replay_of_a_table_ends_with_one_line(motorcycle: Path, tmp_path: Path) -> None:
    (tmp_path / "parameters.yaml").write_text("/**: {ros__parameters: {segmentation: {method: tabletop}}}\n")
    ran = command("replay", motorcycle, "--out", tmp_path / "out", "--params", tmp_path / "parameters.yaml")
    assert ran.returncode == 2
    assert "depth_prompt_ros[tabletop]" in ran.stderr
    assert len(ran.stderr.strip().splitlines()) == 1
    assert not (tmp_path / "out").exists()
