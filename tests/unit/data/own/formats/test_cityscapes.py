"""Values of masks in Cityscapes' form by the published table."""

import numpy as np
import pytest

from semiproto.data.own.formats import cityscapes
from semiproto.data.own.values import Tally
from semiproto.data.published.cityscapes import CITYSCAPES


def tally(*seen):
    found = np.zeros(65537, np.int64)
    found[list(seen)] = 1
    return Tally(found, found, 1)


def test_label_ids_are_the_classes_that_the_masks_show_and_the_rest_is_void():
    found = cityscapes.meaning("labelids", tally(0, 7, 24, 26), complete=True)
    assert found.names == ["road", "person", "car"] and found.ignore == 255
    assert found.values["0-6"] == found.values["18"] == found.values["29-30"] == "void"
    assert {key: name for key, name in found.values.items() if name != "void"} == {
        "7": "road", "24": "person", "26": "car"}  # fmt: skip


def test_of_masks_that_were_not_all_read_all_classes_are_taken():
    for encoding in cityscapes.ENCODED:
        found = cityscapes.meaning(encoding, tally(7, 8, 255), complete=False)
        assert found.names == list(CITYSCAPES.classes)
        assert (found.values is None) == (encoding != "labelids")


def test_train_ids_are_indices_where_none_is_left_out():
    assert cityscapes.meaning("labeltrainids", tally(0, 1, 255), complete=True).values is None
    assert cityscapes.meaning("labeltrainids", tally(0, 13, 255), complete=True).values == {"0": "road", "13": "car"}


@pytest.mark.parametrize(
    ("encoding", "seen"),
    [(None, (0, 1)), ("labellevel3ids", (0, 1)), ("labelids", (0, 34)), ("labeltrainids", (0, 19)), ("labelids", ())],
)
def test_other_values_are_not_cityscapes(encoding, seen):
    assert cityscapes.meaning(encoding, tally(*seen), complete=True) is None
