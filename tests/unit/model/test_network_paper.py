"""The paper's network and schedule, built from the experiments that ship: sizes, counts, dilations, rates, steps."""

from pathlib import Path

import pytest
import torch

from semiproto import params
from semiproto.model.network import SegmentationNetwork
from semiproto.train.optimizer import parameter_groups

EXPERIMENTS = Path(__file__).parents[3] / "experiments"


@pytest.fixture(scope="module")
def voc():
    return params.load(EXPERIMENTS / "voc-classic.yaml")


@pytest.fixture(scope="module")
def cityscapes():
    return params.load(EXPERIMENTS / "cityscapes.yaml")


@pytest.fixture(scope="module")
def network(voc):
    return SegmentationNetwork(voc.model, 21, pretrained=False)


def convolution(inputs, outputs, kernel=3):
    """Parameters of a convolution without bias and its batch norm."""
    return inputs * outputs * kernel**2 + 2 * outputs


def count(module):
    return sum(p.numel() for p in module.parameters())


def bottlenecks(inputs, width, blocks):
    """Parameters of a ResNet stage of bottleneck blocks."""
    first = convolution(inputs, width, 1) + convolution(width, width) + convolution(width, 4 * width, 1)
    others = convolution(4 * width, width, 1) + convolution(width, width) + convolution(width, 4 * width, 1)
    return first + convolution(inputs, 4 * width, 1) + (blocks - 1) * others


def test_the_encoder_is_a_resnet_101_with_a_deep_stem(network):
    net = network.encoder.body.net
    stem = convolution(3, 64) + convolution(64, 64) + convolution(64, 128)
    stages = [(128, 64, 3), (256, 128, 4), (512, 256, 23), (1024, 512, 3)]
    assert count(network.encoder) == stem + sum(bottlenecks(*stage) for stage in stages)
    first = [m for m in net.modules() if isinstance(m, torch.nn.Conv2d)][:3]
    assert [(c.in_channels, c.out_channels, c.kernel_size, c.stride) for c in first] == [
        (3, 64, (3, 3), (2, 2)),
        (64, 64, (3, 3), (1, 1)),
        (64, 128, (3, 3), (1, 1)),
    ]


def test_the_stride_is_on_the_3x3_convolution(network):
    block = network.encoder.body.net.layer2[0]
    assert (block.conv1.stride, block.conv2.stride) == ((1, 1), (2, 2))


def test_layer3_is_dilated_by_2_and_layer4_by_its_multi_grid(network):
    """The first block of layer3 keeps the dilation before it, as in the base code."""
    net = network.encoder.body.net
    dilations = {name: [block.conv2.dilation[0] for block in getattr(net, name)] for name in ("layer3", "layer4")}
    assert dilations == {"layer3": [1] + [2] * 22, "layer4": [4, 8, 16]}
    assert {block.conv2.stride for name in ("layer3", "layer4") for block in getattr(net, name)} == {(1, 1)}


def test_the_decoder_has_the_papers_parameters(network):
    aspp = convolution(2048, 256, 1) * 2 + 3 * convolution(2048, 256) + convolution(1280, 256)
    low_level = convolution(256, 256, 1)
    head = convolution(512, 256) + convolution(256, 256) + 256 * 21 + 21
    parts = network.decoder.aspp, network.decoder.low_level, network.heads
    assert [count(part) for part in parts] == [aspp, low_level, head]
    assert count(network) == count(network.encoder) + aspp + low_level + head
    assert network.dim == 512
    rates = [branch[0].dilation[0] for branch in network.decoder.aspp.branches]
    assert rates == [1, 12, 24, 36]
    dropouts = [m.p for m in network.modules() if isinstance(m, torch.nn.Dropout2d)]
    assert dropouts == [0.1] * 3


@pytest.mark.parametrize(("crop", "low", "high"), [(513, 129, 65), (769, 193, 97)])
def test_map_sizes(network, crop, low, high):
    """A narrow strip: sides are independent, and it is quick."""
    with torch.inference_mode():
        first, *_, middle, last = network.encoder.eval()(torch.rand(1, 3, crop, 33))
        output = network.eval()(torch.zeros(1, 3, crop, 33, dtype=torch.uint8))
    assert (first.shape[1:3], middle.shape[1:3], last.shape[1:3]) == ((256, low), (1024, high), (2048, high))
    assert output.representation.shape[1:3] == (512, low) and output.logits.shape[1:3] == (21, low)


def test_the_auxiliary_head_is_cityscapes_alone(network, cityscapes):
    assert list(network.heads) == ["linear"]
    head = SegmentationNetwork(cityscapes.model, 19, pretrained=False).heads["auxiliary"]
    assert count(head) == convolution(1024, 256) + 256 * 19 + 19
    assert cityscapes.model.auxiliary_weight == 0.4


def test_the_rates_of_the_parameter_groups(network, voc, cityscapes):
    for experiment, encoder, rest in ((voc, 1e-3, 1e-2), (cityscapes, 1e-2, 1e-2)):
        groups = parameter_groups(network, experiment.optimizer)
        assert [group["lr"] for group in groups] == pytest.approx([encoder, rest])
        assert sum(p.numel() for p in groups[0]["params"]) == count(network.encoder)
        assert sum(p.numel() for group in groups for p in group["params"]) == count(network)
    assert (voc.optimizer.weight_decay, cityscapes.optimizer.weight_decay) == (1e-4, 5e-4)


VOC_STEPS = {92: 656, 183: 650, 366: 638, 732: 616, 1464: 570, 662: 620, 1323: 579, 2646: 496, 5291: 331}
CITYSCAPES_STEPS = {186: 174, 372: 163, 744: 139, 1488: 93}


@pytest.mark.parametrize(("labels", "steps"), VOC_STEPS.items())
def test_steps_per_epoch_of_voc(voc, labels, steps):
    assert voc.semi.total_steps(max(labels, 10582 - labels)) == 80 * steps


@pytest.mark.parametrize(("labels", "steps"), CITYSCAPES_STEPS.items())
def test_steps_per_epoch_of_cityscapes(cityscapes, labels, steps):
    assert cityscapes.semi.total_steps(max(labels, 2975 - labels)) == 200 * steps


def test_the_settings_of_both_tables(voc, cityscapes):
    assert [voc.semi.tau, cityscapes.semi.tau] == [0.8, 0.65]
    assert [voc.prototypes.per_class, cityscapes.prototypes.per_class] == [4, 3]
    assert [voc.augment.crop, cityscapes.augment.crop] == [513, 769]
    assert cityscapes.evaluate.window == params.WindowParams(size=769, stride=513) and voc.evaluate.window is None
    blended = params.load(EXPERIMENTS / "voc-blended.yaml")
    assert {e.split for e in [*voc.experiments, *blended.experiments]} == set(VOC_STEPS)
    assert {e.split for e in cityscapes.experiments} == set(CITYSCAPES_STEPS)
    for one in (voc, blended, cityscapes):
        assert one.semi.batch == 16 and one.semi.teacher.decay == 0.99 and one.semi.cutmix_probability == 0.5
        loss = one.semi.labeled_loss
        assert (loss.kind, loss.ohem_threshold, 2 * loss.ohem_min_kept_per_image) == ("ohem", 0.7, 100_000)
