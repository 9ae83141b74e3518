"""The network of method section 1: encoder, decoder and heads."""

import numpy as np
import pytest
import torch

from semiproto.measure.inference import classify, linear_scores
from semiproto.model.network import RENAMED, SegmentationNetwork
from semiproto.model.teacher import Teacher
from semiproto.params import NormalisationParams


def test_the_embedded_network_has_126575_parameters(shipped):
    net = SegmentationNetwork(shipped.model, 7, pretrained=True)
    assert sum(p.numel() for p in net.parameters()) == 126_575


def test_representation_and_logits_at_stride_4(shipped):
    net = SegmentationNetwork(shipped.model, 7, pretrained=True).eval()
    output = net(torch.randint(256, (2, 3, 64, 64), dtype=torch.uint8))
    assert output.representation.shape == (2, 48, 16, 16)
    assert output.logits.shape == (2, 7, 16, 16)
    assert net.dim == 48 and net.num_classes == 7
    assert output.representation.min() >= 0


HALF = NormalisationParams(mean=[0.5] * 3, std=[0.5] * 3)


@pytest.mark.parametrize("given", [None, HALF])
def test_images_are_normalised_as_the_encoder_asks(tiny, given):
    """By default with ImageNet's statistics."""
    encoder = tiny.model.encoder.model_copy(update={"normalisation": given})
    net = SegmentationNetwork(tiny.model.model_copy(update={"encoder": encoder}), 7, pretrained=False).eval()
    net.encoder.forward = lambda x: (
        seen.append(x) or [torch.zeros(1, 16, 8, 8), torch.zeros(0), torch.zeros(1, 64, 4, 4)]
    )
    seen = []
    images = torch.randint(256, (1, 3, 32, 32), dtype=torch.uint8)
    net(images)
    mean, std = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])
    if given is not None:
        mean = std = np.full(3, 0.5)
    expected = (images[0].numpy() / 255 - mean[:, None, None]) / std[:, None, None]
    np.testing.assert_allclose(seen[0][0].numpy(), expected, atol=1e-5)


def test_bytes_and_floats_of_the_same_image_agree(make_net):
    net = make_net().eval()
    images = torch.randint(256, (1, 3, 32, 32), dtype=torch.uint8)
    torch.testing.assert_close(net(images).logits, net(images.float()).logits)


def test_saved_weights_restore_the_network(make_net):
    first, second = make_net(0).eval(), make_net(1).eval()
    second.load_state_dict(first.state_dict())
    images = torch.randint(256, (1, 3, 32, 32), dtype=torch.uint8)
    assert torch.equal(first(images).logits, second(images).logits)
    assert not {"mean", "std"} & set(first.state_dict())


def test_models_of_version_0_1_are_loaded_by_their_old_names(make_net):
    saved = make_net(0).state_dict()
    old = {}
    for name, value in saved.items():
        before, now = next(((a, b) for a, b in RENAMED.items() if name.startswith(b)), ("", ""))
        old[before + name.removeprefix(now)] = value
    tops = ["encoder", "aspp", "low_level", "linear_head"]
    assert list(dict.fromkeys(name.split(".")[0] for name in old)) == tops  # the modules of version 0.1, in its order
    restored = make_net(1)
    restored.load_state_dict(old)
    assert all(torch.equal(value, saved[name]) for name, value in restored.state_dict().items())
    assert "linear_head.4.bias" in old  # the caller's tensors keep their names


@pytest.mark.parametrize(("kind", "dim", "size"), [("dpt", 64, (200, 336)), ("deeplab", 8, (25, 42))])
def test_a_vit_scores_images_of_any_size(make_vit, kind, dim, size):
    """Of 200 x 333 pixels with patches of 8: the network sees 200 x 336, and the scores are the image's again."""
    net = make_vit(kind).eval()
    images = torch.randint(256, (1, 3, 200, 333), dtype=torch.uint8)
    with torch.inference_mode():
        output = net(images)
    assert output.representation.shape == (1, dim, *size) and output.logits.shape == (1, 7, *size)
    labels, confidence = Teacher(net, 0.99).pseudo_labels(images)
    assert labels.shape == confidence.shape == (1, 200, 333)
    classes, probabilities = classify(linear_scores(net), images, None)
    assert torch.equal(classes, labels)
    torch.testing.assert_close(probabilities, confidence)
