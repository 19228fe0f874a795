"""What the documents promise is there: links, commands and their values, parameters, extras, make targets."""

from __future__ import annotations

import configparser
import re
import shlex
from collections.abc import Iterator
from copy import copy
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml

from depth_prompt_ros.cli.main import app
from depth_prompt_ros.errors import BadInput
from depth_prompt_ros.parameters import Parameters
from depth_prompt_ros.runtime.picture_graph import Description

ROOT = Path(__file__).parents[2]
PAGES = [
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "models/README.md")),
    *sorted((ROOT / "docs").rglob("*.md")),
]
COMMAND = typer.main.get_command(app)
FOREIGN_OPTIONS = {"--no-deps", "--system-site-packages", "--clock", "--params-file", "--topics"}
"""Of pip, venv and ros2."""


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


def inline_code(text: str) -> list[str]:
    """What stands between backticks outside code blocks, each in one line."""
    prose = re.sub(r"```.*?```", "", text, flags=re.DOTALL)
    return [" ".join(code.split()) for code in re.findall(r"`([^`]+)`", prose)]


def parse(line: str, whole: bool = True) -> None:
    """Raise what click raises on an unknown command, option, argument or value; ``...`` and ``[X]`` stand for more.

    Args:
        whole: required options and arguments must be there, too; inline a command is often only named.
    """
    vague = "..." in line or not whole
    words = shlex.split(line.replace("...", " ").replace("[", " ").replace("]", " "))[1:]
    command, context = COMMAND, COMMAND.context_class(COMMAND)
    while hasattr(command, "get_command") and words:
        name = words.pop(0)
        if name.startswith("-"):  # of all commands of a group, before the one that is meant
            option = next((each for each in command.params if name in each.opts), None)
            assert option is not None, f"no option {name!r} in {line!r}"
            del words[: 0 if option.is_flag else 1]
            continue
        found = command.get_command(context, name)
        assert found is not None, f"no command {name!r} in {line!r}"
        command, context = found, found.context_class(found, info_name=name, parent=context)
    if hasattr(command, "get_command"):
        return
    values, rest, _ = command.make_parser(context).parse_args(list(words))
    assert rest == [], f"{line!r} has more arguments than the command takes: {rest}"
    for parameter in command.params:
        given = values.get(parameter.name)
        assert given or vague or not parameter.required, f"{line!r} lacks {parameter.opts[0]}"
        if given:
            convert(parameter, given, context)


def convert(parameter: Any, given: Any, context: Any) -> None:
    """Raise ``typer.BadParameter`` where a choice or a number cannot be this; words in capitals stand for values."""
    if not any(str(value).isupper() for value in (given if isinstance(given, (list, tuple)) else [given])):
        plain = copy(parameter)
        plain.callback = None  # it looks at files
        plain.process_value(context, given)


def takes(parameter: Any, value: str) -> bool:
    try:
        convert(parameter, [value] if parameter.multiple else value, COMMAND.context_class(COMMAND))
    except typer.BadParameter:
        return False
    return True


def every_option(command: Any = COMMAND) -> Iterator[tuple[str, Any]]:
    """Each option of each command, as it is written, with what click knows of it."""
    for parameter in command.params:
        yield from ((name, parameter) for name in [*parameter.opts, *parameter.secondary_opts])
    for each in getattr(command, "commands", {}).values():
        yield from every_option(each)


OPTIONS: dict[str, list[Any]] = {}
for _name, _parameter in every_option():
    OPTIONS.setdefault(_name, []).append(_parameter)


def check_option(code: str) -> None:
    """Fail unless ``--option`` or ``--option value`` can be given to one of the commands."""
    name, _, value = code.partition(" ")
    assert name in OPTIONS, f"no command has an option {name}"
    assert not value or any(takes(parameter, value) for parameter in OPTIONS[name]), f"no command takes {code}"


def check_parameter(code: str) -> None:
    """Raise BadInput unless ``group.name: value`` or ``name: value`` is a parameter; other mappings pass."""
    name, _, value = code.partition(": ")
    words = name.split(".")
    if words[0] in Parameters.model_fields:
        content = yaml.safe_load(value)
        for word in reversed(words):
            content = {word: content}
        Parameters.checked(content, code)


def check_snippet(text: str) -> None:
    """Raise BadInput or a ValidationError unless a YAML block that describes a network or sets parameters is right."""
    content = yaml.safe_load(text)
    assert isinstance(content, dict), text
    if "graph" in content:
        Description.model_validate(content)
    elif content.keys() & Parameters.model_fields.keys():
        Parameters.checked(content, text)


def extras() -> set[str]:
    """The names of what ``setup.cfg`` offers beyond the base install."""
    settings = configparser.ConfigParser()
    settings.read(ROOT / "setup.cfg")
    return set(settings["options.extras_require"])


