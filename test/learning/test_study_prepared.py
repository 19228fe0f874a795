"""The study on small prepared sets of every layout: who is learned from, and the tables."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

torch = pytest.importorskip("torch")
openexr = pytest.importorskip("OpenEXR")

from depth_prompt_ros.data.readers.prepare import prepare
from depth_prompt_ros.errors import BadInput
from depth_prompt_ros.graph.prompt import PromptSettings, make_prompt
from depth_prompt_ros.learning.background.learn import write_prompt
from depth_prompt_ros.learning.background.study import paper_tables, plan
from depth_prompt_ros.learning.background.study.plan import ABLATIONS, OURS, TUNED, Effort, StudiedNetwork
from depth_prompt_ros.learning.background.study.prepared import study_prepared
from depth_prompt_ros.learning.background.study.prepared_sets import sorted_sets
from depth_prompt_ros.learning.trainer import Schedule, write_weights
from depth_prompt_ros.networks.catalogue import CATALOGUE, OWN_NAMES, load_frozen

SIZE = 64
SIDE = 48
TINY = Schedule(steps=1, batch=2, learning_rate=1e-2, validate_every=1)
EFFORT = Effort(
    TINY, TINY, replace(TINY, recipe="paper"), TINY, 4, 3, 32, seeds=1, ablation_seeds=1, validation=1, test=2
)


def _ball(number: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """(SIDE, SIDE) picture, mask and depth of a ball, and its camera's matrix."""
    y, x = (np.mgrid[:SIDE, :SIDE] - (SIDE - 1) / 2) / SIDE
    squared = 0.1 - (x + 0.01 * number) ** 2 - y**2
    depth = (1.5 - np.sqrt(np.maximum(squared, 0))).astype(np.float32)
    image = np.repeat((255 * np.clip(2 - depth, 0, 1)).astype(np.uint8)[..., None], 3, 2)
    middle = (SIDE - 1) / 2
    return image, squared > 0, depth, np.array([[1.5 * SIDE, 0, middle], [0, 1.5 * SIDE, middle], [0, 0, 1]])


def _exr(path: Path, depth: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with openexr.File({"type": openexr.scanlineimage}, {"R": depth}) as file:
        file.write(str(path))


def _png(path: Path, picture: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), picture)


def _layouts(folder: Path) -> None:
    """A few pictures of balls in each published layout."""
    for number in range(4):
        image, mask, depth, matrix = _ball(number)
        thing = folder / "abo" / f"B{number}"
        _png(thing / "render" / "0" / "render_0.jpg", image)
        _exr(thing / "depth" / "depth_0.exr", np.where(mask, depth, np.float32(65504)))
        (thing / "metadata.json").write_text(json.dumps({"views": [{"K": matrix.ravel().tolist()}]}))
        scene = folder / "hm3d-abo" / "scenes" / str(number)
        _png(scene / "rgb" / "0.jpg", image)
        _png(scene / "mask" / "0.png", mask.astype(np.uint8) * 255)
        _exr(scene / "depth" / "0.exr", depth)
        np.savetxt(scene / "intrinsic.txt", matrix)
        planes = image.transpose(2, 0, 1)
        for name in ("hndr", "nerfies/nerfies_depths/a", "nerfies/nerfies_foreground_segmentations/a"):
            (folder / name).mkdir(parents=True, exist_ok=True)
        np.savez(folder / "hndr" / f"{number}.npz", image=planes, refined_depth=depth, foreground_mask=mask,
                 intrinsics=matrix, lidar_depth=depth)  # fmt: skip
        np.savez(folder / "nerfies/nerfies_depths/a" / f"{number}.npz", rgb=planes / 255, depth=depth, K=matrix)
        np.savez(folder / "nerfies/nerfies_foreground_segmentations/a" / f"{number}.npz", foreground=mask)
        ray = np.linalg.norm(
            np.stack([*np.meshgrid(*[(np.arange(SIDE) - matrix[0, 2]) / matrix[0, 0]] * 2), mask * 0 + 1]), axis=0
        )
        shoe = folder / "gso" / str(number)
        _png(shoe / "rgba_0.png", image)
        _png(shoe / "segmentation_0.png", mask.astype(np.uint8))
        cv2.imwrite(str(shoe / "depth_0.tiff"), (depth * ray).astype(np.float32))
        (shoe / "metadata.json").write_text(json.dumps({"camera": {"focal_length": 1.5, "sensor_width": 1.0}}))
    lines = [
        "object,split,scenes,which",
        *(f"B{number},{'TRAIN' if number < 2 else 'TEST'},1,0" for number in range(4)),
    ]
    (folder / "abo" / "train_test_split.csv").write_text("\n".join(lines))
    (folder / "hm3d-abo" / "index").mkdir()
    (folder / "hm3d-abo" / "index" / "train.txt").write_text("0\n1\n")


