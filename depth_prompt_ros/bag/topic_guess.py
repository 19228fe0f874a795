"""Which topics of a recording are a pair's or a depth camera's, by their types and names."""

from __future__ import annotations

from collections.abc import Mapping

from depth_prompt_ros.bag.encodings.images import IMAGE_TYPES

_INFO = "sensor_msgs/msg/CameraInfo"
_SIDES = {"left_image": ("left", "infra1", "ir1", "cam0"), "right_image": ("right", "infra2", "ir2", "cam1")}
_DEPTH = ("depth",)
_COLOUR = ("color", "colour", "rgb")
_RECTIFIED = ("rect",)
_COMPRESSED = ("compressed", "theora")
_OTHERS = ("/object_depth/", "truth")
"""In names of what a camera did not send."""


def guess_topics(types: Mapping[str, str]) -> dict[str, str]:
    """Topics by role, as :class:`depth_prompt_ros.parameters.Topics` names them: of a depth camera if there is depth.

    A pair that is there as well is not named then. Empty where the names say nothing.

    Args:
        types: message type of each topic.
    """
    images = sorted(name for name, kind in types.items() if kind in IMAGE_TYPES and not _has(name, _OTHERS))
    infos = [name for name, kind in types.items() if kind == _INFO]
    depths = [name for name in images if _has(name, _DEPTH)]
    depth = _best([name for name in depths if "aligned" in name] or depths)
    pictures = [name for name in images if not _has(name, _DEPTH)]
    left, right = (_best([name for name in pictures if _has(name, words)]) for words in _SIDES.values())
    if depth:
        picture = _best([name for name in pictures if _has(name, _COLOUR)]) or left
        if not picture and len(pictures) == 1:
            picture = pictures[0]
        found = {"left_image": picture, "left_camera_info": _beside(picture, infos), "depth_image": depth}
        own = _beside(depth, infos)
        if own and own != found["left_camera_info"] and "aligned" not in depth:
            found["depth_camera_info"] = own
    else:
        found = {
            "left_image": left, "left_camera_info": _beside(left, infos), "right_image": right,
            "right_camera_info": _beside(right, infos),
        }  # fmt: skip
    return {role: topic for role, topic in found.items() if topic}


def _has(name: str, words: tuple[str, ...]) -> bool:
    return any(word in name.lower() for word in words)


def _best(names: list[str], preferred: tuple[str, ...] = _RECTIFIED) -> str:
    """The first with a preferred word, those that are not compressed before the others; empty if there is none."""
    return min(names, key=lambda name: (_has(name, _COMPRESSED), not _has(name, preferred), len(name)), default="")


def _beside(image: str, infos: list[str]) -> str:
    """The camera_info with the most of the image topic's name in front, as drivers publish it."""
    if not image:
        return ""
    image_parts = image.split("/")[:-1]

    def shared(info: str) -> int:
        parts = info.split("/")[:-1]
        same = [one == other for one, other in zip(parts, image_parts, strict=False)]
        return same.index(False) if False in same else len(same)

    best = max(infos, key=lambda info: (shared(info), -len(info)), default="")
    return best if best and shared(best) > 1 else ""
