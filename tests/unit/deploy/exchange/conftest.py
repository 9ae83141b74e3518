"""Predictions of hard masks, and a folder for what is made of them."""

import numpy as np
import pytest
from hard_masks import CLASSES, NAMES, masks
from PIL import Image

from semiproto.data.layout import voc_palette
from semiproto.deploy.exchange.predictions import Prediction, Predictions, distinct


@pytest.fixture
def make_predictions(tmp_path):
    """Writes masks and images called like NAMES, and returns them as predictions."""

    def make(masks, classes=CLASSES):
        (tmp_path / "photos").mkdir()
        (tmp_path / "masks").mkdir()
        rng = np.random.default_rng(1)
        found = []
        for name, mask in zip(NAMES, masks, strict=False):
            image = tmp_path / "photos" / name
            Image.fromarray(rng.integers(0, 256, (*mask.shape, 3), dtype=np.uint8)).save(image)
            Image.fromarray(mask).save(tmp_path / "masks" / f"{image.stem}.png")
            found.append(Prediction(image, tmp_path / "masks" / f"{image.stem}.png"))
        return Predictions(found, list(classes), distinct(list(classes), voc_palette()))

    return make


@pytest.fixture
def predictions(make_predictions):
    return make_predictions(masks())


@pytest.fixture
def save(tmp_path):
    """Writes what a format's writer yields below a folder."""

    def write(files):
        for name, content in files:
            path = tmp_path / "out" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content if isinstance(content, bytes) else content.read_bytes())
        return tmp_path / "out"

    return write
