"""What a forecast is said to mean follows from its curve and from the runs that were made."""

import pandas as pd
import pytest

from semiproto.errors import UserError
from semiproto.provenance.artifacts import write_json
from semiproto.report import forecast

TAUS = [0.8, 0.9, 0.95]


def evidence(*rows):
    return pd.DataFrame(rows, columns=["dataset", "labels", "seed", "precision", "gain_prototype"]).assign(tau=0.8)


SEPARATE = evidence(
    ("digits", 8, 0, 0.30, -3.0),
    ("digits", 8, 1, 0.50, 1.0),  # with the one before a setting that lost, at 0.4
    ("digits", 30, 0, 0.70, 5.0),
    ("photos", 109, 0, 0.60, 2.0),
)


def curve(**precisions):
    """A curve whose classes have the given precision (one for each of TAUS, or None) at falling coverage."""
    rows = []
    for name, values in precisions.items():
        group = "foreground" if name == "foreground" else "class"
        for tau, precision, coverage in zip(TAUS, values, (0.5, 0.2, 0.04), strict=True):
            covered = 0.0 if precision is None else coverage
            rows.append((tau, group, name if group == "class" else "", covered, precision))
    return pd.DataFrame(rows, columns=["tau", "group", "class", "coverage", "precision"]).astype({"precision": float})


def test_the_level_is_midway_between_losses_and_gains():
    assert forecast.level(SEPARATE) == pytest.approx(0.5)


@pytest.mark.parametrize(
    "runs",
    [
        SEPARATE.iloc[:0],
        SEPARATE.iloc[2:],  # gains alone
        SEPARATE.iloc[:2],  # losses alone
        evidence(("digits", 8, 0, 0.7, -1.0), ("digits", 30, 0, 0.5, 1.0)),  # the better forecast lost
    ],
)
def test_no_level_where_the_runs_show_none(runs):
    assert forecast.level(runs) is None


def test_under_the_level_every_remedy_is_of_the_curve():
    table = curve(
        foreground=[0.45, 0.52, 0.9],
        background=[0.1] * 3,
        cat=[0.3, 0.4, 0.5],
        cow=[0.2, 0.4, 0.9],
        dog=[0.9, 0.9, 0.9],
    )
    found = forecast.summary(table, 0.8, SEPARATE)
    assert (found["precision"], found["coverage"], found["level"]) == (0.45, 0.5, 0.5)
    assert found["advised_tau"] == 0.9 and found["weak_classes"] == ["cow", "cat"]
    assert found["sentence"] == (
        "45 % of the confident foreground pixels are right at tau 0.8, and 50 % of the foreground is confident; where"
        " the share that is right was under about 50 % our runs got worse (digits with 8 labels); to try: raise tau to"
        " 0.9, label more of cow and cat or take a stronger encoder."
    )


def test_a_tau_that_leaves_next_to_nothing_is_not_advised():
    found = forecast.summary(curve(foreground=[0.4, 0.4, 0.9], cat=[0.4, 0.4, 0.9]), 0.8, SEPARATE)
    assert found["advised_tau"] is None
    assert found["sentence"].endswith("label more of cat or take a stronger encoder.")


def test_over_the_level_nothing_is_advised():
    found = forecast.summary(curve(foreground=[0.6, 0.7, 0.8], cat=[0.3, 0.4, 0.5]), 0.8, SEPARATE)
    said = "; where the share that is right was over about 50 % our runs gained (digits with 30 labels, photos with 109"
    said += " labels)."
    assert found["sentence"].endswith(said)


def test_at_another_tau_the_one_of_our_runs_is_said():
    better = forecast.summary(curve(foreground=[0.6, 0.7, 0.8], cat=[0.9] * 3), 0.9, SEPARATE)["sentence"]
    assert "over about 50 % our runs, with tau 0.8, gained (digits with 30 labels, photos with" in better
    worse = forecast.summary(curve(foreground=[0.3, 0.4, 0.5], cat=[0.9] * 3), 0.9, SEPARATE)["sentence"]
    assert "under about 50 % our runs, with tau 0.8, got worse (digits with 8 labels)" in worse


@pytest.mark.parametrize(("at_most", "words"), [(0.9, "lower tau to 0.9 or pretrain"), (0.1, ": pretrain for longer")])
def test_too_few_confident_pixels_are_said(at_most, words):
    found = forecast.summary(curve(foreground=[at_most, at_most, 0.9], cat=[0.9, 0.9, 0.9]), 0.95, SEPARATE)
    assert found["coverage"] == 0.04
    assert "little to learn from" in found["sentence"] and words in found["sentence"]


def test_without_a_level_the_sentence_claims_nothing():
    found = forecast.summary(curve(foreground=[0.1, 0.2, 0.3], cat=[0.1, 0.2, None]), 0.8, SEPARATE.iloc[2:])
    assert found["level"] is None and found["advised_tau"] is None and found["weak_classes"] == []
    assert "does not say whether they will help (lost: none; gained: digits" in found["sentence"]
    assert "got worse" not in found["sentence"] and "tau to" not in found["sentence"]


def test_nothing_confident_is_said():
    found = forecast.summary(curve(foreground=[0.9, None, None], cat=[None] * 3), 0.9, SEPARATE)
    assert found["precision"] is None
    assert (
        found["sentence"]
        == "No foreground pixel is confident at tau 0.9; to try: lower tau to 0.8 or pretrain for longer."
    )


def test_a_class_that_is_never_confident_is_the_weakest():
    table = curve(foreground=[0.4] * 3, cat=[0.3] * 3, cow=[None] * 3, dog=[0.2] * 3, hen=[0.4] * 3)
    assert forecast.summary(table, 0.8, SEPARATE)["weak_classes"] == ["cow", "dog", "cat"]


def test_the_outcome_stands_beside_its_forecast(tmp_path):
    runs = pd.DataFrame(
        [
            ("digits", 30, v, seed, 40.0 + seed + i)
            for i, v in enumerate(("supervised", "prototype"))
            for seed in (0, 1)
        ],
        columns=["dataset", "labels", "variant", "seed", "miou"],
    )
    runs.to_csv(tmp_path / "runs.csv", index=False)
    for seed in (1, 2):  # one that was run, one that was not
        said = {"dataset": "digits", "labels": 30, "seed": seed, "images": "labeled", "tau": 0.8}
        write_json(tmp_path / f"{seed}/forecast.json", said | {"coverage": 0.5, "precision": None, "sentence": "So."})
    forecast.outcome(tmp_path, [tmp_path / "2", tmp_path / "1"], tmp_path / "out.csv")
    first, second = pd.read_csv(tmp_path / "out.csv").to_dict("records")
    assert (first["seed"], first["coverage"], first["sentence"]) == (1, 0.5, "So.")
    assert (first["supervised"], first["prototype"], first["gain_prototype"]) == (41, 42, 1)
    assert pd.isna(first["consistency"]) and pd.isna(first["gain_consistency"]) and pd.isna(first["precision"])
    assert second["seed"] == 2 and pd.isna(second["prototype"])


@pytest.mark.parametrize(("text", "words"), [(None, "no such file"), ("{", "not a forecast")])
def test_a_forecast_that_cannot_be_read_is_named(tmp_path, one_line, text, words):
    if text is not None:
        (tmp_path / "forecast.json").write_text(text)
    with pytest.raises(UserError) as error:
        forecast.read_summary(tmp_path, ())
    one_line(error, tmp_path / "forecast.json", words, "snakemake")
