"""A model folder gives back the network that was saved, or one clear error."""

import json
import os
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from semiproto.data.images.pixels import RGB8, PixelFormat
from semiproto.data.layout import voc_palette
from semiproto.errors import UserError
from semiproto.model import folder as model_folder
from semiproto.model.encoders.encoder import IMAGENET
from semiproto.model.folder import (
    CARD,
    MODEL,
    Card,
    load_model,
    load_student,
    read_card,
    save_student,
    save_weights,
    start_from,
    write_card,
)
from semiproto.model.network import SegmentationNetwork
from semiproto.model.prototypes import PrototypeBank
from semiproto.params import NormalisationParams
from semiproto.provenance.artifacts import sha256_file

CLASSES = ["background", "zero", "one", "two", "three", "four", "five"]


@pytest.fixture
def folder(tmp_path, tiny, make_net):
    write_card(tmp_path, Card(CLASSES, tiny.model, {"step": "pretrain", "seed": 3}))
    save_weights(tmp_path / model_folder.MODEL, make_net(0))
    return tmp_path


def same(first, second):
    return all(torch.equal(value, second.state_dict()[name]) for name, value in first.state_dict().items())


def test_the_network_is_restored_in_eval_mode(folder, make_net):
    found = load_model(folder)
    assert same(make_net(0), found) and not same(make_net(1), found)
    assert not found.training


def test_the_card_is_read_back_with_vocs_palette_where_none_was_given(folder, tiny):
    given = Card(CLASSES, tiny.model, {"step": "pretrain", "seed": 3})
    assert read_card(folder) == replace(given, palette=voc_palette()[:7].tolist())
    own = replace(given, palette=[[n, 0, 9] for n in range(7)])
    write_card(folder, own)
    assert read_card(folder) == own


@pytest.mark.parametrize(
    ("weights", "words"),
    [
        (None, "started from random weights"),
        ("/some/where/mine.pth", "started from the file mine.pth"),
        ("timm", "timm's resnet18.a1_in1k: apache-2.0"),
    ],
)
def test_the_card_says_what_is_known_of_the_licence_of_the_weights(tmp_path, tiny, weights, words):
    encoder = tiny.model.encoder.model_copy(update={"name": "resnet18.a1_in1k", "weights": weights})
    write_card(tmp_path, Card(CLASSES, tiny.model.model_copy(update={"encoder": encoder}), {}))
    assert words in json.loads((tmp_path / model_folder.CARD).read_text())["licence"]


@pytest.mark.parametrize("make", [Path.mkdir, os.mkfifo, lambda path: path.write_text("[" * 100_000)])
def test_what_is_no_file_or_no_end_of_brackets_is_no_card(folder, one_line, make):
    (folder / model_folder.CARD).unlink()
    make(folder / model_folder.CARD)
    with pytest.raises(UserError) as error:
        read_card(folder)
    one_line(error, folder / model_folder.CARD)


def test_a_card_of_a_hundred_thousand_rates_is_refused(folder, one_line):
    card = json.loads((folder / model_folder.CARD).read_text())
    card["model"]["decoder"]["rates"] = [1] * 100_000
    (folder / model_folder.CARD).write_text(json.dumps(card))
    with pytest.raises(UserError) as error:
        read_card(folder)
    one_line(error, "model.decoder.rates")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda card: card["model"].pop("decoder"), ["decoder"]),
        (lambda card: card["palette"].pop(), ["palette", "6 colours for 7 classes"]),
        (lambda card: card["palette"].__setitem__(2, [0, 0, 256]), ["palette.2.2", "256"]),
        (lambda card: card["normalisation"].update(std=[1, 1, 0]), ["normalisation.std.2", "0"]),
        (lambda card: card["normalisation"].pop("mean"), ["normalisation.mean"]),
    ],
)
def test_a_card_that_does_not_fit_says_where(folder, one_line, change, words):
    fields = json.loads((folder / model_folder.CARD).read_text())
    change(fields)
    (folder / model_folder.CARD).write_text(json.dumps(fields))
    with pytest.raises(UserError) as error:
        load_model(folder)
    one_line(error, folder / model_folder.CARD, *words, "train again")


