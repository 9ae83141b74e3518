"""Tensors that say they are on CUDA, on a machine without it: what would fail there fails, and syncs are counted.

Sizes and devices are followed and nothing is computed. Two devices in one operation raise, as on a GPU. Private parts
of torch are used: this is for the version that requirements.lock pins. Not covered: values, DistributedDataParallel.
"""

from __future__ import annotations

import heapq
import itertools
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from typing import Any
from unittest.mock import patch

import torch
from torch import Tensor, distributed
from torch._subclasses.fake_tensor import FakeTensor
from torch.testing._internal.distributed.fake_pg import FakeStore
from torch.utils._pytree import tree_leaves

from semiproto.steps.planning.footprint import WITHOUT_CONTENT, Meter, _is_masked

TORCH = "2.14.1"
aten = torch.ops.aten
SYNCS = {aten.nonzero.default: 1, aten.bincount.default: 2, aten._local_scalar_dense.default: 1}
"""Operations on a GPU that wait for it, and how often; bincount asks for the least and the largest value."""
VIEWS: tuple[str, ...] = ("view", "reshape", "permute", "expand", "slice", "select", "detach", "alias", "transpose")
VIEWS += ("as_strided", "split", "squeeze", "unbind", "lift", "empty", "prim.", "aten.t.")
"""In names of operations that launch nothing."""


def _statistics(x: Tensor, *_: Any) -> list[Tensor]:
    return [x.new_empty(x.shape[1], dtype=torch.float32) for _ in range(2)]


KNOWN = WITHOUT_CONTENT | {
    aten.batch_norm_stats.default: _statistics,
    aten.batch_norm_gather_stats_with_counts.default: _statistics,
    aten.batch_norm_elemt.default: lambda x, *_: torch.empty_like(x),
    aten.batch_norm_backward_elemt.default: lambda gradient, x, *_: torch.empty_like(x),
    aten.batch_norm_backward_reduce.default: lambda gradient, x, *_: _statistics(x) + _statistics(x),
}
"""Operations that torch has for a GPU alone, besides those whose results depend on content."""


class FakeCuda(Meter):  # type: ignore[no-untyped-call]
    """Fakes what touches CUDA; what is on the CPU is computed."""

    device = "cuda"

    def __init__(self) -> None:
        super().__init__()
        self.syncs: Counter[str] = Counter()
        self.launches = 0

    def restart(self) -> None:
        """Counts from here."""
        self.syncs.clear()
        self.launches, self.flops, self.peak = 0, 0, self.now

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        fakes = [x for x in tree_leaves((args, kwargs)) if isinstance(x, FakeTensor)]
        if fakes:
            return super().__torch_dispatch__(func, types, args, kwargs)
        if "cuda" not in str(kwargs.get("device")):
            return func(*args, **kwargs)
        out = self.faked(func(*args, **kwargs | {"device": "meta"}))
        self._note(func, args, kwargs, out)
        return out

    def _note(self, func: Any, args: Any, kwargs: Any, out: Any) -> None:
        super()._note(func, args, kwargs, out)
        if self._waits(func, args, kwargs):
            self.syncs[str(func)] += SYNCS.get(func, 1)
        if any(isinstance(x, Tensor) and x.is_cuda for x in tree_leaves((args, out))):
            self.launches += not any(view in str(func) for view in VIEWS)

    def _waits(self, func: Any, args: Any, kwargs: Any) -> bool:
        """Whether the operation has the CPU wait for the GPU, as torch.cuda.set_sync_debug_mode counts it."""
        tensors = [x for x in tree_leaves((args, kwargs)) if isinstance(x, Tensor)]
        if not any(isinstance(x, FakeTensor) for x in tensors):
            return bool(tensors) and not kwargs.get("non_blocking")
        on_gpu = any(x.is_cuda for x in tensors)
        return on_gpu and (_is_masked(func, args) or func in SYNCS or str(kwargs.get("device")) == "cpu")

    def _hold(self, x: Any) -> None:
        if isinstance(x, Tensor) and x.is_cuda:
            super()._hold(x)


