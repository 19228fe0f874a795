"""Tables and bars of the bench of real scenes; everything pooled is over all pixels of the scenes, none is averaged."""

from __future__ import annotations

import math
from collections.abc import Sequence

from depth_prompt_ros.evaluation.scenes.methods import HUMBLE_TOLD, NOTES, OURS, OURS_TOLD, ROWS, WAYS
from depth_prompt_ros.evaluation.scenes.run import Evaluation, SceneResult, pooled, pooled_main
from depth_prompt_ros.evaluation.table import Check, Column, Row, Table, at_most

_REGIONS = {"glass": "glass", "rest": "beside glass", "all": "all with truth"}
_COLUMNS = (
    Column("scenes", "scenes", digits=0, brief=True),
    Column("targets", "targets", digits=0, brief=True),
    Column("boxes", "boxes", digits=0, brief=True),
    Column("found", "found", digits=0, brief=True),
    Column("on_nothing", "on nothing", digits=0, brief=True),
    Column("moved", "moved", "%", 2, brief=True),
    Column("rmse", "to sensor", "mm", 2, brief=True),
    Column("coverage", "answered", "%"),
    Column("tom", "called ToM", "%"),
    Column("tom_iou", "ToM IoU", digits=2),
    *(
        column
        for key, group in _REGIONS.items()
        for column in (
            Column(key, "RMSE", "mm", 1, group, key != "rest"),
            Column(f"{key}_coverage", "answered", "%", 1, group),
            Column(f"{key}_shared", "sensor too", "mm", 1, group, key != "rest"),
            Column(f"{key}_sensor", "the sensor's", "mm", 1, group, key != "rest"),
        )
    ),
)

CAPTION = (
    "Moved: measured pixels, on nothing that is known to be transparent or mirror (ToM), which the answer moves by "
    "more than 10 mm or loses; to sensor: RMSE against the measurement on the same pixels. RMSE of glass and of what "
    "is beside it is against the truth, over the pixels that the row answers; sensor too: over those that the sensor "
    "answers as well, and beside it the sensor's own RMSE on them. A dash: there is nothing to tell it from."
)

MOVED_BAR, SENSOR_BAR, FOUND_BAR, NOTHING_BAR = 0.3, 5.0, 0.88, 0.07
"""Of all scenes without glass: percent of the measured pixels that may move, mm to the sensor; share of boxes that are
found, and labels on nothing to a box."""


def scene_table(evaluation: Evaluation) -> Table:
    """The main row on every scene, worst first; closed by all of them, over all pixels."""
    rows = [Row(scene.name, scene.scores[scene.main].figures()) for scene in evaluation.scenes]
    rows.append(
        Row(f"all {len(evaluation.scenes)}, over all pixels", pooled_main(evaluation.scenes).figures(), ours=True)
    )
    columns = [column for column in _columns(rows) if column.key != "scenes"]
    caption = (
        "Worst first: by the RMSE of glass, else against the truth, else against the sensor; then by pixels moved."
    )
    return Table("scenes", f"Scene by scene: {evaluation.asked}", caption, columns, rows)


def row_table(key: str, title: str, scenes: Sequence[SceneResult]) -> Table:
    """Every row over all pixels of these scenes; a row that is told of masks is over those that have them."""
    ours = {way.name for way in WAYS}
    rows = [
        Row(name, pooled(scenes, name).figures(), NOTES.get(name, ""), name in ours)
        for name in ROWS
        if any(name in scene.scores for scene in scenes)
    ]
    return Table(key, title, CAPTION, _columns(rows), rows)


def pooled_tables(evaluation: Evaluation) -> list[Table]:
    """Every row over the scenes without glass, and over those with it."""
    parts = [("opaque", "Scenes without glass", False), ("glass", "Scenes with glass or mirrors", True)]
    tables = []
    for key, title, glass in parts:
        if scenes := [scene for scene in evaluation.scenes if scene.glass is glass]:
            tables.append(row_table(key, f"{title}: {len(scenes)}, over all their pixels", scenes))
    return tables


def scene_checks(evaluation: Evaluation) -> list[Check]:
    """The bars, as far as the scenes can decide them."""
    checks = []
    name = OURS.name[0].upper() + OURS.name[1:]
    opaque = [scene for scene in evaluation.scenes if not scene.glass]
    without, ours = pooled(opaque, OURS.name).figures(), pooled(evaluation.scenes, OURS.name)
    if (moved := without["moved"]) is not None:
        claim = f"{name}: measured pixels of scenes without glass stay"
        checks.append(at_most("moved", claim, moved, MOVED_BAR, "% moved", "of all their pixels"))
    if (rmse := without["rmse"]) is not None:
        claim = f"{name}: scenes without glass are as measured"
        checks.append(at_most("rmse", claim, rmse, SENSOR_BAR, "mm", "RMSE to the sensor over all their pixels"))
    if ours.boxes:
        least = math.ceil(FOUND_BAR * ours.boxes)
        found = f"{ours.found} of {ours.boxes}; bar: {least}"
        checks.append(Check("found", f"{name}: things found", found, ours.found >= least))
        most = math.floor(NOTHING_BAR * ours.boxes)
        nothing = f"{ours.on_nothing}; bar: {most}"
        checks.append(Check("on_nothing", f"{name}: labels on nothing", nothing, ours.on_nothing <= most))
    for way in (OURS, OURS_TOLD):
        glass = pooled(evaluation.scenes, way.name).glass
        if (own := glass.shared.rmse) is not None and (sensor := glass.other.rmse) is not None:
            claim = f"{way.name[0].upper()}{way.name[1:]}: glass is nearer the truth than measured"
            checks.append(at_most(f"glass_{way.name}", claim, own, sensor, "mm", "the sensor's, where both answer"))
    rivals = {row: rmse for row in HUMBLE_TOLD if (rmse := pooled(evaluation.scenes, row).glass.own.rmse) is not None}
    told = pooled(evaluation.scenes, OURS_TOLD.name).glass.own.rmse
    if told is not None and rivals:
        best = min(rivals, key=lambda row: rivals[row])
        claim = f"{OURS_TOLD.name[0].upper()}{OURS_TOLD.name[1:]}: glass below every row without a network"
        count = f"{sum(OURS_TOLD.name in scene.scores and scene.glass for scene in evaluation.scenes)} scenes"
        checks.append(at_most("humble", claim, told, rivals[best], "mm", f"{best}, each where it answers; {count}"))
    return checks


def _columns(rows: Sequence[Row]) -> list[Column]:
    """Those with a number in some row."""
    return [column for column in _COLUMNS if any(row.values.get(column.key) is not None for row in rows)]
