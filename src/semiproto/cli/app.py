"""The application, and how every command ends."""

from __future__ import annotations

import io
import multiprocessing
import signal
import sys
from typing import NoReturn

import typer

from semiproto.errors import Interrupted, UserError, of_memory, of_system
from semiproto.process.parent import end_with_caller

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Semi-supervised semantic segmentation with prototype-based consistency.",
)


def main() -> None:
    """Runs a command; bad input ends with one line and status 1, an interruption with status 130."""
    end_with_caller()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a name that the terminal's encoding lacks is no reason to stop
            stream.reconfigure(errors="backslashreplace")
    try:
        app()
    except UserError as error:
        _stop(str(error), 1)
    except Interrupted as error:
        _stop(str(error), 130)
    except OSError as error:
        _stop(str(of_system(error)), 1)
    except (MemoryError, RuntimeError) as error:
        _stop(str(of_memory(error)), 1)
    finally:
        _end_workers()


def _stop(message: str, status: int) -> NoReturn:
    print(f"semiproto: {message}", file=sys.stderr)
    raise SystemExit(status)


def _end_workers() -> None:
    """Ends what is left of a loader's workers, which ignore SIGTERM: Python would wait for them for ever."""
    if workers := multiprocessing.active_children():
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)  # torch's handler would report their end as a fault
        for worker in workers:
            worker.kill()
