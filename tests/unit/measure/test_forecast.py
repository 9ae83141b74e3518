"""The forecast counts what it says, pixel by pixel."""

import json

import pandas as pd
import pytest
import torch
from PIL import Image
from torch.nn import functional as F

from semiproto.data.dataset import Images
from semiproto.data.layout import FILES, MASKS, read_mask, write_mask
from semiproto.measure import forecast
from semiproto.measure.pseudo_labels import PseudoLabels
from semiproto.model.folder import MODEL, Card, save_weights, write_card
from semiproto.params import ForecastConfig
from semiproto.provenance.artifacts import write_receipt, write_text

CPU = torch.device("cpu")
NAMES = ["background", "zero", "one", "two", "three", "four", "five"]


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


def by_pixel(net, images):
    """(predicted, confidence, truth) of every labelled pixel, by softmax."""
    pixels = []
    for image, mask in (images[n] for n in range(len(images))):
        with torch.no_grad():
            logits = F.interpolate(net(image[None]).logits, mask.shape, mode="bilinear", align_corners=True)
        sure, label = logits.softmax(1).max(1)
        pixels += zip(label.flatten().tolist(), sure.flatten().tolist(), mask.flatten().tolist(), strict=True)
    return [pixel for pixel in pixels if pixel[2] != 255]


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


def test_counts_are_those_of_a_loop_over_pixels(confident, voided):
    pixels = by_pixel(confident, voided)
    taus = [0.3, 0.5, 0.9]
    found = PseudoLabels(NAMES, taus)
    forecast.count(found, confident, voided, CPU, "test")
    table = found.table()
    assert len(pixels) == 44 * 64 + 54 * 64
    for _, row in table.iterrows():
        members = {"all": range(7), "foreground": range(1, 7)}.get(row["group"]) or [NAMES.index(row["class"])]
        own = [pixel for pixel in pixels if pixel[0] in members]
        sure = [pixel for pixel in own if pixel[1] > row["tau"]]
        found = (row["pixels"], row["confident"], row["correct"])
        expected = (len(own), len(sure), sum(label == truth for label, _, truth in sure))
        assert found == pytest.approx(expected, abs=1)  # a confidence within rounding of tau
    assert table["confident"].max() > 500 and table["correct"].nunique() > 10


def test_a_pixel_counts_above_tau_and_not_at_it(confident, voided):
    """As in training, whose mask is confidence > tau."""
    _, confidence = forecast.Teacher(confident, 0).pseudo_labels(voided[0][0][None])
    tau = float(confidence[0, 40, 40])
    known = confidence[0, 20:]
    found = PseudoLabels(NAMES, [tau])
    forecast.count(found, confident, Images(voided.root, voided.ids[:1]), CPU, "test")
    assert int(found.counts[..., 1].sum()) == int((known > tau).sum()) < int((known >= tau).sum())


@pytest.fixture
def part_of(voided, tiny, tmp_path):
    """Writes lists that hold out one of the images and the model folder of a network, with their receipts."""

    def make(number, net):
        lists, model = tmp_path / f"fold{number}", tmp_path / f"model{number}"
        write_text(lists / "val.txt", voided.ids[number])
        write_card(model, Card(NAMES, tiny.model, {}))
        save_weights(model / MODEL, net)
        for folder in (lists, model):
            write_receipt(folder, "x", outputs={}, config={}, inputs=[], seed=0, seconds=0, facts={"seconds": 2.5})
        return lists, model

    return make


def test_the_step_measures_each_part_with_its_own_model(confident, make_net, voided, part_of, tmp_path):
    data, out, other = tmp_path / "data", tmp_path / "out", make_net(1)
    write_text(voided.root / "classes.txt", "\n".join(NAMES))
    data.mkdir()
    (data / FILES).symlink_to(voided.root)
    write_receipt(data, "data", outputs={}, config={}, inputs=[], seed=0, seconds=0)
    parts, split = [part_of(0, confident), part_of(1, other)], tmp_path / "split"
    write_text(split / "labeled.txt", "\n".join(voided.ids))
    write_receipt(split, "split", outputs={}, config={}, inputs=[], seed=0, seconds=0)
    run = {"dataset": "digits", "split": "2", "seed": 0}
    config = ForecastConfig(images="labeled", tau=0.333)
    said = forecast.forecast(config, data, split, parts, run, out, CPU)
    table, summary = pd.read_csv(out / "forecast.csv"), json.loads((out / "forecast.json").read_text())
    assert sorted(set(table["tau"])) == sorted([*forecast.TAUS, 0.333])
    nets = [confident, other]
    each = [PseudoLabels(NAMES, [0.333]) for _ in nets]
    for n, net in enumerate(nets):
        forecast.count(each[n], net, Images(voided.root, [voided.ids[n]]), CPU, "")
    row = table.query("tau == 0.333 and group == 'all'").iloc[0]
    assert row["confident"] == sum(int(one.counts[..., 1].sum()) for one in each) > 0
    assert row["correct"] == sum(int(one.counts[1, :, 1].sum()) for one in each) > 0
    assert summary["sentence"] == said
    assert [summary[key] for key in ("tau", "split", "labels", "images")] == [0.333, "2", 2, "labeled"]
    assert json.loads((out / "receipt.json").read_text())["facts"] == {"training_seconds": 5.0}
