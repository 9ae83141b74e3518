"""YOLO's polygons, and the rows that are none."""

import os

import numpy as np
import pytest

from semiproto.data.own.formats import outlines, yolo
from semiproto.errors import UserError

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # pycocotools'
CLASSES, LABELS = ["background", "cat", "dog"], ["cat", "dog"]


def records(tmp_path, text):
    pytest.importorskip("pycocotools")
    path = tmp_path / "labels/val/a.txt"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return yolo.records(path, tmp_path, CLASSES, LABELS)


def test_a_polygon_is_a_share_of_the_image(tmp_path):
    (record,), faults = records(tmp_path, "1 0.25 0.5 0.75 0.5 0.75 1 0.25 1\n\n")
    expected = np.zeros((6, 8), np.uint8)
    expected[3:, 2:6] = 2
    np.testing.assert_array_equal(outlines.draw(record.mask, (8, 6)), expected)
    assert record.part == "val" and not faults


def test_an_empty_file_is_background(tmp_path):
    (record,), _ = records(tmp_path, "")
    assert record.mask.whole and not record.mask.instances


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ("0 0.5 0.5 0.2 0.2", "a box"), ("2 0 0 1 0 1 1", "class number 2, and there are 2 names"),
        ("0 0 0 1 0 1", "three or more"), ("0 0 0 99 0 1 1", "coordinate 99"),
        ("0 0 0 nan 0 1 1", "coordinate nan"),
        ("cat 0 0 1 1 0 1", "not a class number"),
    ],
)  # fmt: skip
def test_a_row_that_is_no_polygon_is_named_with_its_line(tmp_path, row, words):
    _, (fault,) = records(tmp_path, f"0 0 0 1 0 1 1\n{row}\n")
    assert words in fault.found and fault.line == 2 and fault.remedy


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("data.yaml", "names: [cat, no]\n"), ("data.yaml", "\ufeffnames:\n  0: cat\n  1: no\n"),
        ("photos.yaml", "path: .\nnames:\n- cat\n- no\n"), ("classes.txt", "cat\nno\n"),
    ],
)  # fmt: skip
def test_the_labels_in_any_form(tmp_path, name, text):
    (tmp_path / name).write_text(text, encoding="utf-8")
    assert yolo.labels(tmp_path) == ["cat", "no"] and yolo.names(tmp_path) == ["background", "cat", "no"]


@pytest.mark.parametrize(
    ("text", "words"), [(None, "no data.yaml"), ("nc: 3", "no list `names`"), ("names: [", "not valid")]
)
def test_labels_that_nothing_names_are_one_line(tmp_path, one_line, text, words):
    if text:
        (tmp_path / "data.yaml").write_text(text)
    with pytest.raises(UserError) as error:
        yolo.labels(tmp_path)
    one_line(error, tmp_path, words)


@pytest.mark.parametrize(
    ("name", "why"), [("data.yaml", "longer than 4 MiB"), ("a.yaml", "longer than 4 MiB"), ("classes.txt", "1 MiB")]
)
def test_a_file_that_is_too_long_to_name_classes_is_one_line(tmp_path, one_line, name, why):
    (tmp_path / name).touch()
    os.truncate(tmp_path / name, 2**40)
    with pytest.raises(UserError) as error:
        yolo.labels(tmp_path)
    one_line(error, tmp_path / name, why)


@pytest.mark.parametrize(("text", "known"), [("0 0.1 0.2 0.3 0.4", True), ("photo1\nphoto2\n", False), ("", False)])
def test_a_file_of_labels_is_known_by_its_first_row(tmp_path, text, known):
    (tmp_path / "a.txt").write_text(text)
    assert yolo.is_yolo(tmp_path / "a.txt") == known


@pytest.mark.parametrize("key", ["999999999999", "123456"])
def test_a_class_of_a_giant_number_is_refused_before_the_others_are_named(tmp_path, one_line, key):
    (tmp_path / "data.yaml").write_text(f"names: {{0: cat, {key}: dog}}\n")
    with pytest.raises(UserError) as error:
        yolo.labels(tmp_path)
    one_line(error, tmp_path / "data.yaml", key)


def test_a_digit_that_is_no_number_names_no_class(tmp_path, one_line):
    (tmp_path / "data.yaml").write_text('names: {0: cat, "²": dog}\n', encoding="utf-8")
    with pytest.raises(UserError) as error:
        yolo.labels(tmp_path)
    one_line(error, tmp_path / "data.yaml", "names")


def test_a_number_of_thousands_of_digits_is_no_class(tmp_path):
    (tmp_path / "data.yaml").write_text("names: [cat, dog]\n")
    (tmp_path / "a.txt").write_text(f"{'9' * 5000} 0 0 1 0 1 1\n1 0 0 1 0 1 1\n")
    assert yolo.drawn(tmp_path, [tmp_path / "a.txt"]) == {"dog"}
