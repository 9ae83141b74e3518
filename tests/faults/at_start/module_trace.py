"""Which modules of semiproto a step runs: every process of a run has this module.

A module runs when a function of it is called, other than while modules are being imported. Adds lines of step and
module to the file that the variable TRACE names.
"""

import atexit
import os
import sys

PACKAGE = f"{os.sep}src{os.sep}semiproto{os.sep}"
ran: set[str] = set()
known: set[str] = set()
"""Files of which nothing more is to be learned."""


def note(frame, event, argument) -> None:
    file = frame.f_code.co_filename
    if file in known:
        return
    if PACKAGE not in file:
        known.add(file)
    elif not is_import(frame):
        known.add(file)
        ran.add(file.rpartition(PACKAGE)[2])


def is_import(frame) -> bool:
    """Whether a module's outermost lines are being run, but for those that started the command."""
    while frame:
        code = frame.f_code
        if code.co_name == "<module>" and PACKAGE in code.co_filename and not code.co_filename.endswith("__main__.py"):
            return True
        frame = frame.f_back
    return False


def write() -> None:
    with open(os.environ["TRACE"], "a") as file:  # noqa: PTH123
        file.write("".join(f"{sys.orig_argv[3]} {name}\n" for name in sorted(ran)))


if sys.orig_argv[1:3] == ["-m", "semiproto"]:
    sys.settrace(note)  # unlike setprofile, without a call for each function in C
    atexit.register(write)