@pytest.mark.parametrize("file", [MODEL, model_folder.STUDENT])
def test_a_card_of_a_giant_network_is_refused_before_it_is_built(folder, make_net, one_line, file):
    save_student(folder, make_net(2), None)
    card = json.loads((folder / CARD).read_text())
    card["model"]["encoder"]["name"] = "vit_giant_patch14_dinov2"  # 4.5 GB
    (folder / CARD).write_text(json.dumps(card))
    with pytest.raises(UserError) as error:
        load_model(folder) if file == MODEL else load_student(folder)
    one_line(error, folder / CARD, "many more weights", file)


def test_a_sparse_file_of_weights_is_not_hashed(folder, one_line):
    found = model_folder.digests(folder, (MODEL, CARD))
    assert found.split() == [sha256_file(folder / name) for name in (MODEL, CARD)]
    os.truncate(folder / MODEL, 2**40)
    with pytest.raises(UserError) as error:
        model_folder.digests(folder, (CARD, MODEL))
    one_line(error, folder / MODEL, "damaged")


HALF = NormalisationParams(mean=[0.5] * 3, std=[0.5] * 3)


def test_a_network_that_is_trained_further_normalises_as_the_saved_one(folder, tiny, make_net):
    write_card(folder, Card(CLASSES, tiny.model, {}, normalisation=HALF))
    student = make_net(1)
    start_from(student, folder)
    assert same(make_net(0), student) and student.normalisation == HALF
    images = torch.randint(256, (1, 3, 32, 32), dtype=torch.uint8)
    assert torch.equal(student.eval()(images).logits, load_model(folder)(images).logits)


def test_a_model_of_version_0_1_keeps_imagenets_normalisation(folder, tiny):
    """Whatever its encoder's weights would have asked for."""
    encoder = tiny.model.encoder.model_copy(update={"normalisation": HALF})
    write_card(folder, Card(CLASSES, tiny.model.model_copy(update={"encoder": encoder}), {}, normalisation=HALF))
    assert load_model(folder).normalisation == HALF
    card = json.loads((folder / model_folder.CARD).read_text())
    del card["normalisation"]
    (folder / model_folder.CARD).write_text(json.dumps(card))
    assert load_model(folder).normalisation == IMAGENET


def test_weights_of_the_encoder_are_not_needed_to_restore(folder, tiny, make_net):
    encoder = tiny.model.encoder.model_copy(update={"weights": str(folder / "gone.pth")})
    write_card(folder, Card(CLASSES, tiny.model.model_copy(update={"encoder": encoder}), {}))
    assert same(make_net(0), load_model(folder))


@pytest.mark.parametrize("with_bank", [False, True])
def test_the_student_comes_with_its_prototypes(folder, make_net, with_bank):
    bank = None
    if with_bank:
        bank = PrototypeBank(7, 2, 8)
        bank.prototypes.copy_(torch.rand(7, 2, 8))
    save_student(folder, make_net(2), bank)
    student, found = load_student(folder)
    assert same(make_net(2), student) and not student.training
    assert (found is None) if bank is None else torch.equal(found.prototypes, bank.prototypes)


@pytest.fixture
def bank():
    """A bank with settings that are not the paper's."""
    found = PrototypeBank(7, 2, 8, momentum=0.9, temperature=0.2)
    found.prototypes.copy_(torch.rand(7, 2, 8))
    return found


def test_the_bank_keeps_the_settings_that_it_was_trained_with(folder, make_net, bank):
    save_student(folder, make_net(2), bank)
    _, found = load_student(folder)
    assert (found.momentum, found.temperature) == (0.9, 0.2)
    features = torch.rand(5, 8)
    assert torch.equal(found.logits(features)[0], bank.logits(features)[0])


def test_a_student_of_version_0_1_has_a_bank_with_the_papers_settings(folder, make_net, bank):
    save_student(folder, make_net(2), bank)
    tensors = load_file(folder / model_folder.STUDENT)
    save_file({n: v for n, v in tensors.items() if n not in model_folder.BANK_SETTINGS}, folder / model_folder.STUDENT)
    _, found = load_student(folder)
    assert torch.equal(found.prototypes, bank.prototypes)
    assert (found.momentum, found.temperature) == (0.99, 0.1)


def test_channels_last_weights_are_saved_as_they_are(folder, make_net):
    save_weights(folder / model_folder.MODEL, make_net(0).to(memory_format=torch.channels_last))
    assert same(make_net(0), load_model(folder))


