"""Parameters: every fault is one line that names the key, and equal configs have one text."""

import copy
import json
from pathlib import Path

import pytest
import yaml

from semiproto import params as parameters
from semiproto.errors import UserError

SHIPPED = Path(__file__).resolve().parents[2] / "params.yaml"


@pytest.fixture
def raw():
    """The shipped parameters as parsed YAML, to be changed."""
    return copy.deepcopy(yaml.safe_load(SHIPPED.read_text()))


def change(raw, key, value):
    """Sets the parameter at a dotted key."""
    *path, last = key.split(".")
    section = raw
    for name in path:
        section = section[int(name)] if isinstance(section, list) else section[name]
    if value is REMOVED:
        del section[last]
    else:
        section[last] = value
    return raw


REMOVED = object()


def fault(raw):
    with pytest.raises(UserError) as error:
        parameters.validate(raw, "params.yaml")
    assert str(error.value).startswith("params.yaml: ")
    return error


def test_the_shipped_parameters_are_valid(raw, shipped):
    assert parameters.validate(raw, "params.yaml") == shipped


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
def test_an_unknown_key(raw, one_line, key, name):
    one_line(fault(change(raw, key, 1)), f"{key}: unknown parameter", f"did you mean {name}?" if name else "")


@pytest.mark.parametrize(
    "key",
    ["splits.seed", "dataset.image_size", "augment.crop", "semi.teacher.decay", "pretrain.labeled_loss.kind", "tsne"],
)
def test_a_missing_key(raw, one_line, key):
    one_line(fault(change(raw, key, REMOVED)), f"{key}: missing")


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
def test_a_wrong_type(raw, one_line, key, value):
    one_line(fault(change(raw, key, value)), key)


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
def test_out_of_bounds(raw, one_line, key, value):
    shown = "" if isinstance(value, float) and value != value else repr(value)
    one_line(fault(change(raw, key, value)), key, shown)


@pytest.mark.parametrize(("key", "value"), [("augment.scale", [1.1, 2.0]), ("augment.scale", [0.5, 0.9])])
def test_scales_on_the_wrong_side_of_one(raw, one_line, key, value):
    one_line(fault(change(raw, key, value)), key)


@pytest.mark.parametrize("section", ["pretrain", "semi"])
@pytest.mark.parametrize(("steps", "epochs"), [(None, None), (10, 2)])
def test_both_or_neither_of_steps_and_epochs(raw, one_line, section, steps, epochs):
    change(change(raw, f"{section}.steps", steps), f"{section}.epochs", epochs)
    one_line(fault(raw), section, "exactly one of steps and epochs")


def test_an_unknown_source(raw, one_line):
    one_line(fault(change(raw, "dataset.source", "cloud")), "dataset", "cloud")


def test_windows_that_leave_gaps_are_refused(raw, one_line):
    """Pixels that no window covers would be predicted as class 0."""
    one_line(fault(change(raw, "evaluate.window", {"size": 32, "stride": 33})), "evaluate.window")


def test_more_than_one_fault_is_counted(raw, one_line):
    change(change(raw, "semi.tau", 2), "optimizer.lr", -1)
    one_line(fault(raw), "(and 1 more)")


@pytest.mark.parametrize("raw_file", [None, [], "text", 3])
def test_a_file_that_is_no_mapping(one_line, raw_file):
    one_line(fault(raw_file), "the file")


# -------------------------------------------------------------------------------------------------- variants


@pytest.mark.parametrize(
    ("change_of_semi", "words"),
    [
        ({"taus": 0.5}, ["taus: unknown parameter", "did you mean tau?"]),
        ({"tau": 3}, ["tau: 3"]),
        ({"teacher": {"decai": 0.5}}, ["teacher.decai", "did you mean decay?"]),
        ({"epochs": 4}, ["exactly one of steps and epochs"]),
    ],
)
def test_a_variant_with_a_bad_change(raw, one_line, change_of_semi, words):
    one_line(fault(change(raw, "variants.prototype.semi", change_of_semi)), "variants.prototype.semi", *words)


@pytest.mark.parametrize("key", ["experiments.0.variants", "tsne.variants"])
def test_an_unknown_variant(raw, one_line, key):
    one_line(fault(change(raw, key, ["prototype", "prototipe"])), "prototipe", "consistency")


def test_an_unknown_method(raw, one_line):
    one_line(fault(change(raw, "variants.prototype.method", "magic")), "variants.prototype.method", "magic")


