"""The commands that the pages for users call runnable do run, on a tiny folder and with a tiny model."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pipeline import own_folder
from semiproto.data.images.pixels import PixelFormat
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
