"""The labelled images in folds, each left out once."""

import pytest
from made_up import write_receipt

from semiproto.data.layout import FILES, read_list
from semiproto.params import FoldsConfig
from semiproto.provenance.receipts import read_receipt
from semiproto.steps.data.folds import folds
from semiproto.steps.data.lists import write_lists
from semiproto.steps.job import Inputs, Job

COUNT = 3


@pytest.fixture
def made(digits_root, ids, shipped, tmp_path):
    """The lists of each fold."""
    (tmp_path / "set").mkdir()
    (tmp_path / "set" / FILES).symlink_to(digits_root)
    write_lists(tmp_path / "split", {"labeled": ids["train"], "unlabeled": ids["unlabeled"], "val": ids["val"]})
    for folder in ("set", "split"):
        write_receipt(tmp_path / folder, config={}, seed=None, facts={})
    forecast = shipped.forecast.model_copy(update={"folds": COUNT})
    config = FoldsConfig(forecast=forecast, splits=shipped.splits)
    folds(Job(config, Inputs(data=tmp_path / "set", split=tmp_path / "split"), tmp_path / "folds"))
    return [
        {part: read_list(tmp_path / f"folds/fold{number}/{part}.txt") for part in ("labeled", "unlabeled", "val")}
        for number in range(COUNT)
    ]


def test_no_image_is_left_out_twice_and_no_model_sees_what_it_is_left_out_of(made, ids):
    left_out = [image for fold in made for image in fold["val"]]
    assert len(set(left_out)) == len(left_out) and set(left_out) <= set(ids["train"])
    for fold in made:
        assert fold["val"] and not set(fold["val"]) & set(fold["labeled"])
        assert sorted(fold["val"] + fold["labeled"]) == sorted(ids["train"]) and fold["unlabeled"] == []


def test_each_fold_has_a_receipt_of_its_own(made, tmp_path):
    receipts = [read_receipt(tmp_path / f"folds/fold{number}") for number in range(COUNT)]
    assert {receipt["step"] for receipt in receipts} == {"fold"}
    assert len({str(receipt["outputs"]) for receipt in receipts}) == COUNT
    assert all(set(receipt["inputs"]) == {str(tmp_path / "set"), str(tmp_path / "split")} for receipt in receipts)
