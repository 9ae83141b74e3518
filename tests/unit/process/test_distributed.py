"""Two real processes on halves of a batch do what one process does on the whole of it."""

import copy

import pytest
import torch
from processes import in_two_processes
from timm.layers import BatchNormAct2d
from torch import nn

import fixed_steps
from semiproto.errors import UserError
from semiproto.params import ComputeParams, LabeledLossParams, Params
from semiproto.process import distributed
from semiproto.process.distributed import SyncBatchNorm2d, device_of, process_count
from semiproto.train import losses


def noise(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def compute(**changes):
    return ComputeParams(**fixed_steps.settings().compute.model_dump() | changes)


# ------------------------------------------------------------------------------------------------ the parts


@pytest.mark.parametrize("kind", [nn.BatchNorm2d, BatchNormAct2d])
def test_batch_norm_sees_the_whole_batch(tmp_path, kind):
    whole, x, weight = kind(5), noise(6, 5, 4, 3) * 3 + 1, noise(6, 5, 4, 3, seed=1)
    nn.init.normal_(whole.weight, 1, 0.2)
    nn.init.normal_(whole.bias)
    start = copy.deepcopy(whole)

    def half():
        norm, own = SyncBatchNorm2d(start), x[distributed.share(6)].requires_grad_()
        out = norm(own)
        (out * weight[distributed.share(6)]).sum().backward()
        gradients = [distributed.total(p.grad) for p in (norm.weight, norm.bias)]
        return out.detach(), own.grad, gradients, norm.state_dict(), norm.eval()(x).detach()

    found = in_two_processes(tmp_path, half)
    whole_x = x.clone().requires_grad_()
    out = whole(whole_x)
    (out * weight).sum().backward()
    torch.testing.assert_close(torch.cat([f[0] for f in found]), out.detach(), rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(torch.cat([f[1] for f in found]), whole_x.grad, rtol=1e-4, atol=1e-5)
    for _, _, gradients, state, evaluated in found:
        torch.testing.assert_close(gradients, [whole.weight.grad, whole.bias.grad], rtol=1e-4, atol=1e-5)
        torch.testing.assert_close(dict(state), dict(whole.state_dict()), rtol=1e-5, atol=1e-6)
        torch.testing.assert_close(evaluated, copy.deepcopy(whole).eval()(x).detach(), rtol=1e-5, atol=1e-5)


def stats(x, eps):
    variance, mean = torch.var_mean(x, (0, 2, 3), correction=0)
    return mean, (variance + eps).rsqrt()


def gathered(x, means, deviations, running_mean, running_var, momentum, eps, counts):
    mean = (means * counts[:, None]).sum(0) / counts.sum()
    spread = ((deviations**-2 - eps + (means - mean).square()) * counts[:, None]).sum(0)
    running_mean.lerp_(mean, momentum)
    running_var.lerp_(spread / (counts.sum() - 1), momentum)
    return mean, (spread / counts.sum() + eps).rsqrt()


def by_channel(x):
    return x.view(1, -1, 1, 1)


def reduced(gradient, x, mean, deviation, weight, *_):
    products = (gradient * (x - by_channel(mean))).sum((0, 2, 3))
    sums = gradient.sum((0, 2, 3))
    return sums, products, products * deviation, sums


def of_input(gradient, x, mean, deviation, weight, sums, products, counts):
    along = by_channel(deviation**2 * products / counts.sum())
    centred = gradient - by_channel(sums / counts.sum()) - (x - by_channel(mean)) * along
    return centred * by_channel(deviation * weight)


KERNELS = {
    "batch_norm_stats": stats,
    "batch_norm_gather_stats_with_counts": gathered,
    "batch_norm_elemt": lambda x, weight, bias, mean, deviation, eps: (
        (x - by_channel(mean)) * by_channel(deviation * weight) + by_channel(bias)
    ),
    "batch_norm_backward_reduce": reduced,
    "batch_norm_backward_elemt": of_input,
}
"""What torch's kernels for CUDA compute, which it does not have for the CPU."""


def test_batch_norm_of_a_gpu_exchanges_what_that_of_the_cpu_does(tmp_path, monkeypatch):
    """The order of exchange and kernels; tests/gpu has the kernels themselves."""
    for name, kernel in KERNELS.items():
        monkeypatch.setattr(torch, name, kernel)
    whole, x, weight = nn.BatchNorm2d(5).double(), noise(6, 5, 4, 3).double() * 3 + 1, noise(6, 5, 4, 3, seed=1)
    nn.init.normal_(whole.weight, 1, 0.2)
    nn.init.normal_(whole.bias)
    start = copy.deepcopy(whole)

    def half():
        norm, own = SyncBatchNorm2d(start), x[distributed.share(6)].requires_grad_()
        out = norm._on_gpu(own)
        (out * weight[distributed.share(6)]).sum().backward()
        gradients = [distributed.total(p.grad) for p in (norm.weight, norm.bias)]
        return out.detach(), own.grad, gradients, norm.state_dict(), norm.eval()._on_gpu(x).detach()

    found = in_two_processes(tmp_path, half)
    whole_x = x.clone().requires_grad_()
    out = whole(whole_x)
    (out * weight).sum().backward()
    close = {"rtol": 1e-10, "atol": 1e-10}
    torch.testing.assert_close(torch.cat([f[0] for f in found]), out.detach(), **close)
    torch.testing.assert_close(torch.cat([f[1] for f in found]), whole_x.grad, **close)
    for _, _, gradients, state, evaluated in found:
        torch.testing.assert_close(gradients, [whole.weight.grad, whole.bias.grad], **close)
        torch.testing.assert_close(dict(state), dict(whole.state_dict()), **close)
        torch.testing.assert_close(evaluated, copy.deepcopy(whole).eval()(x).detach(), **close)


OHEM = LabeledLossParams(kind="ohem", ohem_threshold=0.3, ohem_min_kept_per_image=12)
PLAIN = LabeledLossParams(kind="cross_entropy", ohem_threshold=0.3, ohem_min_kept_per_image=12)
LOGITS, TARGET = noise(4, 3, 5, 5), torch.randint(3, (4, 5, 5), generator=torch.Generator().manual_seed(0))
TARGET[:2, :4] = 255  # the halves have unequal numbers of valid pixels
CONFIDENCE = torch.rand(4, 5, 5, generator=torch.Generator().manual_seed(1))
CONFIDENCE[2:] *= 0.7
BALANCED = PLAIN.model_copy(update={"dice_weight": 0.7})
WEIGHTS = torch.tensor([0.2, 5.0, 1.0])
LOSSES = {
    "weights": lambda part: losses.labeled_loss(LOGITS[part], TARGET[part], PLAIN, WEIGHTS),
    "weights and ohem": lambda part: losses.labeled_loss(LOGITS[part], TARGET[part], OHEM, WEIGHTS),
    "dice": lambda part: losses.labeled_loss(LOGITS[part], TARGET[part], BALANCED),
    "cross-entropy": lambda part: losses.labeled_loss(LOGITS[part], TARGET[part], PLAIN),
    "ohem": lambda part: losses.labeled_loss(LOGITS[part], TARGET[part], OHEM),
    "all": lambda part: losses.pseudo_label_loss(LOGITS[part], TARGET[part] % 3, CONFIDENCE[part], 0.6, "all"),
    "confident": lambda part: losses.pseudo_label_loss(
        LOGITS[part], TARGET[part] % 3, CONFIDENCE[part], 0.6, "confident"
    ),
    "nothing": lambda part: losses.pseudo_label_loss(
        LOGITS[part], TARGET[part] % 3, CONFIDENCE[part], 1.0, "confident"
    ),
    "one half void": lambda part: losses.cross_entropy(LOGITS[part], TARGET[part].where(CONFIDENCE[part] > 0.7, 255)),
}


@pytest.mark.parametrize("name", LOSSES)
def test_the_mean_of_the_losses_of_the_parts_is_the_loss_of_the_batch(tmp_path, name):
    found = in_two_processes(tmp_path, lambda: float(LOSSES[name](distributed.share(4))))
    expected = float(LOSSES[name](slice(0, 4)))
    assert sum(found) / 2 == pytest.approx(expected, rel=1e-5)
    assert (expected == 0) == (name == "nothing")


@pytest.mark.parametrize("weights", [None, WEIGHTS])
def test_the_mean_of_the_gradients_of_dice_is_that_of_the_batch(tmp_path, weights):
    """Its sums are of the whole batch, so it is no mean of losses of the parts."""

    def gradient(part):
        scale = torch.ones(3, requires_grad=True)
        losses.labeled_loss(LOGITS[part] * scale.view(1, 3, 1, 1), TARGET[part], BALANCED, weights).backward()
        return scale.grad

    found = in_two_processes(tmp_path, lambda: gradient(distributed.share(4)))
    torch.testing.assert_close(sum(found) / 2, gradient(slice(0, 4)), rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize(("total", "shares"), [(8, [(0, 4), (4, 8)]), (7, [(0, 3), (3, 7)]), (1, [(0, 0), (0, 1)])])
def test_shares_are_neighbours_and_all_of_it(tmp_path, total, shares):
    found = in_two_processes(tmp_path, lambda: (distributed.share(total).start, distributed.share(total).stop))
    assert found == shares


def test_gather_keeps_the_order(tmp_path):
    x = torch.arange(6).view(6, 1)
    assert all(
        torch.equal(found, x)
        for found in in_two_processes(tmp_path, lambda: distributed.gather(x[distributed.share(6)]))
    )


def test_alone_nothing_is_exchanged():
    x = noise(3, 2)
    assert (distributed.world(), distributed.rank(), distributed.share(5)) == (1, 0, slice(0, 5))
    for function in (distributed.total, distributed.total_with_gradient, distributed.mean, distributed.gather):
        assert torch.equal(function(x), x)


# -------------------------------------------------------------------------------------------------- a training


@pytest.fixture
def float64(monkeypatch):
    """Everything in float64: in float32 rounding alone grows a thousandfold in these steps and could hide a mistake."""
    monkeypatch.setattr(torch.Tensor, "float", torch.Tensor.double)
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


def test_two_processes_train_as_one_on_the_same_batches(tmp_path, float64):
    """Twenty steps without dropout (which each draws for itself): losses, weights, statistics and prototypes."""
    expected, alone, found = alone_and_together(tmp_path)
    (first, states), (second, others) = found
    assert first == second
    assert first == pytest.approx(expected, rel=1e-9)
    for name, value in alone.items():
        assert torch.equal(states[name], others[name]), name
        torch.testing.assert_close(states[name], value, rtol=1e-6, atol=1e-8, msg=name)


@pytest.mark.parametrize("trainable", ["none", "all"])
def test_two_processes_train_a_vit_with_adamw_as_one(tmp_path, float64, monkeypatch, trainable):
    monkeypatch.setattr(fixed_steps, "STEPS", 5)
    expected, alone, ((first, states), (second, _)) = alone_and_together(tmp_path, vit(trainable))
    assert first == second == pytest.approx(expected, rel=1e-9)
    for name, value in alone.items():
        torch.testing.assert_close(states[name], value, rtol=1e-6, atol=1e-8, msg=name)


def test_two_processes_train_as_one_with_the_remedies_for_rare_classes(tmp_path, float64, monkeypatch):
    monkeypatch.setattr(fixed_steps, "STEPS", 5)
    tree = fixed_steps.settings(dropout=0.0).model_dump()
    tree["semi"]["labeled_loss"] |= {"dice_weight": 1.0}
    tree["semi"]["adaptive_tau"] = {"momentum": 0.5, "lowest": 0.1}
    expected, alone, ((first, states), (second, _)) = alone_and_together(tmp_path, Params.model_validate(tree))
    assert first == second == pytest.approx(expected, rel=1e-9)
    for name, value in alone.items():
        torch.testing.assert_close(states[name], value, rtol=1e-6, atol=1e-8, msg=name)
    assert len(states["adaptive_tau.share"].unique()) == 7


def vit(trainable):
    """The fixed steps' settings with a ViT of six blocks, DPT and AdamW."""
    tree = fixed_steps.settings(dropout=0.0).model_dump()
    tree["model"]["encoder"] |= {"name": "test_vit", "patch_size": 32, "trainable": trainable}
    tree["model"]["decoder"] |= {"kind": "dpt"}
    tree["optimizer"] |= {"kind": "adamw", "lr": 1e-4}
    return Params.model_validate(tree)


def test_in_float32_two_processes_start_as_one(tmp_path):
    expected, _, ((first, _), _) = alone_and_together(tmp_path)
    assert first[0] == pytest.approx(expected[0], rel=1e-6)
    assert first[:6] == pytest.approx(expected[:6], rel=2e-3)


def test_micro_batches_train_as_the_whole_batch_where_norms_do_not_look_across_images(tmp_path, float64, monkeypatch):
    """OHEM, CutMix, teacher and prototypes, with a ViT and DPT; blocks are computed again within a micro-batch."""
    monkeypatch.setattr(fixed_steps, "STEPS", 3)
    fixed_steps.make_set(tmp_path)
    (expected, whole), (found, parts) = (
        fixed_steps.train(tmp_path, settled, recompute=recompute)
        for settled, recompute in ((vit("all"), False), (in_micro_batches(vit("all")), True))
    )
    assert found == pytest.approx(expected, rel=1e-9)
    others = parts.state_dict()
    for name, value in whole.state_dict().items():
        torch.testing.assert_close(others[name], value, rtol=1e-9, atol=1e-11, msg=name)


def test_two_processes_train_as_one_in_micro_batches_with_batch_norm(tmp_path, float64, monkeypatch):
    """Batch norm sees the same images however many processes share a micro-batch, and others than in a whole batch."""
    monkeypatch.setattr(fixed_steps, "STEPS", 3)
    settled = fixed_steps.settings(dropout=0.0)
    expected, alone, ((first, states), (second, _)) = alone_and_together(tmp_path, in_micro_batches(settled))
    assert first == second == pytest.approx(expected, rel=1e-9)
    for name, value in alone.items():
        torch.testing.assert_close(states[name], value, rtol=1e-6, atol=1e-8, msg=name)
    assert int(alone["student.encoder.body.stem.1.num_batches_tracked"]) == 2 * fixed_steps.STEPS


def in_micro_batches(settled):
    """The settings with batches of four in two parts."""
    return settled.model_copy(update={"semi": settled.semi.model_copy(update={"micro_batch": 2})})


def test_two_processes_that_compute_blocks_again_train_to_the_same_bits(tmp_path):
    """Twenty steps with batch norm, dropout, OHEM and CutMix: losses, weights, statistics and prototypes."""
    fixed_steps.make_set(tmp_path)

    def train(recompute):
        losses, phase = fixed_steps.train(tmp_path, fixed_steps.settings(), recompute=recompute)
        return losses, phase.state_dict()

    for (found, state), (expected, other) in zip(
        in_two_processes(tmp_path, lambda: train(False)), in_two_processes(tmp_path, lambda: train(True)), strict=True
    ):
        assert found == expected
        assert [name for name, value in state.items() if not torch.equal(value, other[name])] == []


def alone_and_together(folder, settled=None):
    """Losses and state after the fixed steps: of one process, and of each of two."""
    fixed_steps.make_set(folder)
    settled = settled or fixed_steps.settings(dropout=0.0)

    def train():
        losses, phase = fixed_steps.train(folder, settled)
        return losses, phase.state_dict()

    return *train(), in_two_processes(folder, train)


# --------------------------------------------------------------------------------------------------- how many


@pytest.mark.parametrize(("processes", "batch"), [(1, 5), (2, 8), (4, 8), (8, 8)])
def test_processes_of_the_cpu(processes, batch):
    assert process_count(compute(processes=processes), batch) == processes


@pytest.mark.parametrize(("processes", "batch"), [(3, 8), (2, 1), (16, 8)])
def test_processes_that_cannot_share_the_batch(one_line, processes, batch):
    with pytest.raises(UserError) as error:
        process_count(compute(processes=processes), batch)
    one_line(error, "compute.processes", processes, batch)


@pytest.mark.parametrize(
    ("gpus", "available", "driver", "used"),
    [("auto", True, True, True), ("auto", False, False, False), (0, True, True, False), (0, False, True, False)],
)
def test_when_a_gpu_is_used(gpus, available, driver, used):
    assert distributed.uses_gpu(gpus, available=available, driver=driver) is used


@pytest.mark.parametrize("gpus", ["auto", 1])
def test_a_gpu_that_torch_cannot_use_is_an_error(one_line, gpus):
    with pytest.raises(UserError) as error:
        distributed.uses_gpu(gpus, available=False, driver=True)
    one_line(error, "compute.gpus", gpus, "driver", "nvidia-smi", "0 for the CPU")


@pytest.mark.skipif(torch.cuda.is_available(), reason="needs a machine without a GPU")
def test_a_command_says_which_device_auto_found(capsys):
    distributed.run(compute(gpus="auto", processes=1), 8, lambda: print("done"))
    assert capsys.readouterr().err == "compute.gpus: auto, found no GPU, so the CPU\n"


def test_float32_is_not_tf32(monkeypatch):
    monkeypatch.setattr(torch.backends.cudnn, "allow_tf32", True)
    device_of(compute(gpus=0))
    assert not torch.backends.cudnn.allow_tf32 and not torch.backends.cuda.matmul.allow_tf32


@pytest.mark.skipif(torch.cuda.is_available(), reason="needs a machine without a GPU")
def test_a_gpu_that_is_not_there(one_line):
    with pytest.raises(UserError) as error:
        device_of(compute(gpus=2))
    one_line(error, "compute.gpus", 2, "auto")
    assert device_of(compute(gpus="auto")) == torch.device("cpu")
    assert process_count(compute(gpus="auto"), 8) == 1


def test_a_command_that_slurm_starts_several_times_is_refused(monkeypatch, one_line, tiny):
    """Each would train, and write the same files."""
    monkeypatch.setenv("SLURM_STEP_NUM_TASKS", "2")
    with pytest.raises(UserError) as error:
        distributed.run(tiny.compute, 4, lambda: pytest.fail("it ran"))
    one_line(error, "srun", "2 tasks", "--ntasks=1")
