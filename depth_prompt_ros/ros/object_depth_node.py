"""The node for programs of one's own, which add it to an executor of theirs; this path stays where others may move."""

from depth_prompt_ros.ros.nodes.object_depth import ObjectDepthNode

__all__ = ["ObjectDepthNode"]