def test_a_variant_changes_only_what_it_names(raw):
    change(raw, "variants.prototype.semi", {"tau": 0.5, "teacher": {"decay": 0.9}, "steps": None, "epochs": 3})
    both = parameters.validate(raw, "params.yaml")
    semi = both.semi_of("prototype")
    expected = both.semi.model_dump() | {"tau": 0.5, "steps": None, "epochs": 3}
    expected["teacher"] = expected["teacher"] | {"decay": 0.9}
    assert semi.model_dump() == expected
    assert both.semi_of("consistency") == both.semi
    assert parameters.train_config(both, "prototype").semi == semi
    assert parameters.train_config(both, "prototype").method == "prototype"


# ------------------------------------------------------------------------------------------------- the file


def written(tmp_path, text):
    path = tmp_path / "params.yaml"
    path.write_text(text)
    return path


def test_a_key_given_twice(tmp_path, one_line):
    text = SHIPPED.read_text().replace("  tau: 0.8\n", "  tau: 0.8\n  tau: 0.9\n")
    assert text != SHIPPED.read_text()
    path = written(tmp_path, text)
    with pytest.raises(UserError) as error:
        parameters.load(path)
    one_line(error, path, "'tau'", "twice")


@pytest.mark.parametrize("text", ["a: [1", "a: b: c", "\t- x", "!!python/object:os.system {}"])
def test_text_that_is_not_yaml(tmp_path, one_line, text):
    path = written(tmp_path, text)
    with pytest.raises(UserError) as error:
        parameters.load(path)
    one_line(error, path, "not valid YAML")


def test_a_missing_file(tmp_path, one_line):
    with pytest.raises(UserError) as error:
        parameters.load(tmp_path / "absent.yaml")
    one_line(error, tmp_path / "absent.yaml")


def test_numbers_in_scientific_notation(tmp_path):
    path = written(tmp_path, SHIPPED.read_text().replace("1.0e-4", "1e-4"))
    assert parameters.load(path).optimizer.weight_decay == 1e-4


# ---------------------------------------------------------------------------------------------- step configs

STEPS = ["DataConfig", "SplitConfig", "PretrainConfig", "FeaturesConfig", "PrototypesConfig", "EvaluateConfig"]


@pytest.mark.parametrize("name", STEPS)
def test_the_text_of_a_config_reads_back(shipped, name):
    kind = getattr(parameters, name)
    config = parameters.step_config(shipped, kind)
    text = parameters.canonical(config)
    assert parameters.parse(text, kind) == config
    assert parameters.canonical(parameters.parse(text, kind)) == text
    assert "\n" not in text


def test_the_text_does_not_depend_on_how_the_file_is_written(tmp_path, raw, shipped):
    turned = {name: raw[name] for name in reversed(raw)}
    turned["semi"] = {name: raw["semi"][name] for name in reversed(raw["semi"])}
    turned["optimizer"]["lr"] = f"{turned['optimizer']['lr']:.3f}"
    other = parameters.load(written(tmp_path, yaml.safe_dump(turned, sort_keys=False)))
    for variant in shipped.variants:
        first, second = (parameters.canonical(parameters.train_config(p, variant)) for p in (shipped, other))
        assert first == second
    assert list(json.loads(first)) == sorted(json.loads(first))


@pytest.mark.parametrize("key", ["semi.tau", "optimizer.lr", "augment.flip"])
def test_a_changed_leaf_changes_the_text(raw, shipped, key):
    other = parameters.validate(change(raw, key, 0.123), "params.yaml")
    texts = [parameters.canonical(parameters.train_config(p, "prototype")) for p in (shipped, other)]
    assert texts[0] != texts[1]


def test_compute_is_in_no_config(raw, shipped):
    other = parameters.validate(change(change(raw, "compute.threads", 7), "compute.workers", 3), "params.yaml")
    for kind in (getattr(parameters, name) for name in STEPS):
        first, second = (parameters.canonical(parameters.step_config(p, kind)) for p in (shipped, other))
        assert first == second


@pytest.mark.parametrize("text", ["", "{", '{"features": {"pixels_per_class": 0, "seed": 0}}', "{}"])
def test_a_bad_config_text(one_line, text):
    with pytest.raises(UserError) as error:
        parameters.parse(text, parameters.FeaturesConfig)
    one_line(error, "--config")


def test_values_do_not_change_once_read(shipped):
    with pytest.raises(Exception, match="frozen"):
        shipped.semi.tau = 0.1
