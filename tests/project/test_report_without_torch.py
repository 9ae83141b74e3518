"""Nothing below report/ needs torch: tables, figures and the page are made on a laptop without it."""

import ast
import subprocess
import sys

import pytest

from semiproto.provenance.sources import PACKAGE, sources

FILES = sorted((PACKAGE / "report").rglob("*.py"))
MODULES = [".".join(file.relative_to(PACKAGE).with_suffix("").parts) for file in FILES if file.name != "__init__.py"]
BUILT_ON_TORCH = {"torch", "torchvision", "timm", "safetensors", "torchmetrics"}


def imported(file):
    """The packages that a file imports anywhere in it, its functions included."""
    for node in ast.walk(ast.parse(file.read_bytes())):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module.partition(".")[0]


def test_the_check_sees_torch_where_it_is():
    (network,) = (PACKAGE / path for path in sources("model.network") if path.name == "network.py")
    assert "torch" in imported(network)


@pytest.mark.parametrize("module", MODULES)
def test_no_file_that_it_imports_imports_torch(module):
    """Statically: also imports that only some function makes, and only for some input."""
    files = [PACKAGE / path for path in sources(module) if path.suffix == ".py"]
    assert files, f"{module} has no sources"
    assert {file.as_posix(): found for file in files if (found := BUILT_ON_TORCH & set(imported(file)))} == {}


def test_importing_all_of_it_loads_no_torch():
    """Dynamically: also what other packages import."""
    code = (
        "import importlib, sys\n"
        "for module in sys.argv[1:]: importlib.import_module(f'semiproto.{module}')\n"
        "sys.exit('torch was imported' if 'torch' in sys.modules else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code, *MODULES], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
