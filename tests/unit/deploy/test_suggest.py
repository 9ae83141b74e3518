"""What to label next: the choice, what is left out, what is kept, and every kind of image."""

import signal
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
import torch
from gates import Gate
from PIL import Image
from typer.testing import CliRunner

from semiproto.cli import app
from semiproto.data.images.pixels import PixelFormat
from semiproto.deploy import suggest as module
from semiproto.deploy.labelled import Labelled
from semiproto.deploy.suggest import LEFT_OUT, LIST, SHEET, Wishes, suggest
from semiproto.errors import UserError
from semiproto.model.folder import MODEL, STUDENT, Card, bank_of, save_student, save_weights, write_card
from semiproto.model.network import SegmentationNetwork
from semiproto.params import NormalisationParams

NAMES = ["background", *(f"digit{n}" for n in range(6))]


@pytest.fixture
def model(tmp_path, tiny, confident):
    """A model whose teacher and student are one network, with three prototypes of each class."""
    folder = tmp_path / "model"
    write_card(folder, Card(NAMES, tiny.model, {"method": "prototype"}))
    save_weights(folder / MODEL, confident)
    prototypes = torch.rand(7, 3, confident.dim, generator=torch.Generator().manual_seed(0))
    save_student(folder, confident, bank_of(prototypes))
    return folder


def noise(path, seed, size=(80, 64), mode="RGB"):
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 256, (8, 8, 3), dtype=np.uint8)
    path.parent.mkdir(exist_ok=True, parents=True)
    Image.fromarray(coarse).resize(size, Image.Resampling.BICUBIC).convert(mode).save(path)
    return path


@pytest.fixture
def photos(tmp_path):
    """Eight images of blobs."""
    for n in range(8):
        noise(tmp_path / "photos" / f"photo{n}.png", n)
    return tmp_path / "photos"


def chosen(outcome):
    return [one.image.stem for one in outcome.suggestions]


def written(out):
    return {name: (out / name).read_bytes() for name in (LIST, SHEET, LEFT_OUT)}


@pytest.mark.parametrize("by", ["uncertainty", "disagreement", "coverage"])
def test_the_list_the_sheet_and_their_order(model, photos, tmp_path, by):
    labelled = Labelled([noise(tmp_path / "labelled/a.png", 100)])
    outcome = suggest(model, [photos], labelled, tmp_path / "out", Wishes(by, 5))
    table = pd.read_csv(tmp_path / "out" / LIST)
    assert list(table.columns) == ["image", "score", "why"] and len(table) == 5
    assert table["image"].tolist() == [one.image.as_posix() for one in outcome.suggestions]
    assert table["score"].iloc[0] == table["score"].max() > 0 and not table["why"].isna().any()
    with Image.open(tmp_path / "out" / SHEET) as sheet:
        assert sheet.format == "JPEG"
    assert len(set(chosen(outcome))) == 5 and not outcome.left_out and not outcome.notes
    more = suggest(model, [photos], labelled, tmp_path / "out", Wishes(by, 7))
    assert chosen(more)[:5] == chosen(outcome)


def test_labelled_images_and_their_near_duplicates_are_never_suggested(model, photos, tmp_path):
    shrunk = photos / "smaller.jpg"
    with Image.open(photos / "photo3.png") as image:
        image.resize((60, 48)).save(shrunk, quality=60)
    labelled = Labelled([photos / "photo3.png"], [photos / "photo5.png"])
    outcome = suggest(model, [photos], labelled, tmp_path / "out", Wishes(count=50))
    assert sorted(chosen(outcome)) == ["photo0", "photo1", "photo2", "photo4", "photo6", "photo7"]
    left = pd.read_csv(tmp_path / "out" / LEFT_OUT).set_index("image")
    assert left.loc[shrunk.as_posix(), "like"] == (photos / "photo3.png").as_posix()
    assert left.loc[(photos / "photo5.png").as_posix(), "bits"] == 0 and len(left) == 3
    assert any("left out" in line and "3" in line for line in outcome.notes)
    assert "images left to suggest: 6, fewer than the 50 asked for" in outcome.notes


def test_where_nothing_is_left_it_says_why(model, photos, tmp_path, one_line):
    with pytest.raises(UserError) as error:
        suggest(model, [photos], Labelled(sorted(photos.iterdir())), tmp_path / "out", Wishes())
    one_line(error, photos, "8 are labelled", "0 cannot be read", "name a folder")


def test_unknown_labels_are_said(model, photos, tmp_path):
    outcome = suggest(model, [photos], None, tmp_path / "out", Wishes(count=2))
    assert outcome.notes == [module.UNKNOWN] and "--labelled" in module.UNKNOWN


@pytest.mark.parametrize("by", ["disagreement", "coverage"])
@pytest.mark.parametrize("lack", ["bank", "student"])
def test_a_model_without_prototypes_has_uncertainty_alone(model, photos, confident, tmp_path, one_line, by, lack):
    (model / STUDENT).unlink()
    if lack == "bank":
        save_student(model, confident, None)
    with pytest.raises(UserError) as error:
        suggest(model, [photos], None, tmp_path / "out", Wishes(by))
    one_line(error, model, f"--by {by}", "prototype", "uncertainty")
    assert not (tmp_path / "out").exists()
    outcome = suggest(model, [photos], None, tmp_path / "out", Wishes(count=2))
    assert outcome.by == "uncertainty" and len(outcome.suggestions) == 2


