"""Options of commands that do a list of work: how many workers, and where."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Optional

import typer

if TYPE_CHECKING:
    from depth_prompt_ros.work.run import Where

Jobs = Annotated[
    Optional[int],  # noqa: UP045 (typer evaluates it)
    typer.Option("--jobs", min=0, help="At a time, a process each; 0: one a core, or all that the cluster holds."),
]
Ray = Annotated[
    str, typer.Option("--ray", help="Address of a Ray cluster: auto, local or HOST:PORT; docs/scale.md says more.")
]
Cores = Annotated[
    int, typer.Option("--cores", min=1, help="Of each worker on the cluster; with GPUs each has one, too.")
]
Retries = Annotated[int, typer.Option("--retries", min=0, help="How often work whose worker was lost is begun again.")]


def where(jobs: int | None, ray: str, cores: int, retries: int, alone: int = 1) -> Where:
    """Where the list is run; without ``--jobs`` the whole cluster, or ``alone`` on this machine."""
    from depth_prompt_ros.work.run import Where

    return Where((0 if ray else alone) if jobs is None else jobs, ray, cores, retries)
