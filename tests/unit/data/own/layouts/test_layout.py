"""The dataset section of a layout."""

import pytest

from pipeline import own_folder
from semiproto.data.own.layouts.discover import discover
from semiproto.errors import UserError

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # pycocotools'


@pytest.mark.parametrize("void", ["void", "Ignore"])
def test_names_with_blanks_and_the_void_line_are_understood(base, void):
    own_folder.drawn_in_colours(base)
    (base / "classes.txt").write_text(f"back ground 0 0 0\nmy big square  200 30  90\n{void} 224 224 192\n")
    source = discover(base, "own")[0]
    assert source.classes == ["back_ground", "my_big_square"] and source.ignore == [224, 224, 192]


def test_without_void_every_pixel_counts(base, discovered):
    own_folder.drawn_in_colours(base)
    (base / "classes.txt").write_text("background 0 0 0\nsquare 200 30 90\nborder 224 224 192\n")
    source, said = discovered(base)
    assert source.ignore is None and len(source.classes) == 3
    assert "no mask value is void" in said


@pytest.mark.parametrize("line", ["square 300 0 0", "square 0 0 0"])
def test_a_colour_that_cannot_be_is_one_line(base, line, one_line):
    own_folder.drawn_in_colours(base)
    (base / "classes.txt").write_text(f"background 0 0 0\n{line}\n")
    with pytest.raises(UserError) as error:
        discover(base, "own")
    one_line(error, base / "classes.txt", "colour")
