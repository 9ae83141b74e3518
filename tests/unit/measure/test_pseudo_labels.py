"""How many confident pixels are right: shares, and what they are shares of. test_forecast.py counts pixel by pixel."""

import pandas as pd
import torch

from semiproto.measure.pseudo_labels import PseudoLabels


def test_shares_and_what_is_divided_by_none():
    found = PseudoLabels(["sky", "cat", "background"], [0.8])
    found.counts = torch.tensor([[[5, 1], [2, 0], [0, 0]], [[1, 3], [0, 0], [0, 0]]])
    table = found.table().set_index(["group", "class"])
    assert table.loc[("class", "sky"), ["pixels", "confident", "correct"]].tolist() == [10, 4, 3]
    assert table.loc[("class", "sky"), ["coverage", "precision"]].tolist() == [0.4, 0.75]
    assert table.loc[("foreground", ""), "pixels"] == 12  # the class of that name is left out, wherever it stands
    assert table.loc[("class", "cat"), "coverage"] == 0 and pd.isna(table.loc[("class", "cat"), "precision"])
    assert pd.isna(table.loc[("class", "background"), "coverage"])
    assert table.loc[("all", ""), "confident"] == 4


def test_a_set_without_background_is_all_foreground():
    found = PseudoLabels(["road", "car"], [0.8])
    found.counts += 1
    table = found.table().set_index("group")
    assert table.loc["foreground", "pixels"] == table.loc["all", "pixels"] == 8
