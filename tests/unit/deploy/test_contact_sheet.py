"""A picture of each suggestion, whatever its size, bands or name."""

import numpy as np
import pytest
from PIL import Image

from semiproto.data.layout import voc_palette
from semiproto.deploy.contact_sheet import GAP, HEIGHT, SIDE, WIDTH, Cell, write


def cell(height, width, bands=3, name="1. a.jpg", why="a reason"):
    image = np.full((height, width, bands), 200, dtype=np.uint8)
    return Cell(image, np.ones((height, width), dtype=np.uint8), name, why)


def test_images_and_overlays_lie_in_cells(tmp_path):
    cells = [cell(10, 20), cell(900, 30), cell(5, 5, bands=1), cell(40, 40, bands=4)]
    write(tmp_path / "sheet.jpg", iter(cells), 4, voc_palette())
    sheet = np.asarray(Image.open(tmp_path / "sheet.jpg"))
    assert sheet.shape == (2 * HEIGHT, 3 * WIDTH, 3)
    image, overlay = sheet[GAP + 60, GAP + 100], sheet[GAP + 60, 2 * GAP + SIDE + 100]
    np.testing.assert_allclose(image, 200, atol=8)
    np.testing.assert_allclose(overlay, (np.array([128, 0, 0]) + 200) / 2, atol=12)
    assert (sheet[HEIGHT:, WIDTH + 20 :] > 250).all()  # no fifth and sixth


@pytest.mark.parametrize("text", ["", "word " * 200, "x" * 5000, "Straße Ω 写真 \\n"])
def test_any_text_stays_in_its_cell(tmp_path, text):
    cells = [cell(8, 8, name=text, why=text), Cell(np.zeros((8, 8, 3), np.uint8), None, "no mask", text)]
    write(tmp_path / "sheet.jpg", iter(cells), 2, voc_palette())
    sheet = np.asarray(Image.open(tmp_path / "sheet.jpg"))
    assert sheet.shape == (HEIGHT, 2 * WIDTH, 3)
    assert (sheet[SIDE + 2 * GAP :, WIDTH - GAP + 2 : WIDTH] > 240).all()
