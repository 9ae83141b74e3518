"""What the figures' tests share: results to draw from, and the words in a figure."""

import pytest

from semiproto.report.drawing.results import TABLES, Results, read_health
from semiproto.report.evaluations import read_evaluations, read_table
from semiproto.report.tables import tables as write_tables


@pytest.fixture
def results_of(results):
    """Writes runs and reads what the figures of their split are drawn from."""

    def make(scores, tsne=(), patches=None):
        folders = results.grid(scores)
        write_tables(folders, results.tables)
        tables = {name: read_table(results.tables / f"{name}.csv") for name in TABLES} | read_health([], [])
        return Results(read_evaluations(folders), tables, results.data(), list(tsne), patches)

    return make


@pytest.fixture
def texts_of():
    """All that is written in a figure's axes and beside them."""

    def texts(figure):
        own = [text.get_text() for axes in figure.axes for text in axes.texts]
        return own + [text.get_text() for text in figure.texts]

    return texts
