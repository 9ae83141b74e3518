"""Several processes that share a batch: their start, through torchrun's launcher, and what they must agree on.

A command starts as many processes of itself as it needs and waits for them; torchrun can start them too.
Every process takes its share of the global batch, so an average over processes is that of the batch. Without a
group, all functions here act as for one process.
"""

from __future__ import annotations

import io
import logging
import os
import signal
import sys
import uuid
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor, distributed, nn
from torch.nn import functional

from semiproto.errors import Interrupted, UserError, of_memory, of_system
from semiproto.process import cards
from semiproto.process.failures import raise_first
from semiproto.process.parent import end_children, end_with_parent

SECONDS_TO_STOP = 300
"""From SIGTERM or SIGINT until processes that do not stop are killed: the longest time that a step may take."""

WAITED_FOR = "SEMIPROTO_WAITED_FOR"
"""Environment variable of processes that this module started."""


class Machine(Protocol):
    """What is asked here of the section compute of params.yaml."""

    @property
    def gpus(self) -> Any:
        """Number of GPUs, or auto."""

    @property
    def processes(self) -> int:
        """Number of processes on the CPU."""


NO_BATCH = 0
"""The batch size of work without a batch: any number of processes divides it."""


# -------------------------------------------------------------------------------------------------- inside


def world() -> int:
    """Number of processes."""
    return distributed.get_world_size() if distributed.is_initialized() else 1


def rank() -> int:
    """Number of this process, from 0."""
    return distributed.get_rank() if distributed.is_initialized() else 0


