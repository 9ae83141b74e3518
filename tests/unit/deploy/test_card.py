"""The folder to hand on: what the hub's library and `predict` read of it, and what is refused."""

import json
import math
import shutil
from dataclasses import dataclass, replace

import numpy as np
import pytest
from PIL import Image

from semiproto.data.layout import read_mask
from semiproto.deploy.card import CONFIG, README, config, write_folder
from semiproto.deploy.files import Options
from semiproto.deploy.predict import predict_files
from semiproto.errors import UserError
from semiproto.model.folder import CARD, MODEL, Card, save_weights, write_card
from semiproto.provenance.artifacts import sha256_file, write_json

hub = pytest.importorskip("huggingface_hub")

CLASSES = ["background", "a_b", "no", "two", "three", "four", "123"]


@dataclass(frozen=True)
class Run:
    dataset = "photos"
    split = "54"
    images = 60
    miou = 71.25
    iou = dict.fromkeys(CLASSES, 71.25) | {"two": math.nan}


@dataclass(frozen=True)
class Score:
    run: Run
    low: float = 68.0
    high: float = 74.5


@pytest.fixture
def model(tmp_path, tiny, make_net):
    folder = tmp_path / "model"
    write_card(folder, Card(CLASSES, tiny.model, {"method": "prototype", "seed": 3}))
    save_weights(folder / MODEL, make_net())
    inputs = {"data/raw/photos": {"files": "d" * 64}, "/home/me/weights.pth": {"weights.pth": "e" * 64}}
    fields = {"step": "train", "outputs": {}, "inputs": inputs, "config": {}, "seed": 3, "facts": {}, "made": {}}
    write_json(folder / "receipt.json", fields)
    return folder


def test_the_hubs_library_reads_the_card_with_its_score(model, tmp_path):
    files = write_folder(model, tmp_path / "a" / "out", Score(Run()))
    assert sorted(path.name for path in (tmp_path / "a" / "out").iterdir()) == sorted(path.name for path in files)
    found = hub.ModelCard.load(files[0], ignore_metadata_errors=False)
    assert found.data.library_name == "semiproto" and found.data.pipeline_tag == "image-segmentation"
    (result,) = found.data.eval_results
    assert (result.dataset_name, result.metric_type, result.metric_value) == ("photos", "mean_iou", 71.25)
    assert found.data.license == "unknown"  # random weights
    assert "95 % interval 68.0 to 74.5, over 60 validation images" in found.text
    assert "| 1 | a_b | 71.2 |" in found.text and "| 3 | two |  |" in found.text
    assert "d" * 64 in found.text and sha256_file(model / MODEL) in found.text
    assert "/home/me" not in found.text and str(tmp_path) not in found.text


def test_without_evaluation_and_receipt_it_says_so(model, tmp_path):
    (model / "receipt.json").unlink()
    found = hub.ModelCard.load(write_folder(model, tmp_path / "out", None)[0])
    assert found.data.eval_results is None
    assert "Not known: there is no evaluation" in found.text and "Data: not known" in found.text


def test_a_single_image_gives_no_interval(model, tmp_path):
    write_folder(model, tmp_path / "out", Score(Run(), math.nan, math.nan))
    assert "a single image gives no interval" in (tmp_path / "out" / README).read_text()


@pytest.mark.parametrize(
    ("name", "licence", "other"),
    [
        ("resnet18.a1_in1k", "apache-2.0", None),
        ("vit_small_patch16_dinov3.lvd1689m", "other", "dinov3-license"),
    ],
)
def test_the_licence_is_what_timm_states(model, tmp_path, tiny, monkeypatch, name, licence, other):
    changed = tiny.model.model_copy(
        update={"encoder": tiny.model.encoder.model_copy(update={"name": name, "weights": "timm"})}
    )
    monkeypatch.setattr("semiproto.model.folder.load_model", lambda folder: None)  # of another network
    write_card(model, Card(CLASSES, changed, {}))
    data = hub.ModelCard.load(write_folder(model, tmp_path / "out", None)[0]).data
    assert data.license == licence and data.get("license_name") == other


def test_predict_reads_the_folder(model, tmp_path):
    write_folder(model, tmp_path / "out", None)
    noise = np.random.default_rng(0).integers(0, 256, (40, 50, 3), dtype=np.uint8)
    Image.fromarray(noise).save(tmp_path / "x.png")
    for folder in ("model", "out"):
        predict_files(tmp_path / folder, [tmp_path / "x.png"], tmp_path / "masks" / folder, Options())
    one, other = (read_mask(tmp_path / "masks" / folder / "x.png") for folder in ("model", "out"))
    np.testing.assert_array_equal(one, other)


def test_the_config_names_classes_and_images(model, tmp_path, tiny):
    write_folder(model, tmp_path / "out", None)
    written = json.loads((tmp_path / "out" / CONFIG).read_text())
    assert written == config(Card(CLASSES, tiny.model, {}))
    assert written["id2label"]["6"] == "123" and written["label2id"]["123"] == 6 and written["num_channels"] == 3


def test_again_replaces_its_own_files_and_leaves_others(model, tmp_path):
    write_folder(model, tmp_path / "out", None)
    (tmp_path / "out" / "notes.txt").write_text("mine")
    write_folder(model, tmp_path / "out", Score(replace(Run())))
    assert (tmp_path / "out" / "notes.txt").read_text() == "mine"
    assert "71.2" in (tmp_path / "out" / README).read_text()


def test_another_models_folder_is_refused_and_an_interrupted_card_goes_on(model, tmp_path, one_line):
    shutil.copytree(model, tmp_path / "other")
    other = tmp_path / "other" / CARD
    other.write_text(f"{other.read_text()}\n")
    before = {path: path.read_bytes() for path in (tmp_path / "other").iterdir()}
    with pytest.raises(UserError) as error:
        write_folder(model, tmp_path / "other", None)
    one_line(error, other, "of another model", "--out")
    assert {path: path.read_bytes() for path in (tmp_path / "other").iterdir()} == before
    write_folder(model, tmp_path / "out", None)
    (tmp_path / "out" / README).unlink()
    write_folder(model, tmp_path / "out", None)
    assert (tmp_path / "out" / README).is_file()


def test_what_is_refused_changes_nothing(model, tmp_path, one_line):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / README).write_text("# My project")
    for out, words in (
        ("mine", [README, "not a card that semiproto wrote", "--out"]),
        ("model", ["the model folder itself", "--out"]),
    ):
        with pytest.raises(UserError) as error:
            write_folder(model, tmp_path / out, None)
        one_line(error, tmp_path / out, *words)
    assert [path.name for path in (tmp_path / "mine").iterdir()] == [README] and not (model / README).exists()
    (model / MODEL).write_bytes(b"cut off")
    with pytest.raises(UserError) as error:
        write_folder(model, tmp_path / "out", None)
    one_line(error, model / MODEL)
    (model / CARD).unlink()
    with pytest.raises(UserError) as error:
        write_folder(model, tmp_path / "out", None)
    one_line(error, model / CARD, "no such file")
    assert not (tmp_path / "out").exists()
