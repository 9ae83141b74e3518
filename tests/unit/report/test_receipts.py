"""What the page says of receipts, and where the runs differ from the paper."""

import json

import pytest
from made_up import write_receipt

from semiproto import params
from semiproto.errors import UserError
from semiproto.report.receipts import PAPER_SECTIONS, anchor, differences_from_paper, parse_receipt


@pytest.fixture
def receipt(tmp_path):
    """Writes the receipt of a run with the sections of the paper's file, some of them changed."""

    def make(name="run", config=None, **fields):
        write_receipt(tmp_path / name, "train", config=config or {}, **{"seed": 0, "facts": {}} | fields)
        return tmp_path / name / "receipt.json"

    return make


@pytest.fixture
def theirs(paper):
    return params.load(paper).model_dump(mode="json", include=set(PAPER_SECTIONS))


def test_what_a_receipt_says(receipt):
    facts = {"warnings": ["step 60: low coverage"], "steps": 1400}
    found = parse_receipt(receipt(config={"semi": {"tau": 0.7}}, seed=None, seconds=1.5, facts=facts))
    assert (found.step, found.seconds, found.device, found.warnings) == ("train", 1.5, "cpu", ["step 60: low coverage"])
    assert found.facts["seed"] == "none" and found.facts["steps"] == 1400 and "warnings" not in found.facts
    assert found.config == "semi:\n  tau: 0.7\n" and "torch" in found.facts["versions"]


def test_folders_have_anchors_of_their_own():
    folders = ["results/eval/a/b", "results/eval/a-b", "results/eval/a/b/"]
    assert anchor(folders[0]) == anchor(folders[2]) == "receipt-results-eval-a-b"


@pytest.mark.parametrize(
    "damage", [lambda r: r.pop("config"), lambda r: r.update(facts=3), lambda r: r.update(inputs=3)]
)
def test_a_damaged_receipt_is_one_line(receipt, one_line, damage):
    path = receipt()
    content = json.loads(path.read_text())
    damage(content)
    path.write_text(json.dumps(content))
    with pytest.raises(UserError) as error:
        parse_receipt(path)
    one_line(error, path)


def test_the_papers_own_parameters_do_not_differ(receipt, paper, theirs):
    assert differences_from_paper([parse_receipt(receipt(config=theirs))], paper).empty


def test_parameters_that_differ_are_told_with_what_they_are(receipt, paper, theirs):
    changed = theirs | {"semi": theirs["semi"] | {"tau": 0.123}}
    (row,) = differences_from_paper([parse_receipt(receipt(config=changed))], paper).to_dict("records")
    assert row["parameter"] == "semi.tau" and row["here"] == "0.123" and row[paper.name] == str(theirs["semi"]["tau"])
    assert row["what it is"]


def test_where_runs_differ_the_full_methods_counts(receipt, paper, theirs):
    """The control, read first, has more steps; its sections that the full method lacks still count."""
    control = {
        "semi": theirs["semi"] | {"tau": 0.5},
        "augment": theirs["augment"] | {"crop": 64},
        "method": "supervised",
    }
    full = {"semi": theirs["semi"], "method": "prototype"}
    found = differences_from_paper([parse_receipt(receipt("a", control)), parse_receipt(receipt("b", full))], paper)
    assert found["parameter"].tolist() == ["augment.crop"]


def test_without_receipts_nothing_differs(paper):
    assert differences_from_paper([], paper).empty
