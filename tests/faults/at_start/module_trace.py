"""Which modules of semiproto a step runs: every process of a run has this module.

A module runs when a function of it is called, other than while modules are being imported. Adds lines of step and
module to the file that the variable TRACE names.
"""

import atexit
import os
import sys

PACKAGE = f"{os.sep}src{os.sep}semiproto{os.sep}"
ran: set[str] = set()


def note(frame, event, argument) -> None:
    name = frame.f_code.co_filename.rpartition(PACKAGE)[2]
    if event == "call" and PACKAGE in frame.f_code.co_filename and name not in ran and not is_import(frame):
        ran.add(name)


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
    sys.setprofile(note)
    atexit.register(write)
