"""The forecast's figure shows its numbers, and which lines are which."""

import pandas as pd
import pytest

from semiproto.provenance.artifacts import write_json, write_text
from semiproto.report.drawing.style import class_colour
from semiproto.report.figures import forecast


@pytest.fixture
def folder(tmp_path):
    rows = []
    for tau, share in ((0.7, 0.6), (0.8, 0.7), (0.9, 0.9)):
        rows += [(tau, "class", "None", 1 - share, share), (tau, "class", "cat", 0.0, None)]
        rows.append((tau, "foreground", "", 1.2 - share, share / 2))
    table = pd.DataFrame(rows, columns=["tau", "group", "class", "coverage", "precision"])
    write_text(tmp_path / "forecast.csv", table.to_csv(index=False))
    write_json(tmp_path / "forecast.json", {"tau": 0.8, "level": 0.5})
    return tmp_path


def lines(axes):
    return {line.get_label(): line for line in axes.lines}


def test_lines_are_the_shares(folder):
    left, right = (lines(axes) for axes in forecast.draw(folder).axes)
    assert left["None"].get_xydata().tolist() == [[0.7, 60], [0.8, 70], [0.9, 90]]
    assert right["None"].get_ydata() == pytest.approx([40, 30, 10])
    assert left["foreground"].get_ydata() == pytest.approx([30, 35, 45])
    assert pd.isna(left["cat"].get_ydata()).all() and list(right["cat"].get_ydata()) == [0, 0, 0]
    assert left["cat"].get_color() == class_colour(1) and left["cat"].get_marker() != left["None"].get_marker()
    assert list(left["tau in use, 0.8"].get_xdata()) == [0.8, 0.8]
    assert list(left["our runs got worse below"].get_ydata()) == [50, 50]


def test_without_a_level_none_is_drawn(folder):
    write_json(folder / "forecast.json", {"tau": 0.8, "level": None})
    left, _ = forecast.draw(folder).axes
    assert "our runs got worse below" not in lines(left)


def test_both_kinds_of_file_are_written_and_the_same_again(folder):
    forecast.write(folder)
    first = [(folder / f"forecast.{kind}").read_bytes() for kind in ("png", "pdf")]
    forecast.write(folder)
    assert first == [(folder / f"forecast.{kind}").read_bytes() for kind in ("png", "pdf")]


def test_a_split_without_a_forecast_says_so(texts_of):
    assert texts_of(forecast.draw(None)) == ["No forecast was made for this split."]
