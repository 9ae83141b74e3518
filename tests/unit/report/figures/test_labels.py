"""mIoU against labels: means, spreads, and published curves or the reason why there are none."""

import numpy as np
import pandas as pd
import pytest

from semiproto.report.drawing.results import Results
from semiproto.report.evaluations import read_evaluations, read_table
from semiproto.report.figures import labels
from semiproto.report.tables import tables as write_tables


def test_labels_show_means_spread_and_what_was_published(results):
    folders = [
        results.run("prototype", s, m, n)
        for n, ms in {"92": (60.0, 64.0), "183": (70.0,)}.items()
        for s, m in enumerate(ms)
    ]
    write_tables(folders, results.tables)
    runs = read_table(results.tables / "runs.csv")
    published = pd.DataFrame({"labels": [92.0, 366.0], "method": "its released checkpoints", "variant": "prototype"})
    tables = {"runs": runs, "published": published.assign(published=[70.06, 77.16], note=np.nan)}
    figure = labels.draw(Results(read_evaluations(folders), tables, results.root))
    (axes,) = figure.axes
    container = axes.containers[0]
    assert container.lines[0].get_xydata().tolist() == [[92, 62], [183, 70]]
    low, high = container.lines[2][0].get_segments()[0][:, 1]
    assert (low, high) == pytest.approx((62 - 8**0.5, 62 + 8**0.5))
    dotted = next(line for line in axes.lines if line.get_label().startswith("its released"))
    assert dotted.get_xydata().tolist() == [[92, 70.06], [366, 77.16]]
    assert dotted.get_color() == container.lines[0].get_color()
    assert [label.get_text() for label in axes.get_xticklabels()] == ["92", "183", "366"]
    figure.draw_without_rendering()
    legend = figure.legends[0].get_window_extent()
    assert figure.bbox.x0 <= legend.x0 and legend.x1 <= figure.bbox.x1  # with names as long as the published ones'


def test_labels_say_why_nothing_published_is_shown(results_of):
    shown = results_of({"prototype": [60.0]})
    (axes,) = labels.draw(shown).axes
    assert "no published curve: nobody published results on these images" in axes.get_xlabel()
