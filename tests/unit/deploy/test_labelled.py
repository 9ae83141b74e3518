"""Which images a model's labels were of."""

import json

import pytest
from made_up import write_receipt
from PIL import Image

from semiproto.deploy import labelled
from semiproto.errors import UserError


@pytest.fixture
def checkout(tmp_path):
    """A checkout with a prepared set, a split, and the receipt of a model that was trained on it."""
    data, split, model = (
        tmp_path / name for name in ("data/raw/mine", "data/splits/mine/all", "models/semi/mine/all/supervised/seed0")
    )
    (data / "files/JPEGImages").mkdir(parents=True)
    for name in "abc":
        Image.new("RGB", (4, 4)).save(data / f"files/JPEGImages/{name}.png")
    split.mkdir(parents=True)
    for name, ids in (("labeled", "a"), ("unlabeled", "c"), ("val", "b")):
        (split / f"{name}.txt").write_text(f"{ids}\n")
    model.mkdir(parents=True)
    for folder in (data, split, model):
        write_receipt(folder, "made", outputs={"x": folder.name}, config={}, inputs=[], seed=None, seconds=0)
    receipt = json.loads((model / "receipt.json").read_text())
    places = {"data/raw/mine": {"x": "mine"}, "data/splits/mine/all": {"x": "all"}}
    change(model, **receipt | {"artefact": "models/semi/mine/all/supervised/seed0", "inputs": places})
    return tmp_path, model


def change(model, **fields):
    file = model / "receipt.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | fields))


def stems(images):
    return [path.stem for path in images]


def test_a_model_in_its_checkout_says_it_from_anywhere(checkout, monkeypatch):
    root, model = checkout
    monkeypatch.chdir(root.parent)
    found = labelled.of_model(model)
    assert (stems(found.training), stems(found.validation), stems(found.images)) == (["a"], ["b"], ["a", "b"])


def test_a_model_that_was_moved_says_it_in_the_checkout_alone(checkout, monkeypatch):
    root, model = checkout
    moved = model.rename(root / "handed-on")
    monkeypatch.chdir(root)
    assert stems(labelled.of_model(moved).images) == ["a", "b"]
    monkeypatch.chdir(root / "data")
    assert labelled.of_model(moved) is None


@pytest.mark.parametrize("fault", ["no receipt", "split changed", "image gone", "other inputs"])
def test_what_is_not_as_it_was_is_not_known(checkout, fault):
    root, model = checkout
    if fault == "no receipt":
        (model / "receipt.json").unlink()
    elif fault == "split changed":
        change(root / "data/splits/mine/all", outputs={"x": "another"})
    elif fault == "image gone":
        (root / "data/raw/mine/files/JPEGImages/a.png").unlink()
    else:
        change(model, inputs={})
    assert labelled.of_model(model) is None


def test_named_folders_and_files(checkout, one_line, tmp_path):
    images = tmp_path / "data/raw/mine/files/JPEGImages"
    assert stems(labelled.named([images, images / "a.png"]).training) == ["a", "b", "c", "a"]
    with pytest.raises(UserError) as error:
        labelled.named([tmp_path / "data"])
    one_line(error, "--labelled", tmp_path / "data", "name the folder")
