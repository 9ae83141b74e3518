"""Blocks that are computed again in the backward pass: the same step to the last bit, with less kept for it."""

import pytest
import torch
from timm.layers import BatchNormAct2d
from torch import nn

import fixed_steps
from semiproto.model.network import SegmentationNetwork
from semiproto.model.recompute import blocks, recompute_blocks, recomputed

IMAGES = torch.randint(256, (4, 3, 32, 32), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))


def kept(net):
    """Bytes that the forward pass keeps for the backward pass, without weights; each storage once."""
    weights, found = {p.untyped_storage().data_ptr() for p in net.parameters()}, {}

    def note(x):
        storage = x.untyped_storage()
        if storage.data_ptr() not in weights:
            found[storage.data_ptr()] = storage.nbytes()
        return x

    with torch.autograd.graph.saved_tensors_hooks(note, lambda x: x):
        output = net(IMAGES)
    return sum(found.values()), output


ENCODERS = {  # how many blocks there are; a deep stem is one
    "resnet18.a1_in1k": (8, "BasicBlock"),
    "resnet26d.bt_in1k": (9, "Bottleneck"),
    "mobilenetv3_small_050.lamb_in1k": (11, "InvertedResidual"),
    "efficientnet_b0.ra_in1k": (16, "InvertedResidual"),
    "convnext_atto.d2_in1k": (12, "ConvNeXtBlock"),
    "regnety_002.pycls_in1k": (13, "Bottleneck"),
}


@pytest.mark.parametrize("name", ENCODERS)
def test_the_blocks_of_timms_encoders(tiny, name):
    encoder = tiny.model.encoder.model_copy(update={"name": name, "output_stride": 32, "weights": None})
    net = SegmentationNetwork(tiny.model.model_copy(update={"encoder": encoder}), 7, pretrained=False)
    number, kind = ENCODERS[name]
    found = [type(block).__name__ for block in blocks(net)]
    assert len(found) == number and kind in found


def test_the_blocks_of_a_vit_and_the_residual_units_of_dpt(make_vit):
    assert [type(block).__name__ for block in blocks(make_vit())] == 6 * ["Block"] + 8 * ["_ResidualUnit"]


def test_the_blocks_of_the_small_encoder_are_no_part_of_the_heads(make_net):
    net = make_net()
    assert list(blocks(net)) == [net.encoder.body.layer1, net.encoder.body.layer2, net.encoder.body.layer3]
    assert recompute_blocks(net) == 3
    assert recompute_blocks(nn.Sequential(nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4))) == 0


@pytest.mark.parametrize("kind", ["cnn", "vit"])
def test_a_step_is_the_same_and_less_is_kept(make_net, make_vit, kind):
    whole, again = (make_net() if kind == "cnn" else make_vit() for _ in range(2))
    recompute_blocks(again)
    expected, found = {}, {}
    for net, results in ((whole, expected), (again, found)):
        results["kept"], output = kept(net)
        (output.logits.square().mean() + output.representation.mean()).backward()
        results |= {name: p.grad for name, p in net.named_parameters()} | dict(net.named_buffers())
    assert found.pop("kept") < 0.75 * expected.pop("kept")
    assert [name for name, value in expected.items() if not torch.equal(value, found[name])] == []


def test_what_is_not_for_a_backward_pass_is_computed_once(make_net):
    calls = []
    net = make_net()
    net.encoder.body.layer1.register_forward_hook(lambda *_: calls.append(1))
    recompute_blocks(net)
    with torch.no_grad():
        net.eval()(IMAGES)
    with torch.inference_mode():
        net(IMAGES)
    assert len(calls) == 2


@pytest.mark.parametrize("norm", [nn.BatchNorm2d, BatchNormAct2d])
def test_running_statistics_move_once_and_dropout_is_drawn_once(norm):
    torch.manual_seed(0)
    block = nn.Sequential(norm(3), nn.Dropout2d(0.5))
    x = torch.randn(8, 3, 4, 4, requires_grad=True)
    y = recomputed(block, block.forward, x)
    y.sum().backward()
    assert int(block[0].num_batches_tracked) == 1
    torch.testing.assert_close(block[0].running_mean, 0.1 * x.mean(dim=(0, 2, 3)))
    dropped = (y == 0).all(dim=(2, 3))
    assert dropped.any() and not dropped.all()
    # A dropped channel of an image has a gradient by the statistics alone, which sums to zero over the batch.
    assert x.grad.sum().abs() < 1e-4


def test_a_run_is_the_same_to_the_last_bit(tmp_path, monkeypatch):
    """Batch norm, dropout, OHEM, CutMix, teacher and prototypes; test_distributed.py has more steps."""
    monkeypatch.setattr(fixed_steps, "STEPS", 4)
    fixed_steps.make_set(tmp_path)
    runs = []
    for recompute in (False, True):
        losses, phase = fixed_steps.train(tmp_path, fixed_steps.settings(), recompute=recompute)
        runs.append((losses, phase.state_dict()))
    (expected, state), (found, other) = runs
    assert found == expected
    assert [name for name, value in state.items() if not torch.equal(value, other[name])] == []
