"""Whole-image and sliding-window prediction, and the score over a set."""

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image
from sklearn.metrics import confusion_matrix, precision_score
from torch.nn import functional as F

from semiproto.data.dataset import Images
from semiproto.data.layout import IMAGES, MASKS, read_mask, write_mask
from semiproto.errors import UserError
from semiproto.measure import inference
from semiproto.measure.inference import BATCH, batches, head_names, head_scores, linear_scores, predict, validate
from semiproto.model.heads import LINEAR, PROTOTYPE
from semiproto.model.heads.prototype import prototype_scores
from semiproto.model.prototypes import PrototypeBank
from semiproto.params import WindowParams

NAMES = ["background", *"abcdef"]

MIXING = torch.rand(5, 3, generator=torch.Generator().manual_seed(0)) - 0.5


def by_pixel(images):
    """A scorer that looks at one pixel at a time, like a 1x1 convolution: windows cannot change its scores."""
    return {LINEAR: torch.einsum("ck,bkhw->bchw", MIXING, images.float() / 64)}


@pytest.mark.parametrize("size", [(37, 53), (16, 16), (20, 81), (10, 40), (33, 16)])
@pytest.mark.parametrize(("side", "stride"), [(16, 11), (16, 16), (25, 7), (99, 3), (17, 1)])
def test_windows_cover_the_image(size, side, stride):
    images = torch.randint(256, (2, 3, *size), dtype=torch.uint8)
    whole = predict(by_pixel, images, None)[LINEAR]
    windows = predict(by_pixel, images, WindowParams(size=side, stride=stride))[LINEAR]
    assert whole.shape == (2, *size) and whole.dtype == torch.int64
    assert torch.equal(whole, windows)
    assert len(whole.unique()) > 2


def test_each_window_has_its_size_and_the_last_ends_at_the_edge():
    seen = []

    def spy(images):
        seen.append(images)
        return by_pixel(images)

    images = torch.arange(20 * 30).view(1, 1, 20, 30).expand(1, 3, 20, 30).float()
    predict(spy, images, WindowParams(size=16, stride=11))
    corners = [divmod(int(window[0, 0, 0, 0]), 30) for window in seen]
    assert corners == [(0, 0), (0, 11), (0, 14), (4, 0), (4, 11), (4, 14)]
    assert {tuple(window.shape[-2:]) for window in seen} == {(16, 16)}


def position_scores(images):
    """Logits that depend on the place within the window: windows disagree where they overlap."""
    height, width = images.shape[-2:]
    ramp = torch.linspace(-9, 9, width).expand(len(images), 1, height, width)
    return {LINEAR: torch.cat([ramp, -0.1 * ramp, images[:, :1].float() / 64 + 0.5 * ramp**2 - 20], dim=1)}


