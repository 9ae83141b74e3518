"""What is counted of a run's heads: boundaries, calibration, single images; the same with one process and two."""

import math

import numpy as np
import pandas as pd
import pytest
import torch
from processes import in_two_processes
from scipy import ndimage
from sklearn.metrics import confusion_matrix

from semiproto.data import digits
from semiproto.data.dataset import Images
from semiproto.data.layout import LISTS, MASKS, read_list, read_mask
from semiproto.measure import scoring
from semiproto.measure.boundary import COUNTS, image_counts
from semiproto.measure.calibration import BINS, Calibration, expected_error
from semiproto.measure.inference import BATCH, classify, linear_scores
from semiproto.model import folder as model_folder


def blobs(classes, shape, seed):
    """A label map of smooth regions, as masks are."""
    rng = np.random.default_rng(seed)
    return np.argmax([ndimage.gaussian_filter(rng.normal(size=shape), 4) for _ in range(classes)], 0).astype(np.uint8)


def eroded_boundary(mask, distance):
    """The paper's code in words: the mask without what `distance` erosions with a 3x3 square leave."""
    return mask & ~ndimage.binary_erosion(mask, np.ones((3, 3)), iterations=distance, border_value=0)


@pytest.mark.parametrize(("shape", "distance"), [((40, 60), 1), ((120, 90), 3), ((9, 7), 1)])
def test_boundary_counts_equal_those_of_eroded_masks(shape, distance):
    truth, prediction = blobs(4, shape, 0), blobs(4, shape, 1)
    truth[:2] = 255
    void = truth == 255
    assert max(1, round(0.02 * math.hypot(*shape))) == distance
    for name, row in enumerate(image_counts(prediction, truth, 5)):
        masks = [(labels == name) & ~void for labels in (prediction, truth)]
        edges = [eroded_boundary(mask, distance) for mask in masks]
        expected = [masks[1].sum(), (masks[0] & masks[1]).sum(), (masks[0] | masks[1]).sum()]
        assert row.tolist() == [*expected, (edges[0] & edges[1]).sum(), (edges[0] | edges[1]).sum()]


def test_a_perfect_prediction_has_perfect_boundaries_whatever_it_says_of_void():
    truth = blobs(3, (80, 80), 0)
    prediction = truth.copy()
    truth[ndimage.morphological_gradient(truth, 5) > 0] = 255  # VOC's border around every object
    prediction[truth == 255] = 1
    counts = dict(zip(COUNTS, image_counts(prediction, truth, 3).T, strict=True))
    assert (counts["boundary_intersection"] == counts["boundary_union"]).all() and counts["boundary_union"].any()
    assert (counts["intersection"] == counts["pixels"]).all()


def test_boundary_iou_sees_what_iou_hardly_does():
    truth = np.zeros((200, 200), np.uint8)
    truth[50:150, 50:150] = 1
    _, thing = image_counts(np.roll(truth, 2, axis=1), truth, 2).astype(float)
    assert thing[1] / thing[2] > 0.95 and thing[3] / thing[4] < 0.8


def test_calibration_by_hand():
    found = Calibration()
    prediction, target = torch.tensor([1, 1, 0, 0, 2]), torch.tensor([1, 0, 0, 0, 255])
    found.update(prediction, torch.tensor([0.9, 0.9, 0.6, 1.0, 0.5]), target)
    table = found.table()
    assert len(table) == BINS and table["pixels"].sum() == 4  # void is left out
    filled = table[table["pixels"] > 0]
    assert filled["low"].tolist() == pytest.approx([8 / 15, 13 / 15, 14 / 15])  # 0.6 is the end of (8/15, 9/15]
    assert filled["confidence"].tolist() == pytest.approx([0.6, 0.9, 1.0])
    assert filled["accuracy"].tolist() == [1, 0.5, 1]
    assert expected_error(table) == pytest.approx((0.4 + 2 * 0.4 + 0) / 4)
    assert math.isnan(expected_error(Calibration().table()))


