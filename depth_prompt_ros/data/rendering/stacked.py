"""What people put on, in and against what stands on a table: tins on tins, cans in bowls, a mug before a bottle."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from depth_prompt_ros.data.rendering.bodies import shapes
from depth_prompt_ros.data.rendering.props import Props
from depth_prompt_ros.data.rendering.tidy import drawn_thing, dressed_thing, tidy_things
from depth_prompt_ros.data.rendering.tracer import Body

Rng = np.random.Generator

_ON = 0.6
"""The share of further things that are put on or in another one; the others are put against one."""

_OVERHANG = 1.15
"""What is put on a thing is at most so many times as wide as it is; smaller things stay as they are."""


def stacked_things(rng: Rng, props: Props, share: float, half: NDArray[np.float32]) -> list[Body]:
    """A tidy table's things and up to five more, on, in or against those and each other.

    Whether a third thing is in the way is not looked for: some run into others, as in heaps.

    Args:
        share: of them that are transparent or mirrors.
        half: (2,) metres from the table's middle to its edges in x and y.
    """
    found = tidy_things(rng, props, share, half)
    for _ in range(int(rng.integers(1, 6)) if found else 0):
        surface, length, mesh = drawn_thing(rng, props, share)
        other = found[int(rng.integers(len(found)))].mesh
        low, high = other.vertices.min(0), other.vertices.max(0)
        middle, extent = (low[:2] + high[:2]) / 2, (high - low)[:2]
        if rng.random() < _ON:
            wish = float(rng.uniform(0.35, _OVERHANG)) * float(extent.min()) / float(np.ptp(mesh.vertices, 0)[:2].max())
            smaller = min(1.0, wish)
            mesh, length = mesh.moved(np.eye(3), smaller, np.zeros(3)), length * smaller
            foot = np.ptp(mesh.vertices, 0)[:2]
            where = middle + rng.normal(scale=0.06, size=2) * extent
            height = top_of(other, where, 0.35 * foot)
        else:
            angle, foot = rng.uniform(0, 2 * np.pi), np.ptp(mesh.vertices, 0)[:2]
            towards = np.array([np.cos(angle), np.sin(angle)])
            touching = 0.5 * float(np.min((extent + foot) / np.maximum(np.abs(towards), 1e-6)))
            where, height = middle + towards * touching * rng.uniform(0.95, 1.1), 0.0
            if np.any(np.abs(where) + foot / 2 > half):
                continue
        place = np.array([*where, height], np.float32)
        found.append(dressed_thing(rng, props, surface, length, mesh, place, found[-1].label + 1))
    return found


def top_of(mesh: shapes.Mesh, where: NDArray[np.floating], half: NDArray[np.floating]) -> float:
    """Metres above the table at which another thing stands on or in this one.

    Args:
        where: (2,) x and y of its middle.
        half: (2,) half of the size of its foot. Without a corner of the mesh below it, the mesh's top holds it.
    """
    under = mesh.vertices[np.all(np.abs(mesh.vertices[:, :2] - where) < half, axis=1), 2]
    return float(under.max() if len(under) else mesh.vertices[:, 2].max())