def test_overlapping_logits_are_averaged():
    """Method section 9: logits, not probabilities, are averaged."""
    images = torch.randint(256, (2, 3, 16, 41), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    total, count = torch.zeros(2, 3, 16, 41), torch.zeros(41)
    for left in (0, 9, 18, 25):
        total[..., left : left + 16] += position_scores(images[..., left : left + 16])[LINEAR]
        count[left : left + 16] += 1
    found = predict(position_scores, images, WindowParams(size=16, stride=9))[LINEAR]
    assert torch.equal(found, (total / count).argmax(1))


def test_scores_at_lower_resolution_are_upsampled(make_net):
    net = make_net().eval()
    images = torch.randint(256, (2, 3, 33, 41), dtype=torch.uint8)
    found = predict(linear_scores(net), images, None)[LINEAR]
    with torch.no_grad():
        whole = F.interpolate(net(images).logits, size=(33, 41), mode="bilinear", align_corners=True)
    assert torch.equal(found, whole.argmax(1))


def test_a_window_as_large_as_the_image_is_the_whole_image(make_net):
    net = make_net().eval()
    images = torch.randint(256, (2, 3, 33, 33), dtype=torch.uint8)
    for side in (33, 64):
        windows, whole = (
            predict(linear_scores(net), images, w)[LINEAR] for w in (WindowParams(size=side, stride=9), None)
        )
        assert torch.equal(windows, whole)


def test_the_heads_go_by_name(make_net):
    net, bank = make_net().eval(), PrototypeBank(7, 2, 8)
    bank.prototypes.copy_(torch.rand(7, 2, 8, generator=torch.Generator().manual_seed(0)))
    images = torch.randint(256, (2, 3, 21, 17), dtype=torch.uint8)
    with torch.no_grad():
        scores, output = head_scores(net, bank)(images), net(images)
    assert list(scores) == head_names(net, bank) == [LINEAR, PROTOTYPE]
    assert torch.equal(scores[LINEAR], output.logits)
    assert torch.equal(scores[PROTOTYPE], prototype_scores(bank, output.representation, images.shape[-2:]))
    found = predict(head_scores(net, bank), images, None)
    assert torch.equal(found[LINEAR], predict(linear_scores(net), images, None)[LINEAR])
    assert torch.equal(found[PROTOTYPE], scores[PROTOTYPE].argmax(1))


def test_windows_are_averaged_by_head():
    def scores(images):
        return by_pixel(images) | {"other": by_pixel(images)[LINEAR].flip(1)}

    images = torch.randint(256, (2, 3, 37, 53), dtype=torch.uint8)
    found = predict(scores, images, WindowParams(size=16, stride=11))
    assert torch.equal(found["other"], 4 - found[LINEAR])


def test_without_a_bank_there_is_no_prototype_head(make_net):
    net = make_net().eval()
    images = torch.randint(256, (1, 3, 32, 32), dtype=torch.uint8)
    with torch.no_grad():
        assert list(head_scores(net, None)(images)) == head_names(net, None) == [LINEAR]


# ------------------------------------------------------------------------------------------------- a set


@pytest.fixture
def odd_set(tmp_path):
    """Images of several sizes, a mask with void for each."""
    rng = np.random.default_rng(0)
    sizes = [(32, 32)] * (BATCH + 2) + [(20, 45), (33, 17), (33, 17), (32, 32)]
    for folder in (IMAGES, MASKS):
        (tmp_path / folder).mkdir()
    for n, size in enumerate(sizes):
        Image.fromarray(rng.integers(0, 256, (*size, 3), dtype=np.uint8)).save(tmp_path / IMAGES / f"i{n:02d}.png")
        mask = np.where(rng.random(size) < 0.1, 255, rng.integers(0, 6, size)).astype(np.uint8)
        write_mask(tmp_path / MASKS / f"i{n:02d}.png", mask)
    return Images(tmp_path, [f"i{n:02d}" for n in range(len(sizes))])


@pytest.mark.parametrize("readers", [0, 3])
def test_neighbours_of_one_size_go_together(odd_set, readers):
    groups = list(batches(odd_set, torch.device("cpu"), readers))
    assert [len(positions) for positions, _, _ in groups] == [BATCH, 2, 1, 2, 1]
    assert [p for positions, _, _ in groups for p in positions] == list(range(len(odd_set)))
    for positions, images, masks in groups:
        for n, position in enumerate(positions):
            assert torch.equal(images[n], odd_set[position][0]) and torch.equal(masks[n], odd_set[position][1])


def test_images_are_read_beside_the_network_and_one_that_cannot_be_is_an_error(odd_set):
    (odd_set.root / MASKS / f"{odd_set.ids[-1]}.png").unlink()
    groups = batches(odd_set, torch.device("cpu"), readers=2)
    assert next(groups)[0] == list(range(BATCH))
    with pytest.raises((OSError, UserError)):
        list(groups)


def test_large_images_go_in_smaller_groups(odd_set, monkeypatch):
    monkeypatch.setitem(inference.PIXELS, "cpu", 5 * 32 * 32)
    groups = list(batches(odd_set, torch.device("cpu")))
    assert [len(positions) for positions, _, _ in groups] == [5, 5, 5, 1, 2, 1, 2, 1]
    assert [p for positions, _, _ in groups for p in positions] == list(range(len(odd_set)))
    monkeypatch.setitem(inference.PIXELS, "cpu", 1)
    assert [len(positions) for positions, _, _ in batches(odd_set, torch.device("cpu"))] == [1] * len(odd_set)


@pytest.mark.parametrize("window", [None, WindowParams(size=16, stride=9)])
def test_mean_iou_equals_scikit_learns(make_net, odd_set, window):
    net = make_net().eval()
    with torch.no_grad():
        net.heads["linear"].layers[-1].weight.mul_(20)
    predictions, targets = [], []
    for n in range(len(odd_set)):
        image, _ = odd_set[n]
        predictions.append(predict(linear_scores(net), image[None], window)[LINEAR].flatten().numpy())
        targets.append(read_mask(odd_set.root / MASKS / f"{odd_set.ids[n]}.png").ravel())
    prediction, target = np.concatenate(predictions), np.concatenate(targets)
    counts = confusion_matrix(target[target != 255], prediction[target != 255], labels=range(7)).astype(float)
    union = counts.sum(0) + counts.sum(1) - counts.diagonal()
    expected = np.mean(counts.diagonal()[union > 0] / union[union > 0])
    assert validate(net, odd_set, NAMES, window=window) == {"miou": [pytest.approx(100 * expected, abs=1e-9)]}
    assert 0.01 < expected < 0.9


def test_what_pseudo_labels_would_be_worth_equals_scikit_learns(make_net, odd_set):
    net, tau = make_net().eval(), 0.6
    with torch.no_grad():
        net.heads["linear"].layers[-1].weight.mul_(20)
    sure, label, truth = [], [], []
    for image, mask in (odd_set[n] for n in range(len(odd_set))):
        with torch.no_grad():
            logits = F.interpolate(net(image[None]).logits, mask.shape, mode="bilinear", align_corners=True)
        for found, values in zip((sure, label), logits.softmax(1).max(1), strict=True):
            found.append(values.flatten())
        truth.append(mask.flatten())
    sure, label, truth = (torch.cat(parts).numpy() for parts in (sure, label, truth))
    scored, confident = truth != 255, (truth != 255) & (sure > tau)
    found = validate(net, odd_set, NAMES, tau)
    known = pd.Series(confident[scored]).groupby(label[scored]).mean().reindex(range(7))
    assert found["validation_coverage"] == pytest.approx(known.tolist(), abs=1e-3, nan_ok=True)
    right = precision_score(truth[confident], label[confident], labels=range(7), average=None, zero_division=np.nan)
    assert found["validation_precision"] == pytest.approx(right.tolist(), abs=1e-3, nan_ok=True)
    front = label > 0
    assert found["coverage"] == [pytest.approx(100 * confident[scored & front].mean(), abs=0.1)]
    assert found["precision"] == [pytest.approx(100 * (truth == label)[confident & front].mean(), abs=0.1)]
    assert 5 < found["coverage"][0] < 95


@pytest.mark.parametrize("training", [True, False])
def test_evaluation_is_in_eval_mode_and_restores_the_mode(make_net, odd_set, training):
    net = make_net().train(training)
    before = {name: value.clone() for name, value in net.state_dict().items()}
    first = validate(net, odd_set, NAMES, 0.2)
    assert net.training == training
    assert all(torch.equal(value, before[name]) for name, value in net.state_dict().items())
    assert str(first) == str(validate(net.eval(), odd_set, NAMES, 0.2))
