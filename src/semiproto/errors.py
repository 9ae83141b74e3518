"""The exceptions that end a command without a traceback."""

from __future__ import annotations

import errno
import os
import re
from pathlib import Path


class UserError(Exception):
    """Bad input or a bad state. The message is one line that names the file, the value and the remedy.

    The command line prints it and exits with status 1.
    """


class Interrupted(Exception):
    """SIGINT or SIGTERM came, and the state was saved. The command line prints the message and exits with 130."""


def of_system(error: OSError) -> UserError:
    """The system's error as one line; raises it again when it isn't the user's to mend."""
    where = error.filename or "output"
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return UserError(
            f"{where}: no space left on the device; free some and run the same command again, nothing was lost"
        )
    if error.errno == errno.EFBIG:
        return UserError(
            f"{where}: larger than a file may be here; raise the limit (`ulimit -f`) or take another file system and"
            " run the same command again, nothing was lost"
        )
    if error.errno == errno.EACCES:
        where = _first_closed(Path(str(where)))
    if error.errno in REMEDIES:
        return UserError(f"{where}: {REMEDIES[error.errno]}")
    raise error


def _first_closed(path: Path) -> Path:
    """The folder on the way to a path that may not be entered, whose permissions are the ones to change; the path
    itself where there is none."""
    return next((one for one in reversed(path.parents) if one.is_dir() and not os.access(one, os.X_OK)), path)


_NOT_ALLOWED = "not allowed here ({}); change its permissions, or name another"
REMEDIES = {
    errno.EACCES: _NOT_ALLOWED.format("permission denied"),
    errno.EPERM: _NOT_ALLOWED.format("operation not permitted"),
    errno.EROFS: _NOT_ALLOWED.format("read-only file system"),
    errno.EISDIR: "a folder, where a file belongs; name a file",
    errno.EEXIST: "a file, where a folder belongs; name another, or move it away",
    errno.ENOTDIR: "a part of this path is a file, where a folder belongs; name another",
    errno.ENOENT: "no such file or folder; correct the path, or make it first",
    errno.ENAMETOOLONG: "this name is too long for the file system; give a shorter one",
    errno.ELOOP: "its symbolic links lead in a circle; name another",
}
"""What to say of a file that cannot be opened, read or written, by the system's number. The system does not say which
of these was tried."""


def of_memory(error: MemoryError | RuntimeError) -> UserError:
    """Memory that ran out as one line, of this process or of one that it started; raises another error again.

    torch's errors are RuntimeErrors that say it.
    """
    told = str(error).lower()
    if any(words in told for words in ("dataloader worker", "shared memory", "process pool was terminated")) or (
        "/torch_" in told and "no space left" in told
    ):
        return UserError(
            "a worker process was killed, as happens where memory or shared memory (/dev/shm) runs out; end other"
            " processes, or lower compute.workers (0 starts none), and run the same command again"
        )
    if isinstance(error, MemoryError) or "allocate memory" in told or "out of memory" in told:
        of_gpu = "cuda" in told or "gpu" in told
        what, more = ("GPU memory", "take more GPUs (compute.gpus), ") if of_gpu else ("memory", "")
        return UserError(
            f"{what} ran out{_sizes(str(error))}; `semiproto plan` says what fits: set compute.checkpointing to blocks"
            f" (the same result), optimizer.precision to bfloat16 or micro_batch, {more}end other processes, or lower"
            " the batch, augment.crop or compute.workers, and run the same command again"
        )
    raise error


def _sizes(told: str) -> str:
    """How much torch asked a GPU for and how much that has, where its error says so."""
    found = [re.search(words + r" ([\d.]+ \w+)", told) for words in ("Tried to allocate", "total capacity of")]
    asked, has = (match[1] if match else "" for match in found)
    return f" ({asked} more were needed, of {has})" if asked and has else ""


def shortened(text: str) -> str:
    """`text` of any length as a part of a line."""
    return text if len(text) < 120 else text[:117] + "..."


def reason(error: BaseException) -> str:
    """What another library's error says, on one line."""
    return shortened(" ".join(str(error).split()) or type(error).__name__)


def printable(text: str) -> str:
    """`text` on one line that a terminal shows and does not obey: a file's name may hold newlines, escape sequences, or
    bytes that are not text."""
    if text.isprintable():  # nearly all are, and a check of a large folder has hundreds of thousands
        return text
    return "".join(character if character.isprintable() else repr(character)[1:-1] for character in text)
