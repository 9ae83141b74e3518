"""The sdist and the wheel build without a network, and the wheel alone is enough to predict with a model."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import venv
import zipfile
from importlib.util import find_spec
from pathlib import Path

import pytest
from PIL import Image

from semiproto import __version__
from semiproto.model.folder import MODEL, Card, save_weights, write_card

ROOT = Path(__file__).parents[2]
PROJECT_FILES = ("pyproject.toml", "MANIFEST.in", "README.md", "LICENSE", "CHANGELOG.md", "CITATION.cff")

pytestmark = [
    pytest.mark.skipif(find_spec("setuptools") is None, reason="needs setuptools, which builds the package"),
    pytest.mark.skipif(find_spec("ensurepip") is None, reason="needs ensurepip, which puts pip into a new environment"),
]


@pytest.fixture(scope="module")
def sdist(tmp_path_factory):
    """The source archive, built in a copy of the checkout: setuptools writes beside the sources."""
    copy = tmp_path_factory.mktemp("checkout")
    for name in PROJECT_FILES:
        shutil.copy(ROOT / name, copy)
    shutil.copytree(ROOT / "src", copy / "src", ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))
    return build("sdist", copy)


@pytest.fixture(scope="module")
def wheel(sdist, tmp_path_factory):
    """The wheel, built from the source archive, so that the archive is known to hold all that it needs."""
    folder = tmp_path_factory.mktemp("unpacked")
    with tarfile.open(sdist) as archive:
        archive.extractall(folder, filter="data")
    return build("wheel", folder / f"semiproto-{__version__}")


def build(kind: str, folder: Path) -> Path:
    """The archive that setuptools builds of the project in `folder`, through the interface that pip uses."""
    out = folder.parent / f"{folder.name}-{kind}"
    out.mkdir()
    code = f"from setuptools import build_meta; print(build_meta.build_{kind}({str(out)!r}))"
    run([sys.executable, "-c", code], folder)
    (archive,) = out.iterdir()
    return archive


def run(command: list[str | Path], folder: Path) -> str:
    """Runs a command in `folder`, with no path to the sources of this checkout; returns its output."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    result = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    assert result.returncode == 0, f"{command}\n{result.stdout}{result.stderr}"
    return result.stdout


@pytest.fixture(scope="module")
def environment(wheel, tmp_path_factory):
    """The folder of commands of an environment with the wheel, whose dependencies are those of this environment."""
    folder = tmp_path_factory.mktemp("environment")
    venv.create(folder, with_pip=True)
    run([folder / "bin/pip", "install", "--quiet", "--no-index", "--no-deps", wheel], folder)
    dependencies = dict.fromkeys(sysconfig.get_path(name) for name in ("purelib", "platlib"))
    site = run([folder / "bin/python", "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"], folder).strip()
    Path(site, "dependencies.pth").write_text("\n".join(dependencies))
    return folder / "bin"


def test_the_archives_hold_every_file_of_the_package(sdist, wheel):
    files = {
        path.relative_to(ROOT / "src").as_posix()
        for path in (ROOT / "src/semiproto").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert {Path(name).suffix for name in files} == {".py", ".typed", ".html", ".css", ".js", ".csv"}
    packed = set(zipfile.ZipFile(wheel).namelist())
    assert {name for name in packed if ".dist-info/" not in name} == files
    with tarfile.open(sdist) as archive:
        sources = {name.partition("/")[2] for name in archive.getnames()}
    assert {f"src/{name}" for name in files} | set(PROJECT_FILES) <= sources


def test_the_wheel_says_its_version_and_its_licence(environment, wheel):
    code = "import semiproto, importlib.metadata as m; print(semiproto.__file__, m.version('semiproto'))"
    file, version = run([environment / "python", "-c", code], environment).split()
    assert Path(file).is_relative_to(environment.parent)
    assert version == __version__ and f"-{version}-" in wheel.name
    assert any(name.endswith("licenses/LICENSE") for name in zipfile.ZipFile(wheel).namelist())


def test_the_wheel_predicts_outside_a_checkout(environment, tmp_path, tiny, make_net):
    write_card(tmp_path / "model", Card(["background", "cat"], tiny.model, {}))
    save_weights(tmp_path / "model" / MODEL, make_net(classes=2))
    Image.new("RGB", (50, 40), (90, 120, 30)).save(tmp_path / "photo.jpg")
    assert "predict" in run([environment / "semiproto", "--help"], tmp_path)
    assert "semi.tau" in run([environment / "semiproto", "params"], tmp_path)
    run([environment / "semiproto", "predict", "model", "photo.jpg", "-o", "masks"], tmp_path)
    with Image.open(tmp_path / "masks/photo.png") as mask:
        assert mask.size == (50, 40) and mask.getextrema()[1] < 2
