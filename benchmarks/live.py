"""What the live path adds to the pipeline, on ROS 2: python benchmarks/live.py [--rate HZ] [--topic NAME].

A camera in another process publishes a rendered 640x480 pair and receives the cloud, of one target in a box.
Within the node, from the last callback to the end of publish(), less what the stages of the pipeline took: making the
cloud and its message, waking the worker, publishing. From the camera's stamp to the cloud received: also the way
through the middleware, there and back.
"""

from __future__ import annotations

import json
import multiprocessing
import threading
import time
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer


def camera(frames_file: str, rate: float, seconds: float, answer: Any, topic: str = "/object_depth/points") -> None:
    """Publish pairs once there is a first cloud, receive clouds: pairs sent, and latency by stamp."""
    import rclpy
    from rclpy.executors import SingleThreadedExecutor
    from rclpy.node import Node
    from rclpy.qos import qos_profile_sensor_data

    from depth_prompt_ros.bag.messages import camera_info_message, image_message, stamp_of
    from depth_prompt_ros.data.rendering.scenes import TABLETOP_CAMERA
    from depth_prompt_ros.ros.convert import message_class, ros_message

    rclpy.init()
    node, saved = Node("benchmark_camera"), np.load(frames_file)
    latency: dict[int, float] = {}

    def received(cloud: Any) -> None:
        latency[stamp_of(cloud)] = (time.time_ns() - stamp_of(cloud)) * 1e-9

    node.create_subscription(message_class("sensor_msgs/msg/PointCloud2"), topic, received, 5)
    publishers = {
        name: node.create_publisher(message_class(f"sensor_msgs/msg/{kind}"), name, qos_profile_sensor_data)
        for name, kind in (
            ("/left/camera_info", "CameraInfo"), ("/right/camera_info", "CameraInfo"), ("/right/image_rect", "Image"),
            ("/left/image_rect", "Image"),
        )
    }  # fmt: skip
    executor = SingleThreadedExecutor()
    executor.add_node(node)
    threading.Thread(target=executor.spin, daemon=True).start()
    number = 0

    def show() -> None:
        nonlocal number
        place = number % len(saved["left"])
        content = [
            camera_info_message(TABLETOP_CAMERA, 0, "left", make=ros_message),
            camera_info_message(TABLETOP_CAMERA, 0, "left", right=True, make=ros_message),
            image_message(saved["right"][place], "rgb8", 0, "left", ros_message),
            image_message(saved["left"][place], "rgb8", 0, "left", ros_message),
        ]
        stamp = time.time_ns()
        for publisher, message in zip(publishers.values(), content, strict=True):
            message.header.stamp.sec, message.header.stamp.nanosec = divmod(stamp, 10**9)
            publisher.publish(message)
        number += 1

    while not latency:  # models are loaded, topics are found
        show()
        time.sleep(0.5)
    latency.clear()
    number, due, end = 0, time.monotonic(), time.monotonic() + seconds
    while time.monotonic() < end:
        show()
        due += 1 / rate
        time.sleep(max(0.0, due - time.monotonic()))
    time.sleep(1)
    answer.put((number, latency))
    executor.shutdown()
    node.destroy_node()
    rclpy.try_shutdown()


def main(
    rate: Annotated[float, typer.Option(help="Pairs a second.")] = 5.0,
    seconds: Annotated[float, typer.Option(help="How long.")] = 30.0,
    topic: Annotated[str, typer.Option(help="The cloud that is received: points, or object_points.")] = "points",
    json_file: Annotated[Path | None, typer.Option("--json", help="Write the numbers here too.")] = None,
) -> None:
    """Measure and print."""
    import tempfile
    from itertools import islice

    import cv2

    from depth_prompt_ros.data.rendering.scenes import render_tabletop_sequence

    views = list(islice(render_tabletop_sequence(frames=200, seed=2), 4))
    x, y, width, height = cv2.boundingRect((views[0].labels == 5).astype(np.uint8))
    with tempfile.TemporaryDirectory() as folder:
        frames = str(Path(folder) / "frames.npz")
        np.savez(frames, left=[view.left for view in views], right=[view.right for view in views])
        context = multiprocessing.get_context("spawn")
        answer = context.Queue()
        process = context.Process(target=camera, args=(frames, rate, seconds, answer, f"/object_depth/{topic}"))
        process.start()
        pipeline = serve([float(value) for value in (x - 8, y - 8, width + 16, height + 16)], process, answer)
        sent, latency = answer.get()
        process.join()
    known = [stamp for stamp in latency if stamp in pipeline][5:]
    inside = 1000 * np.array([pipeline[stamp][1] - pipeline[stamp][0] for stamp in known])
    over = 1000 * np.array([latency[stamp] - pipeline[stamp][0] for stamp in known])
    whole = 1000 * np.array([latency[stamp] for stamp in known])
    alone = 1000 * float(np.median([pipeline[stamp][0] for stamp in known]))
    figures = {
        "pipeline_ms": alone,
        "sent": sent, "received": len(latency), "latency_ms": np.percentile(whole, (50, 95)).tolist(),
        "in_the_node_ms": np.percentile(inside, (50, 95)).tolist(),
        "overhead_ms": np.percentile(over, (50, 95)).tolist(),
    }  # fmt: skip
    print(f"{sent} pairs sent, {len(latency)} clouds received")
    print("stamp to cloud received, ms p50 / p95: {:.1f} / {:.1f}".format(*figures["latency_ms"]))
    print(
        f"the pipeline's stages, ms p50: {alone:.1f}; stamp to cloud received is {np.median(whole) / alone:.2f} of it"
    )
    print("in the node, not in the pipeline's stages: {:.1f} / {:.1f}".format(*figures["in_the_node_ms"]))
    print("with the middleware, not in the pipeline's stages: {:.1f} / {:.1f}".format(*figures["overhead_ms"]))
    if json_file is not None:
        json_file.write_text(json.dumps(figures, indent=2) + "\n")


def serve(box: list[float], until: Any, answered: Any) -> dict[int, tuple[float, float]]:
    """Run the node until a process has answered: seconds in the pipeline, and in the node, by stamp."""
    import rclpy
    from rclpy.executors import SingleThreadedExecutor
    from rclpy.parameter import Parameter

    from depth_prompt_ros.bag.messages import stamp_of
    from depth_prompt_ros.ros.nodes.object_depth import ObjectDepthNode

    spent: dict[int, tuple[float, float]] = {}

    class Timed(ObjectDepthNode):
        def _work(self, item: Any) -> None:
            super()._work(item)
            if self.frames.inside:
                pipeline = sum(self.frames.segments.values())
                spent[stamp_of(item[0]["left_image"])] = (pipeline, self.frames.inside[-1])

    rclpy.init()
    node = Timed()
    node.set_parameters([
        Parameter("segmentation.method", value="box"), Parameter("segmentation.target_box", value=box),
    ])  # fmt: skip
    executor = SingleThreadedExecutor()
    executor.add_node(node)
    node.trigger_configure()
    node.trigger_activate()
    while until.exitcode is None and answered.empty():
        executor.spin_once(timeout_sec=0.1)
    node.close()
    executor.shutdown()
    node.destroy_node()
    rclpy.try_shutdown()
    return spent


if __name__ == "__main__":
    typer.run(main)
