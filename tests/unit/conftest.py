"""What the unit tests share: the shipped parameters, a network small enough for one core, and a tiny digits set."""

import time
from pathlib import Path

import pytest
import torch
from PIL import Image

from semiproto import params as parameters
from semiproto.data import digits
from semiproto.data.dataset import Images
from semiproto.data.layout import LISTS, MASKS, read_list, read_mask, write_mask
from semiproto.model.network import SegmentationNetwork
from semiproto.model.prototypes import PrototypeBank
from semiproto.provenance import integrity

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


@pytest.fixture(scope="session")
def recipes(tiny):
    """The tiny parameters with the variants of experiments/embedded-recipes.yaml."""
    with_recipes = parameters.load(REPOSITORY / "experiments/embedded-recipes.yaml")
    return tiny.model_copy(update={"variants": with_recipes.variants})


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
def tiny_vit(tiny):
    """The tiny parameters with a ViT of six blocks, patches of 8, DPT and AdamW."""
    changes = tiny.model_dump()
    changes["model"]["encoder"] |= {"name": "test_vit", "patch_size": 8, "output_stride": 8}
    changes["model"]["decoder"] |= {"kind": "dpt"}
    changes["optimizer"] |= {"kind": "adamw", "lr": 1e-3, "head_lr_factor": 4, "weight_decay": 0.01}
    return parameters.Params.model_validate(changes)


@pytest.fixture
def make_vit(tiny_vit):
    """Makes a small network with a ViT: make_vit(decoder, and what is changed in model.encoder)."""

    def make(decoder="dpt", **encoder):
        torch.manual_seed(0)
        changes = {
            "encoder": tiny_vit.model.encoder.model_copy(update=encoder),
            "decoder": tiny_vit.model.decoder.model_copy(update={"kind": decoder}),
        }
        return SegmentationNetwork(tiny_vit.model.model_copy(update=changes), 7, pretrained=False)

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


@pytest.fixture
def confident(make_net, digits_root, ids):
    """A network that predicts all classes, some of them confidently."""
    net, images = make_net().eval(), Images(digits_root, ids["train"][:2])
    last = net.heads["linear"].layers[-1]
    with torch.no_grad():
        logits = torch.cat([net(images[n][0][None]).logits for n in range(2)])
        spread = logits.std(dim=(0, 2, 3))
        last.weight.mul_((3 / spread).view(-1, 1, 1, 1))
        last.bias.copy_((last.bias - logits.mean(dim=(0, 2, 3))) * 3 / spread)
    return net


@pytest.fixture
def voided(digits_root, ids, tmp_path):
    """Two images of the digits set, one of them with void pixels, the other with another size."""
    for folder in (MASKS, "JPEGImages"):
        (tmp_path / folder).mkdir()
    for number, image_id in enumerate(ids["train"][:2]):
        mask = read_mask(digits_root / MASKS / f"{image_id}.png")
        mask[:20] = 255 if number == 0 else mask[:20]
        size = (64, 64 - 10 * number)
        write_mask(tmp_path / MASKS / f"{image_id}.png", mask[: size[1]])
        with Image.open(digits_root / "JPEGImages" / f"{image_id}.png") as image:
            image.crop((0, 0, *size)).save(tmp_path / "JPEGImages" / f"{image_id}.png")
    return Images(tmp_path, ids["train"][:2])


@pytest.fixture
def bank():
    """Two prototypes of each of seven classes."""
    found = PrototypeBank(7, 2, 8)
    found.prototypes.copy_(torch.rand(7, 2, 8, generator=torch.Generator().manual_seed(0)))
    return found


@pytest.fixture
def settled(monkeypatch: pytest.MonkeyPatch) -> None:
    """What was written a moment ago counts as written long ago."""
    later = time.time_ns() + 10 * integrity.TICK
    monkeypatch.setattr(integrity.time, "time_ns", lambda: later)
