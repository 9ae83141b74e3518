"""Activations that the backward pass computes a second time, so that the forward pass does not keep them.

Less memory for more arithmetic (Chen et al., "Training deep nets with sublinear memory cost", 2016). The second pass
draws the same dropout and leaves the running statistics of batch norm alone, so a step has the same result.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from functools import partial
from typing import Any, TypeVar

import torch
from torch import nn
from torch.nn.modules.conv import _ConvNd
from torch.utils.checkpoint import checkpoint

T = TypeVar("T")


def recompute_blocks(network: nn.Module) -> int:
    """From now on, each of the network's `blocks` keeps its input alone for the backward pass; returns their number."""
    found = list(blocks(network))
    for block in found:
        block.forward = partial(recomputed, block, block.forward)
    return len(found)


def blocks(module: nn.Module) -> Iterator[nn.Module]:
    """The residual or transformer blocks of a network, and a deep stem.

    timm has no common class for the blocks of its networks. What they have in common is that a stage holds several of
    one class, with two convolutions or linear layers at least.
    """
    beside = _repeats(module)
    for child in _large(module):
        if any(_repeats(part) for part in child.modules()):
            yield from blocks(child)
        elif beside and not isinstance(child, nn.ModuleList | nn.ModuleDict):  # which are never called
            yield child


def _large(module: nn.Module) -> list[nn.Module]:
    """The children with two convolutions or linear layers at least."""
    return [
        child for child in module.children() if sum(isinstance(m, _ConvNd | nn.Linear) for m in child.modules()) > 1
    ]


def _repeats(module: nn.Module) -> bool:
    """Whether two of the large children are of one class."""
    kinds = [type(child) for child in _large(module)]
    return len(set(kinds)) < len(kinds)


def recomputed(module: nn.Module, forward: Callable[..., T], *args: Any, **kwargs: Any) -> T:
    """forward(*args, **kwargs), of which only the arguments are kept for the backward pass. module: holds its norms."""
    if not torch.is_grad_enabled():
        return forward(*args, **kwargs)
    contexts = partial(_contexts, module)
    out: T = checkpoint(forward, *args, use_reentrant=False, context_fn=contexts, **kwargs)
    return out


def _contexts(module: nn.Module) -> tuple[Any, Any]:
    """Of the first pass and of the second."""
    return nullcontext(), _unmoved_statistics(module)


@contextmanager
def _unmoved_statistics(module: nn.Module) -> Iterator[None]:
    """Batch norm moves copies of its running statistics. Without any, it would not keep the tensors of the first pass,
    which the second has to."""
    own = [
        (norm, dict(norm.named_buffers(recurse=False))) for norm in module.modules() if hasattr(norm, "running_mean")
    ]
    for norm, statistics in own:
        for name, value in statistics.items():
            setattr(norm, name, value.clone())
    try:
        yield
    finally:
        for norm, statistics in own:
            for name, value in statistics.items():
                setattr(norm, name, value)
