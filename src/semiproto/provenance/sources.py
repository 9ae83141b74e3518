"""The sources that decide a step's result: its module and all of this package that it imports, read and not run.

A rule depends on them, a receipt records them, and a training goes on only with the code that it began with; so no list
of modules is typed by hand, and what a step does not import cannot rerun it.
"""

from __future__ import annotations

import functools
import py_compile
import sys
from collections.abc import Iterator
from contextlib import suppress
from importlib.machinery import SourceFileLoader
from importlib.util import MAGIC_NUMBER, cache_from_source
from modulefinder import ModuleFinder
from pathlib import Path
from types import CodeType

from semiproto.provenance.artifacts import sha256_file

PACKAGE = Path(__file__).parents[1]

CHECKED = (3).to_bytes(4, "little")
"""The second word of a compiled module that is compared by content (PEP 552)."""

NEUTRAL = (
    *("__init__.py", "__main__.py", "errors.py", "paths.py", "cli", "params", "provenance"),
    *("process/cards.py", "process/collector.py", "process/locks.py", "process/loggers.py", "process/parent.py"),
    *("process/progress.py", "process/signals.py", "steps/job.py"),
)
"""Files and folders that decide no result: they hand on, check, word and record. A change there would rerun everything
for nothing. Parameters are left out too: a rule has their values. The commit in a receipt covers all of these."""


def sources(module: str) -> list[Path]:
    """The files that the result of `module` (`steps.models.train`) depends on, relative to the package, sorted.

    Its own file, those of the package that it imports, wherever in it and however indirectly, and the data files beside
    them that it names. Packages' own files are among them where they hold code.
    """
    found: set[Path] = set()
    waiting = [_file(PACKAGE, module)]
    while waiting:
        file = waiting.pop()
        if file is None or file in found or _is_neutral(file):
            continue
        found.add(file)
        imported, named = _references(file)
        waiting += imported
        found |= named
    return sorted(path.relative_to(PACKAGE) for path in found if path.suffix != ".py" or _holds_code(path))


def digests(module: str) -> dict[str, str]:
    """sha256 of each of the `sources`, by its path in the package."""
    return {path.as_posix(): sha256_file(PACKAGE / path) for path in sources(module)}


def compile_by_content() -> None:
    """Has Python compare the content of each source with what it compiled, and not its length and time.

    A source that was unpacked or restored with both as before would otherwise run as it was, and receipts would name it
    as it is. Python keeps to this where a source changes later.
    """
    for file in PACKAGE.rglob("*.py"):
        compiled = Path(cache_from_source(str(file)))
        if not _is_compared(compiled) and (compiled.exists() or not sys.dont_write_bytecode):
            with suppress(OSError, py_compile.PyCompileError):  # the step that imports it says what is wrong with it
                py_compile.compile(
                    str(file), doraise=True, invalidation_mode=py_compile.PycInvalidationMode.CHECKED_HASH
                )


def _is_compared(compiled: Path) -> bool:
    """Whether a compiled module is of this Python, and taken only where its source has the same content."""
    try:
        with compiled.open("rb") as file:
            return file.read(8) == MAGIC_NUMBER + CHECKED
    except OSError:
        return False


def unchanged(before: dict[str, str]) -> dict[str, str]:
    """`before`, the digests that a step began with, with a word in place of those of files that changed since: a step
    runs for hours, and what it loads late may not be what it began with."""
    now = {name: sha256_file(PACKAGE / name) if (PACKAGE / name).is_file() else "" for name in before}
    return {name: digest if now[name] == digest else "changed while the step ran" for name, digest in before.items()}


@functools.cache
def _file(package: Path, module: str) -> Path | None:
    """The file of a dotted name within the package; None where it names something in a module."""
    path = package.joinpath(*filter(None, module.split(".")))
    return next((file for file in (path.with_suffix(".py"), path / "__init__.py") if file.is_file()), None)


@functools.cache
def _is_neutral(file: Path) -> bool:
    name = file.relative_to(PACKAGE).as_posix()
    return any(f"{name}/".startswith(f"{neutral}/") for neutral in NEUTRAL)


@functools.cache
def _references(file: Path) -> tuple[set[Path | None], set[Path]]:
    """What a module refers to: files of the package that it imports, its functions' imports included, with the packages
    around them; and files beside it that are no modules and that it names in a string."""
    imported, words = set(), set()
    for part in _parts(_code(file)):
        if isinstance(part, CodeType):
            imported |= set(_within_package(part))
        elif isinstance(part, str):
            words.add(part)
    data = {path for path in file.parent.iterdir() if path.suffix != ".py" and path.name in words and path.is_file()}
    return {_file(PACKAGE, name) for name in imported}, data


def _within_package(code: CodeType) -> Iterator[str]:
    """Dotted names below the package that the imports of a piece of code may name: modules, or what is in them."""
    if not any(name.startswith(PACKAGE.name) for name in code.co_names):
        return
    for kind, what in ModuleFinder().scan_opcodes(code):
        if kind == "absolute_import":
            members, module = what
            for name in [f"{module}.{member}" for member in members or ()] or [module]:
                root, *parts = name.split(".")
                if root == PACKAGE.name:
                    yield from (".".join(parts[:length]) for length in range(len(parts) + 1))


def _parts(constant: object) -> Iterator[object]:
    """A constant and all constants within it: functions are constants of the code around them."""
    waiting = [constant]
    while waiting:
        yield (part := waiting.pop())
        inner = part.co_consts if isinstance(part, CodeType) else part
        waiting += inner if isinstance(inner, (tuple, frozenset)) else ()


def _holds_code(file: Path) -> bool:
    """Whether a module has more than a docstring."""
    return bool(set(_code(file).co_names) - {"__doc__"})


@functools.cache
def _code(file: Path) -> CodeType:
    """A module as it is run, from Python's own cache where that is up to date: many times quicker than to parse it."""
    code = SourceFileLoader(file.stem, str(file)).get_code(file.stem)
    assert code is not None
    return code
