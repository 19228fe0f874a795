"""depth-prompt evaluate tom: every method on pairs with transparent and mirror things, and the page of results."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Optional

import typer


def tom(
    folder: Annotated[
        Path, typer.Argument(help="Set of stereo pairs, as depth-prompt render --kind tom-unseen makes.")
    ],
    traps: Annotated[
        Optional[Path],  # noqa: UP045 (typer evaluates it)
        typer.Option("--traps", help="Set without ToM, as depth-prompt render --kind tom-traps makes it."),
    ] = None,
    cleargrasp: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option("--cleargrasp", help="Real scenes of ClearGrasp, as for depth-prompt evaluate cleargrasp."),
    ] = None,
    base_mono: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option("--base-mono", help="Described monocular network, .yaml, from depth-prompt export mono."),
    ] = None,
    tuned_mono: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option("--tuned-mono", help="The same, fine-tuned on virtual labels."),
    ] = None,
    params: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option("--params", help="ROS parameter file; targets and masks come from the set."),
    ] = None,
    out: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option(
            "--out", "-o", help="Folder for pictures; the page, Markdown, is written beside it under its name."
        ),
    ] = None,
    json_file: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option("--json", help="Write the numbers here too."),
    ] = None,
    sweep_every: Annotated[
        int, typer.Option("--sweep-every", min=0, help="Worse masks are tried on every so-many-th pair; 0 = on none.")
    ] = 3,
) -> None:
    """Stereo, mono, merged with masks, by evidence and with nothing given, network-free: on ToM and other pixels."""
    from depth_prompt_ros.cli.progress import progress
    from depth_prompt_ros.data.sets.stereo_set import StereoSet
    from depth_prompt_ros.evaluation.table import print_checks, table_text, wide_console
    from depth_prompt_ros.evaluation.tom.cleargrasp import evaluate_cleargrasp
    from depth_prompt_ros.evaluation.tom.methods import BASE, TUNED, WAYS, Mono, Pipelines
    from depth_prompt_ros.evaluation.tom.page import (
        cleargrasp_sections,
        page,
        page_json,
        set_sections,
        trap_sections,
        write_pictures,
    )
    from depth_prompt_ros.evaluation.tom.pairs import evaluate_set, evaluate_traps
    from depth_prompt_ros.parameters import Parameters
    from depth_prompt_ros.written_aside import write_text

    parameters = Parameters() if params is None else Parameters.from_yaml(params)
    monos = {name: Mono(path, parameters) for name, path in ((BASE, base_mono), (TUNED, tuned_mono)) if path}
    pairs = StereoSet.open(folder)
    pipelines = Pipelines(WAYS, parameters)
    with progress(f"evaluating {len(pairs)} pairs") as report:
        scores = evaluate_set(pairs, pipelines, monos, sweep_every, show=6 if out else 0, done=report)
    sections, checks = set_sections(scores, WAYS)
    shown = {"scenes": scores.shown}
    if traps is not None:
        trap_pairs = StereoSet.open(traps)
        with progress(f"evaluating {len(trap_pairs)} traps") as report:
            trapped = evaluate_traps(traps, trap_pairs, pipelines, show=5 if out else 0, done=report)
        more, trap_checks = trap_sections(trapped, WAYS)
        sections, checks, shown = [*sections, *more], [*checks, *trap_checks], shown | {"traps": trapped.shown}
    if cleargrasp is not None:
        scenes = list(evaluate_cleargrasp(cleargrasp, parameters))
        more, scene_checks = cleargrasp_sections(scenes)
        sections, checks = [*sections, *more], [*checks, *scene_checks]
        shown["cleargrasp"] = [scene.shown for scene in scenes]
    console = wide_console()
    for section in sections:
        for table in section.tables:
            console.print(table_text(table))
    print_checks(checks, console)
    if out is not None:
        pictures = write_pictures(out, scores, WAYS, shown)
        sets = {"": folder, "--traps": traps, "--cleargrasp": cleargrasp}
        sets |= {"--base-mono": base_mono, "--tuned-mono": tuned_mono}
        given = {option: path for option, path in sets.items() if path}
        exported = []
        if base_mono is not None and monos[BASE].network:
            exported = [f"depth-prompt export mono --network {monos[BASE].network} --out {base_mono.stem}.onnx"]
        written = out.with_suffix(".md")
        write_text(written, page(given, exported, sections, checks, pictures))
        typer.echo(written)
    if json_file is not None:
        write_text(json_file, page_json(sections, checks))
