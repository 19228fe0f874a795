"""What the documents promise is there: links, commands, make targets, and a README of readable length."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
import typer

from depth_prompt_ros.cli.main import app

ROOT = Path(__file__).parents[2]
PAGES = [
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "models/README.md")),
    *sorted((ROOT / "docs").rglob("*.md")),
]
COMMAND = typer.main.get_command(app)


def anchors(page: Path) -> set[str]:
    """The fragments that a page's headings can be linked with, as GitHub makes them."""
    heads = re.findall(r"^#+ (.+)$", page.read_text(), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads}


def shown_commands(text: str) -> list[str]:
    """Every ``depth-prompt`` command line of the text's code blocks and indented code, comments left out."""
    blocks = re.findall(r"```.*?\n(.*?)```", text, flags=re.DOTALL)
    blocks += re.findall(r"(?:^    depth-prompt .*\n?(?:^     +.*\n?)*)+", text, flags=re.MULTILINE)
    lines = "\n".join(blocks).replace("\\\n", " ").splitlines()
    return [line.split(" #")[0].strip() for line in lines if line.strip().startswith("depth-prompt ")]


def parse(line: str) -> None:
    """Raise what click raises on an unknown command, option or argument; ``...`` and ``[X]`` may stand for more."""
    vague = "..." in line
    words = shlex.split(line.replace("...", " ").replace("[", " ").replace("]", " "))[1:]
    command, context = COMMAND, COMMAND.context_class(COMMAND)
    while hasattr(command, "get_command") and words:
        name = words.pop(0)
        found = command.get_command(context, name)
        assert found is not None, f"no command {name!r} in {line!r}"
        command, context = found, found.context_class(found, info_name=name, parent=context)
    if hasattr(command, "get_command"):
        return
    values, rest, _ = command.make_parser(context).parse_args(list(words))
    assert rest == [], f"{line!r} has more arguments than the command takes: {rest}"
    for parameter in command.params:
        missing = parameter.required and not values.get(parameter.name)
        assert not missing or vague, f"{line!r} lacks {parameter.opts[0]}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_resolve(page: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text()):
        if re.match(r"[a-z]+://", target):
            continue
        name, _, fragment = target.partition("#")
        linked = (page.parent / name).resolve() if name else page
        assert linked.exists(), f"{page.name} links to {target}"
        if fragment:
            assert fragment in anchors(linked), f"{page.name} links to {target}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_command_that_is_shown_parses(page: Path) -> None:
    for line in shown_commands(page.read_text()):
        parse(line)


def test_an_unknown_option_a_missing_one_and_an_unknown_command_are_found() -> None:
    parse("depth-prompt replay BAG --out OUT")
    with pytest.raises(Exception, match="--speed"):
        parse("depth-prompt replay BAG --out OUT --speed 2")
    with pytest.raises(AssertionError, match="lacks --out"):
        parse("depth-prompt replay BAG")
    with pytest.raises(AssertionError, match="no command 'export-mono'"):
        parse("depth-prompt export-mono --out x.onnx")
    with pytest.raises(AssertionError, match="more arguments"):
        parse("depth-prompt replay BAG OTHER --out OUT")


def test_the_pages_show_commands() -> None:
    assert sum(len(shown_commands(page.read_text())) for page in PAGES) > 40


def test_every_make_target_that_is_named_exists() -> None:
    targets = set(re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(), flags=re.MULTILINE))
    for page in PAGES:
        for named in re.findall(r"`make ([\w-]+)", page.read_text()) + re.findall(
            r"^make ([\w-]+)", page.read_text(), flags=re.MULTILINE
        ):
            assert named in targets, f"{page.name} names make {named}"


def test_the_readme_can_be_read_in_one_go() -> None:
    assert len((ROOT / "README.md").read_text().splitlines()) <= 150