@pytest.mark.parametrize("damage", ["missing", "truncated", "another network"])
@pytest.mark.parametrize("file", [model_folder.MODEL, model_folder.STUDENT])
def test_bad_weights(folder, make_net, one_line, damage, file):
    save_student(folder, make_net(2), None)
    path = folder / file
    if damage == "missing":
        path.unlink()
    elif damage == "truncated":
        path.write_bytes(path.read_bytes()[:-100])
    else:
        tensors = load_file(path)
        save_file({name: value for name, value in tensors.items() if "aspp" not in name}, path)
    with pytest.raises(UserError) as error:
        load_model(folder) if file == model_folder.MODEL else load_student(folder)
    one_line(error, path)


@pytest.mark.parametrize("content", [None, "", "[]", "{}", '{"classes": [], "model": {}, "training": {}}', b"\xff\xfe"])
def test_bad_cards(folder, one_line, content):
    path = folder / model_folder.CARD
    path.unlink()
    if content is not None:
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(UserError) as error:
        load_model(folder) if content is None else read_card(folder)
    one_line(error, path)


def test_the_card_is_plain_json(folder):
    assert json.loads((folder / model_folder.CARD).read_text())["classes"] == CLASSES


def test_a_network_of_other_bands_comes_back_with_its_normalisation_and_range(tmp_path, tiny):
    form = PixelFormat(bands=2, kind="integer", low=[0.0, 5.0], high=[100.0, 4000.0])
    normalisation = NormalisationParams(mean=[0.3, 0.6], std=[0.1, 0.2])
    network = SegmentationNetwork(tiny.model, 3, pretrained=False, bands=2)
    network.normalise_by(normalisation)
    write_card(tmp_path, Card(["a", "b", "c"], tiny.model, {}, None, normalisation, form))
    save_weights(tmp_path / MODEL, network)
    restored, card = load_model(tmp_path), read_card(tmp_path)
    assert card.pixels == form and card.normalisation == normalisation
    images = torch.randint(256, (1, 2, 32, 32), dtype=torch.uint8)
    with torch.no_grad():
        assert torch.equal(restored(images).logits, network.eval()(images).logits)


def test_a_card_of_eight_bit_colour_says_nothing_of_pixels(folder):
    assert "pixels" not in json.loads((folder / CARD).read_text()) and read_card(folder).pixels == RGB8


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"classes": [f"c{n}" for n in range(300)], "palette": None}, ["300 classes", "254"]),
        ({"pixels": {"bands": 4}}, ["normalisation has 3 bands, and pixels 4"]),
        ({"pixels": {"bands": 3, "kind": "integer"}}, ["low and high need 3 values"]),
        ({"normalisation": {"mean": [0.1, 0.2, 0.3], "std": [0.1]}}, ["mean has 3 values and std 1"]),
    ],
)
def test_a_card_whose_numbers_do_not_fit_says_which(folder, one_line, change, words):
    card = json.loads((folder / CARD).read_text())
    (folder / CARD).write_text(json.dumps(card | change))
    with pytest.raises(UserError) as error:
        read_card(folder)
    one_line(error, folder / CARD, *words)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda value: value.fill_(torch.nan), "NaN"),
        (lambda value: value.masked_fill_(value > 0, torch.inf), "infinity"),
        (lambda value: value.to(torch.int8), "int8"),
    ],
    ids=["nan", "infinity", "whole numbers"],
)
def test_weights_that_are_no_finite_numbers_make_no_masks(folder, one_line, change, words):
    tensors = load_file(folder / MODEL)
    name = next(name for name in tensors if name.startswith("heads.linear") and name.endswith("weight"))
    save_file(tensors | {name: change(tensors[name])}, folder / MODEL)
    with pytest.raises(UserError) as error:
        load_model(folder)
    one_line(error, folder / MODEL, name, words)


@pytest.mark.parametrize(
    ("name", "words"), [("zero", "two classes are called zero"), ("../../x", "class name"), ("\x1b[2J", "class name")]
)
def test_a_card_has_names_of_classes_and_each_once(folder, one_line, name, words):
    card = json.loads((folder / CARD).read_text())
    card["classes"][2] = name
    (folder / CARD).write_text(json.dumps(card))
    with pytest.raises(UserError) as error:
        read_card(folder)
    one_line(error, folder / CARD, words)
