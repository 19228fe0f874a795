"""The depth-prompt command: its verbs, and what a user sees when an input cannot be used."""

from __future__ import annotations

import errno
import os
import sys
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
    learn,
    models,
    parameters,
    prepare,
    render,
    replay,
    run,
    study,
    to_bag,
)
from depth_prompt_ros.errors import DepthPromptError

EXTRAS = {
    "cuda": ("gpu", "tensorrt"),
    "fsspec": ("cluster",),
    "h5py": ("evaluate",),
    "jinja2": ("demo", "evaluate"),
    "matplotlib": ("evaluate",),
    "onnx": ("learn",),
    "onnxscript": ("learn",),
    "open3d": ("tabletop", "demo", "learn", "scanned"),
    "OpenEXR": ("evaluate",),
    "ray": ("cluster",),
    "rembg": ("rembg",),
    "safetensors": ("learn", "networks"),
    "skimage": ("demo", "learn"),
    "tensorboardX": ("tensorboard",),
    "tensorrt": ("tensorrt",),
    "tflite": ("networks",),
    "tokenizers": ("text", "networks"),
    "torch": ("learn", "networks"),
    "transformers": ("networks",),
    "trimesh": ("scanned",),
}
"""Which extras of the package bring a library that is not always installed."""

VERBS = {
    "demo": "demo",
    "evaluate": "evaluate",
    "learn": "learn",
    "export": "learn",
    "study": "learn",
    "models": "networks",
}
"""The extra that is made for a command: it brings what else that needs."""

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
app.command("replay")(replay.replay)
app.command("demo")(demo.demo)
app.command("doctor")(doctor.doctor)
app.add_typer(evaluate.app, name="evaluate")
app.command("compare")(compare.compare)
app.add_typer(learn.app, name="learn")
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
        extra = _extra(error.name, sys.argv[1:2])
        _stop(f"this needs {error.name}: pip install 'depth_prompt_ros[{extra}]'")
    except BrokenPipeError:  # whoever read the output has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except (ImportError, OSError) as error:
        if isinstance(error, OSError) and error.errno in NO_SPACE:
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # what is left of it has no place
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


def _extra(library: str, verb: list[str]) -> str:
    """The extra to install: that of the command that was typed if it brings the library, else the smallest."""
    wanted = VERBS.get(verb[0], "") if verb else ""
    return wanted if wanted in EXTRAS[library] else EXTRAS[library][0]


def _stop(message: str) -> NoReturn:
    typer.secho(" ".join(message.splitlines()), fg=typer.colors.RED, err=True)
    raise SystemExit(2)


if __name__ == "__main__":
    main()
