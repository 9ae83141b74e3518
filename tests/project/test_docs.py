"""The commands that the pages for users call runnable do run, on a tiny folder and with a tiny model."""

import inspect
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from pipeline import exports, own_folder
from semiproto import params
from semiproto.cli import app
from semiproto.data import layout
from semiproto.data.images.pixels import PixelFormat
from semiproto.data.own import prepare
from semiproto.model.folder import MODEL, Card, save_weights, write_card
from semiproto.model.network import SegmentationNetwork
from semiproto.params import NormalisationParams

ROOT = Path(__file__).parents[2]
FENCE = re.compile(r"<!-- runnable -->\n```\n(.*?)```", re.DOTALL)


def commands(page):
    """The lines of the page's runnable blocks, joined where a line goes on."""
    blocks = FENCE.findall((ROOT / "docs" / page).read_text())
    return [line for block in blocks for line in block.replace("\\\n", " ").splitlines() if line.strip()]


@pytest.fixture
def user(tmp_path, tiny, make_net):
    """What a user has: a checkout's experiments, photographs, some to predict on, and a model."""
    shutil.copytree(ROOT / "experiments", tmp_path / "experiments")
    own_folder.make(tmp_path / "my-photos")
    (tmp_path / "new-photos").mkdir()
    for name in ("0001.jpg", "0002.png"):
        Image.new("RGB", (50, 40), (90, 120, 30)).save(tmp_path / "new-photos" / name)
    for folder in ("my-model", "models/semi/my-photos/all/prototype/seed0"):
        write_card(tmp_path / folder, Card([f"class{n}" for n in range(7)], tiny.model, {}))
        save_weights(tmp_path / folder / MODEL, make_net())
    return tmp_path


@pytest.fixture
def scene(user, tiny):
    """A scene of four bands beside it, and a model for such scenes."""
    rasterio = pytest.importorskip("rasterio", reason="needs the extra geo")
    four = NormalisationParams(mean=[0.5] * 4, std=[0.25] * 4)
    network = SegmentationNetwork(tiny.model, 3, pretrained=False, bands=4)
    write_card(user / "scene-model", Card(["a", "b", "c"], tiny.model, {}, None, four, PixelFormat(bands=4)))
    save_weights(user / "scene-model" / MODEL, network)
    place = {"crs": "EPSG:32632", "transform": rasterio.Affine(0.5, 0, 431_000, 0, -0.5, 5_412_000)}
    shape = {"width": 90, "height": 130, "count": 4, "dtype": "uint8"}
    with rasterio.open(user / "scene.tif", "w", driver="GTiff", **shape, **place) as file:
        file.write(np.random.default_rng(0).integers(0, 256, (4, 130, 90), dtype=np.uint8))


def test_the_commands_for_scenes_run(user, scene):
    run("images.md", ["scene-masks/scene.tif", "scene-masks/confidence/scene.tif"], user)


@pytest.mark.parametrize(
    ("page", "made"),
    [
        ("own-data.md", ["params.yaml", "faults.json", "classes.png", "masks/0001.png", "masks/0002.png"]),
        ("labelling.md", ["for-cvat/cvat.zip", "for-labelme/images/0001.json", "for-labelme/images/0002.png"]),
        ("predict.md", ["masks/0001.png", "some/overlay/0001.jpg", "some/confidence/0002.png", "indices/0001.png"]),
    ],
)
def test_the_commands_of_a_page_run(page, made, user):
    run(page, made, user)


def run(page, made, user):
    """Runs what the page calls runnable, and looks for the files that it makes."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    env = os.environ | {"PATH": path, "PYTHONPATH": str(ROOT / "src"), "OMP_NUM_THREADS": "1"}
    lines = commands(page)
    assert lines and all(line.startswith("semiproto ") for line in lines)
    for line in lines:
        result = subprocess.run(line, shell=True, cwd=user, env=env, capture_output=True, text=True)
        assert result.returncode == 0, f"{line}\n{result.stdout}{result.stderr}"
    assert [name for name in made if not (user / name).is_file()] == []


ROW = re.compile(r"^\| (?P<have>.+?) \| `semiproto init (?P<folder>[a-z-]+)` \|$", re.MULTILINE)
EXPORTS = {
    name.replace("_", "-"): make
    for name, make in vars(exports).items()
    if inspect.isfunction(make) and list(inspect.signature(make).parameters) == ["base"]
}


def test_every_export_has_a_row():
    folders = [match["folder"] for match in ROW.finditer((ROOT / "docs/own-data.md").read_text())]
    assert sorted(folders) == sorted(EXPORTS)


@pytest.mark.parametrize("folder", EXPORTS)
def test_a_row_reads_what_its_tool_writes(folder, tmp_path, monkeypatch):
    """The row's command and check-data on the tool's export; the prepared masks are the truth."""
    monkeypatch.chdir(tmp_path)
    shutil.copytree(ROOT / "experiments", tmp_path / "experiments")
    EXPORTS[folder](tmp_path / folder)
    for words in (["init", folder, "--set", "forecast.images=validation"], ["check-data"]):
        needs_no_unlabelled = ["--set", "experiments=[{split: all, variants: [supervised], seeds: [0]}]"]
        result = CliRunner().invoke(app, words + needs_no_unlabelled * (words[0] == "init"), catch_exceptions=False)
        assert result.exit_code == 0 and "files: " in result.output
    prepare.prepare(tmp_path / "raw", params.load(tmp_path / "params.yaml").dataset)
    masks = sorted((tmp_path / "raw" / layout.MASKS).iterdir())
    assert masks
    for path in masks:
        truth = exports.truth(exports.stem_of(path.stem))
        np.testing.assert_array_equal(layout.read_mask(path), truth > 0 if folder in exports.BINARY else truth)
