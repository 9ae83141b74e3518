"""Values of masks by the tables of published sets."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from pipeline import exports
from semiproto.data.own.formats import class_files, published
from semiproto.data.own.values import Tally
from semiproto.data.published.cityscapes import CITYSCAPES


def tally(*seen):
    found = np.zeros(65537, np.int64)
    found[list(seen)] = 1
    return Tally(found, found, 1)


def test_label_ids_are_the_classes_that_the_masks_show_and_the_rest_is_void():
    found = published.meaning("labelids", tally(0, 7, 24, 26), complete=True)
    assert found.names == ["road", "person", "car"] and found.ignore == 255
    assert found.values["0-6"] == found.values["18"] == found.values["29-30"] == "void"
    assert {key: name for key, name in found.values.items() if name != "void"} == {
        "7": "road", "24": "person", "26": "car"}  # fmt: skip


def test_of_masks_that_were_not_all_read_all_classes_are_taken():
    for encoding in ("labelids", "labeltrainids", "labelcstrainids"):
        found = published.meaning(encoding, tally(7, 8, 255), complete=False)
        assert found.names == list(CITYSCAPES.classes)
        assert (found.values is None) == (encoding != "labelids")


def test_train_ids_are_indices_where_none_is_left_out():
    assert published.meaning("labeltrainids", tally(0, 1, 255), complete=True).values is None
    assert published.meaning("labeltrainids", tally(0, 13, 255), complete=True).values == {"0": "road", "13": "car"}


def test_loveda_begins_at_1_and_0_is_no_data():
    found = published.meaning("loveda", tally(0, 1, 3, 7), complete=True)
    assert found.names == ["background", "road", "agriculture"] and found.why == "from LoveDA's table"
    assert found.values == {"0": "void", "1": "background", "3": "road", "7": "agriculture"}


def test_loveda_is_known_by_its_folders():
    assert published.of_folders([Path("Train/Urban/masks_png"), Path("Train/Rural/masks_png")]) == "loveda"
    assert published.of_folders([Path("Train/Urban/masks_png"), Path("masks")]) is None
    assert published.of_folders([]) is None


def test_kitti_has_the_values_of_cityscapes_beside_its_images(tmp_path):
    (tmp_path / "training/semantic").mkdir(parents=True)
    assert published.of_folders([tmp_path / "training/semantic"]) is None
    (tmp_path / "training/image_2").mkdir()
    assert published.of_folders([tmp_path / "training/semantic"]) == "labelids"


@pytest.mark.parametrize(("void", "shifted"), [(255, True), (0, False)])
def test_coco_stuffs_masks_with_255_have_values_that_are_one_less_than_in_its_table(tmp_path, void, shifted):
    """Read as it stands, its labels.txt gives every class the name of its neighbour."""
    mask = np.full((4, 4), void, np.uint8)
    mask[0] = 17
    exports.save_mask(tmp_path / "a.png", mask)
    names = ["unlabeled", "person", *(f"n{value}" for value in range(2, 183))]
    (tmp_path / "labels.txt").write_text("".join(f"{value}: {name}\n" for value, name in enumerate(names)))
    table = class_files.find([tmp_path])
    found = published.of_coco_stuff(table, [tmp_path / "a.png"])
    assert found.meanings()[17] == ("n18" if shifted else "n17") and bool(found.note) == shifted
    few = replace(table, names=names[:3], values=[0, 1, 2], colours=[None] * 3)
    assert published.of_coco_stuff(few, [tmp_path / "a.png"]) is few


@pytest.mark.parametrize(
    ("encoding", "seen"),
    [
        *((None, (0, 1)), ("labellevel3ids", (0, 1)), ("labelids", (0, 34)), ("labeltrainids", (0, 19))),
        *(("labelids", ()), ("loveda", (0, 8))),
    ],
)
def test_other_values_are_not_of_the_table(encoding, seen):
    assert published.meaning(encoding, tally(*seen), complete=True) is None
