"""Which weights the optimiser moves, how far, and which of them decay."""

import pytest
import torch

from semiproto.errors import UserError
from semiproto.model.encoders.vit import taps_of
from semiproto.train.optimizer import make_optimizer, parameter_groups


def ids(weights):
    return [id(weight) for weight in weights]


def test_sgd_has_two_groups_with_every_weight_once(make_net, tiny):
    net = make_net()
    params = tiny.optimizer.model_copy(update={"lr": 0.01, "head_lr_factor": 10, "weight_decay": 0.02})
    body, rest = parameter_groups(net, params)
    assert (body["lr"], rest["lr"]) == (0.01, 0.1) and body["weight_decay"] == rest["weight_decay"] == 0.02
    assert ids(body["params"]) == ids(net.encoder.parameters())
    assert ids(body["params"] + rest["params"]) == ids(net.parameters())


def test_one_step_is_sgd_with_two_rates(make_net, tiny):
    net = make_net()
    params = tiny.optimizer.model_copy(update={"lr": 0.1, "head_lr_factor": 10, "momentum": 0.9, "weight_decay": 0.01})
    optimizer = make_optimizer(net, params)
    velocity = {}
    for _ in range(3):
        for name, p in net.named_parameters():
            p.grad = torch.rand(p.shape)
            gradient = p.grad + 0.01 * p.detach()
            velocity[name] = 0.9 * velocity[name] + gradient if name in velocity else gradient
        expected = {
            name: p.detach() - (0.1 if name.startswith("encoder.") else 1.0) * velocity[name]
            for name, p in net.named_parameters()
        }
        optimizer.step()
        for name, p in net.named_parameters():
            torch.testing.assert_close(p.detach(), expected[name])


def test_one_step_is_adamw(make_vit, tiny_vit):
    """Against the formula, weight by weight: decoupled decay, corrected averages."""
    net = make_vit()
    params = tiny_vit.optimizer.model_copy(update={"betas": (0.8, 0.95), "weight_decay": 0.1})
    optimizer = make_optimizer(net, params)
    means = {name: (torch.zeros_like(p), torch.zeros_like(p)) for name, p in net.named_parameters()}
    for step in (1, 2, 3):
        expected = {}
        for name, p in net.named_parameters():
            p.grad = torch.randn(p.shape)
            first, second = means[name]
            first, second = 0.8 * first + 0.2 * p.grad, 0.95 * second + 0.05 * p.grad**2
            means[name] = first, second
            rate = params.lr * (1 if name.startswith("encoder.") else params.head_lr_factor)
            decay = 0.0 if p.ndim == 1 or name.split(".")[-1] in ("cls_token", "pos_embed") else 0.1
            change = (first / (1 - 0.8**step)) / ((second / (1 - 0.95**step)).sqrt() + 1e-8)
            expected[name] = p.detach() * (1 - rate * decay) - rate * change
        optimizer.step()
        for name, p in net.named_parameters():
            torch.testing.assert_close(p.detach(), expected[name])


@pytest.mark.parametrize("name", ["test_vit", "test_vit2", "vit_tiny_patch16_dinov3_qkvb"])
@pytest.mark.parametrize("layer_decay", [1.0, 0.7])
def test_decay_leaves_out_norms_biases_tokens_and_positions(make_vit, tiny_vit, name, layer_decay):
    net = make_vit(name=name)
    groups = parameter_groups(net, tiny_vit.optimizer.model_copy(update={"layer_decay": layer_decay}))
    without = {one for group in groups if group["weight_decay"] == 0 for one in ids(group["params"])}
    decayed = [one for group in groups if group["weight_decay"] == 0.01 for one in ids(group["params"])]
    assert sorted([*without, *decayed]) == sorted(ids(net.parameters()))
    for key, weight in net.named_parameters():
        spared = weight.ndim == 1 or key.endswith(("cls_token", "pos_embed", "reg_token"))
        assert (id(weight) in without) == spared, key


def test_rates_fall_from_the_last_block_to_the_first(make_vit, tiny_vit):
    net = make_vit()
    groups = parameter_groups(net, tiny_vit.optimizer.model_copy(update={"layer_decay": 0.5, "lr": 1.0}))
    rates = {id(weight): group["lr"] for group in groups for weight in group["params"]}
    blocks = net.encoder.net.blocks
    assert len(blocks) == 1 + taps_of(len(blocks))[-1]
    for number, block in enumerate(blocks):
        assert {rates[id(weight)] for weight in block.parameters()} == {0.5 ** (len(blocks) - 1 - number)}
    assert rates[id(net.encoder.net.norm.weight)] == 1
    assert rates[id(net.encoder.net.pos_embed)] == 0.5 ** len(blocks)
    assert {rates[id(weight)] for part in (net.decoder, net.heads) for weight in part.parameters()} == {4.0}


def test_layers_of_a_cnn_have_no_rates_of_their_own(make_net, tiny_vit, one_line):
    with pytest.raises(UserError) as error:
        parameter_groups(make_net(), tiny_vit.optimizer.model_copy(update={"layer_decay": 0.5}))
    one_line(error, "optimizer.layer_decay", 0.5, "set it to 1")


@pytest.mark.parametrize("kind", ["sgd", "adamw"])
def test_frozen_weights_are_in_no_group_and_have_no_state(make_vit, tiny_vit, kind):
    net = make_vit(trainable="none")
    optimizer = make_optimizer(net, tiny_vit.optimizer.model_copy(update={"kind": kind}))
    held = {one for group in optimizer.param_groups for one in ids(group["params"])}
    rest = [*net.decoder.parameters(), *net.heads.parameters()]
    assert held == set(ids(rest)) and all(group["params"] for group in optimizer.param_groups)
    net.train()(torch.randint(256, (2, 3, 32, 32), dtype=torch.uint8)).logits.sum().backward()
    optimizer.step()
    assert {id(weight) for weight in optimizer.state} == set(ids(rest))


def test_norms_alone_are_moved_where_norms_alone_train(make_vit, tiny_vit):
    net = make_vit(trainable="norms")
    groups = parameter_groups(net, tiny_vit.optimizer)
    held = {one for group in groups for one in ids(group["params"])}
    norms = [p for name, p in net.encoder.named_parameters() if "norm" in name]
    assert held == set(ids([*norms, *net.decoder.parameters(), *net.heads.parameters()]))
