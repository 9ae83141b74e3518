"""Tables of pairs, as spreadsheets write them."""

import os
import tracemalloc

import pytest

from semiproto.data.own.formats import pairs


def records(tmp_path, text, name="pairs.csv"):
    (tmp_path / name).write_text(text, encoding="utf-8")
    return pairs.records(tmp_path / name, tmp_path)


@pytest.mark.parametrize(
    "text",
    [
        "image,mask,part\na.jpg,a.png,val\n",
        "Image;Mask;Split\r\na.jpg;a.png;Validation\r\n",
        "part\tmask\timage\nvalid\ta.png\ta.jpg\n",
    ],
)
def test_columns_and_parts_in_any_spelling(tmp_path, text):
    (record,), faults = records(tmp_path, text)
    assert (record.image, record.mask_name, record.part, record.line) == ("a.jpg", "a.png", "val", 2) and not faults
    assert pairs.is_pairs(tmp_path / "pairs.csv")


def test_the_first_line_may_name_the_delimiter_as_excel_has_it(tmp_path):
    (record,), faults = records(tmp_path, "sep=;\r\nimage;mask;split\r\na.jpg;a.png;val\r\n")
    assert (record.image, record.mask_name, record.part, record.line) == ("a.jpg", "a.png", "val", 3) and not faults
    assert pairs.is_pairs(tmp_path / "pairs.csv")


@pytest.mark.parametrize(("name", "part"), [("train.csv", "train"), ("val_pairs.csv", "val"), ("pairs.csv", None)])
def test_the_name_of_the_file_says_the_part_where_no_column_does(tmp_path, name, part):
    (record,), _ = records(tmp_path, "image,mask\na.jpg,a.png\n", name)
    assert record.part == part


def test_test_images_are_known_as_such(tmp_path):
    (record,), faults = records(tmp_path, "image,mask,part\na.jpg,,testing\n")
    assert record.part == "test" and not faults


def test_a_table_of_something_else_is_none(tmp_path):
    (tmp_path / "notes.csv").write_text("image,remark\na,b\n")
    assert not pairs.is_pairs(tmp_path / "notes.csv")


def test_utf_16_is_read_where_the_file_begins_so(tmp_path):
    for encoding in ("utf-16", "utf-8-sig", "utf-8"):
        (tmp_path / "a.txt").write_bytes("façade\r\nb\n".encode(encoding))
        assert pairs.text_of(tmp_path / "a.txt", "ids") == "façade\nb\n"


def test_a_table_of_one_endless_line_is_looked_into_and_not_read(tmp_path):
    path = tmp_path / "x.csv"
    path.write_text("image,mask\n")
    os.truncate(path, 2**33)
    tracemalloc.start()
    assert pairs.beginning(path)[0] == ["image", "mask"] or pairs.beginning(path) == [[]]
    pairs.beginning(path, 101)
    assert tracemalloc.get_traced_memory()[1] < 2**28
    tracemalloc.stop()