def named_extras(text: str) -> set[str]:
    """Extras in ``.[a,b]`` and ``depth_prompt_ros[a,b]``, and those that prose calls so."""
    lists = re.findall(r"(?:\.|depth_prompt_ros)\[([\w,-]+)\]", text)
    called = re.findall(r"\bextras?,? `([\w-]+)`", text)
    return {name for names in [*lists, *called] for name in names.split(",")}


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


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_command_option_and_parameter_in_prose_is_one(page: Path) -> None:
    for code in inline_code(page.read_text()):
        if code.startswith("depth-prompt "):
            parse(code, whole=False)
        elif code.startswith("--") and code not in FOREIGN_OPTIONS:
            check_option(code)
        elif re.match(r"[\w.]+: ", code):
            check_parameter(code)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_yaml_that_is_shown_is_accepted(page: Path) -> None:
    for block in re.findall(r"```yaml\n(.*?)```", page.read_text(), flags=re.DOTALL):
        check_snippet(block)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_extra_that_is_named_exists(page: Path) -> None:
    assert named_extras(page.read_text()) <= extras()


def test_every_network_that_is_shown_is_in_the_catalogue() -> None:
    pytest.importorskip("torch")
    from depth_prompt_ros.networks import catalogue

    named = set()
    for page in PAGES:
        lines = [*shown_commands(page.read_text()), *inline_code(page.read_text())]
        named |= {name for line in lines for name in re.findall(r"--network ([a-z][\w.-]*)", line)}
        named |= {name for line in lines for name in re.findall(r"^depth-prompt models add ([a-z][\w.-]*)", line)}
        named -= {name for line in lines for name in re.findall(r"--own ([a-z][\w.-]*)", line)}  # the reader's own
    names = {name for name in named if not name.endswith(".yaml")}  # a description of one's own
    assert len(names) > 2
    assert names <= {*catalogue.CATALOGUE, *catalogue.STEREO, *catalogue.CLIPS, *catalogue.VIDEO}


def test_the_readme_has_a_row_for_every_extra() -> None:
    table = (ROOT / "README.md").read_text().split("| extra |")[1].split("\n\n")[0]
    rows = re.findall(r"^\| (`[^|]+) \|", table, flags=re.MULTILINE)
    assert {name for row in rows for name in re.findall(r"`([\w-]+)`", row)} == extras()


@pytest.mark.parametrize("code", ["--speed", "--kind foo", "--count many"])
def test_an_option_that_no_command_has_or_takes_is_found(code: str) -> None:
    with pytest.raises(AssertionError, match=r"no command (has an option|takes)"):
        check_option(code)
    for known in ("--out", "--kind tables", "--kind KIND"):
        check_option(known)


@pytest.mark.parametrize("code", ["segmentation.method: bar", "segmentation.metod: point", "runtime: cuda"])
def test_a_parameter_that_is_none_or_cannot_be_so_is_found(code: str) -> None:
    with pytest.raises(BadInput, match="bad parameters"):
        check_parameter(code)
    for known in ("segmentation.method: tabletop", "stereo.onnx: FILE.yaml", "ModuleNotFoundError: pydantic"):
        check_parameter(known)


@pytest.mark.parametrize("text", ["tom: {method: glas}", "graph: x.onnx\ninputs: {l: left}\noutput: {meaning: depht}"])
def test_a_wrong_value_in_a_yaml_block_is_found(text: str) -> None:
    with pytest.raises((BadInput, ValueError), match=r"glas|depht|Input should be"):
        check_snippet(text)


def test_extras_are_found_in_commands_and_prose() -> None:
    text = "`pip install '.[learn,tabletpo]'`, depth_prompt_ros[demo], the extra `gpux`, an extra, `cuda`, array[0]"
    assert named_extras(text) == {"learn", "tabletpo", "demo", "gpux", "cuda"}


def test_commands_and_parameters_are_found_in_prose() -> None:
    codes = [code for page in PAGES for code in inline_code(page.read_text())]
    assert sum(code.startswith("depth-prompt ") for code in codes) > 20
    assert sum(code.startswith("segmentation.method: ") for code in codes) > 3
    assert inline_code("`a\n  b` ```\n`c`\n``` `d`") == ["a b", "d"]


def test_an_unknown_option_value_a_missing_one_and_an_unknown_command_are_found() -> None:
    parse("depth-prompt replay BAG --out OUT")
    parse("depth-prompt replay BAG", whole=False)
    for wrong in ("--kind foo", "--count many", "--count 0"):
        with pytest.raises(typer.BadParameter):
            parse(f"depth-prompt render {wrong} --out OUT")
    with pytest.raises(Exception, match="--speed"):
        parse("depth-prompt replay --speed 2", whole=False)
    with pytest.raises(Exception, match="--speed"):
        parse("depth-prompt replay BAG --out OUT --speed 2")
    with pytest.raises(AssertionError, match="lacks --out"):
        parse("depth-prompt replay BAG")
    with pytest.raises(AssertionError, match="no command 'export-mono'"):
        parse("depth-prompt export-mono --out x.onnx")
    with pytest.raises(AssertionError, match="more arguments"):
        parse("depth-prompt to-bag tum FOLDER OTHER --out OUT")


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
