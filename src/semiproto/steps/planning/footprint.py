"""Arithmetic and memory of a training step, counted without either: the real step on tensors that have no content.

The step is the one that trains, on torch's fake tensors: sizes are followed, nothing is computed. They say they are on
a CPU, where autocast, autograd and the optimiser are those of a GPU but for a few casts. FLOPs are torch's own
counts, of convolutions and matrix products. Memory is what the step's tensors hold at its peak.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch._C import DispatchKey
from torch._subclasses.fake_tensor import FakeTensor, FakeTensorMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import flop_registry

from semiproto.model.recompute import recompute_blocks
from semiproto.params import Params
from semiproto.steps.planning.trainings import lists_of, phase_of, schedule_of
from semiproto.train.engine import Run, Training, train_step
from semiproto.train.optimizer import make_optimizer

aten = torch.ops.aten
WITHOUT_CONTENT: dict[Any, Callable[..., Any]] = {
    aten.nonzero.default: lambda x: x.new_empty((x.numel(), x.dim()), dtype=torch.int64),
    aten.bincount.default: lambda x, weights=None, minlength=0: (x if weights is None else weights).new_empty(
        minlength
    ),
    aten._local_scalar_dense.default: lambda x: 1.0,
    aten._fused_sgd_.default: lambda *args, **kwargs: None,
    aten._fused_adamw_.default: lambda *args, **kwargs: None,
}
"""Operations whose results have a size or a value that depends on content, as large as they can be; and optimisers'
steps, which make no tensor."""


class Footprint(NamedTuple):
    """Of a step on `images` images of each list on one device."""

    flops: float
    bytes: float
    fixed: float
    """The part of the bytes that does not depend on the images: weights, their averages, gradients, momentum."""
    images: int
    weights: float
    """Bytes of the student's weights that train."""

    def bytes_for(self, images: float) -> float:
        """Bytes of a step on so many images of each list: activations grow with them. A process that has only a part of
        them holds its gradients a second time, for the exchange."""
        shared = self.weights if images < self.images else 0
        return self.fixed + shared + (self.bytes - self.fixed) * images / self.images


class Meter(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Follows the sizes of what fake tensors hold; all others are left to torch."""

    device = "cpu"
    """Where fake tensors say that they are."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.fake = FakeTensorMode(allow_non_fake_inputs=True)
        self.live: set[int] = set()
        self.now = self.peak = self.flops = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if not any(isinstance(x, FakeTensor) for x in tree_leaves((args, kwargs))):
            return func(*args, **kwargs)
        if torch.is_inference_mode_enabled() and _is_composite(func):  # elsewhere its parts arrive
            with self:
                return func._op_dk(DispatchKey.CompositeImplicitAutograd, *args, **kwargs)
        with self.fake:
            out = _of_all(*args) if _is_masked(func, args) else WITHOUT_CONTENT.get(func, func)(*args, **kwargs)
        self._note(func, args, kwargs, out)
        return out

    def _note(self, func: Any, args: Any, kwargs: Any, out: Any) -> None:
        """Counts an operation that the device does as a whole."""
        if count := flop_registry.get(getattr(func, "_overloadpacket", None)):
            self.flops += count(*args, **kwargs, out_val=out)
        for x in tree_leaves(out):
            self._hold(x)

    def faked(self, x: Tensor) -> Tensor:
        """A tensor of the size and strides of x, whatever x's device, without content."""
        with self.fake:
            out = torch.empty_strided(x.shape, x.stride(), dtype=x.dtype, device=self.device)
        self._hold(out)
        return out

    def move(self, module: nn.Module) -> None:
        """Puts fake tensors in place of the parameters and buffers; those that are shared stay shared."""
        found: dict[int, tuple[Tensor, Tensor]] = {}  # with the old one, whose id must not be given to another
        for part in module.modules():
            for name, old in (*part._parameters.items(), *part._buffers.items()):
                if old is None:
                    continue
                if id(old) not in found:
                    new = self.faked(old)
                    is_weight = isinstance(old, nn.Parameter)
                    found[id(old)] = (nn.Parameter(new, old.requires_grad) if is_weight else new, old)
                (part._parameters if name in part._parameters else part._buffers)[name] = found[id(old)][0]  # type: ignore[assignment]

    def _hold(self, x: Any) -> None:
        if not isinstance(x, FakeTensor):
            return
        storage = x.untyped_storage()
        if storage._cdata not in self.live:
            self.live.add(storage._cdata)
            weakref.finalize(storage, self._let_go, storage._cdata, storage.nbytes())
            self.now += storage.nbytes()
            self.peak = max(self.peak, self.now)

    def _let_go(self, key: int, size: int) -> None:
        self.live.discard(key)
        self.now -= size


def _is_composite(func: Any) -> bool:
    """Whether torch makes it of others on every device."""
    if func.namespace == "prim" or func in WITHOUT_CONTENT:
        return False
    return bool(torch._C._dispatch_has_kernel_for_dispatch_key(func.name(), DispatchKey.CompositeImplicitAutograd))


def _is_masked(func: Any, args: Any) -> bool:
    """Whether it picks elements by a mask."""
    return func is aten.index.Tensor and any(i is not None and i.dtype == torch.bool for i in args[1])


def _of_all(x: Tensor, indices: Sequence[Tensor | None]) -> Tensor:
    """x[mask] [N, ...] where the mask picks all."""
    (mask,) = (i for i in indices if i is not None)
    return x.new_empty((mask.numel(), *x.shape[mask.dim() :]))


class Step:
    """The step of one training on all images of its batch, without content."""

    def __init__(self, params: Params, name: str) -> None:
        self.meter, self.images, side = Meter(), schedule_of(params, name).batch, params.augment.crop
        with torch.device("meta"):  # initial weights take seconds to draw
            self.phase = phase_of(params, name).to(memory_format=torch.channels_last)
        self.meter.move(self.phase)
        self.optimizer = make_optimizer(self.phase.student, params.optimizer)
        for weight in self.phase.student.parameters():
            weight.grad = self.meter.faked(weight) if weight.requires_grad else None
        with self.meter:
            self.optimizer.step()  # makes the optimiser's state
        self.fixed, self.recomputes = self.meter.now, False
        images = torch.empty(
            self.images, self.phase.student.mean.shape[1], side, side, dtype=torch.uint8, device="meta"
        )
        one = self.meter.faked(images), self.meter.faked(images[:, 0].contiguous())
        self.batches = [one] * lists_of(params, name)

    def footprint(self, *, bfloat16: bool, recompute: bool) -> Footprint:
        """recompute: for this and all later calls."""
        if recompute and not self.recomputes:
            self.recomputes = recompute_blocks(self.phase.student) > 0
        run = Run("", "", 0, 10, 1, 10, Path(), torch.device("cpu"), [], bfloat16=bfloat16)
        self.meter.flops, self.meter.peak = 0, self.meter.now
        with self.meter:
            train_step(Training(self.phase, self.phase, self.optimizer, run), self.batches, 2)
        weights = sum(4 * weight.numel() for weight in self.phase.student.parameters() if weight.requires_grad)
        return Footprint(self.meter.flops, self.meter.peak, self.fixed, self.images, weights)
