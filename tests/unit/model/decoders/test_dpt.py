"""DPT: its maps and its weights, by formula, in the three published sizes."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from semiproto.errors import UserError
from semiproto.model.decoders.dpt import BASE, LARGE, SMALL, DptDecoder, planes_of
from semiproto.model.network import SegmentationNetwork
from semiproto.params import DecoderParams, ModelParams

PARAMS = DecoderParams(kind="dpt", planes=4, rates=[1], dropout=0.0)
SIZES = {"small": (384, SMALL, 24.8), "base": (768, BASE, 97.5), "large": (1024, LARGE, 335.6)}
"""By name, width, planes, and millions of weights in all with DINOv2's ViT of patch 14 and VOC's 21 classes."""
CLASSES = 21


def model(name, kind="dpt"):
    encoder = {"name": f"vit_{name}_patch14_dinov2", "weights": None, "output_stride": 8, "multi_grid": None}
    decoder = {"kind": kind, "planes": 256, "rates": [12, 24, 36], "dropout": 0.1}
    return ModelParams.model_validate({"encoder": encoder, "decoder": decoder, "auxiliary_weight": 0})


def noise(*shape):
    return torch.randn(shape, generator=torch.Generator().manual_seed(0))


def convolution(inputs, outputs, side, bias=True):
    return inputs * outputs * side**2 + bias * outputs


def weights_by_formula(width, planes):
    """Of the decoder."""
    first, second, third, fourth = planes.taps
    fused, unit = planes.fused, 2 * convolution(planes.fused, planes.fused, 3)
    return (
        sum(convolution(width, count, 1) for count in planes.taps)
        + convolution(first, first, 4)
        + convolution(second, second, 2)
        + convolution(fourth, fourth, 3)
        + sum(convolution(count, fused, 3, bias=False) for count in (first, second, third, fourth))
        + 4 * (2 * unit + convolution(fused, fused, 1))
    )


@pytest.mark.parametrize("size", SIZES)
def test_sizes_of_the_published_networks(size):
    width, planes, millions = SIZES[size]
    with torch.device("meta"):
        network = SegmentationNetwork(model(size), CLASSES, pretrained=False)
        maps = network.encoder(torch.rand(1, 3, 518, 518))
        output = network(torch.rand(1, 3, 518, 518))
    assert [tuple(x.shape) for x in maps] == [(1, width, 37, 37)] * 4
    assert output.representation.shape == (1, planes.fused, 8 * 37, 8 * 37) and network.dim == planes.fused
    assert output.logits.shape == (1, CLASSES, 8 * 37, 8 * 37)
    head = convolution(planes.fused, planes.fused, 3) + convolution(planes.fused, CLASSES, 1)
    encoder = sum(weight.numel() for weight in network.encoder.parameters())
    total = sum(weight.numel() for weight in network.parameters())
    assert total == encoder + weights_by_formula(width, planes) + head
    assert round(total / 1e6, 1) == millions


def test_encoders_of_the_published_networks_by_formula():
    """Width w, 12 or 24 blocks: two norms, attention, an MLP of 4w and two layer scales each."""
    for size, depth in (("small", 12), ("base", 12), ("large", 24)):
        width = SIZES[size][0]
        with torch.device("meta"):
            network = SegmentationNetwork(model(size), CLASSES, pretrained=False)
        block = 4 * width + (4 * width**2 + 4 * width) + (8 * width**2 + 5 * width) + 2 * width
        tokens = width + (37**2 + 1) * width
        expected = convolution(3, width, 14) + tokens + depth * block + 2 * width
        assert sum(weight.numel() for weight in network.encoder.parameters()) == expected


@pytest.mark.parametrize(
    ("width", "planes"),
    [(64, SMALL), (192, SMALL), (384, SMALL), (512, BASE), (768, BASE), (1024, LARGE), (1152, LARGE), (1536, LARGE)],
)
def test_planes_by_width(width, planes):
    assert planes_of(width) == planes


def by_hand(decoder, maps):
    """The same map, spelled out step by step."""

    def unit(x, block):
        y = F.conv2d(F.relu(x), block.conv1.weight, block.conv1.bias, padding=1)
        return x + F.conv2d(F.relu(y), block.conv2.weight, block.conv2.bias, padding=1)

    projected = [F.conv2d(x, layer.weight, layer.bias) for x, layer in zip(maps, decoder.project, strict=True)]
    four, two, _, half = decoder.rescale
    pyramid = [
        F.conv_transpose2d(projected[0], four.weight, four.bias, stride=4),
        F.conv_transpose2d(projected[1], two.weight, two.bias, stride=2),
        projected[2],
        F.conv2d(projected[3], half.weight, half.bias, stride=2, padding=1),
    ]
    shapes = [tuple(x.shape[-2:]) for x in pyramid]
    pyramid = [F.conv2d(x, layer.weight, padding=1) for x, layer in zip(pyramid, decoder.reduce, strict=True)]
    z = 0.0
    for level in (3, 2, 1, 0):
        block = decoder.fusions[level]
        x = unit(z + unit(pyramid[level], block.of_tap), block.of_sum)
        size = shapes[level - 1] if level else [2 * side for side in shapes[0]]
        x = F.interpolate(x, size=size, mode="bilinear", align_corners=True)
        z = F.conv2d(x, block.out.weight, block.out.bias)
    return shapes, z


@pytest.mark.parametrize("grid", [(4, 6), (5, 3), (1, 1)])
def test_the_map_is_that_of_the_steps_one_by_one(grid):
    torch.manual_seed(0)
    decoder = DptDecoder([32] * 4, PARAMS)
    maps = [noise(2, 32, *grid) for _ in range(4)]
    with torch.no_grad():
        shapes, expected = by_hand(decoder, maps)
        found = decoder(maps)
    rows, columns = grid
    assert shapes == [
        (4 * rows, 4 * columns),
        (2 * rows, 2 * columns),
        (rows, columns),
        ((rows + 1) // 2, (columns + 1) // 2),
    ]
    assert found.shape == (2, 64, 8 * rows, 8 * columns)
    torch.testing.assert_close(found, expected)


def test_no_weight_is_idle_and_there_is_no_batch_norm():
    decoder = DptDecoder([32] * 4, PARAMS)
    decoder([noise(1, 32, 3, 3)] * 4).sum().backward()
    assert not [name for name, weight in decoder.named_parameters() if weight.grad is None]
    assert not [module for module in decoder.modules() if isinstance(module, nn.BatchNorm2d)]
    assert not list(decoder.buffers())


@pytest.mark.parametrize("channels", [[16, 32, 64], [64, 128, 256, 512], [32, 32, 32]])
def test_maps_of_a_cnn_are_refused(one_line, channels):
    with pytest.raises(UserError) as error:
        DptDecoder(channels, PARAMS)
    one_line(error, "model.decoder.kind", channels[-1], "deeplab")
