"""Equal configs have one text, and a step's config holds only what the step may read."""

import json

import pytest
import yaml

from semiproto import params as parameters

STEPS = ["DataConfig", "SplitConfig", "PretrainConfig", "FeaturesConfig", "PrototypesConfig", "EvaluateConfig"]


@pytest.mark.parametrize("name", STEPS)
def test_the_text_of_a_config_reads_back(shipped, name):
    kind = getattr(parameters, name)
    config = parameters.step_config(shipped, kind)
    text = parameters.canonical(config)
    assert parameters.parse(text, kind) == config
    assert parameters.canonical(parameters.parse(text, kind)) == text
    assert "\n" not in text


def test_the_text_does_not_depend_on_how_the_file_is_written(tmp_path, edited, shipped):
    raw = edited({})
    turned = {name: raw[name] for name in reversed(raw)}
    turned["semi"] = {name: raw["semi"][name] for name in reversed(raw["semi"])}
    turned["optimizer"]["lr"] = f"{turned['optimizer']['lr']:.3f}"
    path = tmp_path / "params.yaml"
    path.write_text(yaml.safe_dump(turned, sort_keys=False))
    other = parameters.load(path)
    for variant in shipped.variants:
        first, second = (parameters.canonical(parameters.train_config(p, variant)) for p in (shipped, other))
        assert first == second
    assert list(json.loads(first)) == sorted(json.loads(first))


@pytest.mark.parametrize("key", ["semi.tau", "optimizer.lr", "augment.flip"])
def test_a_changed_leaf_changes_the_text(edited, shipped, key):
    other = parameters.validate(edited({key: 0.123}), "params.yaml")
    texts = [parameters.canonical(parameters.train_config(p, "prototype")) for p in (shipped, other)]
    assert texts[0] != texts[1]


def test_compute_is_in_no_config(edited, shipped):
    other = parameters.validate(edited({"compute.threads": 7, "compute.workers": 3}), "params.yaml")
    for kind in (getattr(parameters, name) for name in STEPS):
        first, second = (parameters.canonical(parameters.step_config(p, kind)) for p in (shipped, other))
        assert first == second


def test_the_forecast_reads_the_threshold_in_use(edited):
    params = parameters.validate(edited({"semi.tau": 0.61, "forecast.images": "validation"}), "params.yaml")
    assert parameters.forecast_config(params).model_dump() == {"images": "validation", "tau": 0.61}


def test_a_switch_that_is_off_changes_no_config():
    class Switched(parameters.Section):
        steps: int
        view: bool = False

    off, on = Switched(steps=3), Switched(steps=3, view=True)
    assert parameters.canonical(off) == '{"steps": 3}' and on.tree() == {"steps": 3, "view": True}
    assert parameters.parse(parameters.canonical(on), Switched) == on
