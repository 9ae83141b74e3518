"""The evaluations of single runs and the tables of ours: what is read, in which order, and what is refused."""

import math

import pytest

from semiproto.errors import UserError
from semiproto.report.evaluations import ORDER, base_of, in_order, is_finished, read_evaluations, read_table


def test_evaluations_come_in_the_tables_order(results):
    folders = [
        results.run("prototype-long", 0, 60.0),
        results.run("prototype", 1, 60.0),
        results.run("supervised", 0, 60.0, split="100"),
        results.run("prototype", 0, 60.0),
        results.run("something", 0, 60.0),
        results.run("consistency-equal-loss", 0, 60.0),
        results.run("supervised", 0, 60.0),
    ]
    found = [(e.labels, e.variant, e.seed) for e in read_evaluations(folders)]
    assert found == [
        (30, "supervised", 0),
        (30, "prototype", 0),
        (30, "prototype", 1),
        (30, "consistency-equal-loss", 0),
        (30, "prototype-long", 0),
        (30, "something", 0),
        (100, "supervised", 0),
    ]


def test_scores_that_do_not_exist_are_nan(results):
    (found,) = read_evaluations([results.run("supervised", 0, 60.0)])
    assert "prototype" not in found.heads and math.isnan(found.iou["None"])
    assert list(found.iou) == ["background", "cat", "None"]


@pytest.mark.parametrize(("iou", "ok"), [([70.0, 50.0004, None], True), ([70.0, 50.001, None], False)])
def test_the_mean_may_differ_by_rounding_only(results, iou, ok):
    folder = results.run("prototype", 0, 60.0, iou=iou)
    if ok:
        assert read_evaluations([folder])[0].miou == 60
        return
    with pytest.raises(UserError, match=r"metrics\.json: not a run's metrics .*not the mean of iou"):
        read_evaluations([folder])


def test_a_run_is_finished_when_its_metrics_are_there(results):
    folder = results.run("prototype", 0, 60.0)
    assert is_finished(folder)
    (folder / "metrics.json").unlink()
    assert not is_finished(folder) and not is_finished(folder / "gone")


def test_variants_of_ones_own_stand_behind_and_those_of_one_kind_together():
    own = ["prototype-b", "mine", "supervised-a", "prototype-a", "supervised-equal-compute-2"]
    expected = [*ORDER, "supervised-a", "prototype-a", "prototype-b", "supervised-equal-compute-2", "mine"]
    assert in_order([*own, *reversed(ORDER), *ORDER]) == expected


@pytest.mark.parametrize(
    ("variant", "base"),
    [
        ("prototype", "prototype"),
        ("prototype-long", "prototype"),
        ("prototypes", ""),
        ("supervised-equal-compute-2", "supervised-equal-compute"),
        ("supervised-equal", "supervised"),
        ("mine", ""),
    ],
)
def test_a_variant_is_based_on_the_longest_known_beginning(variant, base):
    assert base_of(variant) == base


# ---------------------------------------------------------------------------------------------------- tables


@pytest.fixture
def table(tmp_path):
    def write(text):
        (tmp_path / "table.csv").write_text(text)
        return tmp_path / "table.csv"

    return write


def test_names_that_look_like_numbers_or_like_nothing_stay_text(table):
    found = read_table(table("class,variant,miou,note\nNone,007,1.5,\nnan,1e3,,NA\n"))
    assert found["class"].tolist() == ["None", "nan"] and found["variant"].tolist() == ["007", "1e3"]
    assert found["miou"].tolist()[0] == 1.5 and math.isnan(found["miou"][1])
    assert found["note"].isna().tolist() == [True, False] and found["note"][1] == "NA"


@pytest.mark.parametrize(
    ("text", "columns", "key", "words"),
    [
        ("", [], [], ["not a table"]),
        ("a,b\n1,2\n", ["a", "miou"], [], ["no column miou"]),
        ("a,b\n1,2\n", ["a"], ["seed"], ["no column seed"]),
        ("a,seed\n1,0\n2,1\n3,0\n", [], ["seed"], ["row 3 is there twice"]),
        ("step,miou\n1,50\n2,fifty\n", [], [], ["miou is fifty in row 2"]),
        ("step,miou\n1,5,6\n1\n2,3,4,5\n", [], [], ["not a table"]),
    ],
)
def test_a_damaged_table_is_one_line(table, one_line, text, columns, key, words):
    path = table(text)
    with pytest.raises(UserError) as error:
        read_table(path, columns, key)
    one_line(error, path, "delete it and run `snakemake --cores all`", *words)


def test_a_table_that_is_not_there_is_one_line(tmp_path, one_line):
    with pytest.raises(UserError) as error:
        read_table(tmp_path / "gone.csv")
    one_line(error, tmp_path / "gone.csv", "no such table")


def test_counts_may_be_words(table):
    found = read_table(table("images,equal_steps\n5,True\nall,False\n"))
    assert found["images"].tolist() == ["5", "all"]
