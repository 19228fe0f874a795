"""The demo's last words on the terminal: the tables in short, the bars, and where everything is."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table as TextTable

from depth_prompt_ros.demo.run import Demo
from depth_prompt_ros.evaluation.report import Section, Table


def print_summary(demo: Demo, console: Console) -> None:
    """Print each section's first table, its bars, and the paths of everything written."""
    for section in demo.report.sections:
        console.print()
        console.print(_text_table(section, section.tables[0]))
        for check in section.checks:
            colour = "green" if check.met else "red"
            console.print(f"[{colour}]{check.word:>6}[/] {check.claim}: {check.found}", highlight=False, soft_wrap=True)
    console.print()
    for name, path in demo.written.items():
        console.print(f"{name:>18}  {path}", highlight=False, soft_wrap=True)


def _text_table(section: Section, table: Table) -> TextTable:
    text = TextTable(title=section.title, title_justify="left", title_style="bold", header_style="")
    text.add_column("")
    columns = [column for column in table.columns if column.brief]
    for column in columns:
        text.add_column(f"{column.group}\n{column.title}, {column.unit}", justify="right")
    for row in table.rows:
        cells = [column.text(row.values.get(column.key)) for column in columns]
        text.add_row(row.name, *cells, style="bold" if row.ours else "")
    return text
