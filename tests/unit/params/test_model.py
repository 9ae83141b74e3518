"""The network's sizes have bounds, inside lists too."""

import pytest


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("model.encoder.multi_grid", [1, 0, 1]),
        ("model.decoder.rates", [12, 0]),
        ("model.decoder.dropout", 1),
        ("model.auxiliary_weight", -0.4),
    ],
)
def test_out_of_bounds(edited, refused, key, value):
    refused(edited({key: value}), key)