def share(total: int) -> slice:
    """This process's part of `total` slots of a batch: a range, so that the parts in order of rank are the batch."""
    return slice(rank() * total // world(), (rank() + 1) * total // world())


def total(x: Tensor) -> Tensor:
    """The sum of `x` over processes, without gradient."""
    x = x.detach().clone()
    if world() > 1:
        distributed.all_reduce(x)
    return x


def total_with_gradient(x: Tensor) -> Tensor:
    """The sum of `x` over processes, for what is computed of it in all of them alike: a loss that is no mean."""
    summed: Tensor = x if world() == 1 else _Sum.apply(x)
    return summed


def mean(x: Tensor) -> Tensor:
    """The mean of `x` over processes, without gradient.

    DistributedDataParallel averages gradients, so a sum divided by the mean of the counts gives the gradient of the sum
    over the whole batch divided by the count of the whole batch.
    """
    return total(x) / world()


def gather(x: Tensor) -> Tensor:
    """`x` [n, ...] of all processes in order, [world * n, ...], without gradient; all must have one shape."""
    if world() == 1:
        return x.detach()
    gathered = x.new_empty((world() * len(x), *x.shape[1:]))
    # The name since torch 2.14, and the one before.
    into_one = getattr(distributed, "all_gather_single", None) or distributed.all_gather_into_tensor
    into_one(gathered, x.detach().contiguous())
    return gathered


def wrap(phase: nn.Module, device: torch.device) -> nn.Module:
    """`phase`, wrapped so that a backward pass gives the gradients of the whole batch, which batch norm sees too."""
    if world() == 1:
        return phase
    synchronise_batch_norm(phase)
    devices = [device] if device.type == "cuda" else None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # of a new name that torch before 2.14 does not know
        # All buffers follow from what the processes exchange anyway, so those of the first need not be sent each step.
        return nn.parallel.DistributedDataParallel(phase, device_ids=devices, broadcast_buffers=False)


class SyncBatchNorm2d(nn.Module):
    """Batch norm over the batches of all processes, which have as many values each.

    Takes the place of a BatchNorm2d, whose parameters and buffers it holds under the same names; timm's variants with
    dropout and activation included. torch's SyncBatchNorm has no form for the CPU, and on a GPU it picks the processes
    that have values by a mask, for which the CPU waits three times a layer (pytorch#156680).
    """

    weight: Tensor
    bias: Tensor
    running_mean: Tensor
    running_var: Tensor
    num_batches_tracked: Tensor

    def __init__(self, norm: nn.BatchNorm2d) -> None:
        super().__init__()
        for name, parameter in norm.named_parameters(recurse=False):
            self.register_parameter(name, nn.Parameter(parameter.detach(), requires_grad=parameter.requires_grad))
        for name, buffer in norm.named_buffers(recurse=False):
            self.register_buffer(name, buffer)
        self.eps, self.momentum = norm.eps, norm.momentum or 0.0
        self.drop: nn.Module = getattr(norm, "drop", nn.Identity())
        self.act: nn.Module = getattr(norm, "act", nn.Identity())
        self._counts: tuple[int, Tensor, Tensor] | None = None
        self.train(norm.training)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.act(self.drop(self._on_gpu(x) if x.is_cuda else self._on_cpu(x)))
        return out

    def _on_cpu(self, x: Tensor) -> Tensor:
        mean, variance = self._statistics(x.float()) if self.training else (self.running_mean, self.running_var)
        scale = self.weight / (variance + self.eps).sqrt()
        y = x * scale.view(1, -1, 1, 1) + (self.bias - mean * scale).view(1, -1, 1, 1)
        return y.to(x.dtype)

    def _on_gpu(self, x: Tensor) -> Tensor:
        if not self.training:
            return functional.batch_norm(x, self.running_mean, self.running_var, self.weight, self.bias, eps=self.eps)
        self.num_batches_tracked += 1
        out: Tensor = _NormOfAll.apply(x, self.weight, self.bias, self)
        return out

    def counts(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Values of a channel in each process, float32 and int32 [processes]; the same in nearly all steps."""
        count = x.numel() // x.shape[1]
        if self._counts is None or self._counts[0] != count:
            counts = torch.full((world(),), count, dtype=self.running_mean.dtype, device=x.device)
            self._counts = count, counts, counts.int()
        return self._counts[1:]

    def _statistics(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and biased variance [C] of the whole batch, with gradient; the running ones follow them."""
        count = x.numel() // x.shape[1] * world()
        mean = _Sum.apply(x.sum(dim=(0, 2, 3))) / count
        variance = _Sum.apply((x - mean.view(1, -1, 1, 1)).square().sum(dim=(0, 2, 3))) / count
        with torch.no_grad():
            self.running_mean.lerp_(mean, self.momentum)
            self.running_var.lerp_(variance * (count / max(1, count - 1)), self.momentum)
            self.num_batches_tracked += 1
        return mean, variance


class _Sum(torch.autograd.Function):
    """The sum over processes; its gradient is the sum of their gradients."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        return total(x)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        return total(gradient)


class _NormOfAll(torch.autograd.Function):
    """Batch norm in training by the kernels that torch's SyncBatchNorm has for CUDA."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor, norm: SyncBatchNorm2d) -> Tensor:
        x = _dense(x)
        own = torch.cat(torch.batch_norm_stats(x, norm.eps))
        means, deviations = gather(own.unsqueeze(0)).chunk(2, dim=1)
        counts, ctx.counts = norm.counts(x)
        mean, deviation = torch.batch_norm_gather_stats_with_counts(
            x, means, deviations, norm.running_mean, norm.running_var, norm.momentum, norm.eps, counts
        )
        ctx.save_for_backward(x, weight, mean, deviation)
        return torch.batch_norm_elemt(x, weight, bias, mean, deviation, norm.eps)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor, Tensor, None]:
        x, weight, mean, deviation = ctx.saved_tensors
        gradient = _dense(gradient)
        *sums, of_weight, of_bias = torch.batch_norm_backward_reduce(
            gradient, x, mean, deviation, weight, True, True, True
        )
        both = torch.cat(sums)
        distributed.all_reduce(both)
        dy, dy_x = both.chunk(2)
        of_x = torch.batch_norm_backward_elemt(gradient, x, mean, deviation, weight, dy, dy_x, ctx.counts)
        return of_x, of_weight, of_bias, None


def _dense(x: Tensor) -> Tensor:
    return x if x.is_contiguous(memory_format=torch.channels_last) else x.contiguous()


def synchronise_batch_norm(module: nn.Module) -> None:
    """Has all batch norms of `module` see the batches of all processes from now on."""
    for name, child in module.named_children():
        if isinstance(child, nn.BatchNorm2d):
            setattr(module, name, SyncBatchNorm2d(child))
        else:
            synchronise_batch_norm(child)


# ------------------------------------------------------------------------------------------------- outside


def device_of(compute: Machine) -> torch.device:
    """The device of this process. There, float32 is IEEE's, not TF32, which torch's convolutions have by default.

    UserError when a GPU is asked for and there is none, or when there is one that torch cannot use.
    """
    if compute.gpus != 0:
        cards.hold(1, "compute.gpus")
    torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = False
    if uses_gpu(compute.gpus, available=torch.cuda.is_available(), driver=_has_driver()):
        return torch.device("cuda", int(os.environ.get("LOCAL_RANK", 0)))
    return torch.device("cpu")


def uses_gpu(gpus: Any, *, available: bool, driver: bool) -> bool:
    """Whether compute.gpus means a GPU where torch can use one (available) and the system has an NVIDIA driver."""
    if gpus == 0 or available:
        return bool(gpus != 0)
    if driver:
        raise UserError(
            f"compute.gpus: {gpus}, and torch {torch.__version__} cannot use the GPU of this machine, which has an"
            " NVIDIA driver; install the torch that fits the driver (see `nvidia-smi`), or set it to 0 for the CPU"
        )
    if gpus != "auto":
        raise UserError(f"compute.gpus: {gpus} was asked for and torch sees no GPU; set it to 0 or auto")
    return False


def _has_driver() -> bool:
    """Whether an NVIDIA driver shows itself here and its GPUs are not hidden from this process on purpose."""
    hidden = os.environ.get("CUDA_VISIBLE_DEVICES") in ("", "-1")
    return not hidden and Path("/dev/nvidiactl").exists()


def process_count(compute: Machine, batch: int) -> int:
    """How many processes a training run with a global batch of `batch` images a list has."""
    if compute.gpus == 0 or (compute.gpus == "auto" and not torch.cuda.is_available()):
        count, key = compute.processes, "compute.processes"
    elif compute.gpus == "auto":
        return max(n for n in range(1, torch.cuda.device_count() + 1) if batch % n == 0)
    else:
        count, key = compute.gpus, "compute.gpus"
        if count > torch.cuda.device_count():
            raise UserError(f"{key}: {count} were asked for and torch sees {torch.cuda.device_count()}; lower it")
    _require_divisor(count, key, batch)
    return count


def _require_divisor(count: int, key: str, batch: int) -> None:
    if batch % count:
        raise UserError(f"{key}: {count} processes cannot share a batch of {batch} images; take a divisor of it")


def run(compute: Machine, batch: int, work: Callable[[], None]) -> None:
    """Does `work` on a global batch of `batch` images a list: here, or in copies of this command that are waited for.

    When one of them fails, all are stopped, and its error is raised here: UserError or Interrupted as it raised them.
    """
    if "TORCHELASTIC_RUN_ID" not in os.environ:
        _require_one_task()
        cards.hold(_wanted(compute.gpus, batch), "compute.gpus")
    device = device_of(compute)
    if "TORCHELASTIC_RUN_ID" in os.environ:
        _work_in_group(device, batch, work)
        return
    count = process_count(compute, batch)
    if compute.gpus == "auto":
        found = f"{count} of {torch.cuda.get_device_name(device)}" if device.type == "cuda" else "no GPU, so the CPU"
        print(f"compute.gpus: auto, found {found}", file=sys.stderr, flush=True)
    if count > 1:
        _launch(count)
    else:
        work()


def _require_one_task() -> None:
    """Of several that Slurm starts of one command, each would write the same files."""
    tasks = int(os.environ.get("SLURM_STEP_NUM_TASKS", 1))
    if tasks > 1:
        raise UserError(
            f"srun: {tasks} tasks of this command, which starts its processes itself; take --ntasks=1, and set"
            " compute.gpus (or compute.processes) to those of one node that are to share the batch"
        )


def _wanted(gpus: Any, batch: int) -> int:
    """The GPUs of a run: as many as were asked for, or the most that this process sees and that divide the batch."""
    seen = len(cards.visible())
    return max((n for n in range(1, seen + 1) if batch % n == 0), default=0) if gpus == "auto" else int(gpus)


def _launch(count: int) -> None:
    from torch.distributed.elastic.multiprocessing.api import SignalException
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
    from torch.distributed.launcher.api import LaunchConfig, elastic_launch

    logging.disable()  # the launcher logs pages where one line is enough; this process only waits
    os.environ.setdefault("TORCH_ELASTIC_SHUTDOWN_TIMEOUT", str(SECONDS_TO_STOP))
    os.environ[WAITED_FOR] = "1"
    config = LaunchConfig(
        min_nodes=1,
        max_nodes=1,
        nproc_per_node=count,
        run_id=uuid.uuid4().hex,
        rdzv_backend="c10d",
        rdzv_endpoint="localhost:0",
        local_addr="localhost",
        max_restarts=0,
    )
    try:
        elastic_launch(config, sys.executable)("-m", "semiproto", *sys.argv[1:])
    except SignalException:
        raise Interrupted("stopped; the same command goes on from the last checkpoint") from None
    except ChildFailedError as error:
        raise_first(list(error.failures.items()), count)


def _work_in_group(device: torch.device, batch: int, work: Callable[[], None]) -> None:
    """Does `work` as one process of a group; what it raises is handed to the process that waits, which prints it."""
    from torch.distributed.elastic.multiprocessing.errors import record

    end_with_parent(signal.SIGKILL)
    if device.type == "cuda":
        torch.cuda.set_device(device)
    distributed.init_process_group("nccl" if device.type == "cuda" else "gloo")
    if rank() > 0:  # one process speaks for all
        sys.stdout = sys.stderr = io.StringIO()
    try:
        _require_divisor(world(), "torchrun --nproc-per-node", batch)
        record(_readable)(work)
    except BaseException as error:  # recorded: the process that waits reports the one that matters
        if WAITED_FOR not in os.environ:  # torchrun waits, and would print pages
            print(f"semiproto: {error}", file=sys.stderr, flush=True)
        end_children()
        # Not a regular exit, which would wait for processes that wait for this one.
        os._exit(1)
    distributed.destroy_process_group()


def _readable(work: Callable[[], None]) -> None:
    try:
        work()
    except OSError as error:
        raise of_system(error) from None
    except (MemoryError, RuntimeError) as error:
        raise of_memory(error) from None
