"""Why no set of inputs comes, or fewer than pictures, topic by topic."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

from depth_prompt_ros.parameters import SyncParameters
from depth_prompt_ros.ros.inputs.subscribed import Arrived, Inputs

LATE_S = 2.0
_LOST_S = 10.0
_ENLARGE = "enlarge the receive buffers (net.core.rmem_max and the DDS's own, docs/ros.md), or use compressed topics"


def problems(inputs: Inputs, sync: SyncParameters, count_publishers: Callable[[str], int]) -> Iterator[tuple[str, str]]:
    """What keeps sets from being complete while images are listened to.

    Yields:
        What kind of problem it is, which stays the same while it lasts, and what to say of it.
    """
    if inputs.since is None:
        return
    now, before = time.monotonic(), False
    for arrived in inputs.arrived.values():
        if said := _missing(arrived, inputs, now, count_publishers):
            before = True
            yield f"missing {arrived.topic}", said
        if arrived.lost and now - arrived.lost_at < _LOST_S:
            yield (
                f"lost {arrived.topic}",
                f"{arrived.topic}: {arrived.lost} messages were lost on their way: {_ENLARGE}",
            )
    waiting = inputs.waiting
    if not before and waiting.dropped and now - waiting.dropped_at < LATE_S:
        most = f"sync.most_megabytes is {sync.most_megabytes:g}, raise it if there is memory"
        yield "no room", f"{waiting.dropped} sets that waited for a picture were dropped: {most}"
    images = [arrived for arrived in inputs.arrived.values() if not arrived.holds]
    for role, (seconds, noticed) in waiting.late.items():
        if now - noticed < LATE_S:
            before = True
            starves = f"starves: {inputs.arrived[role].topic} comes {seconds:.1f} s after its {images[0].topic}"
            yield f"starves {role}", f"{starves}, sync.hold is {sync.hold:g} s"
    if not before and min(arrived.at for arrived in images) - inputs.last_set_at > LATE_S / 2:
        role, gap = inputs.gap()
        apart = f"stamps do not meet: {inputs.arrived[role].topic} is {gap:.3f} s away from {images[0].topic}"
        yield "apart", f"{apart}, sync.tolerance is {sync.tolerance:g} s"


def _missing(arrived: Arrived, inputs: Inputs, now: float, count_publishers: Callable[[str], int]) -> str:
    """Why there is no message, or no recent one."""
    if arrived.count:
        age = now - max(arrived.at, inputs.since or now)
        late = age > LATE_S and not arrived.holds
        return f"{arrived.topic} is late: its last message came {now - arrived.at:.1f} s ago" if late else ""
    if arrived.incompatible:
        return f"{arrived.topic}: {arrived.incompatible}"
    if not count_publishers(arrived.topic):
        return f"no message on {arrived.topic}: nobody publishes it"
    types = inputs.published_as(arrived.topic)
    if types and arrived.type not in types:
        return f"no message on {arrived.topic}: its publishers send {', '.join(sorted(types))}"
    return f"no message on {arrived.topic}, though it has a publisher: it sends none, or all are lost; {_ENLARGE}"
