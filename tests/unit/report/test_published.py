"""Published numbers stand beside runs that were made and scored in the same way, and beside no others."""

import pandas as pd
import pytest

from semiproto.report.evaluations import read_evaluations, read_table
from semiproto.report.published import COLUMNS, NUMBERS, published_table, why_not

VOC = {"set": "voc-sbd", "family": "classic", "encoder": "resnet101s.gluon_in1k", "labels": 92}
CITYSCAPES = {"set": "cityscapes", "family": "cityscapes", "window": {"size": 769, "stride": 513}}


@pytest.fixture
def evaluated(results):
    def read(**changes):
        return read_evaluations([results.run("prototype", 0, 70.0, split="92", **VOC | changes)])[0]

    return read


@pytest.mark.parametrize("changes", [{}, {"set": "voc-class-aug"}, {"family": "blended"}, CITYSCAPES])
def test_runs_like_the_published_ones_can_be_compared(evaluated, changes):
    assert why_not(evaluated(**changes)) == ""


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"set": "cityscapes"}, "nobody published results on these images and splits (cityscapes, classic)"),
        ({"family": "own"}, "(voc-sbd, own)"),
        (
            CITYSCAPES | {"window": {"size": 769, "stride": 769}},
            "scored on windows of 769, stride 769, the published ones on windows of 769, stride 513",
        ),
        (CITYSCAPES | {"window": None}, "scored on whole images, the published ones on windows"),
        (
            {"encoder": "resnet50.a1_in1k"},
            "the encoder is resnet50.a1_in1k, that of the published ones is a ResNet-101",
        ),
    ],
)
def test_others_get_the_reason(evaluated, changes, reason):
    assert reason in why_not(evaluated(**changes))


def test_a_row_for_every_published_number_and_ours_where_there_is_one(evaluated):
    summary = pd.DataFrame(
        [{"dataset": "digits", "labels": 92, "variant": "prototype", "n": 3, "miou_mean": 70.0, "miou_sd": 1.0}]
    )
    found = published_table([evaluated()], summary)
    numbers = read_table(NUMBERS)
    assert list(found.columns) == COLUMNS and len(found) == (numbers["family"] == "classic").sum()
    ours = found[found["n"].notna()]
    assert len(ours) >= 1 and set(ours["labels"]) == {92} and set(ours["variant"]) == {"prototype"}
    assert found["published"].notna().all() and found["note"].isna().all()


def test_each_data_set_gets_rows_of_its_own(results, evaluated):
    other = read_evaluations([results.run("prototype", 1, 60.0, dataset="photos")])[0]
    summary = pd.DataFrame(columns=["dataset", "labels", "variant", "n", "miou_mean", "miou_sd"])
    found = published_table([evaluated(), other], summary).set_index("dataset")
    assert found.loc["photos", "note"].startswith("nobody published") and pd.isna(found.loc["photos", "published"])
    assert found.loc["digits", "published"].notna().all()


def test_the_numbers_that_are_shipped_can_be():
    numbers = read_table(NUMBERS, ["source"], ["family", "labels", "method"])
    assert {"classic", "blended", "cityscapes"} <= set(numbers["family"])
    assert numbers["miou"].between(20, 100).all() and numbers["source"].notna().all()
