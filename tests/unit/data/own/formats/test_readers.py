"""Which reader the parameters ask for."""

from typing import get_args

import pytest

from pipeline import exports, own_folder
from semiproto.data.own.formats import readers
from semiproto.params import LabelFormat


@pytest.mark.parametrize(
    ("changes", "expected"),
    [({}, "masks"), ({"masks": "pairs.csv"}, "pairs"), ({"masks": ["a/x.json", "a/y.json"]}, "coco"),
     ({"masks": "tasks.json", "format": "labelstudio"}, "labelstudio")],
)  # fmt: skip
def test_the_format_is_the_one_that_is_named_or_that_of_the_suffix(changes, expected):
    assert readers.format_of(own_folder.source("own", **changes)) == expected


def test_every_format_has_its_suffixes():
    assert set(readers.SUFFIXES) == set(get_args(LabelFormat))


def test_the_images_that_a_file_names(tmp_path):
    pytest.importorskip("pycocotools")
    base = exports.cvat_coco(tmp_path / "coco")
    assert len(list(readers.names_in(base / "annotations/instances_Validation.json"))) == 2
    (tmp_path / "a.txt").write_text("x\n\ny\n")
    assert list(readers.names_in(tmp_path / "a.txt")) == ["x", "y"]
    (tmp_path / "a.csv").write_text("image,mask\nx.jpg,x.png\n")
    assert list(readers.names_in(tmp_path / "a.csv")) == ["image", "x.jpg", "x.png"]
    (tmp_path / "b.json").write_text("{}")
    assert list(readers.names_in(tmp_path / "b.json")) == []


def test_a_json_of_something_else_among_labelmes_is_passed_over(tmp_path):
    base = exports.labelme_json(tmp_path / "photos")
    (base / "settings.json").write_text("{}")
    source = own_folder.source(base, images=".", masks=".", format="labelme", classes=list(exports.CLASSES))
    found = readers.records("labelme", source, [base], sorted(base.iterdir()))
    assert len(found.records) == 6 and list(found.passed_over) == [base / "settings.json"]
