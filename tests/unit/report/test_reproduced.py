"""The tables of a real git repository against those that are committed there."""

import subprocess
from pathlib import Path

import pandas as pd
import pytest
import typer
from made_up import write_receipt

from semiproto.cli import trust
from semiproto.errors import UserError
from semiproto.provenance.artifacts import digests
from semiproto.provenance.receipts import read_receipt
from semiproto.report import reproduced, tables

SCORES = {"supervised": [50.0, 52.0, 54.0], "consistency": [60.0, 60.0, 61.0], "prototype": [63.0, 64.0, 65.0]}
SD = 2.0
"""Over the seeds of supervised, which differ most."""
PARAMS = "semi: {tau: 0.8}\ncompute: {threads: 2}\n"


def git(*arguments):
    who = ("-c", "user.name=test", "-c", "user.email=test@example.org")
    subprocess.run(["git", *who, *arguments], check=True, capture_output=True)


class Checkout:
    """A repository with the tables of made-up runs, that `run` makes again with other scores."""

    def __init__(self, results):
        self.results = results

    def run(self, scores, **changes):
        """Evaluations with these scores and their tables, as the pipeline leaves them below results/."""
        subprocess.run(["rm", "-rf", "results/eval"], check=True)
        folders = [
            self.results.run(variant, seed, miou, **changes)
            for variant, values in scores.items()
            for seed, miou in enumerate(values)
        ]
        for folder in folders:
            outputs = digests(folder, ["metrics.json"])
            write_receipt(folder, "evaluate", outputs=outputs, config={}, inputs=[], seed=0, seconds=1)
        self.made(tables.tables(folders, reproduced.TABLES), folders)

    def made(self, names, folders):
        outputs = digests(reproduced.TABLES, names)
        write_receipt(reproduced.TABLES, "tables", outputs=outputs, config={}, inputs=folders, seed=None, seconds=None)

    def edit(self, name, change):
        """Changes a table as another run would have."""
        path = reproduced.TABLES / f"{name}.csv"
        change(pd.read_csv(path, keep_default_na=False, na_values=[""])).to_csv(path, index=False)
        receipt = read_receipt(reproduced.TABLES)
        self.made(receipt["outputs"], [Path(name) for name in receipt["inputs"]])


