"""Which images a reduced file is calibrated and measured on."""

import shutil

import numpy as np
import pytest

from semiproto.data import layout
from semiproto.data.dataset import Images
from semiproto.data.images.pixels import PixelFormat
from semiproto.deploy.reduced import sets
from semiproto.errors import UserError
from semiproto.model.folder import Card, write_card


@pytest.fixture
def model(tiny, digits_root, tmp_path):
    write_card(tmp_path / "model", Card(layout.read_classes(digits_root), tiny.model, {}))
    return tmp_path / "model"


def test_a_folder_gives_its_training_and_its_validation_images(model, digits_root, ids):
    with sets.opened(model, digits_root) as found:
        assert (sorted(found.training.ids), sorted(found.validation.ids)) == (sorted(ids["train"]), sorted(ids["val"]))
        own = Images(digits_root, found.validation.ids)
        for (image, mask), (same, truth) in zip(found.validation, own, strict=True):
            assert (image == same).all() and (mask == truth).all()
        root = found.validation.root
    assert not root.exists()


def test_without_validation_images_all_masks_are_for_both(model, digits_root, tmp_path, ids):
    folder = tmp_path / "masks"
    shutil.copytree(digits_root, folder)
    shutil.rmtree(folder / "ImageSets")
    for path in [path for path in folder.rglob("*_*") if path.is_file()]:
        path.rename(path.with_name(path.name.replace("train_", "a").replace("val_", "b")))  # no words for parts
    meant = sorted([name.replace("train_", "a").replace("val_", "b") for name in [*ids["train"], *ids["val"]]])
    with sets.opened(model, folder) as found:
        assert sorted(found.training.ids) == sorted(found.validation.ids) == meant


def test_images_are_scaled_as_in_training(tiny, digits_root, tmp_path, one_line):
    """A model of deep images takes no images of 8 bits."""
    form = PixelFormat(bands=3, kind="integer", low=[0.0] * 3, high=[4000.0] * 3)
    card = Card(layout.read_classes(digits_root), tiny.model, {}, pixels=form)
    write_card(tmp_path / "deep", card)
    with sets.opened(tmp_path / "deep", digits_root) as found:
        assert found.validation.pixels.format == form


def test_a_model_elsewhere_needs_a_folder(model, one_line):
    with pytest.raises(UserError) as error, sets.opened(model, None):
        pass
    one_line(error, model, "are not here", "--data")


def test_calibration_takes_images_spread_over_the_list(digits_root, ids, monkeypatch):
    images = Images(digits_root, ids["train"])
    monkeypatch.setattr(sets, "CALIBRATED", 3)
    found = list(sets.calibration(images))
    assert len(found) == 3
    np.testing.assert_array_equal(found[0], images[0][0].numpy())
    np.testing.assert_array_equal(found[-1], images[len(images) - 1][0].numpy())
