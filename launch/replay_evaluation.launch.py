"""Plays a bag through the live node and records what it makes: the whole path as on the robot, at the bag's pace."""

from __future__ import annotations

import re
from pathlib import Path

from launch import Event, LaunchContext, LaunchDescription, LaunchDescriptionEntity
from launch.actions import (
    DeclareLaunchArgument,
    EmitEvent,
    ExecuteProcess,
    IncludeLaunchDescription,
    OpaqueFunction,
    RegisterEventHandler,
    TimerAction,
)
from launch.event_handlers import OnProcessExit
from launch.events import Shutdown
from launch.events.process import ProcessExited
from launch.launch_description_sources import PythonLaunchDescriptionSource
from launch.substitutions import LaunchConfiguration, ThisLaunchFileDir
from launch_ros.event_handlers import OnStateTransition
from launch_ros.events.lifecycle import StateTransition

TOPICS = "object_points,depth,depth/camera_info,labels,tom_mask,disparity,prompted_image,provenance,anchors,mono_depth"
"""What depth-prompt replay writes by default: all but the organised cloud, which takes megabytes a frame."""

DISCOVERY = 3.0
"""Seconds for the recorder to find the node's topics, before the first picture and after the last."""


def generate_launch_description() -> LaunchDescription:
    """Arguments, the node, then player and recorder once it is active; those of object_depth.launch.py work too."""
    return LaunchDescription(
        [
            DeclareLaunchArgument("bag", description="the recording to play: a rosbag2 folder or a lone .mcap or .db3"),
            DeclareLaunchArgument(
                "out", default_value="object_depth_outputs", description="folder of the bag to write; it must not exist"
            ),
            DeclareLaunchArgument("rate", default_value="1.0", description="of playing; slower if frames are dropped"),
            DeclareLaunchArgument(
                "loop", default_value="false", choices=["true", "false"], description="play again and again"
            ),
            DeclareLaunchArgument(
                "topics", default_value=TOPICS, description="what to record below object_depth, comma-separated"
            ),
            OpaqueFunction(function=_player_and_recorder),
            IncludeLaunchDescription(
                PythonLaunchDescriptionSource([ThisLaunchFileDir(), "/object_depth.launch.py"]),
                launch_arguments={"use_sim_time": "true", "composed": "true", "autostart": "true"}.items(),
            ),
        ]
    )


def _player_and_recorder(context: LaunchContext) -> list[LaunchDescriptionEntity]:
    def argument(name: str) -> str:
        return LaunchConfiguration(name).perform(context)

    bag, out = Path(argument("bag")).expanduser(), Path(argument("out")).expanduser()
    if not bag.exists():
        raise FileNotFoundError(f"bag: there is no {bag}")
    if out.exists():
        raise FileExistsError(f"out: {out} is there already; nothing is overwritten")

    names = "|".join(re.escape(name.strip()) for name in argument("topics").split(",") if name.strip())
    # A regular expression: how topics are named differs between distributions, this does not. No --use-sim-time: the
    # recorder would not listen before the first /clock, and the stamps in the messages are the pictures' own.
    record = ExecuteProcess(
        cmd=["ros2", "bag", "record", "--output", str(out), "--regex", f"^.*/object_depth/({names})$"], output="screen"
    )
    play = ExecuteProcess(
        cmd=[
            *("ros2", "bag", "play", str(bag), "--clock", "100", "--rate", argument("rate")),
            *("--disable-keyboard-controls", "--delay", str(DISCOVERY)),
            *(["--loop"] if argument("loop") == "true" else []),
        ],
        output="screen",
    )

    def is_unconfigured(event: Event) -> bool:
        return isinstance(event, StateTransition) and event.goal_state in ("unconfigured", "finalized")

    def stop(_: LaunchContext) -> None:
        raise RuntimeError("the node did not start: nothing was played")

    def on_end(event: ProcessExited, context: LaunchContext) -> list[LaunchDescriptionEntity] | None:
        if context.is_shutdown:
            return None
        if event.returncode:
            raise RuntimeError(f"{' '.join(event.cmd)} ended with {event.returncode}")
        return [TimerAction(period=DISCOVERY, actions=[EmitEvent(event=Shutdown(reason=f"recorded in {out}"))])]

    return [
        RegisterEventHandler(
            OnStateTransition(start_state="activating", goal_state="active", entities=[record, play], handle_once=True)
        ),
        RegisterEventHandler(OnStateTransition(matcher=is_unconfigured, entities=[OpaqueFunction(function=stop)])),
        RegisterEventHandler(OnProcessExit(target_action=play, on_exit=on_end)),
        RegisterEventHandler(OnProcessExit(target_action=record, on_exit=on_end)),
    ]
