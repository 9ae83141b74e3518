"""Each split gets its own part of what the figures are drawn from."""

import pytest

from semiproto.errors import UserError
from semiproto.report.drawing.results import Sources, read
from semiproto.report.tables import tables as write_tables


@pytest.fixture
def sources(results):
    """Writes the tables of evaluations, and says where everything is."""

    def make(folders, **others):
        write_tables(folders, results.tables)
        return Sources(results.tables, folders, results.root / "raw", **others)

    return make


def test_the_parts_of_a_split_are_found(results, sources):
    folders = results.grid({"prototype": [60.0]}) + results.grid({"prototype": [70.0]}, split="60")
    tsne = [results.tsne(["prototype"], seed) for seed in (10, 9)]
    given = sources(folders, tsne=tsne, patches=[results.patches()])
    whole, by_split = read(given)
    assert list(by_split) == ["30", "60"]
    shown, other = by_split.values()
    assert shown.tsne == [tsne[1], tsne[0]] and shown.patches == given.patches[0]
    assert other.tsne == [] and other.patches is None
    assert list(shown.tables["runs"]["miou"]) == [60] and list(other.tables["runs"]["miou"]) == [70]
    assert list(whole.tables["runs"]["miou"]) == [60, 70] and whole.variants == ["prototype"]


def test_a_second_data_set_is_refused(results, sources):
    folders = [results.run("prototype", 0, 60.0), results.run("prototype", 0, 60.0, "60", dataset="voc")]
    with pytest.raises(UserError, match="figures show one data set"):
        read(sources(folders))
