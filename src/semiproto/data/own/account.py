"""Every file below a folder, and what each is used as or why it is passed over: nothing is left unsaid."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PASSED_OVER = "passed over: "
SYSTEM_FOLDERS = ("__MACOSX",)
SYSTEM_FILES = ("thumbs.db", "desktop.ini")
SYSTEM = f"{PASSED_OVER}hidden files and those of the system"
NOT_THERE = f"{PASSED_OVER}links to files that are not there"
SPECIAL = f"{PASSED_OVER}neither files nor folders"


@dataclass(frozen=True)
class Row:
    """A line of the table: so many files are used like this; `example` is relative to the folder."""

    use: str
    count: int
    example: str

    def as_json(self) -> dict[str, Any]:
        return dict(vars(self))


def walk(base: Path) -> Iterator[Path]:
    """What `base` holds, in a fixed order; each folder once, and none above `base`, since links may run in circles."""
    seen = {base.resolve(), *base.resolve().parents}
    for folder, inner, files in os.walk(base, followlinks=True):
        real = {name: Path(folder, name).resolve() for name in sorted(inner)}
        inner[:] = [name for name, target in real.items() if target not in seen]
        seen.update(real.values())
        yield from (Path(folder, name) for name in sorted(files))


def is_system(relative: str) -> bool:
    """Whether an operating system or a program left it there: hidden, or known for that."""
    parts = relative.split(os.sep)  # noqa: PTH206 -- a set may have a million files, and pathlib is slow
    return parts[-1].lower() in SYSTEM_FILES or any(part.startswith(".") or part in SYSTEM_FOLDERS for part in parts)


def start_of(base: Path) -> int:
    """Where the part that is relative to `base` starts in the text of a path below it; 0 for `.`, which has no text."""
    return len(str(base / "x")) - 1


def survey(base: Path) -> tuple[list[Path], dict[Path, str]]:
    """The files below `base` that may be of use, and those that are not, with the reason."""
    files, passed_over = [], {}
    start = start_of(base)
    for path in walk(base):
        text = str(path)
        if is_system(text[start:]):
            passed_over[path] = SYSTEM
        elif os.path.isfile(text):  # noqa: PTH113 -- likewise
            files.append(path)
        else:
            passed_over[path] = SPECIAL if path.exists() else NOT_THERE
    return files, passed_over


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
