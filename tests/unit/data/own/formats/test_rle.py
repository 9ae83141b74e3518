"""Tables of run lengths."""

import numpy as np
import pytest

from pipeline import exports
from semiproto.data.own.formats import rle
from semiproto.errors import UserError

CLASSES = ["background", "class1", "class2"]


def table(tmp_path, text, name="train.csv"):
    exports.write(tmp_path / name, text)
    return tmp_path / name


def test_runs_go_down_the_columns_from_one():
    assert rle.Runs("1 2 5 1").pixels(2, 3).tolist() == [[True, False, True], [True, False, False]]
    inside = np.random.default_rng(0).random((7, 5)) > 0.5
    assert (rle.Runs(exports.kaggle_runs(inside)).pixels(7, 5) == inside).all()


def test_runs_may_go_along_the_rows():
    assert rle.Runs("2 3", along_rows=True).pixels(2, 3).tolist() == [[False, True, True], [True, False, False]]


@pytest.mark.parametrize(
    ("column", "size", "transposed", "along_rows"),
    [
        ("rle", (60, 40), False, False),
        ("rle", (60, 40), True, True),
        ("annotation", (60, 40), False, False),
        ("rle", (50, 50), True, False),  # a square does not tell, and a name of the column may
        ("annotation", (50, 50), True, True),
    ],
)
def test_the_direction_of_the_runs_is_told_by_their_steps(tmp_path, column, size, transposed, along_rows):
    inside = np.zeros(size[::-1], bool)
    inside[10:30, 20:45] = True
    path = table(tmp_path, f"id,{column}\na,{exports.kaggle_runs(inside.T if transposed else inside)}\nb,\n")
    assert rle.is_table(path) and rle.goes_along_rows(path, {"a": size}.get) == along_rows


def test_a_column_of_another_meaning_is_no_table_of_runs(tmp_path):
    assert not rle.is_table(table(tmp_path, "id,segmentation\na,masks/a.png\n"))


@pytest.mark.parametrize("text", ["1", "0 2", "6 2", "1 -1", "a b", "1.5 2", "9" * 30 + " 1"])
def test_runs_that_cannot_be(text):
    with pytest.raises(ValueError, match="run lengths"):
        rle.Runs(text).pixels(2, 3)


@pytest.mark.parametrize(
    ("text", "classes"),
    [
        ("ImageId,EncodedPixels\na.jpg,1 1\n", ["background", "object"]),
        ("ImageId,ClassId,EncodedPixels\na.jpg,10,1 1\na.jpg,2,1 1\n", ["background", "class2", "class10"]),
        ("Image_Label,EncodedPixels\na.jpg_Fish,1 1\n", ["background", "Fish"]),
        ("id,rle_mask\na_1,1 1\n", ["background", "object"]),
        ('"id","class","rle"\n"a","large bowel",""\n', ["background", "large_bowel"]),
    ],
)
def test_columns_and_classes(text, classes, tmp_path):
    path = table(tmp_path, text)
    assert rle.is_table(path) and rle.names(path) == classes


def test_rows_of_an_image_are_joined_and_an_empty_one_is_background(tmp_path):
    path = table(tmp_path, "ImageId,ClassId,EncodedPixels\na.jpg,1,1 1\nb.jpg,,\na.jpg,2,2 1\na.jpg,3,3 1\n")
    found, (fault,) = rle.records(path, tmp_path, CLASSES)
    assert [(one.image, one.part, len(one.mask.instances), one.mask.whole) for one in found] == [
        ("a.jpg", "train", 2, True),
        ("b.jpg", "train", 0, True),
    ]
    assert fault.line == 5 and "class3" in str(fault)


def test_cells_of_any_length_are_read(tmp_path):
    runs = " ".join(f"{start} 1" for start in range(1, 80_000, 2))
    path = table(tmp_path, f"ImageId,EncodedPixels\na.jpg,{runs}\n")
    ((record,), _) = rle.records(path, tmp_path, ["background", "object"])
    assert record.mask.instances[0][2].pixels(400, 200).sum() == 40_000


def test_a_table_without_images_is_one_line(tmp_path, one_line):
    with pytest.raises(UserError) as error:
        rle.names(table(tmp_path, "EncodedPixels\n1 1\n"))
    one_line(error, "train.csv", "ImageId,EncodedPixels")


def test_a_table_that_excel_wrote_with_another_delimiter(tmp_path):
    file = table(tmp_path, "sep=;\r\nImageId;EncodedPixels;ClassId\r\na.jpg;1 2 5 1;1\r\n")
    assert rle.is_table(file)
    assert [(row.line, row.image, row.label, row.runs) for row in rle.rows(file)] == [(3, "a.jpg", "1", "1 2 5 1")]
