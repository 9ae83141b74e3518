"""Every fault is one line that names the key, what is wrong, and the remedy."""

import pytest
from pydantic import ValidationError

from semiproto import params as parameters


@pytest.mark.parametrize(
    ("key", "name"),
    [
        ("semi.taus", "tau"),
        ("model.decoder.plane", "planes"),
        ("tau", ""),
        ("dataset.sizes", ""),
        ("semi.teacher.x", ""),
    ],
)
def test_an_unknown_key(edited, refused, key, name):
    refused(edited({key: 1}), f"{key}: unknown parameter", f"did you mean {name}?" if name else "")


@pytest.mark.parametrize(
    "key",
    ["splits.seed", "dataset.image_size", "augment.crop", "semi.teacher.decay", "pretrain.labeled_loss.kind", "tsne"],
)
def test_a_missing_key(edited, refused, key):
    refused(edited({key: ...}), f"{key}: missing")


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("semi.tau", "high"),
        ("pretrain.batch", "many"),
        ("pretrain.batch", 2.5),
        ("model.decoder.rates", 2),
        ("semi.prototype_head.update", "perhaps"),
        ("optimizer", 3),
        ("augment.scale", [1.0]),
        ("dataset.name", 7),
    ],
)
def test_a_wrong_type(edited, refused, key, value):
    refused(edited({key: value}), key)


@pytest.mark.parametrize(
    ("key", "value", "word"),
    [
        ("semi.tau", True, "tau is true"),
        ("semi.strong_view", {"views": True}, "views is true"),
        ("augment.padding_label", False, "padding_label is false"),
        ("augment.scale", [True, 2.0], "scale has true"),
        ("model.decoder.rates", [6, True], "rates has true"),
        ("dataset.rare_five", True, None),
        ("compute.gpus", False, "gpus is false"),
    ],
)
def test_true_and_false_are_no_numbers(edited, refused, key, value, word):
    if word is None:
        assert parameters.validate(edited({key: value}), "params.yaml").dataset.rare_five is True
    else:
        refused(edited({key: value}), word, "no number; give one")


def test_what_is_no_section_and_no_pair_is_told_what_to_give(edited, refused):
    jitter = "brightness, contrast, saturation, hue, probability"
    refused(edited({"semi.strong_view": {"jitter": 0.5}}), "semi.strong_view.jitter: 0.5", f"give its keys: {jitter}")
    refused(edited({"augment.scale": 2}), "augment.scale: 2", "give two values in brackets")


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("semi.tau", 1.5),
        ("semi.tau", -0.1),
        ("semi.tau", float("nan")),
        ("optimizer.lr", 0),
        ("optimizer.lr", float("inf")),
        ("semi.teacher.decay", 1.0),
        ("semi.prototype_head.momentum", 1),
        ("semi.prototype_head.temperature", 0),
        ("pretrain.batch", 0),
        ("prototypes.per_class", 0),
        ("dataset.image_size", 8),
        ("dataset.seed", -1),
        ("augment.padding_label", 7),
        ("model.encoder.output_stride", 4),
        ("dataset.name", "../elsewhere"),
        ("model.decoder.rates", []),
    ],
)
def test_out_of_bounds(edited, refused, key, value):
    shown = "" if isinstance(value, float) and value != value else repr(value)
    refused(edited({key: value}), key, shown)


def test_more_than_one_fault_is_counted(edited, refused):
    refused(edited({"semi.tau": 2, "optimizer.lr": -1}), "(and 1 more)")


@pytest.mark.parametrize("tree", [None, [], "text", 3])
def test_a_file_that_is_no_mapping(refused, tree):
    refused(tree, "no parameters", "copy a file from experiments/")


def test_values_do_not_change_once_read(shipped):
    with pytest.raises(ValidationError, match="frozen"):
        shipped.semi.tau = 0.1


def test_a_long_value_does_not_make_the_line_long(edited, refused):
    message = refused(
        edited({"model.decoder.rates": [1] * 100_000}), "model.decoder.rates: [1, 1, ", "at most 16 items"
    )
    assert len(message) < 400
