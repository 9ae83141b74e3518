"""The commands that the pages for users call runnable do run, on a tiny folder and with a tiny model."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from pipeline import own_folder
from semiproto.model.folder import MODEL, Card, save_weights, write_card

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


@pytest.mark.parametrize(
    ("page", "made"),
    [
        ("own-data.md", ["params.yaml", "faults.json", "classes.png", "masks/0001.png", "masks/0002.png"]),
        ("predict.md", ["masks/0001.png", "some/overlay/0001.jpg", "some/confidence/0002.png", "indices/0001.png"]),
    ],
)
def test_the_commands_of_a_page_run(page, made, user):
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    env = os.environ | {"PATH": path, "PYTHONPATH": str(ROOT / "src"), "OMP_NUM_THREADS": "1"}
    lines = commands(page)
    assert lines and all(line.startswith("semiproto ") for line in lines)
    for line in lines:
        result = subprocess.run(line, shell=True, cwd=user, env=env, capture_output=True, text=True)
        assert result.returncode == 0, f"{line}\n{result.stdout}{result.stderr}"
    assert [name for name in made if not (user / name).is_file()] == []
