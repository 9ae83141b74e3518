"""Every file below a folder, and what each is used as or why it is passed over: nothing is left unsaid."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PASSED_OVER = "passed over: "
SYSTEM_FOLDERS = ("__MACOSX",)
SYSTEM_FILES = ("thumbs.db", "desktop.ini")
SYSTEM = f"{PASSED_OVER}hidden files and those of the system"
NOT_THERE = f"{PASSED_OVER}links to files that are not there"
UNREADABLE = f"{PASSED_OVER}folders that cannot be read"
SPECIAL = f"{PASSED_OVER}neither files nor folders"
AGAIN = f"{PASSED_OVER}links to folders that are read where they are"


@dataclass(frozen=True)
class Row:
    """A line of the table: so many files are used like this; `example` is relative to the folder."""

    use: str
    count: int
    example: str

    def as_json(self) -> dict[str, Any]:
        return dict(vars(self))


def walk(base: Path) -> Iterator[tuple[Path, list[os.DirEntry[str]] | None, list[str]]]:
    """What each folder below `base` holds but folders, in a fixed order; None where it cannot be read. And the names of
    the folders in it that are not entered.

    Links may run in circles: no folder is entered from two, and none above `base`.
    """
    seen = {base.resolve(), *base.resolve().parents}
    waiting = [base]
    while waiting:
        folder = waiting.pop()
        try:
            entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
        except OSError:
            yield folder, None, []
            continue
        inner = {entry.name: (folder / entry.name).resolve() for entry in entries if _asked(entry.is_dir)}
        entered = {name: real for name, real in inner.items() if real not in seen}
        yield folder, [entry for entry in entries if entry.name not in inner], sorted(inner.keys() - entered.keys())
        waiting += [folder / name for name in reversed(entered)]
        seen.update(inner.values())


def _asked(question: Callable[[], bool]) -> bool:
    try:
        return question()
    except OSError:  # a link that leads to itself
        return False


def is_system(relative: str) -> bool:
    """Whether an operating system or a program left it there: hidden, or known for that."""
    parts = relative.split(os.sep)  # noqa: PTH206 -- a set may have a million files, and pathlib is slow
    return parts[-1].lower() in SYSTEM_FILES or any(part.startswith(".") or part in SYSTEM_FOLDERS for part in parts)


def start_of(base: Path) -> int:
    """Where the part that is relative to `base` starts in the text of a path below it; 0 for `.`, which has no text."""
    return len(str(base / "x")) - 1


def by_folder(base: Path, *, relative: bool = False) -> tuple[dict[Path, list[Path]], dict[Path, str]]:
    """By folder, the files below `base` that may be of use; and those that are not, with the reason.

    relative: to `base`.
    """
    found: dict[Path, list[Path]] = {}
    passed_over: dict[Path, str] = {}
    start = start_of(base)
    for folder, entries, again in walk(base):
        inner = str(folder)[start:]
        place = Path(inner) if relative else folder
        passed_over |= dict.fromkeys((place / name for name in again), AGAIN)
        if entries is None:
            passed_over[place] = UNREADABLE
            continue
        hidden = folder != base and is_system(inner)
        found[place] = []
        for entry in entries:
            path = place / entry.name
            if hidden or is_system(entry.name):
                passed_over[path] = SYSTEM
            elif _asked(entry.is_file):
                found[place].append(path)
            else:
                passed_over[path] = SPECIAL if os.path.exists(entry.path) else NOT_THERE  # noqa: PTH110 -- likewise
    return found, passed_over


def survey(base: Path) -> tuple[list[Path], dict[Path, str]]:
    """The files below `base` that may be of use, and those that are not, with the reason."""
    found, passed_over = by_folder(base)
    return [path for files in found.values() for path in files], passed_over


def kind_of(path: Path) -> str:
    """The suffix of a file for people, `.nii.gz` whole."""
    suffixes = [suffix for suffix in path.suffixes[-2:] if suffix[1:].isalnum() and len(suffix) <= 6]
    if len(suffixes) == 2 and suffixes[1].lower() in (".gz", ".bz2", ".xz", ".zip"):
        return "".join(suffixes)
    return path.suffix or "without suffix"


def rows(base: Path, uses: Mapping[Path, str]) -> list[Row]:
    """The table: what is used first, then what is passed over, the most frequent first."""
    counts = Counter(uses.values())
    first: dict[str, str] = {}
    for path, use in uses.items():
        if use not in first or str(path) < first[use]:
            first[use] = str(path)
    examples = {use: text.removeprefix(f"{base}{os.sep}") for use, text in first.items()}
    order = sorted(counts, key=lambda use: (use.startswith(PASSED_OVER), -counts[use], use))
    return [Row(use, counts[use], examples[use]) for use in order]


def lines(rows: Iterable[Row]) -> Iterator[str]:
    """The table for people."""
    listed = list(rows)
    yield f"files: {sum(row.count for row in listed):,}"
    for row in listed:
        text = f"{row.count:>8,}  {row.use}, such as {row.example}"
        yield text.encode("utf-8", "backslashreplace").decode()  # a file's name may not be valid text
