"""`make run` makes its environment: killed at any moment, the same command works; so does a checkout in any path.

The Makefile, venv and pip are the real ones. What they install is a package of two lines, since torch takes minutes.
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import checkouts
import pytest
import yaml

ROOT = Path(__file__).parents[2]
HARD_NAMES = ("a b", "it's", "a$b", "a;b", "a&b", "größe 語", "a b it's $HOME;c&d größe 語")
"""Of folders: what a shell, make or an encoding could trip over. A `:` cannot stand in a PATH at all."""
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
KILLED = {
    "before venv": ("python3", "kill -9 0"),
    "while venv installs pip, its last step": (
        "python3",
        "{venv}; rm -r .venv/lib/python*/site-packages/pip; kill -9 0",
    ),
    "before pip": ("python3", "{venv}; kill -9 0"),
    "while pip installs": ("backend", "import os; os.killpg(0, 9)"),
    "before the environment counts as finished": ("rm", 'case "$1" in -f) kill -9 0;; *) /bin/rm "$@";; esac'),
    "before the stamp": ("touch", 'case "$1" in *stamp) kill -9 0;; *) /bin/touch "$@";; esac'),
}
"""Moments of a kill: the command in whose place a script runs, and the script."""


@pytest.fixture(scope="module")
def environment(tmp_path_factory):
    """What venv makes; made once, because it takes seconds."""
    folder = tmp_path_factory.mktemp("environment") / "venv"
    subprocess.run([getattr(sys, "_base_executable", sys.executable), "-m", "venv", str(folder)], check=True)
    return folder


@pytest.fixture
def commands(environment, tmp_path):
    """Makes a folder with commands that take the place of the system's; `python3 -m venv` copies what venv makes."""
    venv = f"cp -r {shlex.quote(str(environment))} .venv"

    def make(folder: str, **scripts: str) -> Path:
        (tmp_path / folder).mkdir()
        for name, script in ({"python3": "{venv}"} | scripts).items():
            file = tmp_path / folder / name
            file.write_text("#!/bin/sh\n" + script.replace("{venv}", venv) + "\n")
            file.chmod(0o755)
        return tmp_path / folder

    return make


@pytest.fixture
def checkout(tmp_path):
    """The repository's Makefile with a package whose `python -m snakemake` says where it runs."""
    folder = tmp_path / "checkout"
    package = folder / "src/snakemake"
    package.mkdir(parents=True)
    (package / "__main__.py").write_text("import os, sys; print('ran in', os.getcwd(), sys.argv[1])\n")
    (folder / "pyproject.toml").write_text(PROJECT)
    (folder / "backend.py").write_text(BACKEND)
    copy("Makefile", "requirements.lock", to=folder)
    return folder


def copy(*names: str, to: Path) -> None:
    for name in names:
        shutil.copyfile(ROOT / name, to / name)


def make_run(folder: Path, commands: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """`make run` with pip, in a session of its own. commands: a folder that comes before the system's."""
    env = {
        "PATH": f"{commands}:/usr/bin:/bin",
        "PIP_NO_INDEX": "1",
        "HOME": os.environ.get("HOME", "/"),
        "LANG": "C.UTF-8",
    }
    command = ["make", "run", "UV="]
    return subprocess.run(
        command, cwd=folder, env=env | environment, capture_output=True, text=True, start_new_session=True
    )


def test_killed_while_the_environment_is_made_the_same_command_runs(checkout, commands):
    """Killed further on each time, so that each run has to mend what the one before it left."""
    for number, (moment, (command, script)) in enumerate(KILLED.items()):
        of_pip = command == "backend"
        (checkout / "backend.py").write_text(script if of_pip else BACKEND)
        killed = make_run(checkout, commands(f"deadly{number}", **{} if of_pip else {command: script}))
        assert killed.returncode == -9 and "ran in" not in killed.stdout, f"{moment}: {killed.stderr}"
    finished = make_run(checkout, commands("harmless"))
    assert (finished.returncode, finished.stdout.splitlines()[-1:]) == (0, [f"ran in {checkout} --cores"])


@pytest.mark.parametrize("name", HARD_NAMES)
def test_a_checkout_may_have_any_path(tmp_path, commands, name):
    """The real Snakemake runs the real rule `data` there; the rest of the pipeline takes minutes."""
    folder = tmp_path / name
    folder.mkdir()
    checkouts.new_checkout(folder)
    copy("Makefile", "requirements.lock", "pyproject.toml", to=folder)
    environment_of_this_python(folder / ".venv")
    profile = tmp_path / "profile/config.yaml"
    profile.parent.mkdir()
    profile.write_text(yaml.safe_dump({"until": ["data"]}))
    result = make_run(folder, commands("harmless"), SNAKEMAKE_PROFILE=str(profile.parent))
    assert result.returncode == 0, result.stdout[-2000:] + result.stderr[-2000:]
    assert (folder / "data/raw/tiny/receipt.json").is_file()
    assert {path.name for path in tmp_path.iterdir()} == {name, "profile", "harmless"}


def environment_of_this_python(folder: Path) -> None:
    """A finished environment with the packages of this one."""
    folder.mkdir()
    (folder / "bin").symlink_to(Path(sys.executable).parent)
    (folder / "lib").symlink_to(Path(sys.prefix) / "lib")
    if (Path(sys.prefix) / "pyvenv.cfg").is_file():
        shutil.copyfile(Path(sys.prefix) / "pyvenv.cfg", folder / "pyvenv.cfg")
    (folder / "run.stamp").touch()
