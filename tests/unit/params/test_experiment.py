"""Variants change `semi`, experiments name variants, and each run is listed once."""

from pathlib import Path

import pytest

from semiproto import params as parameters


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"taus": 0.5}, ["taus: unknown parameter", "did you mean tau?"]),
        ({"tau": 3}, ["tau: 3"]),
        ({"teacher": {"decai": 0.5}}, ["teacher.decai", "did you mean decay?"]),
        ({"epochs": 4}, ["exactly one of steps and epochs"]),
    ],
)
def test_a_variant_with_a_bad_change(edited, refused, changes, words):
    refused(edited({"variants.prototype.semi": changes}), "variants.prototype.semi", *words)


@pytest.mark.parametrize("key", ["experiments.0.variants", "tsne.variants"])
def test_an_unknown_variant(edited, refused, key):
    refused(edited({key: ["prototype", "prototipe"]}), "prototipe", "consistency")


def test_an_unknown_method(edited, refused):
    refused(edited({"variants.prototype.method": "magic"}), "variants.prototype.method", "magic")


def test_a_variant_changes_only_what_it_names(edited):
    changes = {"tau": 0.5, "teacher": {"decay": 0.9}, "steps": None, "epochs": 3}
    both = parameters.validate(edited({"variants.prototype.semi": changes}), "params.yaml")
    semi = both.semi_of("prototype")
    expected = both.semi.model_dump() | {"tau": 0.5, "steps": None, "epochs": 3}
    expected["teacher"] = expected["teacher"] | {"decay": 0.9}
    assert semi.model_dump() == expected
    assert both.semi_of("consistency") == both.semi
    assert parameters.train_config(both, "prototype").semi == semi
    assert parameters.train_config(both, "prototype").method == "prototype"


def test_a_run_asked_for_twice_is_one_run(edited):
    blocks = [
        {"split": 12, "variants": ["prototype", "supervised"], "seeds": [0, 1]},
        {"split": "all", "variants": ["prototype"], "seeds": [1]},
        {"split": 12, "variants": ["prototype"], "seeds": [1, 2]},
    ]
    runs = parameters.validate(edited({"experiments": blocks}), "params.yaml").runs()
    assert runs == [
        *(("12", "prototype", seed) for seed in (0, 1, 2)),
        *(("12", "supervised", seed) for seed in (0, 1)),
        ("all", "prototype", 1),
    ]


def test_a_variant_replaces_the_kind_of_perturbation(edited):
    changes = {"semi.strong_view": {"views": 2}, "semi.perturbation": {"kind": "dropout", "dropout": 0.3}}
    changes["variants.prototype.semi"] = {"perturbation": {"kind": "complementary"}}
    changes["variants.consistency.semi"] = {"perturbation": {"kind": "none"}}
    both = parameters.validate(edited(changes), "params.yaml")
    kinds = [both.semi_of(name).perturbation.kind for name in ("supervised", "prototype", "consistency")]
    assert kinds == ["dropout", "complementary", "none"]


@pytest.mark.parametrize("file", sorted(Path("experiments").glob("*.yaml")), ids=lambda file: file.stem)
def test_the_shipped_experiments_are_validated_as_they_are_evaluated(file):
    shipped = parameters.load(file)
    assert shipped.pretrain.window == shipped.semi.window == shipped.evaluate.window


JITTER = {"probability": 0.8, "brightness": 0.5, "contrast": 0.5, "saturation": 0.5, "hue": 0.25}
FOUR = {"mean": [0.1, 0.2, 0.3, 0.4], "std": [0.1] * 4}


@pytest.fixture
def folder(edited):
    """params.yaml of an own folder whose images have four bands."""
    template = parameters.load(Path("experiments/my-data.yaml")).dataset.model_dump()
    return lambda changes, bands=4: edited({"dataset": template | {"bands": bands}} | changes)


@pytest.mark.parametrize(("key", "value", "off"), [("jitter", JITTER, "null"), ("grey_probability", 0.2, "0")])
def test_views_of_colours_are_for_three_bands(folder, refused, key, value, off):
    view = {"semi.strong_view": {key: value}}
    refused(folder(view), f"semi.strong_view.{key}", "4 bands", f"set it to {off}")
    refused(folder({"variants.prototype.semi": {"strong_view": {key: value}}}), key, "variant prototype")
    parameters.validate(folder(view, bands=3), "params.yaml")
    parameters.validate(folder({"semi.strong_view": {"blur": {"probability": 0.5, "sigma": [0.1, 2]}}}), "params.yaml")


def test_a_normalisation_has_as_many_values_as_images_have_bands(folder, refused):
    given = {"model.encoder.normalisation": FOUR}
    parameters.validate(folder(given), "params.yaml")
    refused(folder(given, bands=3), "model.encoder.normalisation", "4 values", "3 bands", "null")


@pytest.mark.parametrize(
    ("variant", "by", "words"),
    [
        ("prototipe", "uncertainty", ["prototipe", "variants has"]),
        ("supervised", "coverage", ["suggest.by", "coverage", "supervised has none", "uncertainty"]),
        ("consistency-equal-loss", "uncertainty", ["suggest.variant", "experiments has no run"]),
    ],
)
def test_suggestions_come_from_a_run_that_can_make_them(edited, refused, variant, by, words):
    refused(edited({"suggest": {"variant": variant, "by": by, "count": 5}}), *words)


def test_suggestions_are_off_and_then_in_no_config(edited):
    assert parameters.validate(edited({}), "params.yaml").suggest is None
    on = parameters.validate(edited({"suggest": {"variant": "prototype", "by": "coverage", "count": 5}}), "params.yaml")
    assert on.tree()["suggest"] == {"variant": "prototype", "by": "coverage", "count": 5}
    assert "suggest" not in parameters.validate(edited({}), "params.yaml").tree()
