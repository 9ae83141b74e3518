"""Outlines of any tool become class indices: which shape is on top, and what a label is called."""

import io
import json
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from semiproto.data.layout import IGNORE_INDEX
from semiproto.data.own.formats import outlines
from semiproto.errors import UserError

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # pycocotools'
LARGE, SMALL = [[0, 0, 6, 0, 6, 4, 0, 4]], [[1, 1, 3, 1, 3, 3, 1, 3]]


@pytest.mark.parametrize("ordered", [False, True])
def test_what_lies_on_top(ordered):
    pytest.importorskip("pycocotools")
    for instances in (((1, 1, LARGE), (2, 2, SMALL)), ((2, 2, SMALL), (1, 1, LARGE))):
        drawn = outlines.draw(outlines.Outlines(Path("a"), "a", 6, 4, instances, ordered=ordered))
        hidden = ordered and instances[0][1] == 2
        assert (drawn[1:3, 1:3] == (1 if hidden else 2)).all() and drawn[0, 0] == 1


def test_outlines_without_a_size_take_the_images():
    pytest.importorskip("pycocotools")
    assert outlines.draw(outlines.Outlines(Path("a"), "a", 0, 0, ((1, 1, SMALL),)), (8, 5)).shape == (5, 8)


def test_labels_are_class_names():
    assert outlines.class_names(["_background_", "traffic light", "cat", "__ignore__", "cat"], Path("a")) == [
        "background", "traffic_light", "cat"]  # fmt: skip
    classes = ["background", "traffic_light"]
    assert [outlines.class_index(label, classes) for label in ("traffic light", "_background_", "Void", "x")] == [
        1, 0, IGNORE_INDEX, None]  # fmt: skip


def test_two_labels_that_would_be_one_class_are_named(tmp_path, one_line):
    with pytest.raises(UserError) as error:
        outlines.class_names(["cat", "big dog", "big_dog"], tmp_path / "a.json")
    one_line(error, tmp_path / "a.json", "'big dog'", "'big_dog'", "rename one")
    assert outlines.class_names(["big dog", "big  dog"], Path("a")) == ["background", "big_dog"]


def test_a_part_is_placed_and_cut_off():
    part = np.ones((2, 3), bool)
    assert outlines.placed(part, -1, 1, (2, 4)).tolist() == [[False] * 4, [True, True, False, False]]
    assert outlines.placed(part, 3, 0, (3, 4)).sum() == 2


@pytest.mark.parametrize("content", [b"{'a': 1}" * 500, b"\xff\xfe\x00", b"[" * 100_000])
def test_json_that_is_none_is_one_short_line(tmp_path, one_line, content):
    (tmp_path / "a.json").write_bytes(content)
    with pytest.raises(UserError) as error:
        outlines.read_json(tmp_path / "a.json", "boxes")
    one_line(error, tmp_path / "a.json", "not a file of boxes")
    assert len(str(error.value)) < 300


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_a_byte_order_mark_is_no_fault(tmp_path, encoding):
    (tmp_path / "a.json").write_text(json.dumps([1]), encoding=encoding)
    assert outlines.read_json(tmp_path / "a.json", "boxes") == [1]


def test_a_polygon_by_itself_is_drawn_as_in_a_list():
    pytest.importorskip("pycocotools")
    np.testing.assert_array_equal(outlines.pixels(SMALL[0], 4, 6), outlines.pixels(SMALL, 4, 6))


def test_an_outline_that_passes_each_pixel_again_and_again_is_not_drawn():
    """pycocotools takes memory for all of its length: gigabytes for a file of some megabytes."""
    with pytest.raises(ValueError, match=r"an outline of 11,994 pixels in an image of 6x4"):
        outlines.pixels([[1, 1, 5, 1, 5, 3] * 1000], 4, 6)
    with pytest.raises(ValueError, match="an outline of"):
        outlines.through_middles([(1, 1), (5, 1), (5, 3)] * 1000, 4, 6)
    comb = [value for x in range(1, 40) for value in ((x, 1, x, 39) if x % 2 else (x, 39, x, 1))]
    assert outlines.pixels([comb], 40, 40).any()  # up and down in every column