def test_without_a_wish_the_prototypes_choose(model, photos, tmp_path):
    outcome = suggest(model, [photos], None, tmp_path / "out", Wishes(count=5))
    asked = suggest(model, [photos], None, tmp_path / "asked", Wishes("coverage", 5))
    assert outcome.by == "coverage" and chosen(outcome) == chosen(asked)
    assert chosen(suggest(model, [photos], None, tmp_path / "unsure", Wishes("uncertainty", 5))) != chosen(outcome)


def test_broken_images_are_listed_once_and_the_others_suggested(model, photos, tmp_path):
    (photos / "text.jpg").write_text("no image")
    (photos / "dead.png").symlink_to(tmp_path / "gone.png")
    outcome = suggest(model, [photos], Labelled([photos / "text.jpg"]), tmp_path / "out", Wishes(count=50))
    assert len(outcome.suggestions) == 8 and len(outcome.unreadable) == 2
    assert any("text.jpg" in line for line in outcome.unreadable) and any("dead" in line for line in outcome.unreadable)


def test_a_second_command_looks_at_new_images_alone(model, photos, tmp_path, monkeypatch):
    suggest(model, [photos], None, tmp_path / "out", Wishes(count=3))
    before = written(tmp_path / "out")
    noise(photos / "photo8.png", 8)
    read, images = module.predict.read, []
    monkeypatch.setattr(module.segment, "tiles", lambda *of: images.append(of))
    suggest(model, [photos], None, tmp_path / "out", Wishes(count=3))
    assert len(images) >= 1 and read is module.predict.read
    looked = len(images)
    suggest(model, [photos], None, tmp_path / "out", Wishes(count=3))
    assert len(images) == looked
    (photos / "photo8.png").unlink()
    suggest(model, [photos], None, tmp_path / "out", Wishes(count=3))
    assert written(tmp_path / "out") == before


def test_killed_and_started_again_it_chooses_the_same(model, photos, tmp_path):
    words = ["suggest", model, photos, "--count", 4, "--by", "coverage", "--labelled", noise(tmp_path / "l/a.png", 9)]
    command = [sys.executable, "-m", "semiproto", *map(str, [*words, "-o", tmp_path / "killed"])]
    with Gate(SHEET) as gate:
        process = subprocess.Popen(command, env=gate.environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        gate.wait(process)
        process.kill()
        process.communicate()
    assert process.returncode == -signal.SIGKILL and not (tmp_path / "killed" / LIST).exists()
    for out in ("killed", "fresh"):
        assert CliRunner().invoke(app, [*map(str, words), "-o", str(tmp_path / out)]).exit_code == 0
    assert written(tmp_path / "killed") == written(tmp_path / "fresh")


def test_predictions_to_correct_come_from_predicts_writer(model, photos, tmp_path, one_line):
    out = tmp_path / "out"
    outcome = suggest(model, [photos], None, out, Wishes(count=3, tool="labelme"))
    made = sorted(path.name for path in (out / "for-labelme/images").iterdir())
    assert made == sorted(f"{stem}{suffix}" for stem in chosen(outcome) for suffix in (".json", ".png"))
    for other in photos.glob("*.png"):
        if other.stem in chosen(outcome):
            other.unlink()
    with pytest.raises(UserError) as error:
        suggest(model, [photos], None, out, Wishes(count=3, tool="labelme"))
    one_line(error, out / "for-labelme", "not suggested now", "--out")


def test_results_do_not_lie_among_images(model, photos, one_line):
    for labelled in (None, Labelled([photos / "photo0.png"])):
        with pytest.raises(UserError) as error:
            suggest(model, [photos], labelled, photos, Wishes())
        one_line(error, photos, "--out")


def test_deep_and_grey_images_of_a_model_for_them(tiny, tmp_path):
    form = PixelFormat(bands=1, kind="integer", low=[0], high=[4095])
    torch.manual_seed(0)
    network = SegmentationNetwork(tiny.model, 3, pretrained=False, bands=1)
    normalisation = NormalisationParams(mean=[0.5], std=[0.2])
    write_card(tmp_path / "deep", Card(["a", "b", "c"], tiny.model, {}, None, normalisation, form))
    save_weights(tmp_path / "deep" / MODEL, network)
    rng = np.random.default_rng(0)
    for n in range(3):
        values = rng.integers(0, 4096, (30, 20)).astype(np.uint16)
        path = tmp_path / "scans" / f"scan {n} ü写.png"
        path.parent.mkdir(exist_ok=True)
        Image.fromarray(values).save(path)
    noise(tmp_path / "scans/colour.png", 0)
    outcome = suggest(tmp_path / "deep", [tmp_path / "scans"], None, tmp_path / "out", Wishes(count=3))
    assert len(outcome.suggestions) == 3 and len(outcome.unreadable) == 1
    assert "写" in (tmp_path / "out" / LIST).read_text("utf-8")
