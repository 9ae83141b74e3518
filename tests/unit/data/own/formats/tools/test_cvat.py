"""CVAT's XML: its shapes, their order, and what has no area."""

import math

import numpy as np
import pytest

from pipeline import own_folder
from semiproto.data.own.formats import outlines, readers
from semiproto.data.own.formats.tools import cvat
from semiproto.errors import UserError

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # pycocotools'


def file_of(tmp_path, shapes, label="cat"):
    path = tmp_path / "annotations.xml"
    path.write_text(
        '<annotations><version>1.1</version><image id="0" name="a.jpg" subset="Test" width="8" height="6">'
        f"{shapes}</image></annotations>"
    )
    return path


def records(tmp_path, shapes):
    pytest.importorskip("pycocotools")
    return cvat.records(file_of(tmp_path, shapes), tmp_path, ["background", "cat", "dog"])


@pytest.mark.parametrize(
    ("shape", "rows", "columns"),
    [
        ('<box label="cat" xtl="1" ytl="2" xbr="5" ybr="4" z_order="0"/>', (2, 4), (1, 5)),
        ('<box label="cat" xtl="2" ytl="1" xbr="4" ybr="5" rotation="90"/>', (2, 4), (1, 5)),
        ('<polygon label="cat" points="1,2;5,2;5,4;1,4"/>', (2, 4), (1, 5)),
        ('<mask label="cat" rle="0, 8" left="1" top="2" width="4" height="2"/>', (2, 4), (1, 5)),
    ],
)
def test_shapes_cover_their_pixels(tmp_path, shape, rows, columns):
    (record,), faults = records(tmp_path, shape)
    expected = np.zeros((6, 8), np.uint8)
    expected[slice(*rows), slice(*columns)] = 1
    np.testing.assert_array_equal(outlines.draw(record.mask), expected)
    assert not faults and record.part == "test"


def test_an_ellipse_has_the_area_of_one():
    turned = cvat.Ellipse(50, 40, 30, 10, 90).pixels(100, 100)
    assert turned.sum() == pytest.approx(np.pi * 300, rel=0.02)
    assert np.ptp(np.argwhere(turned)[:, 0]) > np.ptp(np.argwhere(turned)[:, 1])


@pytest.mark.parametrize(
    ("middle", "turn"), [((5.5, 4.5), 0), ((0, 0), 30), ((-8, 4), 45), ((12, 9), 90), ((-11, 4), 0)]
)
def test_an_ellipse_is_cut_off_at_the_edges_of_its_image(middle, turn):
    """As a part of one that is all there."""
    around = cvat.Ellipse(middle[0] + 50, middle[1] + 50, 9, 4, turn).pixels(110, 112)
    np.testing.assert_array_equal(cvat.Ellipse(*middle, 9, 4, turn).pixels(10, 12), around[50:60, 50:62])


def test_the_higher_z_order_is_on_top_whatever_the_order_of_the_file(tmp_path):
    box = '<box label="{}" xtl="0" ytl="0" xbr="4" ybr="4" z_order="{}"/>'
    (record,), _ = records(tmp_path, box.format("dog", 1) + box.format("cat", 0))
    assert outlines.draw(record.mask)[0, 0] == 2


def test_what_has_no_area_is_a_warning_and_a_strange_label_an_error(tmp_path):
    shapes = '<points label="cat" points="1,1"/><box label="moon" xtl="0" ytl="0" xbr="4" ybr="4"/><tag label="cat"/>'
    _, faults = records(tmp_path, shapes)
    assert [(fault.kind, fault.warning) for fault in faults] == [("no-area", True), ("label", False)]


def test_an_image_without_shapes_is_not_annotated(tmp_path):
    (record,), _ = records(tmp_path, "")
    assert not record.mask.instances and not record.mask.whole


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("<annotations><track/></annotations>", "CVAT for images 1.1"),
        ("<annotations>", "not a file of CVAT"),
        ('<annotations><image name="a"><box label="x" xtl="a"/></image></annotations>', "box of a"),
        ('<annotations><image name="a"><polygon label="x"/></image></annotations>', "polygon of a"),
    ],
)
def test_other_files_are_one_line(tmp_path, one_line, text, words):
    pytest.importorskip("pycocotools")
    (tmp_path / "a.xml").write_text(text)
    with pytest.raises(UserError) as error:
        cvat.records(tmp_path / "a.xml", tmp_path, ["x", "y"])
    one_line(error, tmp_path / "a.xml", words)


def test_run_lengths_of_another_size_are_refused():
    with pytest.raises(ValueError, match="9 pixels"):
        cvat.Runs("0, 9", 0, 0, 2, 2).pixels(4, 4)


def test_the_classes_are_the_labels_that_are_used_in_the_order_of_the_task(tmp_path):
    path = file_of(tmp_path, '<box label="dog" xtl="0" ytl="0" xbr="4" ybr="4"/><tag label="cat"/>')
    assert cvat.names(path) == ["background", "dog"] and cvat.without_area(path) == ["cat"] and cvat.is_cvat(path)
    (tmp_path / "other.xml").write_text("<settings/>")
    assert not cvat.is_cvat(tmp_path / "other.xml")


@pytest.mark.parametrize(
    "change",
    [('width="8"', 'width="0x8"'), ('width="8"', f'width="{"9" * 5000}"'), ("<box", '<box z_order="nan"')],
)
def test_numbers_that_are_none_are_one_line(tmp_path, one_line, change):
    pytest.importorskip("pycocotools")
    path = file_of(tmp_path, '<box label="cat" xtl="1" ytl="2" xbr="5" ybr="4"/>')
    path.write_text(path.read_text().replace(*change))
    classes = ["background", "cat"]
    source = own_folder.source(tmp_path, images=".", masks=path.name, format="cvat", classes=classes)
    with pytest.raises(UserError) as error:
        readers.records("cvat", source, [path], [])
    one_line(error, path, "export it again")


@pytest.mark.parametrize("encoding", ["klingon", "shift_jis", "utf-7"])
def test_an_encoding_that_is_not_read_is_one_line(tmp_path, one_line, encoding):
    path = tmp_path / "annotations.xml"
    path.write_text(f'<?xml version="1.0" encoding="{encoding}"?><annotations><version>1</version></annotations>')
    with pytest.raises(UserError) as error:
        cvat.names(path)
    one_line(error, path, "export it again")


def test_utf_16_is_recognised(tmp_path):
    path = file_of(tmp_path, "")
    path.write_text(path.read_text(), encoding="utf-16")
    assert cvat.is_cvat(path)


@pytest.mark.parametrize("shape", [cvat.Runs("10000000000", 0, 0, 100_000, 100_000), cvat.Ellipse(4, 3, 1e300, 1e300)])
def test_a_shape_far_larger_than_its_image_is_refused_before_it_is_drawn(shape):
    with pytest.raises(ValueError, match=r"(in|outside) an image of 8x6"):
        shape.pixels(6, 8)


@pytest.mark.parametrize("turn", [math.nan, math.inf])
def test_an_ellipse_that_is_turned_by_no_number_is_refused(turn):
    with pytest.raises(ValueError, match=f"turned by {turn} degrees"):
        cvat.Ellipse(4, 3, 2, 1, turn).pixels(6, 8)
