"""The length of a phase is given once, and the crop shows the image."""

import pytest

from semiproto import params as parameters


@pytest.mark.parametrize(("key", "value"), [("augment.scale", [1.1, 2.0]), ("augment.scale", [0.5, 0.9])])
def test_scales_on_the_wrong_side_of_one(edited, refused, key, value):
    refused(edited({key: value}), key)


def test_a_shift_of_more_than_half_of_the_crop(edited, refused):
    refused(edited({"augment.crop": 64, "augment.shift": 33}), "augment", "shift 33", "crop 64")


@pytest.mark.parametrize("section", ["pretrain", "semi"])
@pytest.mark.parametrize(("steps", "epochs"), [(None, None), (10, 2)])
def test_both_or_neither_of_steps_and_epochs(edited, refused, section, steps, epochs):
    tree = edited({f"{section}.steps": steps, f"{section}.epochs": epochs})
    refused(tree, section, "exactly one of steps and epochs")


@pytest.mark.parametrize(
    ("batch", "images", "steps"),
    [(16, 10_582, 661), (16, 9_118, 570), (8, 2_975, 372), (16, 10, 1), (16, 1, 1)],
)
def test_an_epoch_has_as_many_steps_as_in_the_released_code(shipped, batch, images, steps):
    """Eight processes take ceil(images / 8) images each, in pairs, and drop an odd one."""
    schedule = shipped.semi.model_copy(update={"steps": None, "epochs": 3, "batch": batch})
    assert schedule.total_steps(images) == 3 * steps


def test_steps_do_not_depend_on_the_number_of_images(shipped):
    schedule = shipped.semi.model_copy(update={"steps": 7, "epochs": None})
    assert schedule.total_steps(5) == schedule.total_steps(5000) == 7


JITTER = {"brightness": 0.5, "contrast": 0.5, "saturation": 0.5, "hue": 0.25, "probability": 0.8}
CUTMIX = {"area": [0.02, 0.4], "aspect": [0.3, 3.3], "partner": "next"}


def test_without_a_word_the_strong_view_is_the_papers(shipped):
    semi = shipped.semi
    switches = semi.strong_view.model_dump()
    assert switches.pop("views") == 1 and not any(switches.values())
    assert (semi.perturbation.kind, semi.confident, semi.teacher.labels) == ("none", "above", "average")


@pytest.mark.parametrize(
    ("section", "value", "words"),
    [
        ("strong_view", {"views": 3}, ["views: 3"]),
        ("strong_view", {"jitter": JITTER | {"hue": 0.6}}, ["jitter.hue: 0.6"]),
        ("strong_view", {"jitter": {"hue": 0.1}}, ["jitter.brightness: missing"]),
        ("strong_view", {"jitters": JITTER}, ["jitters", "did you mean jitter?"]),
        ("strong_view", {"blur": {"sigma": [2, 0.1], "probability": 1}}, ["sigma goes from 2.0 to 0.1"]),
        ("strong_view", {"cutmix": CUTMIX | {"area": [0.4, 0.02]}}, ["area goes from 0.4 to 0.02"]),
        ("strong_view", {"cutmix": CUTMIX | {"area": [0.02, 0.9]}}, ["area.1", "0.9"]),
        ("strong_view", {"cutmix": CUTMIX | {"aspect": [2, 3]}}, ["aspect.0", "2"]),
        ("strong_view", {"cutmix": CUTMIX | {"partner": "any"}}, ["partner", "'any'"]),
        ("adaptive_tau", {"momentum": 0.99, "lowest": 0.85}, ["lowest 0.85", "tau 0.8", "lower it"]),
        ("adaptive_tau", {"momentum": 1, "lowest": 0}, ["adaptive_tau.momentum", "1"]),
        ("adaptive_tau", {}, ["adaptive_tau.momentum", "missing"]),
        ("repeat_threshold", 1.1, ["repeat_threshold", "1.1"]),
        ("perturbation", {"kind": "noise"}, ["noise"]),
        ("perturbation", {"kind": "dropout", "dropout": 1}, ["dropout", "1"]),
        ("perturbation", {"kind": "complementary"}, ["two strong views", "strong_view.views to 2"]),
    ],
)
def test_views_and_perturbations_that_cannot_be(edited, refused, section, value, words):
    refused(edited({f"semi.{section}": value}), "semi", *words)


@pytest.mark.parametrize(("key", "value"), [("betas", [0.9, 1.0]), ("betas", [0.9]), ("layer_decay", 0)])
def test_bounds_of_adamw(edited, refused, key, value):
    refused(edited({"optimizer.kind": "adamw", f"optimizer.{key}": value}), f"optimizer.{key}")


def test_layer_decay_is_adamws(edited, refused):
    refused(edited({"optimizer.layer_decay": 0.8}), "optimizer", "layer_decay 0.8", "adamw")


def test_the_remedies_for_rare_classes_are_off_and_stand_in_no_config(shipped):
    semi, tree = shipped.semi, shipped.semi.tree()
    assert (semi.repeat_threshold, semi.adaptive_tau) == (0, None)
    assert (semi.labeled_loss.class_weights, semi.labeled_loss.dice_weight) == ("none", 0)
    assert not {"repeat_threshold", "adaptive_tau"} & set(tree)
    assert set(tree["labeled_loss"]) == {"kind", "ohem_threshold", "ohem_min_kept_per_image"}
    assert "rare_five" not in shipped.dataset.tree()


@pytest.mark.parametrize(
    ("key", "value"), [("class_weights", "inverse"), ("largest_class_weight", 0.5), ("dice_weight", -1)]
)
def test_bounds_of_the_labelled_loss(edited, refused, key, value):
    refused(edited({f"pretrain.labeled_loss.{key}": value}), f"pretrain.labeled_loss.{key}", str(value))


@pytest.mark.parametrize("section", ["pretrain", "semi"])
def test_a_micro_batch_divides_the_batch(edited, refused, section):
    batch = parameters.validate(edited({}), "params.yaml").semi.batch
    for wrong in (batch - 1, 2 * batch):
        refused(edited({f"{section}.micro_batch": wrong}), section, f"micro_batch {wrong}", "divisor")
    halved = getattr(parameters.validate(edited({f"{section}.micro_batch": batch // 2}), "params.yaml"), section)
    assert (halved.at_once, halved.parts) == (batch // 2, 2)
    whole = getattr(parameters.validate(edited({}), "params.yaml"), section)
    assert (whole.at_once, whole.parts) == (batch, 1) and "micro_batch" not in whole.tree()
