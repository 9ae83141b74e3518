"""What the unit tests share: the shipped parameters, a network small enough for one core, and a tiny digits set."""

from pathlib import Path

import pytest
import torch

from semiproto import params as parameters
from semiproto.data import digits
from semiproto.data.layout import LISTS, read_list
from semiproto.model.network import SegmentationNetwork

torch.set_num_threads(1)

REPOSITORY = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def shipped():
    """The parameters of the repository's params.yaml."""
    return parameters.load(REPOSITORY / "params.yaml")


@pytest.fixture(scope="session")
def tiny(shipped):
    """The shipped parameters with a narrow decoder and 32-pixel crops."""
    changes = shipped.model_dump()
    changes["model"]["decoder"]["planes"] = 4
    changes["augment"]["crop"] = 32
    changes["semi"]["batch"] = changes["pretrain"]["batch"] = 2
    return parameters.Params.model_validate(changes)


@pytest.fixture
def make_net(tiny):
    """Makes a small network from a seed, its batch-norm statistics those of noise and not the initial ones."""

    def make(seed=0, classes=7):
        torch.manual_seed(seed)
        net = SegmentationNetwork(tiny.model, classes, pretrained=False)
        for _ in range(20):
            net(torch.randint(256, (4, 3, 32, 32), dtype=torch.uint8))
        return net

    return make


@pytest.fixture(scope="session")
def digits_root(shipped, tmp_path_factory):
    """A digits set of 8 labelled, 10 unlabelled and 3 validation images. Tests must not change it."""
    root = tmp_path_factory.mktemp("digits") / "digits"
    source = shipped.dataset.model_copy(update={"labeled": 8, "unlabeled": 10, "validation": 3})
    digits.make(root, source)
    return root


@pytest.fixture(scope="session")
def ids(digits_root):
    """The ids of the digits set by list: train, unlabeled, val."""
    return {name: read_list(digits_root / LISTS / f"{name}.txt") for name in ("train", "unlabeled", "val")}


@pytest.fixture
def one_line():
    """Checks that an error is one line that names all of the given words."""

    def check(error, *words):
        text = str(error.value)
        assert "\n" not in text
        for word in words:
            assert str(word) in text, f"{word!r} is not in {text!r}"

    return check
