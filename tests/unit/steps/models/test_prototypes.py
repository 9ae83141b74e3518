"""The prototypes that the full method starts from."""

import pytest
import torch

from semiproto.errors import UserError
from semiproto.model.weights import FEATURES, PROTOTYPES, read_tensors, save_tensors
from semiproto.provenance.receipts import read_receipt
from semiproto.steps.job import Inputs
from semiproto.steps.models.prototypes import prototypes as cluster


def test_each_class_has_its_prototypes_among_its_own_features(clustering, prototypes, features):
    found, sampled = read_tensors(prototypes / PROTOTYPES)["prototypes"], read_tensors(features / FEATURES)
    assert list(found.shape) == read_receipt(prototypes)["facts"]["shape"] == [7, 2, sampled["features"].shape[1]]
    for index, own in enumerate(found):
        vectors = torch.nn.functional.normalize(sampled["features"][sampled["classes"] == index].float(), dim=1)
        directions = torch.nn.functional.normalize(own.float(), dim=1)
        centre = torch.nn.functional.normalize(vectors.mean(0), dim=0)
        assert (directions @ centre).min() >= (vectors @ centre).min() - 1e-4


def test_the_same_features_give_the_same_prototypes(clustering, prototypes, elsewhere):
    job = elsewhere(clustering)
    cluster(job)
    assert read_receipt(job.out)["outputs"] == read_receipt(prototypes)["outputs"]


def test_a_class_with_too_few_pixels_is_named(clustering, features, elsewhere, tmp_path, one_line):
    sampled = read_tensors(features / FEATURES)
    kept = torch.cat([torch.where(sampled["classes"] == 3)[0][:1], torch.where(sampled["classes"] != 3)[0]])
    save_tensors(tmp_path / "few" / FEATURES, {name: tensor[kept].contiguous() for name, tensor in sampled.items()})
    (tmp_path / "few/receipt.json").write_bytes((features / "receipt.json").read_bytes())
    inputs = Inputs(data=clustering.inputs.one("data"), features=tmp_path / "few")
    job = elsewhere(clustering, inputs=inputs)
    with pytest.raises(UserError) as error:
        cluster(job)
    one_line(error, "class", "1 labelled pixels")
    assert not (job.out / "receipt.json").exists()
