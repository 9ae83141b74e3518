"""`make run` makes its environment: killed at any moment, the same command works; so does a checkout in any path.

The Makefile, venv and pip are the real ones. What they install is a package of two lines, since torch takes minutes.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
NAMES = ("a b", "it's", "a$b", "a;b", "a&b", "größe 語")
BACKEND = """
import zipfile
from pathlib import Path

def build_editable(folder, config_settings=None, metadata_directory=None):
    name, info = "semiproto-0-py3-none-any.whl", "semiproto-0.dist-info/"
    with zipfile.ZipFile(Path(folder) / name, "w") as wheel:
        wheel.writestr("semiproto.pth", str(Path("src").absolute()))
        wheel.writestr(info + "METADATA", "Metadata-Version: 2.1\\nName: semiproto\\nVersion: 0\\n")
        wheel.writestr(info + "WHEEL", "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n")
        wheel.writestr(info + "RECORD", "")
    return name
"""
PROJECT = """
[build-system]
requires = []
build-backend = "backend"
backend-path = ["."]
[project]
name = "semiproto"
version = "0"
"""
WITHOUT_PIP = 'if [ "$1" = -m ]; then set -- "$@" --without-pip; fi; {real} "$@"; kill -9 0'
"""What a kill leaves while venv installs pip, its last and longest step."""
KILLED = {
    "before venv": ("python3", "kill -9 0"),
    "while venv installs pip": ("python3", WITHOUT_PIP),
    "before pip": ("python3", '{real} "$@"; kill -9 0'),
    "while pip installs": ("backend", "import os; os.killpg(0, 9)"),
    "before the environment counts as finished": ("rm", 'case "$1" in -f) kill -9 0;; *) {real} "$@";; esac'),
    "before the stamp": ("touch", 'case "$1" in *stamp) kill -9 0;; *) {real} "$@";; esac'),
}
"""Moments of a kill: the command in whose place a script runs, and the script."""


@pytest.fixture
def checkout(tmp_path):
    """The repository's Makefile with a package whose `python -m snakemake` says where it runs."""
    folder = tmp_path / "checkout"
    package = folder / "src/snakemake"
    package.mkdir(parents=True)
    (package / "__main__.py").write_text("import os, sys; print('ran in', os.getcwd(), sys.argv[1])\n")
    (folder / "pyproject.toml").write_text(PROJECT)
    (folder / "backend.py").write_text(BACKEND)
    for name in ("Makefile", "requirements.lock"):
        shutil.copyfile(ROOT / name, folder / name)
    return folder


def make_run(folder: Path, *first: Path) -> subprocess.CompletedProcess[str]:
    """`make run` with pip, in a session of its own. first: folders whose commands come before the system's."""
    python = Path(getattr(sys, "_base_executable", sys.executable))
    path = os.pathsep.join(map(str, [*first, python.parent, "/usr/bin", "/bin"]))
    env = {"PATH": path, "PIP_NO_INDEX": "1", "HOME": os.environ.get("HOME", "/"), "LANG": "C.UTF-8"}
    command = ["make", "run", "UV="]
    return subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, start_new_session=True)


def stand_in(folder: Path, name: str, script: str) -> None:
    """A command that kills all of `make` at its moment."""
    path = os.pathsep.join([str(Path(getattr(sys, "_base_executable", sys.executable)).parent), "/usr/bin", "/bin"])
    folder.mkdir()
    (folder / name).write_text("#!/bin/sh\n" + script.replace("{real}", str(shutil.which(name, path=path))) + "\n")
    (folder / name).chmod(0o755)


@pytest.mark.parametrize("moment", KILLED)
def test_killed_while_the_environment_is_made_the_same_command_runs(checkout, tmp_path, moment):
    command, script = KILLED[moment]
    if command == "backend":
        (checkout / "backend.py").write_text(script)
    else:
        stand_in(tmp_path / "stand-ins", command, script)
    killed = make_run(checkout, tmp_path / "stand-ins")
    assert killed.returncode == -9 and "ran in" not in killed.stdout
    (checkout / "backend.py").write_text(BACKEND)
    again = make_run(checkout)
    assert (again.returncode, again.stdout.splitlines()[-1]) == (0, f"ran in {checkout} --cores"), again.stderr
