"""The catalogue: what its entries say must agree, with each other and with the parameters that name them."""

import re
import subprocess
import sys
from pathlib import Path
from typing import get_args

import pytest
from pydantic import TypeAdapter

from semiproto.data.published import catalog
from semiproto.params import Name, PublishedSource, SplitsParams, load

EXPERIMENTS = Path(__file__).parents[4] / "experiments"
EVERY = pytest.mark.parametrize("dataset", catalog.DATASETS.values(), ids=catalog.DATASETS.keys())


def remotes():
    return {remote for dataset in catalog.DATASETS.values() for remote in (*dataset.lists(), *dataset.files)}


def families(dataset):
    return list(dict.fromkeys(split.family for split in dataset.splits))


def test_every_file_can_be_obtained():
    for remote in remotes():
        assert bool(remote.sources) != bool(remote.obtain), remote.name
        assert all(re.match("https?://", source) for source in remote.sources)


def test_a_name_is_one_file():
    assert len({remote.name for remote in remotes()}) == len(remotes()) > len(catalog.DATASETS)
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
    found = [
        split.labels
        for name in ("voc-sbd", "cityscapes")
        for split in catalog.DATASETS[name].splits
        if split.family == family
    ]
    assert found == labels


def test_the_parameters_offer_every_set_and_family_and_no_other():
    sets = get_args(PublishedSource.model_fields["set"].annotation)
    assert sets == tuple(catalog.DATASETS)
    offered = get_args(SplitsParams.model_fields["family"].annotation)
    assert set(offered) == {"generated", *(family for one in catalog.DATASETS.values() for family in families(one))}


@EVERY
def test_a_protocol_is_that_of_a_family_of_the_set(dataset):
    assert set(dataset.protocols) <= set(families(dataset))


@pytest.mark.parametrize(
    ("name", "family", "window"),
    [
        ("voc-sbd", "classic", None),
        ("voc-class-aug", "blended", None),
        ("cityscapes", "cityscapes", {"size": 769, "stride": 513}),
    ],
)
def test_protocols_are_those_of_the_papers_experiments(name, family, window):
    protocol = catalog.protocol(name, family)
    assert protocol.window == window
    params = load(EXPERIMENTS / f"{catalog.experiment(family)}.yaml")
    assert params.splits.family == family
    assert (params.evaluate.window and params.evaluate.window.model_dump()) == window


@pytest.mark.parametrize(
    ("name", "family"), [("digits", "generated"), ("voc", "classic"), ("voc-sbd", "generated"), ("mine", "classic")]
)
def test_where_nothing_was_published_there_is_no_protocol(name, family):
    assert catalog.protocol(name, family) is None


@pytest.mark.parametrize(
    ("family", "name"),
    [
        ("classic", "voc-classic"),
        ("blended", "voc-blended"),
        ("cityscapes", "cityscapes"),
        ("generated", "voc-classic"),
    ],
)
def test_every_family_is_compared_with_a_file_of_the_paper(family, name):
    assert catalog.experiment(family) == name
    assert (EXPERIMENTS / f"{name}.yaml").is_file()


def test_the_description_names_every_set_file_source_and_licence():
    text = "\n".join(catalog.describe())
    for dataset in catalog.DATASETS.values():
        for part in (f"{dataset.name}:", dataset.licence, dataset.citation, dataset.homepage):
            assert part in text
        for file in (*dataset.files, *dataset.lists()):
            assert all(part in text for part in (file.name, file.checksum, *file.sources, file.obtain))


def test_reading_the_catalogue_loads_neither_torch_nor_scipy():
    """The report asks it for protocols."""
    code = "import sys; import semiproto.data.published.catalog; sys.exit(bool({'torch', 'scipy'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
