"""The split that a folder is named after."""

import pytest
from made_up import write_receipt

from semiproto.data.layout import FILES, read_list
from semiproto.errors import UserError
from semiproto.params import SplitConfig
from semiproto.provenance.receipts import read_receipt
from semiproto.steps.data.split import split
from semiproto.steps.job import Inputs, Job


@pytest.fixture
def drawn(digits_root, shipped, tmp_path):
    """Draws the split of a name; its lists."""
    (tmp_path / "set").mkdir()
    (tmp_path / "set" / FILES).symlink_to(digits_root)
    write_receipt(tmp_path / "set", config={}, seed=None, facts={})

    def draw(name):
        out = tmp_path / "splits" / name
        split(Job(SplitConfig(splits=shipped.splits), Inputs(data=tmp_path / "set"), out))
        return {part: read_list(out / f"{part}.txt") for part in ("labeled", "unlabeled", "val")}

    return draw


def test_the_name_is_the_number_of_labelled_images(drawn, ids, tmp_path):
    found = drawn("4")
    assert len(found["labeled"]) == 4 and set(found["labeled"]) < set(ids["train"])
    assert set(found["unlabeled"]) == (set(ids["train"]) | set(ids["unlabeled"])) - set(found["labeled"])
    assert found["val"] == ids["val"]
    assert read_receipt(tmp_path / "splits/4")["facts"] == {name: len(part) for name, part in found.items()}


def test_all_labels(drawn, ids):
    found = drawn("all")
    assert sorted(found["labeled"]) == sorted(ids["train"]) and sorted(found["unlabeled"]) == sorted(ids["unlabeled"])


def test_more_than_there_are_is_refused_and_leaves_no_receipt(drawn, tmp_path):
    with pytest.raises(UserError):
        drawn("9")
    assert not (tmp_path / "splits/9/receipt.json").exists()
