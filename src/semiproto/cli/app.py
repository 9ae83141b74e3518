"""The application, and how every command ends."""

from __future__ import annotations

import io
import re
import sys
from itertools import pairwise
from typing import Any, NoReturn, TextIO, cast

import typer

from semiproto.errors import Interrupted, UserError, of_memory, of_system, printable
from semiproto.process.parent import end_children, end_with_caller

Usage = cast(type[typer.BadParameter], typer.BadParameter.__bases__[0])
"""The base of all that typer says of a command line. It has no public name there."""

app = typer.Typer(
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Semi-supervised semantic segmentation with prototype-based consistency.",
)


def main() -> None:
    """Runs a command; bad input ends with one line and status 1, an interruption with status 130.

    A command line that is none, such as one without a required option, ends with one line and status 2.
    """
    end_with_caller()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a name that the terminal's encoding lacks is no reason to stop
            stream.reconfigure(errors="backslashreplace")
    if "--help" in sys.argv:
        sys.stdout = cast(TextIO, _Trimmed(sys.stdout))
    try:
        try:
            sys.exit(app(sys.argv[1:] or ["--help"], prog_name="semiproto", standalone_mode=False))
        finally:  # before a line is printed, which the end of a worker would interrupt
            end_children()
    except Usage as error:
        _stop(_of_usage(error), 2)
    except UserError as error:
        _stop(str(error), 1)
    except Interrupted as error:
        _stop(str(error), 130)
    except OSError as error:
        _stop(str(of_system(error)), 1)
    except (MemoryError, RuntimeError) as error:
        _stop(str(of_memory(error)), 1)


def _of_usage(error: typer.BadParameter) -> str:
    """One line with the option and its value, where these are at fault."""
    options = getattr(getattr(error, "param", None), "opts", ())
    given = [f"{option} {value}" for option, value in pairwise(sys.argv) if option in options]
    what = f"{given[-1]}: {error.message[:1].lower()}{error.message[1:]}" if given else error.format_message()
    return f"{' '.join(what.split()).rstrip('.')}; see `{error.ctx.command_path if error.ctx else 'semiproto'} --help`"


class _Trimmed:
    """A stream without blanks at the ends of lines: with them, an example's backslash does not continue its line."""

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream

    def write(self, text: str) -> int:
        return self.stream.write(re.sub(r" +(?=\n)", "", text))

    def __getattr__(self, name: str) -> Any:
        return getattr(self.stream, name)


def say(line: str, *, err: bool = False) -> None:
    """Prints one line, whatever the names in it hold."""
    typer.echo(printable(line), err=err)


def _stop(message: str, status: int) -> NoReturn:
    print(f"semiproto: {printable(message)}", file=sys.stderr)
    raise SystemExit(status)