@pytest.mark.parametrize("mode", ["L", "1", "RGBA", "P"])
def test_what_a_png_within_a_json_covers(mode):
    covered = np.array([[0, 255], [255, 0]], np.uint8)
    image = Image.fromarray(covered)
    if mode == "RGBA":
        image = Image.merge("RGBA", (Image.new("L", (2, 2), 9),) * 3 + (image,))
    file = io.BytesIO()
    if mode == "P":  # as Supervisely writes it: black is transparent
        image = Image.fromarray(covered // 255, "P")
        image.putpalette([0, 0, 0, 255, 255, 255])
        image.save(file, "PNG", transparency=0)
    else:
        image.convert(mode).save(file, "PNG")
    assert outlines.png_mask(file.getvalue(), (2, 2)).tolist() == (covered > 0).tolist()
    with pytest.raises(ValueError, match="no picture"):
        outlines.png_mask(b"", (2, 2))


def test_thousands_of_shapes_take_the_memory_of_one():
    """As cells under a microscope: each would otherwise be kept as large as the image until the last is there."""
    pytest.importorskip("pycocotools")
    spots = tuple((n, 1 + n % 2, [[n, n, n + 4, n, n + 4, n + 4, n, n + 4]]) for n in range(400))
    tracemalloc.start()
    drawn = outlines.draw(outlines.Outlines(Path("a"), "a", 1000, 1000, spots))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 40e6 and drawn[2, 0] == 1 and drawn[401, 401] == 2  # one shape has 1e6 bytes


@pytest.mark.parametrize("ordered", [False, True])
def test_shapes_are_laid_on_each_other_as_if_they_were_sorted(ordered):
    random = np.random.default_rng(0)
    shapes = [(random.random((6, 7)) < random.choice([0.0, 0.1, 0.5]), int(index)) for index in range(1, 30)]
    stack, expected = outlines.Stack(6, 7, ordered), np.zeros((6, 7), np.uint8)
    for shape, index in shapes:
        stack.add(shape, index)
    for shape, index in shapes if ordered else sorted(shapes, key=lambda one: -int(one[0].sum())):
        expected[shape] = index
    np.testing.assert_array_equal(stack.classes, expected)


def test_the_mask_of_an_object_is_no_larger_than_its_image_can_need():
    file = io.BytesIO()
    Image.new("1", (3000, 2)).save(file, "PNG")
    with pytest.raises(ValueError, match="a mask of 3000x2 in an image of 8x6"):
        outlines.png_mask(file.getvalue(), (6, 8))


@pytest.mark.parametrize("place", [(8, 0), (0, 6), (-2, 0), (0, -2), (10**30, 0)])
def test_a_mask_outside_its_image_is_an_error(place):
    with pytest.raises(ValueError, match="outside an image of 8x6"):
        outlines.placed(np.ones((2, 2), bool), *place, (6, 8))


def test_run_lengths_are_decoded_as_pycocotools_does():
    pytest.importorskip("pycocotools")
    random = np.random.default_rng(0)
    for _ in range(50):
        height, width = random.integers(1, 60, 2).tolist()
        polygon = (random.random((5, 2)) * [width, height]).round(1).ravel().tolist()
        encoded = outlines.tools().merge(outlines.tools().frPyObjects([polygon], height, width))
        expected = outlines.tools().decode(encoded) > 0
        runs = {"size": [height, width], "counts": encoded["counts"].decode()}
        for shape in ([polygon], runs, runs | {"counts": outlines.unpacked(runs["counts"])}):
            np.testing.assert_array_equal(outlines.pixels(shape, height, width), expected)
