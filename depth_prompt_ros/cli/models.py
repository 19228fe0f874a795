"""depth-prompt models: the depth networks, stereo networks, networks for video and CLIPs there are, and added ones."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Optional

import typer

app = typer.Typer(
    no_args_is_help=True,
    help="Networks for depth, stereo, video, CLIPs: what there is, add published weights, check them.",
)

Name = Annotated[str, typer.Argument(help="Network, as depth-prompt models list calls it.")]


@app.command("list")
def list_networks() -> None:
    """Print every network: million parameters, picture side, output, licence of its weights, and where they are."""
    from rich.console import Console
    from rich.table import Table

    from depth_prompt_ros.networks.catalogue import CATALOGUE, CLIPS, STEREO, VIDEO, find_any, weights_path
    from depth_prompt_ros.networks.entry import NetworkEntry
    from depth_prompt_ros.networks.own import own_names
    from depth_prompt_ros.networks.store import parameters_of

    table = Table("network", "million", "pixels", "output", "licence of the weights", "where", box=None)
    for column in table.columns[:-1]:
        column.no_wrap = True
    known = (*CATALOGUE.values(), *STEREO.values(), *VIDEO.values(), *CLIPS.values())
    for entry in (*known, *map(find_any, own_names())):
        count = parameters_of(entry)
        if entry.weights:
            where = "with the package"
        elif weights_path(entry).is_file():
            where = f"added: {weights_path(entry)}"
        else:
            learned = "of your own video: depth-prompt learn video" if entry.name in VIDEO else "not learned yet"
            where = entry.source.page if entry.source else learned
        million = "" if count is None else f"{count / 1e6:.1f}"
        kinds = {**dict.fromkeys(CLIPS, "vectors"), **dict.fromkeys(VIDEO, "disparity")}
        other = ("any", kinds.get(entry.name, "disparity of pairs"))
        kind = (str(entry.size), entry.output) if isinstance(entry, NetworkEntry) else other
        table.add_row(entry.name, million, *kind, entry.licence, where)
    console = Console()
    if not console.is_terminal:
        console.width = 200
    console.print(table, highlight=False)


@app.command()
def add(
    name: Name,
    source: Annotated[
        Optional[Path],  # noqa: UP045 (typer evaluates it)
        typer.Argument(help="Published file or folder; fetched from where it was published if not given."),
    ] = None,
    own: Annotated[
        str,
        typer.Option("--own", help="Weights of your own for this network, fine-tuned: the name they are kept under."),
    ] = "",
) -> None:
    """Verify a network's published weights and keep them as safetensors in the model folder ($DEPTH_PROMPT_MODELS).

    With --own names and shapes are verified, and --network takes the new name everywhere.
    """
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

    from depth_prompt_ros.networks import store
    from depth_prompt_ros.networks.catalogue import find_any

    if own:
        if source is None:
            raise typer.BadParameter("weights of your own are a file or a folder: give it after the name")
        added = store.add_own(name, source, own)
    elif source is not None:
        added = store.add(name, source)
    else:
        columns = (TextColumn("fetching"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
        with Progress(*columns, console=Console(stderr=True)) as bar:
            task = bar.add_task("fetching", total=None)
            added = store.add(name, report=lambda done, total: bar.update(task, completed=done, total=total or None))
    typer.echo(
        f"{added.path}\nsha256 {added.sha256}\nverified by {added.verified}\nlicence: {find_any(own or name).licence}"
    )


@app.command()
def check(
    names: Annotated[
        Optional[list[str]],  # noqa: UP045
        typer.Argument(help="Networks; all that are present if none is given."),
    ] = None,
) -> None:
    """Verify the networks that are present, and run one picture through each."""
    from depth_prompt_ros.errors import BadInput, BadModel
    from depth_prompt_ros.networks.catalogue import CATALOGUE, CLIPS, STEREO, find_any, weights_path
    from depth_prompt_ros.networks.own import own_names
    from depth_prompt_ros.networks.store import check as check_network

    entries = [find_any(name) for name in names or (*CATALOGUE, *STEREO, *CLIPS, *own_names())]
    if not names:
        entries = [entry for entry in entries if entry.weights or weights_path(entry).is_file()]
    wrong = 0
    for entry in entries:
        try:
            check_network(entry.name)
        except BadInput as error:  # noqa: PERF203
            wrong += 1
            typer.echo(f"{entry.name}: {error}")
        else:
            typer.echo(f"{entry.name}: ok")
    if wrong:
        raise BadModel(f"{wrong} of {len(entries)} networks cannot be used")
