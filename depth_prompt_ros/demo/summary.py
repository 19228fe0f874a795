"""The demo's last words on the terminal: the tables in short, the bars, and where everything is."""

from __future__ import annotations

from rich.console import Console

from depth_prompt_ros.demo.run import Demo
from depth_prompt_ros.evaluation.table import print_checks, table_text


def print_summary(demo: Demo, console: Console) -> None:
    """Print each section's first table, its bars, and the paths of everything written."""
    for section in demo.report.sections:
        console.print()
        console.print(table_text(section.tables[0], section.title, brief=True))
        print_checks(section.checks, console)
    console.print()
    for name, path in demo.written.items():
        console.print(f"{name:>18}  {path}", highlight=False, soft_wrap=True)
