"""A prepared set, a split of it, and what each step makes of them in a few training steps; made once."""

from dataclasses import replace

import pytest
from made_up import write_receipt

from semiproto import params
from semiproto.data.layout import FILES
from semiproto.steps.data.split import split
from semiproto.steps.job import Inputs, Job
from semiproto.steps.models.features import features as sample
from semiproto.steps.models.pretrain import pretrain
from semiproto.steps.models.prototypes import prototypes as cluster
from semiproto.steps.models.train import train

STEPS = 3


@pytest.fixture(scope="session")
def few(tiny):
    """Parameters with a few training steps and few pixels."""
    tree = tiny.model_dump(mode="json")
    for phase in ("pretrain", "semi"):
        tree[phase] |= {"steps": STEPS, "epochs": None, "validations": 1, "checkpoint_every": 1}
    tree["semi"]["tau"] = 0.1
    tree["features"]["pixels_per_class"] = 20
    tree["prototypes"] |= {"per_class": 2, "n_init": 1}
    tree["compute"] |= {"workers": 0, "threads": 1, "processes": 1}
    return params.validate(tree, "few")


@pytest.fixture(scope="session")
def base(digits_root, few, tmp_path_factory):
    """The folder of it all, with the set and the split of six labels."""
    base = tmp_path_factory.mktemp("steps")
    (base / "set").mkdir()
    (base / "set" / FILES).symlink_to(digits_root)
    config = params.step_config(few, params.DataConfig).model_dump(mode="json")
    write_receipt(base / "set", "data", outputs={FILES: "digest"}, config=config, seed=None, facts={})
    split(Job(params.step_config(few, params.SplitConfig), Inputs(data=base / "set"), base / "split/6"))
    return base


@pytest.fixture(scope="session")
def given(base):
    return {"data": base / "set", "split": base / "split/6"}


@pytest.fixture(scope="session")
def pretraining(base, given, few):
    """The job of the pretraining."""
    config, out = params.step_config(few, params.PretrainConfig), base / "models/pretrain/digits/6/seed0"
    return Job(config, Inputs(**given, weights=None), out, few.compute, 0, base / "checkpoints/pretrain")


@pytest.fixture(scope="session")
def pretrained(pretraining):
    pretrain(pretraining)
    return pretraining.out


@pytest.fixture(scope="session")
def sampling(base, given, few, pretrained):
    """The job of the features."""
    config = params.step_config(few, params.FeaturesConfig)
    return Job(config, Inputs(**given, pretrained=pretrained), base / "models/features", few.compute, 0)


@pytest.fixture(scope="session")
def features(sampling):
    sample(sampling)
    return sampling.out


@pytest.fixture(scope="session")
def clustering(base, given, few, features):
    """The job of the prototypes."""
    config = params.step_config(few, params.PrototypesConfig)
    return Job(config, Inputs(data=given["data"], features=features), base / "models/prototypes", seed=0)


@pytest.fixture(scope="session")
def prototypes(clustering):
    cluster(clustering)
    return clustering.out


@pytest.fixture(scope="session")
def training(base, given, few, pretrained, prototypes):
    """The job of the full method."""
    inputs = Inputs(**given, pretrained=pretrained, prototypes=prototypes, weights=None)
    out = base / "models/semi/digits/6/prototype/seed0"
    config = params.train_config(few, "prototype")
    return Job(config, inputs, out, few.compute, 0, base / "checkpoints/semi")


@pytest.fixture(scope="session")
def trained(training):
    train(training)
    return training.out


@pytest.fixture
def elsewhere(tmp_path):
    """The same job with other folders to write to, and other fields that are given."""

    def move(job, **fields):
        checkpoints = None if job.checkpoints is None else tmp_path / "checkpoints"
        return replace(job, out=tmp_path.joinpath(*job.out.parts[-3:]), checkpoints=checkpoints, **fields)

    return move
