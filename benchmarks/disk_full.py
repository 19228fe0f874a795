"""What every command that writes says and leaves on a full disk, as a Markdown table; as root, it mounts tmpfs.

Each command runs once with room enough, and again with shares of what it then wrote.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

ROOMY = "600m"
SHARES = (0.02, 0.5, 0.97)
LEARNED = ["--steps", "4", "--batch", "2", "--validate-every", "2", "--float32"]
COMMAND = [sys.executable, "-m", "depth_prompt_ros.cli.main"]
PAGE = 4096


@dataclass(frozen=True)
class Ran:
    """How a command ended: exit code, last line on stderr without the mounted folder, lines there, what it left."""

    code: int
    said: str
    lines: int
    left: tuple[str, ...]
    traceback: bool


def inputs(folder: Path) -> None:
    """Small sets, a recording, scenes and weights that the commands read."""
    from depth_prompt_ros.demo.input_bag import write_input_bag
    from depth_prompt_ros.demo.tabletop import tabletop_frames

    write_input_bag(folder / "bag", tabletop_frames(4, 1), "mcap")
    for name, kind, size in (("objects", "objects", 160), ("pairs", "tom", 192), ("tables", "tables", 160)):
        quiet("render", "--out", folder / name, "--kind", kind, "--count", "4", "--size", size)
    quiet("learn", "tom-labels", folder / "pairs", "--out", folder / "labels", "--colours", "1")
    pairs = folder / "pairs"
    quiet("learn", "stereo", pairs, "--validation", pairs, "--out", folder / "stereo.safetensors", *LEARNED)
    scene = folder / "scenes" / "one"
    scene.mkdir(parents=True)
    write_scene(scene)


def write_scene(folder: Path) -> None:
    """One table of the plain layout."""
    import cv2
    import numpy as np

    from depth_prompt_ros.demo.tabletop import tabletop_frames

    view = next(tabletop_frames(2, 1))
    camera, depth = view.camera, np.nan_to_num(view.depth)
    cv2.imwrite(str(folder / "image.png"), view.left[..., ::-1])
    cv2.imwrite(str(folder / "depth.png"), np.clip(1000 * depth, 0, 65535).astype(np.uint16))
    (folder / "camera.json").write_text(
        f'{{"fx": {camera.fx}, "fy": {camera.fy}, "cx": {camera.cx}, "cy": {camera.cy}}}'
    )


def commands(given: Path, out: Path) -> dict[str, list[str | Path]]:
    """Arguments by what the table calls the command."""
    learned = ["--out", out / "x.safetensors", *LEARNED]
    objects, pairs, tables = given / "objects", given / "pairs", given / "tables"
    scene = given / "scenes" / "one"
    mono = ["--height", "96", "--width", "128"]
    return {
        "replay": ["replay", given / "bag", "--out", out / "x"],
        "replay --storage sqlite3": ["replay", given / "bag", "--out", out / "x", "--storage", "sqlite3"],
        "demo": ["demo", "--out", out / "x", "--frames", "2"],
        "to-bag": ["to-bag", "scenes", given / "scenes", "--out", out / "x"],
        "evaluate bag": ["evaluate", "bag", given / "bag", "--out", out / "x", "--truth-topic", "/truth/depth"],
        "evaluate scenes": ["evaluate", "scenes", given / "scenes", "--out", out / "x", "--json", out / "x.json"],
        "evaluate stereo": ["evaluate", "stereo", pairs, "--out", out / "x.md"],
        "run": [
            "run", scene / "image.png", "--depth", scene / "depth.png", "--camera", scene / "camera.json",
            "--out", out / "x",
        ],
        "view": ["view", given / "bag", "--save", out / "x.rrd"],
        "bench": ["bench", given / "bag", "--frames", "2", "--json", out / "x.json"],
        "render": ["render", "--out", out / "x", "--count", "4", "--size", "96"],
        "render --kind tables": ["render", "--out", out / "x", "--kind", "tables", "--count", "2", "--size", "96"],
        "prepare bag": ["prepare", "bag", given / "bag", "--out", out / "x", "--size", "96", "--depth", "/truth/depth"],
        "learn background": ["learn", "background", objects, "--validation", objects, *learned],
        "learn things": ["learn", "things", tables, "--validation", tables, *learned],
        "learn stereo": ["learn", "stereo", pairs, "--validation", pairs, *learned],
        "learn tom-masks": ["learn", "tom-masks", pairs, "--validation", pairs, *learned],
        "learn tom-labels": ["learn", "tom-labels", pairs, "--out", out / "x", "--colours", "1"],
        "learn tom-mono": ["learn", "tom-mono", given / "labels", "--out", out / "x.safetensors", "--epochs", "1"],
        "learn tom-stereo": [
            "learn", "tom-stereo", pairs, "--mono", given / "labels", "--validation", pairs, "--labels", out / "merged",
            "--weights", given / "stereo.safetensors", *learned,
        ],
        "learn scene-network": [
            "learn", "scene-network", "--cache", out / "rendered", "--pictures", "4", "--test-pictures", "2",
            "--out", out / "x.safetensors", "--steps", "2", "--batch", "2",
        ],
        "find tom": ["find", "tom", given / "labels" / "pictures", "--out", out / "x"],
        "learn video": [
            "learn", "video", given / "bag", "--out", out / "x.safetensors", "--steps", "2", "--batch", "1",
            "--crop-height", "32", "--crop-width", "64", "--min-parallax", "0", "--width", "0.1", "--no-poses",
        ],
        "export prompted": ["export", "prompted", "models/background.safetensors", "--out", out / "x.onnx"],
        "export mono": ["export", "mono", "--out", out / "x.onnx", *mono],
        "export stereo": ["export", "stereo", given / "stereo.safetensors", "--out", out / "x.onnx", *mono],
        "parameters > FILE": ["parameters"],
    }  # fmt: skip


def quiet(*arguments: object) -> None:
    """Run a command that is to succeed."""
    subprocess.run([*COMMAND, *map(str, arguments)], check=True, capture_output=True)


def mounted(folder: Path, size: str) -> None:
    """An empty file system of that size."""
    folder.mkdir(exist_ok=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)], check=True)


def run(arguments: list[str | Path], disk: Path, to_file: bool) -> Ran:
    """Run a command that writes into ``disk``."""
    command = [*COMMAND, *map(str, arguments)]
    with (disk / "x.yaml" if to_file else Path(os.devnull)).open("w") as out:
        done = subprocess.run(command, check=False, stdout=out, stderr=subprocess.PIPE, text=True)
    plain = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", done.stderr.replace("\r", "\n"))
    lines = [line.strip() for line in plain.splitlines() if line.strip()]
    left = tuple(sorted(str(path.relative_to(disk)) for path in disk.rglob("*") if path.is_file()))
    said = (lines or [""])[-1].replace(f"{disk}/", "")
    return Ran(done.returncode, said, len(lines), left, "Traceback" in done.stderr)


def files(left: tuple[str, ...]) -> str:
    """What is there, in words short enough for a table."""
    if not left:
        return "nothing"
    return ", ".join(left) if len(left) <= 3 else f"{len(left)} files, as {left[0]}, {left[-1]}"


def main() -> int:
    """Print the table; exit code 1 where a command ends otherwise than with one line and exit code 2."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="", help="commands with this in their name")
    parser.add_argument("--inputs", type=Path, help="keep what the commands read here, or take it from there")
    parser.add_argument("--shares", type=float, nargs="+", default=SHARES, help="of the room that a command needs")
    given = parser.parse_args()
    scratch = Path(tempfile.mkdtemp())
    read, disk, bad = given.inputs or scratch / "inputs", scratch / "disk", 0
    if not (read / "scenes").is_dir():
        read.mkdir(parents=True, exist_ok=True)
        inputs(read)
    sys.stdout.write("| command | of the room it needs | exit | what stays | what is said |\n|---|---|---|---|---|\n")
    for name, arguments in commands(read, disk).items():
        if given.only not in name:
            continue
        needed = 0
        for share in (1.0, *given.shares):
            size = ROOMY if share == 1.0 else str(max(PAGE, int(needed * share) // PAGE * PAGE))
            mounted(disk, size)
            try:
                ran = run(arguments, disk, ">" in name)
                if share == 1.0:
                    needed = shutil.disk_usage(disk).used
                    if ran.code:
                        sys.stderr.write(f"{name} fails with room enough: {ran.said}\n")
                        bad += 1
                        break
                    continue
            finally:
                subprocess.run(["umount", str(disk)], check=True)
            part = [path for path in ran.left if ".part" in path or path.endswith("~")]
            wrong = ran.traceback or ran.code not in (0, 2) or bool(part)
            bad += wrong
            mark = " **wrong**" if wrong else ""
            said = ran.said if ran.code else "(nothing is missing: more was reserved than is used)"
            sys.stdout.write(f"| {name} | {share:.0%} | {ran.code}{mark} | {files(ran.left)} | {said} |\n")
            sys.stdout.flush()
    shutil.rmtree(scratch, ignore_errors=True)
    return int(bad > 0)


if __name__ == "__main__":
    raise SystemExit(main())
