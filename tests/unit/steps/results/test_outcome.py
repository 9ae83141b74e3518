"""The step that puts what happened beside what was forecast."""

import pandas as pd
from made_up import write_receipt

from semiproto.provenance.artifacts import write_json
from semiproto.provenance.receipts import read_receipt
from semiproto.steps.job import Inputs, Job, NoConfig
from semiproto.steps.results.outcome import outcome


def test_the_outcome_is_made_from_the_tables_and_each_forecast(tmp_path):
    keys = {"dataset": "digits", "labels": 30, "seed": 0}
    (tmp_path / "tables").mkdir()
    runs = [keys | {"variant": name, "miou": miou} for name, miou in (("supervised", 40.0), ("prototype", 45.0))]
    pd.DataFrame(runs).to_csv(tmp_path / "tables/runs.csv", index=False)
    said = keys | {"images": "labeled", "tau": 0.8, "coverage": 0.5, "precision": 0.9, "sentence": "It will help."}
    write_json(tmp_path / "forecast/forecast.json", said)
    for name in ("tables", "forecast"):
        write_receipt(tmp_path / name, config={}, seed=None, facts={})
    out = tmp_path / "results/forecast.csv"
    outcome(Job(NoConfig(), Inputs(tables=tmp_path / "tables", forecast=[tmp_path / "forecast"]), out))
    (row,) = pd.read_csv(out).to_dict("records")
    assert (row["sentence"], row["gain_prototype"]) == ("It will help.", 5)
    receipt = read_receipt(out)
    assert set(receipt["inputs"]) == {str(tmp_path / "tables"), str(tmp_path / "forecast")}
    assert set(receipt["outputs"]) == {"forecast.csv"}
