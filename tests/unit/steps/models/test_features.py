"""Pixel features of the labelled images."""

import torch

from semiproto.data.layout import FILES, MASKS, read_list, read_mask
from semiproto.model.folder import load_model
from semiproto.model.weights import FEATURES, read_tensors
from semiproto.provenance.receipts import read_receipt
from semiproto.steps.models.features import features as sample


def test_each_feature_has_a_class_and_no_class_too_many(sampling, features, pretrained):
    found = read_tensors(features / FEATURES)
    vectors, classes = found["features"], found["classes"]
    per_class = torch.bincount(classes.long(), minlength=7)
    assert len(vectors) == len(classes) and per_class.max() == sampling.config.features.pixels_per_class
    assert read_receipt(features)["facts"]["pixels"] == per_class.tolist()
    with torch.inference_mode():
        net = load_model(pretrained).eval()
        dim = net(torch.zeros(1, 3, 32, 32, dtype=torch.uint8)).representation.shape[1]
    assert vectors.shape[1] == dim and vectors.isfinite().all()


def test_only_labelled_images_are_looked_at(features, given):
    """A class that none of them shows has no feature."""
    labeled = read_list(given["split"] / "labeled.txt")
    masks = [read_mask(given["data"] / FILES / MASKS / f"{image}.png") for image in labeled]
    shown = {int(value) for mask in masks for value in torch.from_numpy(mask).unique()} - {255}
    assert set(read_tensors(features / FEATURES)["classes"].tolist()) == shown


def test_the_seed_draws_the_pixels(sampling, features, elsewhere):
    config = sampling.config.model_copy(update={"features": sampling.config.features.model_copy(update={"seed": 9})})
    digests = [read_receipt(features)["outputs"]]
    for job in (elsewhere(sampling), elsewhere(sampling, config=config)):
        sample(job)
        digests.append(read_receipt(job.out)["outputs"])
    assert digests[0] == digests[1] != digests[2]
