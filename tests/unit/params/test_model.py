"""The network's sizes have bounds, inside lists too."""

import pytest


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("model.encoder.multi_grid", [1, 0, 1]),
        ("model.decoder.rates", [12, 0]),
        ("model.decoder.dropout", 1),
        ("model.auxiliary_weight", -0.4),
        ("model.encoder.patch_size", 1),
        ("model.encoder.trainable", "some"),
        ("model.decoder.kind", "unet"),
    ],
)
def test_out_of_bounds(edited, refused, key, value):
    refused(edited({key: value}), key)


def test_the_switches_are_off_where_nothing_is_said(shipped):
    assert (shipped.model.encoder.trainable, shipped.model.encoder.patch_size) == ("all", None)
    assert shipped.model.decoder.kind == "deeplab" and shipped.optimizer.kind == "sgd"