@pytest.fixture(autouse=True)
def small_network(monkeypatch) -> None:
    """A network of any size learns a step as well at a small one."""
    monkeypatch.setitem(CATALOGUE, "scene-net", replace(CATALOGUE["scene-net"], size=SIZE))


@pytest.fixture(scope="module")
def prepared(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("prepared")
    _layouts(folder / "published")
    for layout in ("abo", "hm3d-abo"):
        for split in ("train", "test"):
            prepare(layout, folder / "published" / layout, folder / f"{layout}-{split}", SIZE, split=split)
    for layout in ("hndr", "nerfies", "gso"):
        prepare(layout, folder / "published" / layout, folder / layout, SIZE)
    return folder


ALL = ("abo-train", "abo-test", "hm3d-abo-train", "hm3d-abo-test", "gso", "hndr", "nerfies")


def test_parts_called_train_are_learned_from_and_abo_counts_a_tenth(prepared) -> None:
    sets = sorted_sets([str(prepared / name) for name in ALL], 1, 2)[SIZE]
    assert [name for name, _ in sets.learned] == ["ABO", "HM3D-ABO"]
    assert sets.every == [10, 1]
    assert sets.within == ["ABO", "HM3D-ABO"]
    assert sets.beyond == ["Google Scanned Objects", "HNDR", "Nerfies"]
    assert len(sets.open_train()) == 2 and len(sets.open_validation()) == 2
    assert [len(test) for test in sets.open_tests().values()] == [2] * 5
    alone = sorted_sets([str(prepared / "abo-train"), f"test={prepared / 'abo-train'}"], 1, 0)[SIZE]
    assert alone.every == [1]
    assert len(alone.open_train()) == 1
    with pytest.raises(BadInput, match="there is no set to learn from: prepare one, or give it as learn=FOLDER"):
        sorted_sets([str(prepared / "hndr")], 1, 2)
    with pytest.raises(BadInput, match="is a second set of HNDR to test"):
        sorted_sets([str(prepared / "hndr")] * 2, 1, 2)


def test_the_tables_have_no_blank_cell_but_the_papers(prepared, tmp_path, monkeypatch) -> None:
    two = {row: ABLATIONS[row] for row in ("1-BG, added", "PNet, no bias")}
    monkeypatch.setattr(plan, "ABLATIONS", two)
    monkeypatch.setattr(paper_tables, "ABLATED", ("1-BG", "PNet", *two))
    networks, data = [StudiedNetwork("scene-net", ablations=True)], [str(prepared / name) for name in ALL]
    where = {"folder": tmp_path / "runs", "results": tmp_path / "page.md"}
    study_prepared(networks, EFFORT, data, **where, jobs=1, report=lambda _: None)
    page = (tmp_path / "page.md").read_text()
    for title in ("Table 1: in", "Table 2: out", "Table 3: abl", "Table S1: fixed", "Table S2: abl", "Table S3: every"):
        assert f"## {title}" in page
    tables = _tables(page)
    assert len(tables) == 6
    for head, rows in tables:
        ours = [
            number
            for number, name in enumerate(head)
            if "paper" not in name and (number == 0 or "paper" not in head[number - 1])
        ]
        for row in rows:
            assert all(row[number] for number in ours), (row, head)
    table_1, table_3 = tables[0], tables[2]
    assert [row[0] for row in table_1[1]][-1] == "PNet"
    white = next(row for row in table_1[1] if row[0] == "none (white)")
    assert white[-2:] == ["1.11", "0.73"]
    assert [row[0] for row in table_3[1]] == ["1-BG", "PNet", *two]
    assert next(row for row in table_3[1] if row[0] == "1-BG, added")[-2:] == ["0.30", "0.66"]
    assert "ABO (each picture a 10th as often)" in page
    assert "Not run yet" not in page


def test_what_is_given_is_tested_once_and_not_learned(prepared, tmp_path) -> None:
    """A network's own weights given as fine-tuned ones say what it says on white."""
    networks, data = [StudiedNetwork("scene-net")], [str(prepared / "abo-train"), str(prepared / "abo-test")]
    few = replace(EFFORT, seeds=2, ablation_seeds=0)
    given = {row: tmp_path / f"{row}.safetensors" for row in ("1-BG", "PNet", TUNED, OURS)}
    for row, settings in (("1-BG", PromptSettings()), ("PNet", PromptSettings("pnet", width=4, downs=3, side=32))):
        prompt = make_prompt(settings, SIZE, torch.Generator().manual_seed(0))
        write_prompt(given[row], prompt, settings, "scene-net", SIZE, {})
    for row in (TUNED, OURS):
        tensors = {name: value.clone() for name, value in load_frozen("scene-net").state_dict().items()}
        write_weights(given[row], tensors, {"network": "scene-net", "names": OWN_NAMES}, {})
    where = {"folder": tmp_path / "runs", "results": tmp_path / "page.md"}
    study_prepared(networks, few, data, **where, given=given, jobs=1, report=lambda _: None)
    runs = sorted(path.name for path in (tmp_path / "runs" / "scene-net").iterdir())
    assert runs == ["1-BG-0", "PNet-0", "fine-tuned-0", "fine-tuned-our-schedule-0", "fixed-0"]
    page = (tmp_path / "page.md").read_text()
    (_, rows), *_ = _tables(page)
    white, tuned = (next(row for row in rows if row[0] == name) for name in ("none (white)", TUNED))
    assert tuned[1].replace(" †", "") == white[1]
    assert next(row for row in rows if row[0] == "1-BG")[1] != white[1]
    assert "Given, not learned: 1-BG, PNet, fine-tuned, fine-tuned, our schedule" in page
    with pytest.raises(BadInput, match="no learned row '2-BG'"):
        study_prepared(networks, few, data, tmp_path / "third", tmp_path / "third.md", {"2-BG": given["1-BG"]}, 1)
    with pytest.raises(BadInput, match="what is given is of one network"):
        study_prepared(networks * 2, few, data, tmp_path / "third", tmp_path / "third.md", given, 1)
    small = tmp_path / "small"
    for layout in ("abo-train", "hndr"):
        prepare("hndr", prepared / "published" / "hndr", small / layout, 32)
    sets = [f"learn={small / 'abo-train'}", str(small / "hndr")]
    with pytest.raises(BadInput, match="takes pictures of 64 pixels, and no set has such: prepare with --size 64"):
        study_prepared(networks, few, sets, tmp_path / "third", tmp_path / "third.md", jobs=1)


def _tables(page: str) -> list[tuple[list[str], list[list[str]]]]:
    """Head and rows of every table, cells stripped."""
    tables: list[tuple[list[str], list[list[str]]]] = []
    lines = [line for line in page.splitlines() if line.startswith("|") or not line]
    inside = False
    for line in lines:
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if not line:
            inside = False
        elif not inside:
            tables.append((cells, []))
            inside = True
        elif not line.startswith("|---"):
            tables[-1][1].append(cells)
    return tables
