"""An evaluation's tables: answers by region, targets, steadiness, latency."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from depth_prompt_ros.evaluation.bags.answers import ANSWERS, OURS
from depth_prompt_ros.evaluation.bags.latency import PERCENTILES
from depth_prompt_ros.evaluation.bags.regions import REGIONS
from depth_prompt_ros.evaluation.bags.sums import METRICS
from depth_prompt_ros.evaluation.grasps.clouds import CLOUDS, MERGED
from depth_prompt_ros.evaluation.grasps.scores import FIGURES, KINDS
from depth_prompt_ros.evaluation.table import Column, Row, Table

REGION_NAMES = {
    "all": "all pixels", "tom": "transparent or mirror", "other": "everything else", "edges": "object edges",
    "targets": "targets",
}  # fmt: skip

GRASP_KINDS = {"all": "all targets", "tom": "transparent or mirror", "opaque": "opaque"}


def accuracy_table(figures: Mapping[str, Any], key: str = "accuracy") -> Table:
    """Every answer in every region; columns that say nothing anywhere are left out.

    Args:
        figures: as :meth:`Totals.figures` gives them.
        key: of the table.
    """
    metrics = figures["metrics"]
    rows = [
        Row(f"{REGION_NAMES[region]}: {name}", metrics[name][region], ours=name == OURS)
        for region in REGIONS
        for name in ANSWERS
        if region in metrics.get(name, {})
    ]
    columns = [column for column in METRICS if any(row.values.get(column.key) is not None for row in rows)]
    caption = (
        f"{figures['frames']} frames, {figures['true_frames']} of them with truth; over all pixels of all frames "
        "together, si-RMSE a mean over frames. Measured is the sensor or stereo alone, row filled its holes filled "
        "from the nearest pixel of the row, constant one depth for each target."
    )
    return Table(key, "Accuracy by region", caption, columns, rows)


def target_table(figures: Mapping[str, Any]) -> Table | None:
    """Our answer on each target by its label; None where there is none."""
    by_label = figures["targets"].get("by_label", {})
    rows = [Row(f"label {label}", answers[OURS], ours=True) for label, answers in by_label.items() if OURS in answers]
    columns = [column for column in METRICS if any(row.values.get(column.key) is not None for row in rows)]
    caption = (
        "Ours inside each true label, else inside each target found. A label is one thing over time only where labels "
        "come from outside."
    )
    return Table("targets", "Targets", caption, columns, rows) if rows else None


def grasp_table(figures: Mapping[str, Any]) -> Table | None:
    """What a planner makes of each cloud; None where no grasps were planned."""
    rows = [
        Row(f"{GRASP_KINDS[kind]}: {name}", found, ours=name == MERGED)
        for kind in KINDS
        for name in CLOUDS
        if (found := figures["grasps"].get(name, {}).get(kind)) and found["targets"]
    ]
    caption = (
        "Antipodal grasps found on each cloud, executed among the known meshes; best: the planner's first choice "
        "holds. Coverage to outliers: of the targets' points against their true surface."
    )
    columns = [Column("targets", "targets", "", 0), *FIGURES]
    return Table("grasps", "Grasp readiness", caption, columns, rows) if rows else None


def steadiness_table(figures: Mapping[str, Any]) -> Table | None:
    """Noise in time of each answer; None where the scene never stands still."""
    steadiness = figures["steadiness"]
    if not steadiness["still_frames"]:
        return None
    columns = [Column("noise", "noise in time", "mm", 2), Column("flicker", "flickering pixels", "%", 2)]
    rows = [Row(name, steadiness[name], ours=name == OURS) for name in ANSWERS if name in steadiness]
    caption = f"Between consecutive frames of a scene that stands still, {steadiness['still_frames']} pairs."
    return Table("steadiness", "Steadiness", caption, columns, rows)


def latency_table(times: Mapping[str, Any]) -> Table:
    """Milliseconds of each segment."""
    columns = [Column(name, name, "ms", 2) for name in ("mean", *PERCENTILES)]
    rows = [Row(segment, found) for segment, found in times["latency_ms"].items()]
    caption = (
        f"Wall clock; {times['frames_per_second']:.2f} frames a second with scoring, peak memory of the process "
        f"{times['peak_memory_mib']:.0f} MiB. The first frame is among them."
    )
    return Table("latency", "Latency", caption, columns, rows)