@pytest.fixture
def checkout(results, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    results.root = type(tmp_path)("results")
    git("init", "--quiet")
    (tmp_path / ".gitignore").write_text("results/eval\n")
    (tmp_path / "params.yaml").write_text(PARAMS)
    made = Checkout(results)
    made.run(SCORES)
    git("add", "--all")
    git("commit", "--quiet", "--message", "results")
    return made


def states(comparison, table):
    return comparison.numbers[comparison.numbers["table"] == table].groupby("state").size().to_dict()


def shifted(points, variant="prototype", seed=0):
    scores = {name: list(values) for name, values in SCORES.items()}
    scores[variant][seed] += points
    return scores


def test_the_same_again_is_identical(checkout, capsys):
    checkout.run(SCORES)
    found = reproduced.compare()
    assert found.reproduced and set(found.numbers["state"]) == {reproduced.IDENTICAL}
    assert set(found.numbers["table"]) == set(reproduced.KEYS) - {"forecast"}
    assert len(found.numbers) > 200 and found.numbers["committed"].notna().all()
    with pytest.raises(typer.Exit) as end:
        trust.reproduced("HEAD")
    assert end.value.exit_code == 0
    assert f"{len(found.numbers)} of {len(found.numbers)} numbers identical, 0 within" in capsys.readouterr().out


def test_a_run_may_be_three_standard_deviations_of_a_difference_away(checkout):
    most = 3 * 2**0.5 * SD
    checkout.run(shifted(8.4))
    found = reproduced.compare()
    (moved,) = found.numbers.query("table == 'runs' and state != 'identical'").itertuples()
    assert (moved.row, moved.column, moved.state) == ("digits, 30, prototype, 0", "miou", reproduced.WITHIN)
    assert moved.allowed == pytest.approx(most)
    checkout.run(shifted(8.6))
    found = reproduced.compare()
    assert not found.reproduced and states(found, "runs")[reproduced.DIFFERENT] == 1


@pytest.mark.parametrize(("points", "state"), [(4.8, reproduced.WITHIN), (5.0, reproduced.DIFFERENT)])
def test_a_mean_may_be_three_standard_errors_of_a_difference_away(checkout, points, state):
    checkout.edit("summary", lambda table: table.assign(miou_mean=table["miou_mean"] + points))
    found = reproduced.compare()  # 3 * sqrt(2 / 3) * 2 is 4.90
    assert states(found, "summary")[state] == 3
    assert found.reproduced == (state == reproduced.WITHIN)


def test_each_class_has_its_own_spread(checkout):
    checkout.edit("per_class", lambda table: table.assign(iou_mean=table["iou_mean"] + 8.1))
    assert states(reproduced.compare(), "per_class")[reproduced.WITHIN] == 6
    checkout.edit("per_class", lambda table: table.assign(boundary_iou_mean=table["boundary_iou_mean"] + 0.1))
    assert states(reproduced.compare(), "per_class")[reproduced.DIFFERENT] == 6  # all seeds had the same


@pytest.mark.parametrize("points", [0.5, 40.0])
def test_gains_are_held_by_each_others_intervals(checkout, points):
    checkout.edit("verdict", lambda table: table.assign(**table[reproduced.INTERVAL] + points))
    counts = states(reproduced.compare(), "verdict")
    assert counts[reproduced.WITHIN if points < 1 else reproduced.DIFFERENT] == 9  # three questions have an answer
    assert (reproduced.DIFFERENT if points < 1 else reproduced.WITHIN) not in counts


def test_another_answer_is_different(checkout):
    checkout.edit("verdict", lambda table: table.assign(verdict=table["verdict"].replace("helped", "hurt")))
    found = reproduced.compare()
    assert not found.reproduced
    assert any("prototype, supervised: verdict helped, now hurt" in line for line in found.lines())


def test_what_no_seed_changes_must_be_identical(checkout):
    checkout.edit("runs", lambda table: table.assign(steps=table["steps"] + 1))
    checkout.edit("history", lambda table: table.assign(lr=table["lr"] * 1.001))
    found = reproduced.compare()
    assert states(found, "runs")[reproduced.DIFFERENT] == 9 and states(found, "history")[reproduced.DIFFERENT] == 18


def test_with_one_seed_no_spread_is_known(checkout):
    one = {"supervised": [50.0], "prototype": [60.0]}
    checkout.run(one)
    git("commit", "--quiet", "--all", "--message", "one seed")
    checkout.run(one | {"prototype": [60.1]})
    assert states(reproduced.compare(), "runs")[reproduced.DIFFERENT] == 1


def test_a_missing_row_is_different(checkout):
    checkout.edit("runs", lambda table: table.drop(index=8))
    found = reproduced.compare()
    lost = found.numbers.query("state == 'different'")
    assert len(lost) == 8 and set(lost["row"]) == {"digits, 30, prototype, 2"}
    assert any(line.endswith("prototype, 2: miou 65.0, now none, at most 8.49 apart") for line in found.lines())


def test_tables_that_git_brought_over_others_are_not_those_made_here(checkout):
    checkout.run(shifted(1.0))
    git("checkout", "--quiet", "--", "results/tables")
    with pytest.raises(UserError, match=r"results/tables/.*: not what was made here"):
        reproduced.compare()


def test_a_number_edited_by_hand_is_not_one_that_was_made_here(checkout):
    path = reproduced.TABLES / "summary.csv"
    path.write_text(path.read_text().replace("52.0", "52.5", 1))
    with pytest.raises(UserError, match=r"summary\.csv: not what was made here"):
        reproduced.compare()


def test_a_missing_table_is_named(checkout):
    (reproduced.TABLES / "per_class.csv").unlink()
    with pytest.raises(UserError, match=r"results/tables/per_class\.csv: no such table; run"):
        reproduced.compare()


def test_the_forecast_has_the_spread_of_what_it_forecasts(checkout):
    head = "dataset,labels,seed,images,tau,coverage,precision,sentence,supervised,consistency,prototype,gain_prototype"
    rows = ("0.8,0.5,0.7,said,50,59,63,13", "0.8,0.5,0.7,said again,56,59,63,4.6")
    for row in rows:
        (reproduced.TABLES / "forecast.csv").write_text(f"{head}\ndigits,30,0,labeled,{row}\n")
        git("add", "--all")
        if row == rows[0]:
            git("commit", "--quiet", "--message", "forecast")
    assert states(reproduced.compare(), "forecast") == {reproduced.IDENTICAL: 5, reproduced.WITHIN: 2}


def test_only_some_of_many_different_numbers_are_listed(checkout):
    checkout.run(SCORES, accuracy=10.0)
    lines = list(reproduced.compare().lines())
    runs = [line for line in lines if line.startswith("different: runs.csv")]
    assert len(runs) == 9 and "accuracy 95.0, now 10.0" in runs[0]
    checkout.edit("history", lambda table: table.assign(lr=table["lr"] * 2))
    assert "different: history.csv, 8 more" in list(reproduced.compare().lines())


def test_other_parameters_are_another_experiment(checkout, tmp_path, one_line):
    (tmp_path / "params.yaml").write_text(PARAMS.replace("2", "8"))  # threads: of the machine
    assert reproduced.compare().reproduced
    (tmp_path / "params.yaml").write_text(PARAMS.replace("0.8", "0.9"))
    with pytest.raises(UserError) as error:
        reproduced.compare()
    one_line(error, "params.yaml", "semi", "another experiment", "--committed")


def test_an_older_revision_can_be_named(checkout):
    git("tag", "first")
    checkout.run(shifted(-30.0))
    git("commit", "--quiet", "--all", "--message", "another run")
    assert reproduced.compare().reproduced and not reproduced.compare("first").reproduced


def test_what_git_brought_was_not_made_here(checkout, one_line):
    subprocess.run(["rm", "-rf", "results/eval/digits/30/consistency"], check=True)
    with pytest.raises(UserError) as error:
        reproduced.compare()
    one_line(error, "results/eval/digits/30/consistency/seed0", "not made here", "make run")


def test_tables_of_former_evaluations_are_refused(checkout, one_line):
    folder = checkout.results.root / "eval/digits/30/prototype/seed1"
    write_receipt(folder, "evaluate", outputs={"metrics.json": "0" * 64}, config={}, inputs=[], seed=0, seconds=1)
    with pytest.raises(UserError) as error:
        reproduced.compare()
    one_line(error, "made from another results/eval/digits/30/prototype/seed1", "make run")


def test_a_revision_that_is_not_there_is_named(checkout, one_line):
    with pytest.raises(UserError) as error:
        reproduced.compare("v9")
    one_line(error, "v9", "--committed")


def test_a_revision_without_tables_is_named(checkout, one_line):
    git("rm", "-r", "--quiet", "--cached", "results/tables")
    git("commit", "--quiet", "--message", "no tables")
    with pytest.raises(UserError) as error:
        reproduced.compare()
    one_line(error, "HEAD", "results/tables/runs.csv", "--committed")


def test_outside_of_git_it_says_so(tmp_path, monkeypatch, one_line):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    with pytest.raises(UserError) as error:
        reproduced.compare()
    one_line(error, tmp_path, "not a git checkout")
