"""Class and confidence of one band of rows after the other, and the overlay."""

import numpy as np
import pytest
import torch

from semiproto.data.layout import voc_palette
from semiproto.deploy.segment import labelled, overlay, placed
from semiproto.errors import UserError
from semiproto.model.network import SegmentationNetwork


@pytest.mark.parametrize(("size", "parts"), [((60, 50), 1), ((150, 50), 4)])
def test_rows_come_from_the_top_and_are_all_there(make_net, size, parts):
    net = make_net().eval()
    images = torch.randint(256, (2, 3, *size), dtype=torch.uint8)
    found = list(labelled(net, images, 64))
    assert len(found) == parts
    classes, confidence = (np.concatenate(rows, axis=1) for rows in zip(*found, strict=True))
    assert classes.shape == confidence.shape == (2, *size) and classes.dtype == confidence.dtype == np.uint8


def test_it_takes_what_gives_rows_when_asked(make_net):
    """Such as a scene on disk: the classes are those of the picture in memory."""
    net = make_net().eval()
    images = torch.randint(256, (1, 3, 150, 90), dtype=torch.uint8)

    class OnDisk:
        shape = images.shape

        def __getitem__(self, place):
            return images[place]

    for (mine, _), (theirs, _) in zip(labelled(net, OnDisk(), 64), labelled(net, images, 64), strict=True):
        np.testing.assert_array_equal(mine, theirs)


@pytest.mark.parametrize("bands", [1, 3, 5])
def test_any_number_of_bands_can_lie_under_a_mask(bands):
    image = np.full((4, 5, bands), 100, np.uint8)
    classes = np.zeros((4, 5), np.uint8)
    classes[0, 0] = 1
    shown = np.asarray(overlay(image, classes, voc_palette()))
    assert (
        shown.shape == (4, 5, 3) and shown[1, 1].tolist() == [100, 100, 100] and shown[0, 0].tolist() == [114, 50, 50]
    )


@pytest.mark.parametrize("encoder", ["resnet18", "mobilenetv3_small_100", "vit_tiny_patch16_224"])
def test_scores_are_the_same_to_the_last_bit_with_one_thread_and_with_several(tiny, encoder):
    """Torch itself computes a convolution of one pixel in two ways, by the number of threads."""
    decoder = {"kind": "dpt"} if encoder.startswith("vit") else {}
    model = tiny.model.model_copy(
        update={
            "encoder": tiny.model.encoder.model_copy(update={"name": encoder, "output_stride": 16}),
            "decoder": tiny.model.decoder.model_copy(update={"planes": 32, **decoder}),
        }
    )
    torch.manual_seed(0)
    net = placed(SegmentationNetwork(model, 7, pretrained=False).eval())
    images = torch.randint(256, (1, 3, 384, 512), dtype=torch.uint8)
    before, found = torch.get_num_threads(), []
    try:
        for threads in (1, 2, 3):
            torch.set_num_threads(threads)
            with torch.inference_mode():
                found.append(net(images).logits)
    finally:
        torch.set_num_threads(before)
    assert all(torch.equal(found[0], one) for one in found[1:])


@pytest.mark.parametrize("damage", ["negative variance", "overflow"])
def test_finite_weights_that_give_no_scores_make_no_mask(make_net, damage):
    net = make_net().eval()
    norm = next(one for one in net.modules() if isinstance(one, torch.nn.BatchNorm2d))
    if damage == "overflow":
        norm.weight.data.fill_(3e38)
    else:
        norm.running_var.fill_(-5)
    with pytest.raises(UserError, match="NaN or infinity"):
        list(labelled(net, torch.randint(256, (1, 3, 40, 30), dtype=torch.uint8), 64))
