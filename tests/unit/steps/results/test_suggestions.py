"""The rule's step: the unlabelled images of a split, whose labelled ones are left out."""

import pandas as pd
import pytest
from made_up import write_receipt

from semiproto.errors import UserError
from semiproto.model import folder as model_folder
from semiproto.params import SuggestConfig, SuggestParams
from semiproto.provenance.receipts import read_receipt
from semiproto.steps.job import Inputs, Job
from semiproto.steps.results.suggestions import suggestions


@pytest.fixture
def made(confident, digits_root, ids, tiny, tmp_path):
    """Runs the step on a split with these unlabelled images; returns its folder."""
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "files").symlink_to(digits_root)
    (tmp_path / "split").mkdir()
    model = tmp_path / "model"
    model_folder.write_card(model, model_folder.Card([f"c{n}" for n in range(7)], tiny.model, {}))
    model_folder.save_weights(model / model_folder.MODEL, confident)

    def run(unlabeled):
        for name, own in (("labeled", ids["train"][:4]), ("unlabeled", unlabeled), ("val", ids["val"][:1])):
            (tmp_path / "split" / f"{name}.txt").write_text("".join(f"{one}\n" for one in own))
        for folder in (tmp_path / "data", tmp_path / "split", model):
            write_receipt(folder, "made", outputs={}, config={}, inputs=[], seed=None, seconds=0)
        config = SuggestConfig(suggest=SuggestParams(variant="supervised", by="uncertainty", count=3))
        inputs = Inputs(data=tmp_path / "data", split=tmp_path / "split", model=model)
        suggestions(Job(config, inputs, tmp_path / "out"))
        return tmp_path / "out"

    return run


def test_unlabelled_images_are_suggested_and_a_receipt_written(made, ids):
    out = made(ids["unlabeled"][:5])
    names = pd.read_csv(out / "suggestions.csv")["image"].str.extract(r"([^/]+)\.png$")[0]
    assert len(names) == 3 and set(names) <= set(ids["unlabeled"][:5])
    assert sorted(path.name for path in out.iterdir()) == [
        "left-out.csv",
        "receipt.json",
        "sheet.jpg",
        "suggestions.csv",
    ]
    assert read_receipt(out)["facts"] == {"suggested": 3, "left_out": 0}


def test_a_split_without_unlabelled_images_is_refused(made, one_line):
    with pytest.raises(UserError) as error:
        made([])
    one_line(error, "unlabeled.txt", "empty", "suggest")
