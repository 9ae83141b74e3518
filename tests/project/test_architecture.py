"""The shape of the package: imports run one way, folders and signatures stay small, each module has its own tests."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TypeGuard

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "src/semiproto"
UNIT = ROOT / "tests/unit"

FLOORS = (
    ("cli",),
    ("steps",),
    ("deploy", "report", "train"),
    ("measure",),
    ("model",),
    ("data",),
    ("params",),
    ("process",),
    ("provenance",),
    ("errors", "paths"),
)
"""The rooms from top to bottom. A module imports from its own room and from rooms on lower floors, nothing else."""
REFUSED = {"report": {"measure", "model"}}
"""Lower rooms that a room must not import from all the same: a report reads files, and needs no torch."""

MODULES_IN_A_FOLDER = 12
PARAMETERS = 6
"""The most that a folder and a function may have."""
MANY_PARAMETERS = "cli"
"""The folder whose functions may have more: a parameter of a command is an option of the command line."""


def modules(folder: Path = PACKAGE) -> list[Path]:
    return sorted(path for path in folder.rglob("*.py") if "__pycache__" not in path.parts)


def room_of(path: Path) -> str:
    """The first folder below the package, or the module itself; `__main__` belongs to the command line."""
    first = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
    return "cli" if first == "__main__" else first


def is_type_checking(node: ast.AST) -> TypeGuard[ast.If]:
    return isinstance(node, ast.If) and ast.unparse(node.test).split(".")[-1] == "TYPE_CHECKING"


def imports(nodes: Iterable[ast.AST]) -> Iterator[tuple[int, str]]:
    """(line, room) of each import from the package, within functions too, but for those that only type checkers see."""
    for node in nodes:
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"line {node.lineno}: imports are absolute"
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        elif is_type_checking(node):
            yield from imports(node.orelse)
        else:
            yield from imports(ast.iter_child_nodes(node))
        for room in {name.split(".")[1] for name in names if name.startswith(f"{PACKAGE.name}.")} - {"__version__"}:
            yield node.lineno, room


def upward(source: str, room: str) -> list[tuple[int, str]]:
    """(line, room) of the imports of a module that its room does not allow."""
    floor = {name: number for number, names in enumerate(FLOORS) for name in names}
    found = sorted(imports([ast.parse(source)]))
    return [
        (line, other)
        for line, other in found
        if other != room and (floor[other] <= floor[room] or other in REFUSED.get(room, ()))
    ]


def long_signatures(source: str) -> list[tuple[str, int]]:
    """(name, number of parameters) of functions with too many; `self` and `cls` are not counted."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            args = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
            count = sum(arg.arg not in ("self", "cls") for arg in args) + bool(node.args.vararg) + bool(node.args.kwarg)
            if count > PARAMETERS:
                found.append((node.name, count))
    return found


def shown(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def test_every_room_has_a_floor():
    rooms = {room_of(path) for path in modules()} - {"__init__"}
    assert rooms == {name for names in FLOORS for name in names}


def test_imports_run_one_way():
    wrong = [
        f"{shown(path)}:{line}: {room_of(path)} imports {other}"
        for path in modules()
        if room_of(path) != "__init__"
        for line, other in upward(path.read_text(), room_of(path))
    ]
    assert not wrong, "\n" + "\n".join(wrong)


@pytest.mark.parametrize(
    ("room", "source", "refused"),
    [
        ("data", "from semiproto.errors import UserError\nimport semiproto.params\nimport numpy", []),
        ("data", "from semiproto.data import layout", []),
        ("data", "from semiproto import model, paths", [(1, "model")]),
        ("data", "def f():\n    import semiproto.train.engine", [(2, "train")]),
        (
            "report",
            "from semiproto.measure.tsne import x\nfrom semiproto.deploy import y",
            [(1, "measure"), (2, "deploy")],
        ),
        ("data", "if TYPE_CHECKING:\n    from semiproto.cli import app\nelse:\n    import semiproto.cli", [(4, "cli")]),
        ("errors", "from semiproto import paths", [(1, "paths")]),
        ("steps", "try:\n    from semiproto import cli\nexcept ImportError:\n    pass", [(2, "cli")]),
    ],
)
def test_what_imports_a_room_may_have(room, source, refused):
    assert upward(source, room) == refused


def test_folders_are_small():
    counts = {folder: len(list(folder.glob("*.py"))) for folder in {path.parent for path in modules()}}
    wrong = [f"{shown(folder)}: {count} modules" for folder, count in counts.items() if count > MODULES_IN_A_FOLDER]
    assert not wrong, "\n" + "\n".join(sorted(wrong))


def test_signatures_are_short():
    wrong = [
        f"{shown(path)}: {name} has {count} parameters"
        for path in modules()
        if room_of(path) != MANY_PARAMETERS
        for name, count in long_signatures(path.read_text())
    ]
    assert not wrong, "\n" + "\n".join(wrong)


def test_what_a_parameter_is():
    assert long_signatures("def f(a, b, c, d, e, f): ...\nclass A:\n    def g(self, a, b, c, d, e, f): ...") == []
    assert long_signatures("class A:\n    async def g(self, a, b, /, c, *d, e, f, **g): ...") == [("g", 7)]


def mirror_of(module: Path) -> Path:
    return module.relative_to(PACKAGE).with_name(f"test_{module.name}")


def mirrors(module: Path) -> list[Path]:
    """The files that test a module: test_x.py, and further ones called test_x_y.py."""
    first = UNIT / mirror_of(module)
    return [path for path in first.parent.glob("test_*.py") if path == first or path.stem.startswith(f"{first.stem}_")]


def test_every_module_has_tests_and_all_unit_tests_have_a_module():
    own = [path for path in modules() if path.name not in ("__init__.py", "__main__.py")]
    missing = [f"{shown(path)}: no tests/unit/{mirror_of(path)}" for path in own if not mirrors(path)]
    mirrored = {test for path in own for test in mirrors(path)}
    orphans = [f"{shown(path)}: tests no module" for path in sorted(UNIT.rglob("test_*.py")) if path not in mirrored]
    assert not missing + orphans, "\n" + "\n".join(missing + orphans)
