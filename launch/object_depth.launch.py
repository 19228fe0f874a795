"""The live nodes: the whole pipeline in one node, or (composed:=false) one node a stage."""

from __future__ import annotations

from pathlib import Path

from ament_index_python.packages import get_package_share_path
from launch import Event, LaunchContext, LaunchDescription, LaunchDescriptionEntity
from launch.actions import DeclareLaunchArgument, EmitEvent, OpaqueFunction, RegisterEventHandler
from launch.conditions import IfCondition
from launch.event_handlers import OnProcessStart
from launch.events import matches_action
from launch.logging import get_logger
from launch.substitutions import LaunchConfiguration
from launch_ros.actions import LifecycleNode, Node
from launch_ros.event_handlers import OnStateTransition
from launch_ros.events.lifecycle import ChangeState, StateTransition
from lifecycle_msgs.msg import Transition

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

NOT_STARTED = {
    ("configuring", "unconfigured"),
    ("activating", "inactive"),
    ("errorprocessing", "unconfigured"),
    ("errorprocessing", "finalized"),
}


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
    overrides["use_sim_time"] = argument("use_sim_time") == "true"
    parameters = str(_parameter_file(argument("params_file")))

    entities: list[LaunchDescriptionEntity] = []
    for name, wiring in (WHOLE if composed else STAGES).items():
        node = LifecycleNode(
            package=PACKAGE,
            executable=f"{name}_node",
            name=name,
            namespace=argument("namespace"),
            parameters=[parameters, {**overrides, **wiring}],
            ros_arguments=["--log-level", argument("log_level")],
            output="screen",
            emulate_tty=True,
        )
        if argument("autostart") == "true":
            entities += _autostart(node)
        entities.append(node)

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


def _autostart(node: LifecycleNode) -> list[LaunchDescriptionEntity]:
    """Configure once the process is up, activate once configured; what fails is said, and the node stays."""

    def change(transition: int) -> EmitEvent:
        return EmitEvent(event=ChangeState(lifecycle_node_matcher=matches_action(node), transition_id=transition))

    def has_failed(event: Event) -> bool:
        return (
            isinstance(event, StateTransition)
            and event.action is node
            and (event.start_state, event.goal_state) in NOT_STARTED
        )

    def report(context: LaunchContext) -> None:
        step = "activate" if context.locals.event.start_state == "activating" else "configure"
        get_logger("object_depth.launch").error(
            f"{node.node_name} did not start and stays up: its own message says why. "
            f"Once that is mended: ros2 lifecycle set {node.node_name} {step}"
        )

    return [
        RegisterEventHandler(
            OnProcessStart(target_action=node, on_start=[change(Transition.TRANSITION_CONFIGURE)], handle_once=True)
        ),
        RegisterEventHandler(
            OnStateTransition(
                target_lifecycle_node=node,
                start_state="configuring",
                goal_state="inactive",
                entities=[change(Transition.TRANSITION_ACTIVATE)],
                handle_once=True,
            )
        ),
        RegisterEventHandler(OnStateTransition(matcher=has_failed, entities=[OpaqueFunction(function=report)])),
    ]
