"""The live nodes: the whole pipeline in one node, or (composed:=false) one node a stage."""

from __future__ import annotations

from pathlib import Path

from ament_index_python.packages import PackageNotFoundError, get_package_prefix, get_package_share_path
from launch import LaunchContext, LaunchDescription, LaunchDescriptionEntity
from launch.actions import DeclareLaunchArgument, OpaqueFunction
from launch.conditions import IfCondition
from launch.substitutions import LaunchConfiguration
from launch_ros.actions import Node

PACKAGE = "depth_prompt_ros"
CONFIG = get_package_share_path(PACKAGE) / "config"

WHOLE = {"object_depth": {}}
STAGES = {
    "stereo_depth": {},
    "segmentation": {},
    "prompted_depth": {},
    # By default a stage reads what stereo_depth and segmentation make. The merge wants the mask as prompted_depth has
    # left it, the clouds want what was merged.
    "depth_merge": {"stages.labels": "prompted_depth/labels", "stages.tom_mask": "prompted_depth/tom_mask"},
    "point_cloud": {
        "stages.depth": "depth_merge/depth",
        "stages.confidence": "depth_merge/confidence",
        "stages.labels": "prompted_depth/labels",
    },
}
"""Nodes and the parameters that wire them; inputs from other stages default to those stages' topics."""

TOPICS = {
    "left_image": "rectified picture of the left camera, or the colour picture of an RGB-D camera",
    "left_camera_info": "its camera_info",
    "right_image": "rectified picture of the right camera",
    "right_camera_info": "its camera_info",
    "depth_image": "depth aligned to the left image, in place of a right camera",
    "labels": "targets found by someone else: 0 = background, 1 to n (sets segmentation.method to labels)",
}

SHOWN = {
    "points": "point_cloud",
    "object_points": "point_cloud",
    "prompted_image": "prompted_depth",
    "target_point": "segmentation",
}
"""What RViz shows and sends, below object_depth, and the stage that has it when each is a node."""

RESPAWN_DELAY_S = 2.0
CLOSING_S = "20"
"""A frame that is worked on is finished first."""


def generate_launch_description() -> LaunchDescription:
    """Arguments and nodes; ``ros2 launch depth_prompt_ros object_depth.launch.py --show-args`` lists them."""
    return LaunchDescription(
        [
            DeclareLaunchArgument(
                "params_file",
                default_value=str(CONFIG / "object_depth.yaml"),
                description="ROS parameter file; a bare name (zed.yaml) is also looked up in the package's config",
            ),
            DeclareLaunchArgument("namespace", default_value="", description="of the nodes"),
            DeclareLaunchArgument(
                "composed",
                default_value="true",
                choices=["true", "false"],
                description="true: one node, pictures are never sent between stages; false: one node a stage",
            ),
            DeclareLaunchArgument(
                "autostart",
                default_value="true",
                choices=["true", "false"],
                description="configure and activate the nodes; false: they wait for ros2 lifecycle set",
            ),
            DeclareLaunchArgument(
                "respawn",
                default_value="false",
                choices=["true", "false"],
                description="start a node that has died again",
            ),
            DeclareLaunchArgument(
                "use_sim_time", default_value="false", choices=["true", "false"], description="time from /clock"
            ),
            DeclareLaunchArgument(
                "runtime",
                default_value="",
                choices=["", "auto", "onnxruntime", "tensorrt", "torch"],
                description="what runs the networks; empty: as in params_file",
            ),
            DeclareLaunchArgument(
                "log_level", default_value="info", choices=["debug", "info", "warn", "error", "fatal"]
            ),
            DeclareLaunchArgument(
                "rviz", default_value="false", choices=["true", "false"], description="show it in RViz (rviz2)"
            ),
            DeclareLaunchArgument(
                "rviz_frame",
                default_value="left_camera_optical_frame",
                description="fixed frame of RViz: the left camera's frame_id, or one that tf leads to from there",
            ),
            *(
                DeclareLaunchArgument(
                    name, default_value="", description=f"topic: {what}; empty: as in params_file (topics.{name})"
                )
                for name, what in TOPICS.items()
            ),
            OpaqueFunction(function=_nodes),
        ]
    )


def _nodes(context: LaunchContext) -> list[LaunchDescriptionEntity]:
    def argument(name: str) -> str:
        return LaunchConfiguration(name).perform(context)

    composed = argument("composed") == "true"
    # Parameters, not remappings: which topic is read decides what is subscribed (a depth image at all, compressed or
    # not), and a remapping would need to know the name that params_file gives.
    overrides = {f"topics.{name}": argument(name) for name in TOPICS if argument(name)}
    if argument("labels"):
        overrides["segmentation.method"] = "labels"
    if argument("runtime"):
        overrides["runtime"] = argument("runtime")
    for name in ("autostart", "use_sim_time"):
        overrides[name] = argument(name) == "true"
    parameters = str(_parameter_file(argument("params_file")))

    if argument("rviz") == "true":
        _require("rviz2")  # before a node is started that would be left behind
    entities: list[LaunchDescriptionEntity] = []
    for name, wiring in (WHOLE if composed else STAGES).items():
        entities.append(
            Node(
                package=PACKAGE,
                executable=f"{name}_node",
                name=name,
                namespace=argument("namespace"),
                parameters=[parameters, {**overrides, **wiring}],
                ros_arguments=["--log-level", argument("log_level")],
                output="screen",
                emulate_tty=True,
                respawn=argument("respawn") == "true",
                respawn_delay=RESPAWN_DELAY_S,
                sigterm_timeout=CLOSING_S,
            )
        )

    shown = {
        f"/object_depth/{topic}": f"{'object_depth' if composed else stage}/{topic}" for topic, stage in SHOWN.items()
    }
    if argument("left_image"):
        shown["/left/image_rect"] = argument("left_image")
    entities.append(
        Node(
            package="rviz2",
            executable="rviz2",
            namespace=argument("namespace"),
            arguments=["-d", str(CONFIG / "object_depth.rviz"), "-f", argument("rviz_frame")],
            remappings=list(shown.items()),
            parameters=[{"use_sim_time": overrides["use_sim_time"]}],
            condition=IfCondition(LaunchConfiguration("rviz")),
        )
    )
    return entities


def _parameter_file(given: str) -> Path:
    """The file itself, or the package's preset of that name; launch_ros would only warn and go on without it."""
    path = Path(given).expanduser()
    if not path.is_file() and path.name == given:
        path = CONFIG / given
    if not path.is_file():
        presets = ", ".join(sorted(preset.name for preset in CONFIG.glob("*.yaml")))
        raise FileNotFoundError(f"params_file: there is no {given}; the package has {presets}")
    return path


def _require(package: str) -> None:
    try:
        get_package_prefix(package)
    except PackageNotFoundError as error:
        raise RuntimeError(
            f"{package} is not installed: apt install ros-$ROS_DISTRO-{package}, or leave rviz out"
        ) from error
