"""Images that are not 8-bit colour, from the folder to the mask: prepared, trained on, predicted."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from pipeline import image_sets
from semiproto import params
from semiproto.data.layout import FILES, IMAGES, read_list, read_mask, read_pixels
from semiproto.data.own.layouts.discover import discover
from semiproto.deploy.files import Options
from semiproto.deploy.predict import predict_files
from semiproto.measure.confusion import ConfusionMatrix
from semiproto.model.folder import load_model, read_card
from semiproto.provenance.receipts import read_receipt
from semiproto.steps.data.folder import data
from semiproto.steps.data.split import split
from semiproto.steps.job import Inputs, Job
from semiproto.steps.models.pretrain import pretrain

ROOT = Path(__file__).parents[2]
STEPS = 150
SETS = {
    "10 of 16 bits": (lambda base: image_sets.microscope(base, 16), 3),
    "8 bits": (lambda base: image_sets.microscope(base, 8), 3),
    "four bands": (image_sets.four_bands, 4),
}


def settings(base, bands):
    """The embedded experiment's short form for a folder."""
    tree = params.load(ROOT / "experiments/embedded.yaml").model_dump(mode="json")
    source = discover(base, "own")[0].model_dump(mode="json")
    tree["dataset"] = source | {"bands": bands}
    tree["splits"]["validation"] = 0.34
    tree["augment"] |= {"crop": image_sets.SIZE, "rotation": 8, "flip": 0.5}
    tree["pretrain"] |= {"steps": STEPS, "validations": 1, "checkpoint_every": STEPS}
    tree["experiments"] = [{"split": "all", "variants": ["supervised"], "seeds": [0]}]
    return params.validate(tree, "settings")


@pytest.fixture(scope="module", params=SETS)
def trained(request, tmp_path_factory):
    """By kind of set: its name, its folder, the prepared set, the split and the model."""
    make, bands = SETS[request.param]
    home = tmp_path_factory.mktemp("images")
    base = make(home / "own")
    tree = settings(base, bands)
    data(Job(params.step_config(tree, params.DataConfig), Inputs(), home / "data"))
    split(Job(params.step_config(tree, params.SplitConfig), Inputs(data=home / "data"), home / "split/all"))
    inputs = Inputs(data=home / "data", split=home / "split/all", weights=None)
    out, checkpoints = home / "models/pretrain/own/all/seed0", home / "checkpoints"
    pretrain(Job(params.step_config(tree, params.PretrainConfig), inputs, out, tree.compute, 0, checkpoints))
    return request.param, base, home, out


def test_the_classes_are_learned_and_predict_agrees(trained):
    name, base, home, model = trained
    validation = read_list(home / "split/all/val.txt")
    predict_files(model, [base / "images"], home / "masks", Options())
    confusion = ConfusionMatrix(len(read_card(model).classes))
    for one in validation:
        prediction, truth = (read_mask(folder / f"{one}.png") for folder in (home / "masks", base / "masks"))
        confusion.update(torch.from_numpy(prediction), torch.from_numpy(truth))
    miou = 100 * confusion.mean_iou()
    scores = (model / "validation.csv").read_text().splitlines()
    told = dict(zip(scores[0].split(","), scores[-1].split(","), strict=True))
    print(f"{name}: mIoU {miou:.2f}, of the training's own validation {float(told['miou']):.2f}")
    assert miou >= 90 and miou == pytest.approx(float(told["miou"]), abs=1e-3)


def test_what_was_measured_is_in_receipt_card_and_network(trained):
    name, _, home, model = trained
    card, receipt = read_card(model), read_receipt(home / "data")
    measured = read_pixels(home / "data" / FILES)
    assert card.pixels == measured.format
    if name == "8 bits":
        assert "pixels" not in receipt["facts"]
        return
    assert receipt["facts"]["pixels"] == measured.model_dump(mode="json")
    if name == "10 of 16 bits":
        assert card.pixels.kind == "integer" and 800 < card.pixels.high[0] <= 1020
    else:
        assert card.pixels.bands == 4 and card.normalisation.mean == measured.mean
        images = [np.asarray(Image.open(path)) for path in sorted((home / "data" / FILES / IMAGES).iterdir())]
        np.testing.assert_allclose(measured.mean, np.mean(images, axis=(0, 1, 2)) / 255, rtol=1e-6)
        network = load_model(model)
        assert next(network.encoder.parameters()).shape[1] == network.mean.shape[1] == 4
