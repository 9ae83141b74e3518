"""The picture of a class balance has a bar for each class and part."""

import matplotlib.figure
import pytest
from PIL import Image

from semiproto.data.own.findings import ClassShare, Findings
from semiproto.errors import UserError
from semiproto.report.drawing import class_balance


@pytest.fixture
def drawn(monkeypatch):
    """The figures that were saved."""
    figures, save = [], matplotlib.figure.Figure.savefig
    monkeypatch.setattr(
        matplotlib.figure.Figure, "savefig", lambda figure, *a, **k: figures.append(figure) or save(figure, *a, **k)
    )
    return figures


def findings(*shares):
    return Findings("photos", [], {}, [ClassShare(*share) for share in shares], {})


BOTH = [
    ("train", "background", 40, 900, 0.9),
    ("train", "cat", 12, 100, 0.1),
    ("val", "background", 4, 500, 1.0),
    ("val", "cat", 0, 0, 0.0),
]


def test_bars_are_the_shares_and_say_how_many_images(tmp_path, drawn):
    class_balance.write(findings(*BOTH), tmp_path / "classes.png")
    (axes,) = drawn[0].axes
    widths = [[bar.get_width() for bar in bars] for bars in axes.containers]
    assert widths == [pytest.approx([90, 10]), pytest.approx([100, 0])]
    assert {text.get_text() for text in axes.texts} >= {"10 %, 12 images", "0 %, 0 images"}
    assert [text.get_text() for text in axes.get_yticklabels()] == ["background", "cat"]
    assert [text.get_text() for text in drawn[0].legends[0].get_texts()] == ["training", "validation"]
    with Image.open(tmp_path / "classes.png") as image:
        image.load()


def test_bars_of_two_parts_do_not_cover_each_other(tmp_path, drawn):
    class_balance.write(findings(*BOTH), tmp_path / "classes.png")
    train, val = drawn[0].axes[0].containers
    for one, other in zip(train, val, strict=True):
        assert one.get_y() + one.get_height() <= other.get_y()


def test_many_classes_make_a_taller_picture(tmp_path):
    sizes = []
    for count in (2, 40):
        shares = [("train", f"class{number}", 1, 1, 1 / count) for number in range(count)]
        class_balance.write(findings(*shares), tmp_path / "classes.png")
        with Image.open(tmp_path / "classes.png") as image:
            sizes.append(image.size)
    assert sizes[0][0] == sizes[1][0] and sizes[1][1] > 3 * sizes[0][1]


def test_no_mask_that_could_be_read_is_one_line_and_no_file(tmp_path, one_line):
    with pytest.raises(UserError) as error:
        class_balance.write(findings(), tmp_path / "classes.png")
    one_line(error, tmp_path / "classes.png", "no mask could be read", "correct the faults")
    assert list(tmp_path.iterdir()) == []
