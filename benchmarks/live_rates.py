"""Clouds of one node and of five at a camera's rate: python benchmarks/live_rates.py [--rate HZ] [--seconds S].

The package is launched as on a robot (built with colcon and sourced), composed and as one node a stage in turn, each
round. A camera in another process publishes a rendered 640x480 pair and receives the organised cloud.
"""

from __future__ import annotations

import json
import multiprocessing
import signal
import subprocess
import tempfile
from itertools import islice
from pathlib import Path
from typing import Annotated, Any

import cv2
import numpy as np
import typer
import yaml
from live import camera

from depth_prompt_ros.data.rendering.scenes import render_tabletop_sequence

WAYS = {"one node": ("true", "/object_depth/points"), "five nodes": ("false", "/point_cloud/points")}


def main(
    rate: Annotated[float, typer.Option(help="Pairs a second.")] = 30.0,
    seconds: Annotated[float, typer.Option(help="How long, each time.")] = 20.0,
    rounds: Annotated[int, typer.Option(help="How often, in turn.")] = 2,
    threads: Annotated[int, typer.Option(help="Of the networks of each of the five; they share the cores.")] = 1,
    method: Annotated[str, typer.Option(help="segmentation.method; box: of one thing.")] = "box",
    json_file: Annotated[Path | None, typer.Option("--json", help="Write the numbers here too.")] = None,
) -> None:
    """Measure and print."""
    views = list(islice(render_tabletop_sequence(frames=200, seed=2), 4))
    x, y, width, height = cv2.boundingRect((views[0].labels == 5).astype(np.uint8))
    found: dict[str, list[dict[str, Any]]] = {way: [] for way in WAYS}
    with tempfile.TemporaryDirectory() as folder:
        frames, parameters = str(Path(folder) / "frames.npz"), Path(folder) / "rates.yaml"
        np.savez(frames, left=[view.left for view in views], right=[view.right for view in views])
        chosen: dict[str, Any] = {"method": method}
        if method == "box":
            chosen["target_box"] = [float(value) for value in (x - 8, y - 8, width + 16, height + 16)]
        for _ in range(rounds):
            for way, (composed, topic) in WAYS.items():
                given = {"segmentation": chosen, "threads": 0 if composed == "true" else threads}
                parameters.write_text(yaml.safe_dump({"/**": {"ros__parameters": given}}))
                found[way].append(launched(composed, parameters, topic, frames, rate, seconds))
    for way, runs in found.items():
        clouds, sent = (sum(run[each] for run in runs) for each in ("clouds", "sent"))
        latency = np.median([run["latency_ms"] for run in runs])
        per_second = clouds / (seconds * len(runs))
        print(f"{way}: {sent} pairs sent, {clouds} clouds, {per_second:.2f} a second, latency {latency:.0f} ms p50")
    one, five = (sum(run["clouds"] for run in runs) for runs in found.values())
    print(f"five nodes give {five / max(one, 1):.2f} of the clouds of one")
    if json_file is not None:
        json_file.write_text(json.dumps(found, indent=2) + "\n")


def launched(composed: str, parameters: Path, topic: str, frames: str, rate: float, seconds: float) -> dict[str, Any]:
    """Pairs sent, clouds received and their latency."""
    arguments = [f"composed:={composed}", f"params_file:={parameters}", "log_level:=warn"]
    command = ["ros2", "launch", "depth_prompt_ros", "object_depth.launch.py", *arguments]
    nodes = subprocess.Popen(command)
    context = multiprocessing.get_context("spawn")
    answer = context.Queue()
    process = context.Process(target=camera, args=(frames, rate, seconds, answer, topic))
    process.start()
    sent, latency = answer.get()
    process.join()
    nodes.send_signal(signal.SIGINT)
    nodes.wait()
    return {
        "sent": sent, "clouds": len(latency), "latency_ms": 1000 * float(np.median(list(latency.values()) or [np.nan])),
    }  # fmt: skip


if __name__ == "__main__":
    typer.run(main)
