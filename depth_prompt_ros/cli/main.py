"""The depth-prompt command: its verbs, and what a user sees when an input cannot be used."""

from __future__ import annotations

import errno
import os
import sys
from contextlib import suppress
from typing import Annotated, NoReturn

import typer

from depth_prompt_ros import __version__
from depth_prompt_ros.cli import (
    bench,
    build_engine,
    compare,
    demo,
    doctor,
    evaluate,
    export,
    find,
    learn,
    models,
    parameters,
    prepare,
    render,
    replay,
    run,
    study,
    to_bag,
    view,
)
from depth_prompt_ros.cli.extras import EXTRAS, extra_of
from depth_prompt_ros.errors import DepthPromptError

FILE_ERRORS = (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.EEXIST)
"""What the kernel says of a path that cannot be read or written."""

NO_SPACE = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
"""What the kernel says when a disk, a quota or a file is full."""

app = typer.Typer(
    name="depth-prompt",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.command("run")(run.run)
app.command("view")(view.view)
app.command("replay")(replay.replay)
app.command("demo")(demo.demo)
app.command("doctor")(doctor.doctor)
app.add_typer(evaluate.app, name="evaluate")
app.command("compare")(compare.compare)
app.add_typer(learn.app, name="learn")
app.add_typer(find.app, name="find")
app.add_typer(export.app, name="export")
app.command("bench")(bench.bench)
app.command("build-engine")(build_engine.build_engine)
app.command("prepare")(prepare.prepare)
app.command("render")(render.render)
app.command("to-bag")(to_bag.to_bag)
app.add_typer(study.app, name="study")
app.add_typer(models.app, name="models")
app.command("parameters")(parameters.parameters)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(__version__)
        raise typer.Exit


@app.callback()
def depth_prompt(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Metric, dense object depth for robot grasping, also on glass, chrome and mirrors."""


def main() -> None:
    """Run the command line; an input that cannot be used ends with one line on stderr and exit code 2."""
    try:
        try:
            app()
        finally:
            sys.stdout.flush()  # a full disk is to be found out here, not while Python ends
    except DepthPromptError as error:
        _stop(str(error))
    except ModuleNotFoundError as error:
        if error.name not in EXTRAS:
            raise
        extra = extra_of(error.name, sys.argv[1:2])
        _stop(f"this needs {error.name}: pip install 'depth_prompt_ros[{extra}]'")
    except BrokenPipeError:  # whoever read the output has seen enough
        _drop_output()
    except (ImportError, OSError) as error:
        if isinstance(error, OSError) and error.errno in NO_SPACE:
            _drop_output()
            where = f" {error.filename}" if error.filename else ""
            _stop(
                f"cannot write{where}: {error.strerror}; what was finished before is there, free some space and repeat"
            )
        if isinstance(error, OSError) and error.errno in FILE_ERRORS and error.filename:
            _stop(f"cannot use {error.filename}: {error.strerror}")
        if "cannot open shared object file" not in str(error):
            raise
        from depth_prompt_ros import system_libraries

        _stop(system_libraries.advice(system_libraries.missing()) or str(error))
    except MemoryError as error:
        _stop(f"not enough memory ({error or 'nothing more is known'}): smaller pictures or batches need less")


def _drop_output() -> None:
    """What is left of it has no place; Python would try again while it ends."""
    with suppress(OSError, ValueError):  # of an output that is no file
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _stop(message: str) -> NoReturn:
    typer.secho(" ".join(message.splitlines()), fg=typer.colors.RED, err=True)
    raise SystemExit(2)


if __name__ == "__main__":
    main()
