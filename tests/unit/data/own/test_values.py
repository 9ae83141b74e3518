"""What the values of all masks may mean, and palettes that contradict each other."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from semiproto.data.own import values

THREE = ["background", "cat", "dog"]


def tally(*seen, masks=10, total=10):
    found = np.zeros(65537, np.int64)
    found[list(seen)] = 100
    return values.Tally(found, np.where(found > 0, masks, 0), total, both=masks if {1, 255} <= set(seen) else 0)


@pytest.mark.parametrize("names", [None, ["background", "cat"]])
def test_masks_of_one_bit_among_masks_of_eight(tmp_path, names):
    """1 and 255 are both the class where no mask has both: 255 is no void then."""
    paths = [tmp_path / f"{number}.png" for number in range(4)]
    for number, path in enumerate(paths):
        mask = Image.fromarray(np.eye(8, dtype=bool))
        (mask if number % 2 else mask.convert("L")).save(path)
    found = values.meaning(values.tally(paths), names)
    cat = names[1] if names else "class1"
    assert (found.values, found.ignore) == ({"0": "background", "1": cat, "255": cat}, None)
    Image.fromarray(np.diag([1, 255, 0]).astype(np.uint8)).save(paths[0])
    found = values.meaning(values.tally(paths), names)
    assert (found.values, found.ignore) == (None, 255)


@pytest.mark.parametrize(
    ("seen", "names", "table", "ignore"),
    [
        ([0, 1, 2], THREE, None, 255),
        ([0, 1, 2, 255], THREE, None, 255),
        ([0, 2], THREE, None, 255),
        ([0, 100, 201], THREE, {"0": "background", "100": "cat", "201": "dog"}, 255),
        ([1, 2, 3], THREE, {"1": "background", "2": "cat", "3": "dog"}, 255),
        ([0, 1, 2, 3], THREE, {"0": "void", "1": "background", "2": "cat", "3": "dog"}, 255),
        ([0, 1, 3], THREE, {"0": "background", "1": "cat", "3": "dog"}, 255),
        ([0, 255], THREE[:2], {"0": "background", "255": "cat"}, None),
        ([0, 1, 255], THREE[:2], None, 255),
        ([0, 255], THREE, None, 255),
        ([0, 9, 77, 99, 120], THREE, None, 255),
        ([0, 1, 2, 7], THREE, None, 255),  # one mask has a value more: 0 stays background
        ([0, 1, 201], ["cat", "dog"], {"0": "void", "1": "cat", "201": "dog"}, 255),
    ],
)
def test_the_meaning_of_values_with_names(seen, names, table, ignore):
    found = values.meaning(tally(*seen), names)
    assert (found.names, found.values, found.ignore) == (names, table, ignore)


@pytest.mark.parametrize(
    ("seen", "names", "table"),
    [
        ([0, 255], ["background", "class1"], {"0": "background", "255": "class1"}),
        (
            [0, 100, 201],
            ["background", "class100", "class201"],
            {"0": "background", "100": "class100", "201": "class201"},
        ),
        ([1, 2], ["class1", "class2"], {"1": "class1", "2": "class2"}),
        ([7, 24, 26], ["class7", "class24", "class26"], {"7": "class7", "24": "class24", "26": "class26"}),
        ([0, 1, 4, 255], ["background", "class1", "class2", "class3", "class4"], None),
        ([0], ["background", "class1"], None),
    ],
)
def test_the_meaning_of_values_without_names(seen, names, table):
    found = values.meaning(tally(*seen), None)
    assert (found.names, found.values) == (names, table)


def test_a_value_of_few_masks_is_a_fault_and_gives_the_others_no_other_meaning():
    for seen in ([0, 1, 7], [0, 1, 2], [0, 7]):
        assert values.meaning(tally(*seen, masks=1), THREE[:2]) == values.Meaning(THREE[:2], "")


def test_soft_edges_are_cut_in_the_middle():
    soft = tally(*range(0, 256, 5))
    soft.pixels[[0, 255]] = 50_000
    found = values.meaning(soft, None)
    assert found.values == {"0-127": "background", "128-255": "class1"} and found.ignore is None
    assert values.meaning(soft, ["sky", "bird"]).names == ["sky", "bird"]
    assert values.meaning(tally(*range(60)), None).values is None  # sixty classes have no edges


def test_masks_that_cannot_be_read_are_left_out(tmp_path):
    (tmp_path / "bad.png").write_bytes(b"")
    Image.fromarray(np.array([[0, 7]], np.uint8)).save(tmp_path / "good.png")
    found = values.tally([tmp_path / "bad.png", tmp_path / "good.png"])
    assert found.seen() == [0, 7] and found.total == 1 and found.masks[7] == 1


GREEN, BROWN, BLACK = (0, 200, 0), (120, 60, 0), (0, 0, 0)


def faults(*palettes):
    return list(values.palette_faults([(Path(f"{n}.png"), one) for n, one in enumerate(palettes)]))


def test_palettes_that_swap_colours_are_one_error_that_names_both_files():
    (fault,) = [
        one for one in faults({0: BLACK, 1: GREEN, 2: BROWN}, {0: BLACK, 1: BROWN, 2: GREEN}) if not one.warning
    ]
    assert fault.file == "1.png" and "0.png" in fault.found and "value 1" in fault.found and "value 2" in fault.found


def test_palettes_that_merely_differ_are_a_warning():
    (fault,) = faults({0: BLACK, 1: GREEN}, {0: BLACK, 1: BROWN}, {0: BLACK, 1: (1, 2, 3)})
    assert fault.warning and "palettes of 2 files differ" in fault.found


def test_equal_palettes_are_no_fault_and_neither_is_one_colour_for_two_values():
    assert not faults({0: BLACK, 1: GREEN}, {1: GREEN, 2: GREEN}, {0: BLACK, 2: GREEN})


@pytest.mark.parametrize("factor", [2, 4])
def test_masks_that_were_made_larger_and_averaged_are_cut_in_the_middle(tmp_path, factor):
    paths = []
    for i in range(4):
        large = np.zeros((30 * factor, 40 * factor), np.uint8)
        large[5 * factor + 1 + i : 20 * factor + 1, 7 * factor + 1 : 29 * factor + 1 + i] = 255
        paths.append(tmp_path / f"{i}.png")
        Image.fromarray(large).resize((40, 30), Image.Resampling.BOX).save(paths[-1])
    seen = values.tally(paths)
    assert 3 <= len(seen.seen()) < values.SOFT_EDGES
    for names in (None, ["sky", "bird"]):
        assert list(values.meaning(seen, names).values) == ["0-127", "128-255"]
    assert values.meaning(seen, ["sky", "bird", "tree"]).values is None


def test_a_value_that_fills_an_area_is_no_soft_edge(tmp_path):
    """A trimap's band of 128, and void of 255 beside a class."""
    for middle in (128, 1):
        mask = np.zeros((30, 40), np.uint8)
        mask[5:25, 5:35], mask[10:20, 10:30] = middle, 255
        Image.fromarray(mask).save(tmp_path / "mask.png")
        assert "soft" not in values.meaning(values.tally([tmp_path / "mask.png"]), None).why


def test_of_few_values_beside_binary_ones_the_rarer_meaning_is_said(tmp_path):
    def of(*highest):
        for i, value in enumerate(highest):
            mask = np.zeros((20, 20), np.uint8)
            mask[5:15, 5:15] = value
            Image.fromarray(mask).save(tmp_path / f"{i}.png")
        return values.tally(tmp_path / f"{i}.png" for i in range(len(highest)))

    few_of_one_bit = values.meaning(of(1, *[255] * 11), None)
    assert few_of_one_bit.values == {"0": "background", "1": "class1", "255": "class1"}
    few_of_255 = values.meaning(of(255, *[1] * 11), None)
    assert few_of_255.ignore == 255 and "255, in 1 of 12 masks and never beside 1, is taken for void" in few_of_255.why


def test_in_masks_of_more_than_8_bits_255_is_a_class(tmp_path):
    mask = np.zeros((20, 20), np.uint16)
    mask[5:10], mask[10:15] = 255, 510
    Image.fromarray(mask).save(tmp_path / "mask.png")
    found = values.meaning(values.tally([tmp_path / "mask.png"]), None)
    assert found.values == {"0": "background", "255": "class255", "510": "class510"} and found.ignore is None