@contextmanager
def fake_cuda(world: int = 1) -> Iterator[FakeCuda]:
    """torch as on a machine with a GPU, in the first of `world` processes, whose exchanges do nothing."""
    with ExitStack() as stack:
        for target, name, value in (
            (torch.Tensor, "backward", _backward),
            (torch.cuda, "_lazy_init", lambda: None),
            (torch.cuda, "is_bf16_supported", lambda *_, **__: True),
            (torch.cuda.amp.common, "amp_definitely_not_available", lambda: False),
            (torch._C, "_select_conv_backend", lambda *_, **__: torch._C._ConvBackend.Cudnn),  # type: ignore[attr-defined]
        ):
            stack.enter_context(patch.object(target, name, value))
        stack.enter_context(patch.dict(WITHOUT_CONTENT, KNOWN))
        torch._C._set_only_lift_cpu_tensors(True)  # torch.tensor(x, device="cuda") then passes through the mode
        stack.callback(torch._C._set_only_lift_cpu_tensors, False)
        if world > 1:
            distributed.init_process_group("fake", store=FakeStore(), rank=0, world_size=world)
            stack.callback(distributed.destroy_process_group)
        yield FakeCuda()


@torch.no_grad()
def _backward(loss: Tensor) -> None:
    """Walks the graph in the order of autograd's engine, which would ask the GPU for its streams."""
    graph = _Graph(loss)
    with patch.object(torch._C, "_current_graph_task_id", lambda: 1):  # blocks that are computed again: once
        while graph.ready:
            graph.advance()


class _Graph:
    """The nodes that can be computed, and the gradients that wait for the others."""

    def __init__(self, loss: Tensor) -> None:
        assert loss.grad_fn is not None
        root, self.waiting, self.order = loss.grad_fn, _uses(loss.grad_fn), itertools.count()
        self.gradients: dict[Any, dict[int, Tensor]] = {root: {0: torch.ones_like(loss)}}
        self.ready = [(0, next(self.order), root)]
        loss.detach_()

    def advance(self) -> None:
        """Computes the latest node of the forward pass that is ready."""
        node: Any = heapq.heappop(self.ready)[2]
        given = self.gradients.pop(node, {})
        if hasattr(node, "variable"):
            node.variable.grad = given[0]
            return
        out = getattr(node, "apply", node)(*(given.get(i) for i in range(len(node._input_metadata))))
        _release(node)
        out = out if isinstance(out, tuple) else (out,)
        for (child, i), gradient in zip(node.next_functions, out, strict=False):
            if child is not None:
                self._hand_on(child, i, gradient)

    def _hand_on(self, child: Any, i: int, gradient: Tensor | None) -> None:
        if gradient is not None:
            into, form = self.gradients.setdefault(child, {}), child._input_metadata[i]
            gradient = gradient.sum_to_size(form.shape).to(form.dtype)
            into[i] = into[i] + gradient if i in into else gradient
        self.waiting[child] -= 1
        if not self.waiting[child]:
            first = -(2**63) if hasattr(child, "variable") else -child._sequence_nr()
            heapq.heappush(self.ready, (first, next(self.order), child))


def _release(node: Any) -> None:
    """Lets go of what a node kept of the forward pass, as autograd's engine does once it has been computed."""
    for name in dir(node):
        if name.startswith("_raw_saved_"):
            kept = getattr(node, name)
            for one in kept if isinstance(kept, tuple | list) else (kept,):
                with suppress(RuntimeError):  # None, or a block that is computed again, which keeps nothing here
                    one.register_hooks(lambda _: None, lambda _: None)


def _uses(root: Any) -> Counter[Any]:
    """How often the gradient of each node below `root` is added to."""
    found: Counter[Any] = Counter()
    stack = [root]
    while stack:
        for child, _ in stack.pop().next_functions:
            if child is not None:
                found[child] += 1
                stack += [child] if found[child] == 1 else []
    return found
