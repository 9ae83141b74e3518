"""What is counted of a run's heads: boundaries, calibration, single images; the same with one process and two."""

import numpy as np
import pandas as pd
import pytest
import torch
from processes import in_two_processes
from sklearn.metrics import confusion_matrix

from semiproto.data import digits
from semiproto.data.dataset import Images
from semiproto.data.layout import LISTS, MASKS, read_list, read_mask
from semiproto.measure import scoring
from semiproto.measure.boundary import COUNTS
from semiproto.measure.inference import BATCH, classify, linear_scores
from semiproto.model import folder as model_folder


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
