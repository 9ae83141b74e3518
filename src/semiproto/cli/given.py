"""The files and folders that a command line names, each checked before its command begins.

An option's help says what it must be, and so does the message when it is not: help begins without an article.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, TypeVar

import typer

from semiproto.errors import UserError
from semiproto.paths import PARAMETERS

V = TypeVar("V", Path, list[Path], Path | None, list[Path] | None)


def _checked(fault: Callable[[Path], str | None], remedy: str) -> Callable[[typer.Context, typer.CallbackParam, V], V]:
    """The callback of an option or argument: UserError names it, the path, its fault and the remedy.

    A default is not checked: where it is missing, the command knows better what to do.
    """

    def check(context: typer.Context, param: typer.CallbackParam, value: V) -> V:
        source = context.get_parameter_source(param.name or "")
        paths = value if isinstance(value, list) else [] if value is None else [value]
        for path in [] if source is None or source.name.startswith("DEFAULT") else paths:
            if found := fault(path):
                option = f"{param.opts[0]} " if param.param_type_name == "option" else ""
                raise UserError(f"{option}{path}: {found}; {remedy} {_meant(param)}")
        return value

    return check


def _meant(param: typer.CallbackParam) -> str:
    """The first part of the help, as it goes on in a sentence."""
    words = (getattr(param, "help", None) or "").partition(";")[0].rstrip(".")
    return words[:1].lower() + words[1:] if words[1:2].islower() else words


def _no_folder(path: Path) -> str | None:
    return None if path.is_dir() else "a file, not a folder" if path.exists() else "no such folder"


def _no_file(path: Path) -> str | None:
    return "a folder, not a file" if path.is_dir() else None if path.exists() else "no such file"


def _nothing(path: Path) -> str | None:
    return None if path.exists() else "no such file or folder"


def _no_new_folder(path: Path) -> str | None:
    if path == Path():
        return "the folder that you are in, which other things are in too"
    return "a file, not a folder" if path.is_file() else _below_a_file(path)


def _no_new_file(path: Path) -> str | None:
    return "a folder, not a file" if path.is_dir() else _below_a_file(path)


def _below_a_file(path: Path) -> str | None:
    """Why nothing can be written at a path, where a part of it is a file."""
    return next((f"{part} is a file, not a folder" for part in path.parents if part.is_file()), None)


existing_folder = _checked(_no_folder, "give the")
existing_file = _checked(_no_file, "give the")
existing = _checked(_nothing, "give the")
new_folder = _checked(_no_new_folder, "give another")
new_file = _checked(_no_new_file, "give another")

Model = Annotated[
    Path, typer.Argument(callback=existing_folder, help="Model folder, e.g. models/semi/digits/30/prototype/seed0.")
]


def require_checkout() -> None:
    """UserError where the working directory is not the folder of params.yaml; it names the folder above that is."""
    here = Path.cwd()
    if (here / PARAMETERS).exists():
        return
    above = next((folder for folder in here.parents if (folder / PARAMETERS).is_file()), None)
    remedy = f"`cd {above}` first" if above else "run this in the checkout, where params.yaml is"
    raise UserError(f"{here}: not the folder of a checkout, it has no {PARAMETERS}; {remedy}")
