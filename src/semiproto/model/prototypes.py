"""The prototype head and its bank (method sections 2 and 4)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from semiproto.process import distributed


class PrototypeBank(nn.Module):
    """K prototypes for each class, stored unnormalised and without gradient, [num_classes, per_class, dim]."""

    prototypes: Tensor

    def __init__(
        self, num_classes: int, per_class: int, dim: int, momentum: float = 0.99, temperature: float = 0.1
    ) -> None:
        super().__init__()
        self.momentum, self.temperature = momentum, temperature
        self.register_buffer("prototypes", torch.zeros(num_classes, per_class, dim))

    def logits(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """Scores of features [N, dim]: the cosine to the nearest prototype of each class, over the temperature.

        Returns logits [N, num_classes] and, per class, which of its prototypes was nearest, int64 [N, num_classes].
        """
        classes, per_class, _ = self.prototypes.shape
        features = features.to(self.prototypes.dtype)
        # In IEEE's float32 under autocast and TF32 too: three digits of a cosine are too few, divided by 0.1.
        with torch.autocast(features.device.type, enabled=False), without_tf32():
            projected = features @ F.normalize(self.prototypes.flatten(0, 1), dim=1).T
        # Dividing the few scores, not the many features, by the features' norm: the same number, less memory traffic.
        cosine = projected / features.norm(dim=1, keepdim=True).clamp(min=1e-12)
        nearest_cosine, nearest = cosine.view(-1, classes, per_class).max(dim=2)
        return nearest_cosine / self.temperature, nearest

    @torch.no_grad()
    def update(self, features: Tensor, targets: Tensor, nearest: Tensor, keep: Tensor) -> Tensor:
        """One step p <- momentum p + (1 - momentum) mean, for each prototype that has members.

        features [N, dim]; targets [N], the (pseudo-)class of each; nearest [N, num_classes] as `logits` gave it;
        keep bool [N], false for void and unconfident pixels. A pixel belongs to the nearest prototype of its own
        class. Sums and counts are added up over processes, so that all hold the same prototypes. Returns the number of
        members of each prototype [num_classes, per_class].
        """
        classes, per_class, dim = self.prototypes.shape
        add_up = _sums_by_product if features.is_cuda else _sums_by_bags
        total, count = add_up(features.detach().to(self.prototypes.dtype), targets, nearest, keep, per_class)
        both = distributed.total(torch.cat([total, count.unsqueeze(1).to(total.dtype)], dim=1))
        count = both[:, dim]
        mean = both[:, :dim] / count.clamp(min=1).unsqueeze(1)
        moved = torch.lerp(mean, self.prototypes.view(-1, dim), self.momentum)
        self.prototypes.copy_(
            torch.where(count.unsqueeze(1) > 0, moved, self.prototypes.view(-1, dim)).view_as(self.prototypes)
        )
        return count.view(classes, per_class)


def _sums_by_bags(
    features: Tensor, targets: Tensor, nearest: Tensor, keep: Tensor, per_class: int
) -> tuple[Tensor, Tensor]:
    """The sum [num_classes * per_class, dim] and the number of each prototype's members; N pixels as in `update`."""
    kept = keep.nonzero().squeeze(1)
    targets = targets[kept].long()
    member = targets * per_class + nearest[kept, targets]
    count = torch.bincount(member, minlength=nearest.shape[1] * per_class)
    # A bag for each prototype sums its members' rows: a fifth of index_add_'s time, and in the same order always.
    bags = kept[member.argsort(stable=True)]
    return F.embedding_bag(bags, features, count.cumsum(0) - count, mode="sum"), count


def _sums_by_product(
    features: Tensor, targets: Tensor, nearest: Tensor, keep: Tensor, per_class: int
) -> tuple[Tensor, Tensor]:
    """The same as a product of matrices: on a GPU, the CPU does not wait for the number of pixels that are kept."""
    classes = nearest.shape[1]
    targets = targets.long().clamp(max=classes - 1)  # void is not kept
    member = targets * per_class + nearest.gather(1, targets.unsqueeze(1)).squeeze(1)
    prototypes = torch.arange(classes * per_class, device=member.device).unsqueeze(1)
    belongs = ((member == prototypes) & keep).to(features.dtype)
    with without_tf32():  # which would round every feature to three digits before it is added
        return belongs @ features, belongs.sum(1)


@contextmanager
def without_tf32() -> Iterator[None]:
    """Products of float32 matrices are IEEE's on a GPU too, whatever optimizer.precision says of the network's."""
    before = torch.backends.cuda.matmul.allow_tf32
    torch.backends.cuda.matmul.allow_tf32 = False
    try:
        yield
    finally:
        torch.backends.cuda.matmul.allow_tf32 = before


def stratified_points(size: int, cells: int = 32, generator: torch.Generator | None = None) -> Tensor:
    """One uniformly random pixel of each cell of a grid over a crop of `size` pixels: int64 [cells * cells, 2].

    Rows are (row, column) in pixels. A cell has size // cells pixels; what is left over at the far edge is unused
    [config]. ValueError when the crop has fewer pixels than cells.
    """
    pixels = size // cells
    if pixels < 1:
        raise ValueError(f"a crop of {size} pixels cannot be cut into {cells} cells a side")
    corner = torch.cartesian_prod(torch.arange(cells), torch.arange(cells)) * pixels
    return corner + torch.randint(pixels, corner.shape, generator=generator)


def sample_at(feature_map: Tensor, points: Tensor, size: int | tuple[int, int]) -> Tensor:
    """Features at pixel positions of the full-size image: [B, D, h, w] -> [B, P, D].

    points [P, 2] are (row, column) in an image of `size` (a side, or height and width). Equal to upsampling the map to
    that size with align_corners=True and indexing, without the memory that the upsampled map would take.
    """
    height, width = (size, size) if isinstance(size, int) else size
    batch, dim, rows, columns = feature_map.shape
    index, weight = _bilinear(points.to(feature_map.device), (height, width), (rows, columns))
    cells = feature_map.permute(0, 2, 3, 1).reshape(batch * rows * columns, dim)
    first = torch.arange(batch, device=index.device).view(-1, 1, 1) * (rows * columns)
    bags = (index + first).view(-1, 4)
    weights = weight.to(cells.dtype).repeat(batch, 1)
    # A bag of four weighted rows per point: one fused kernel, about three times as fast as grid_sample on a CPU.
    return F.embedding_bag(bags, cells, mode="sum", per_sample_weights=weights).view(batch, -1, dim)


def _bilinear(points: Tensor, size: tuple[int, int], cells: tuple[int, int]) -> tuple[Tensor, Tensor]:
    """The four map cells around each point, flat indices int64 [P, 4], and their weights [P, 4]."""
    low, high, part = [], [], []
    for axis in (0, 1):
        position = points[:, axis].double() * ((cells[axis] - 1) / max(size[axis] - 1, 1))
        low.append(position.floor().long().clamp(max=cells[axis] - 1))
        high.append((low[axis] + 1).clamp(max=cells[axis] - 1))
        part.append(position - low[axis])
    (top, left), (bottom, right), (y, x) = low, high, part
    columns = cells[1]
    index = [top * columns + left, top * columns + right, bottom * columns + left, bottom * columns + right]
    weight = [(1 - y) * (1 - x), (1 - y) * x, y * (1 - x), y * x]
    return torch.stack(index, dim=1), torch.stack(weight, dim=1)
