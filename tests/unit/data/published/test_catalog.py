"""The catalogue: what it says of itself must agree."""

import re

import pytest
from pydantic import TypeAdapter
from torchvision.datasets import Cityscapes

from semiproto.data import layout
from semiproto.data.published import catalog
from semiproto.data.published.cityscapes import LABEL_IDS
from semiproto.params import Name

EVERY = pytest.mark.parametrize("dataset", catalog.DATASETS.values(), ids=catalog.DATASETS.keys())


def remotes():
    return {remote for dataset in catalog.DATASETS.values() for remote in (*dataset.lists(), *dataset.files)}


@pytest.mark.parametrize("checksum", ["", "sha256:", "sha256:abc", "md5:" + "0" * 64, "sha1:" + "0" * 40, "0" * 64])
def test_a_file_without_a_checksum_cannot_be_entered(checksum):
    with pytest.raises(ValueError, match=r"a\.tar"):
        catalog.Remote("a.tar", checksum, 1)


def test_every_file_can_be_come_by():
    for remote in remotes():
        assert bool(remote.sources) != bool(remote.obtain), remote.name
        assert all(re.match("https?://", source) for source in remote.sources)


def test_a_name_is_one_file():
    assert len({remote.name for remote in remotes()}) == len(remotes()) == 33
    assert len({remote.checksum for remote in remotes()}) == len(remotes())


def test_all_but_one_size_are_known():
    assert [remote.name for remote in remotes() if remote.size is None] == ["SegmentationClassAug.zip"]


@EVERY
def test_classes_and_colours_fit_the_layout(dataset):
    assert len(dataset.classes) == len(set(dataset.classes)) == len(dataset.colours) == len(set(dataset.colours))
    assert TypeAdapter(list[Name]).validate_python(list(dataset.classes)) == list(dataset.classes)
    assert dataset.void not in dataset.colours


@EVERY
def test_published_counts_agree_with_each_other(dataset):
    training = dataset.counts["train"] + dataset.counts["unlabeled"]
    labels = [split.labels for split in dataset.splits]
    assert len(labels) == len(set(labels)) and max(labels) <= dataset.counts["train"]
    for split in dataset.splits:
        assert f"/{split.labels}/labeled.txt" in split.labeled.name
        assert f"/{split.labels}/unlabeled.txt" in split.unlabeled.name
        sizes = (split.labeled.size, split.unlabeled.size)
        per_line = sum(sizes) / training
        assert sizes[0] == pytest.approx(per_line * split.labels, rel=0.03)


def test_a_list_of_vocs_ids_has_twelve_bytes_a_line():
    for split in catalog.VOC_SBD.splits:
        assert split.labeled.size == 12 * split.labels - 1
        assert split.unlabeled.size == 12 * (10_582 - split.labels) - 1
    assert catalog.VOC_SBD.validation.size == 12 * 1_449 - 1


@pytest.mark.parametrize(
    ("family", "labels"),
    [
        ("classic", [92, 183, 366, 732, 1464]),
        ("blended", [662, 1323, 2646, 5291]),
        ("cityscapes", [186, 372, 744, 1488]),
        ("generated", []),
    ],
)
def test_the_families(family, labels):
    assert [split.labels for split in catalog.splits_of(family)] == labels


def test_without_sbd_there_are_only_splits_that_label_vocs_own_masks():
    assert [split.labels for split in catalog.VOC.splits] == [92, 183, 366, 732, 1464, 662, 1323]


def test_vocs_colours_are_those_of_the_layout():
    assert [list(colour) for colour in catalog.VOC.colours] == layout.voc_palette()[:21].tolist()
    assert list(catalog.VOC.void) == layout.voc_palette()[255].tolist()


def test_cityscapes_classes_have_the_published_colours():
    table = {c.id: c for c in Cityscapes.classes if not c.ignore_in_eval}
    assert [table[label_id].train_id for label_id in LABEL_IDS] == list(range(19))
    assert [table[label_id].name.replace(" ", "_") for label_id in LABEL_IDS] == list(catalog.CITYSCAPES.classes)
    assert [table[label_id].color for label_id in LABEL_IDS] == list(catalog.CITYSCAPES.colours)


def test_the_description_names_every_set_file_source_and_licence():
    text = "\n".join(catalog.describe())
    for dataset in catalog.DATASETS.values():
        for part in (f"{dataset.name}:", dataset.licence, dataset.citation, dataset.homepage):
            assert part in text
        for file in (*dataset.files, *dataset.lists()):
            assert all(part in text for part in (file.name, file.checksum, *file.sources, file.obtain))
