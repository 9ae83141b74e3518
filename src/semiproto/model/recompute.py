"""Activations that the backward pass computes a second time, so that the forward pass does not keep them.

Less memory for more arithmetic (Chen et al., "Training deep nets with sublinear memory cost", 2016). The second pass
draws the same dropout and leaves the running statistics of batch norm alone, so a step has the same result.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from functools import partial
from typing import Any, TypeVar

import torch
from torch import Tensor, nn
from torch.nn.modules.conv import _ConvNd
from torch.utils.checkpoint import checkpoint

from semiproto.model.network import Output, SegmentationNetwork

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


def in_parts(
    network: SegmentationNetwork, parts: int, images: Tensor, factors: Sequence[Tensor] | None = None
) -> Output:
    """network(images, factors) by so many parts of the images, one after the other, in the backward pass too.

    What is kept of a batch is its output, from which losses follow as for the whole batch; a part's activations live no
    longer than the part. Norms that look across images see those of a part. Part i has every image whose place leaves
    i when divided by `parts`: of each list that makes up the batch as many, and the same however many processes share
    the batch. The number of images, and that of each factor, must be a multiple of `parts`.
    """
    if parts == 1:
        return network(images, factors)  # type: ignore[no-any-return]
    outputs: list[Output] = [
        recomputed(network, network, images[i::parts], factors and [one[i::parts] for one in factors])
        for i in range(parts)
    ]
    scores = {name: _interleaved([one.scores[name] for one in outputs]) for name in outputs[0].scores}
    return Output(_interleaved([one.representation for one in outputs]), scores)


def _interleaved(parts: list[Tensor]) -> Tensor:
    """[B / parts, ...] of each part -> [B, ...] in the order of the batch."""
    return torch.stack(parts, dim=1).flatten(0, 1)


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