def test_calibration_error_is_known_where_confidence_is_right():
    rng, honest, boastful = np.random.default_rng(0), Calibration(), Calibration()
    confidence = torch.from_numpy(rng.uniform(0.3, 1, 100_000))
    right = torch.from_numpy(rng.uniform(size=100_000)) < confidence
    honest.update(right.long(), confidence, torch.ones(100_000))
    boastful.update(right.long(), (confidence + 0.2).clamp(max=1), torch.ones(100_000))
    assert expected_error(honest.table()) < 0.01 < 0.15 < expected_error(boastful.table())


@pytest.fixture
def run(make_net, shipped, tmp_path):
    """A model folder, and validation images for three batches."""
    root = tmp_path / "digits"
    count = 2 * BATCH + 5
    digits.make(root, shipped.dataset.model_copy(update={"labeled": 8, "unlabeled": 0, "validation": count}))
    net, folder = make_net(), tmp_path / "model"
    with torch.no_grad():
        net.heads["linear"].layers[-1].weight.mul_(20)
    names = (root / "classes.txt").read_text().split()
    tiny = shipped.model.model_copy(update={"decoder": shipped.model.decoder.model_copy(update={"planes": 4})})
    model_folder.write_card(folder, model_folder.Card(names, tiny, {"method": "supervised"}))
    model_folder.save_weights(folder / model_folder.MODEL, net)
    return folder, Images(root, read_list(root / LISTS / "val.txt"))


def test_two_processes_find_what_one_finds(run, tmp_path):
    folder, images = run

    def score(out):
        found = scoring.score_teacher(folder, images, None, torch.device("cpu"), "test", out)
        files = {path.name: path.read_bytes() for path in out.iterdir()}
        texts = [table.to_csv() for table in (found.per_image(), found.calibration.table())]
        return found.numbers(), found.confusion.counts, texts, files

    alone = score(tmp_path / "alone")
    assert len(alone[3]) == len(images)
    both = in_two_processes(tmp_path, lambda: score(tmp_path / "together"))
    for numbers, counts, texts, _ in both:
        assert str(numbers) == str(alone[0]) and torch.equal(counts, alone[1]) and texts == alone[2]
    assert {path.name: path.read_bytes() for path in (tmp_path / "together").iterdir()} == alone[3]


def test_scores_follow_from_the_predictions_that_are_kept(run, tmp_path):
    folder, images = run
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "of_another_list.png").touch()
    found = scoring.score_teacher(folder, images, None, torch.device("cpu"), "test", tmp_path / "out")
    assert sorted(path.stem for path in (tmp_path / "out").iterdir()) == sorted(images.ids)
    pairs = [[read_mask(f / f"{i}.png") for f in (images.root / MASKS, tmp_path / "out")] for i in images.ids]
    truth, prediction = (np.concatenate([pair[n].ravel() for pair in pairs]) for n in (0, 1))
    counts = confusion_matrix(truth[truth != 255], prediction[truth != 255], labels=range(7))
    np.testing.assert_array_equal(found.confusion.counts.numpy(), counts)
    iou = counts.diagonal() / (counts.sum(0) + counts.sum(1) - counts.diagonal())
    numbers = found.numbers()
    assert numbers["miou"] == pytest.approx(100 * np.nanmean(iou), abs=1e-9)
    assert numbers["accuracy"] == pytest.approx(100 * counts.trace() / counts.sum(), abs=1e-9)
    rows = found.per_image()
    sums = rows.groupby("class")[["intersection", "union"]].sum().reindex(found.classes)
    np.testing.assert_allclose(sums["intersection"] / sums["union"], iou, atol=1e-12)
    assert (rows["union"] > 0).all() and set(rows["image"]) == set(images.ids)
    assert isinstance(rows, pd.DataFrame) and list(rows.columns) == ["image", "class", *COUNTS]


def test_confidence_is_the_softmax_of_the_class(make_net):
    net = make_net().eval()
    images = torch.randint(256, (2, 3, 64, 64), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    classes, confidences = classify(linear_scores(net), images, None)
    with torch.no_grad():
        logits = torch.nn.functional.interpolate(net(images).logits, (64, 64), mode="bilinear", align_corners=True)
    expected = logits.softmax(dim=1).max(dim=1)
    assert torch.equal(classes, logits.argmax(dim=1))
    torch.testing.assert_close(confidences, expected.values)
