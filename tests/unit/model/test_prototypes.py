"""The prototype head and its bank against loops (method sections 2 and 4)."""

import numpy as np
import pytest
import reference
import torch
from torch import distributed, multiprocessing
from torch.nn import functional as F
from torch.utils._python_dispatch import TorchDispatchMode

from semiproto.model import prototypes
from semiproto.model.prototypes import PrototypeBank, sample_at, stratified_points

SHAPES = [(2, 1, 3, 5), (7, 3, 48, 40), (21, 4, 8, 33), (19, 3, 16, 1), (3, 2, 4, 0)]


def make_bank(classes, per_class, dim, seed=0, **options):
    bank = PrototypeBank(classes, per_class, dim, **options).double()
    bank.prototypes.copy_(torch.rand(bank.prototypes.shape, generator=torch.Generator().manual_seed(seed)))
    return bank


def draw(shape, seed=1):
    """Features [N, D] >= 0, some targets 255 with keep False, as the training step makes them."""
    classes, _, dim, n = shape
    rng = np.random.default_rng(seed)
    features = torch.from_numpy(rng.random((n, dim)) * (rng.random((n, dim)) < 0.7) + 1e-3)
    targets = torch.from_numpy(rng.integers(0, classes, n))
    void = torch.from_numpy(rng.random(n) < 0.2)
    keep = torch.from_numpy(rng.random(n) < 0.7) & ~void
    return features, torch.where(void, 255, targets), keep


def test_prototypes_are_a_buffer_without_gradient():
    bank = PrototypeBank(3, 2, 4)
    assert list(bank.parameters()) == []
    assert list(bank.state_dict()) == ["prototypes"]
    assert (bank.momentum, bank.temperature) == (0.99, 0.1)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("temperature", [0.1, 1.0])
def test_logits_are_the_largest_cosine_of_each_class(shape, temperature):
    bank = make_bank(*shape[:3], temperature=temperature)
    features, _, _ = draw(shape)
    logits, nearest = bank.logits(features)
    expected, expected_nearest = reference.cosine_logits(features.numpy(), bank.prototypes.numpy(), temperature)
    np.testing.assert_allclose(logits.numpy(), expected, rtol=1e-12, atol=1e-12)
    np.testing.assert_array_equal(nearest.numpy(), expected_nearest)


def test_logits_do_not_depend_on_the_lengths_of_features_and_prototypes():
    bank = make_bank(4, 3, 6)
    features, _, _ = draw((4, 3, 6, 20))
    before, _ = bank.logits(features)
    bank.prototypes.mul_(10 ** (torch.rand(4, 3, 1, dtype=torch.float64) * 8 - 6))
    after, _ = bank.logits(features * 10 ** (torch.rand(20, 1, dtype=torch.float64) * 8 - 6))
    torch.testing.assert_close(after, before)


@pytest.mark.parametrize("shape", SHAPES[:4])
def test_gradient_of_the_logits(shape):
    bank = make_bank(*shape[:3])
    features, targets, _ = draw(shape)
    targets = targets.clamp(max=shape[0] - 1)
    mine, theirs = features.clone().requires_grad_(), features.clone().requires_grad_()
    F.cross_entropy(bank.logits(mine)[0], targets).backward()
    pairwise = F.cosine_similarity(theirs[:, None, None], bank.prototypes[None], dim=-1)
    F.cross_entropy(pairwise.amax(2) / 0.1, targets).backward()
    torch.testing.assert_close(mine.grad, theirs.grad, rtol=1e-9, atol=1e-12)


def test_a_feature_of_zeros_has_score_zero_and_a_finite_gradient():
    bank = make_bank(3, 2, 4)
    features = torch.zeros(2, 4, dtype=torch.float64, requires_grad=True)
    logits, _ = bank.logits(features)
    logits.sum().backward()
    assert torch.equal(logits, torch.zeros(2, 3, dtype=torch.float64))
    assert features.grad.isfinite().all()


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("momentum", [0.99, 0.5, 0.0])
def test_update_moves_each_prototype_towards_its_members(shape, momentum):
    bank = make_bank(*shape[:3], momentum=momentum)
    before = bank.prototypes.numpy().copy()
    features, targets, keep = draw(shape)
    counts = bank.update(features, targets, bank.logits(features)[1], keep)
    expected, members = reference.updated_prototypes(before, features.numpy(), targets.numpy(), keep.numpy(), momentum)
    np.testing.assert_allclose(bank.prototypes.numpy(), expected, rtol=1e-12, atol=1e-14)
    np.testing.assert_array_equal(counts.numpy(), members)


def test_prototypes_without_members_stay_as_they_are():
    bank = make_bank(5, 2, 4)
    before = bank.prototypes.clone()
    features = torch.rand(30, 4, dtype=torch.float64)
    targets = torch.full((30,), 2)
    counts = bank.update(features, targets, bank.logits(features)[1], torch.ones(30, dtype=torch.bool))
    others = [c for c in range(5) if c != 2]
    assert torch.equal(bank.prototypes[others], before[others])
    assert counts[2].sum() == 30 and counts.sum() == 30
    assert not torch.equal(bank.prototypes[2], before[2])


@pytest.mark.parametrize("targets", [torch.full((9,), 255), torch.full((9,), 255, dtype=torch.uint8)])
def test_nothing_kept_changes_nothing(targets):
    bank = make_bank(3, 2, 4)
    before = bank.prototypes.clone()
    features = torch.rand(9, 4, dtype=torch.float64)
    counts = bank.update(features, targets, bank.logits(features)[1], torch.zeros(9, dtype=torch.bool))
    assert torch.equal(bank.prototypes, before)
    assert counts.sum() == 0


def test_update_leaves_no_graph_behind():
    bank = make_bank(3, 2, 4)
    features = torch.rand(9, 4, dtype=torch.float64, requires_grad=True)
    nearest = bank.logits(features)[1]
    bank.update(features * 2, torch.zeros(9, dtype=torch.int64), nearest, torch.ones(9, dtype=torch.bool))
    assert not bank.prototypes.requires_grad
    assert bank.prototypes.grad_fn is None


def test_update_takes_half_precision_features():
    full, half = make_bank(3, 2, 8).float(), make_bank(3, 2, 8).float()
    features = torch.rand(50, 8).bfloat16()
    targets, keep = torch.randint(3, (50,)), torch.rand(50) < 0.8
    nearest = full.logits(features.float())[1]
    full.update(features.float(), targets, nearest, keep)
    half.update(features, targets, nearest, keep)
    torch.testing.assert_close(half.prototypes, full.prototypes)


def _update_one_half(rank, folder):
    distributed.init_process_group("gloo", init_method=f"file://{folder}/meet", rank=rank, world_size=2)
    bank = make_bank(7, 3, 6)
    features, targets, keep = draw((7, 3, 6, 60))
    # Unequal halves, and one class that the second process alone has.
    half = slice(0, 20) if rank == 0 else slice(20, 60)
    keep[:20] &= targets[:20] != 3
    nearest = bank.logits(features)[1]
    counts = bank.update(features[half], targets[half], nearest[half], keep[half])
    torch.save((bank.prototypes, counts), f"{folder}/rank{rank}.pt")
    distributed.barrier()
    distributed.destroy_process_group()


def test_two_processes_update_as_one_with_both_halves(tmp_path):
    multiprocessing.start_processes(_update_one_half, (str(tmp_path),), nprocs=2, start_method="fork")
    bank = make_bank(7, 3, 6)
    features, targets, keep = draw((7, 3, 6, 60))
    keep[:20] &= targets[:20] != 3
    counts = bank.update(features, targets, bank.logits(features)[1], keep)
    first, second = (torch.load(tmp_path / f"rank{rank}.pt") for rank in (0, 1))
    assert torch.equal(first[0], second[0]) and torch.equal(first[1], second[1])
    torch.testing.assert_close(first[0], bank.prototypes, rtol=1e-12, atol=1e-14)
    torch.testing.assert_close(first[1], counts)


# ---------------------------------------------------------------------------------------------- the points


@pytest.mark.parametrize(
    ("size", "cells", "pixels"), [(513, 32, 16), (769, 32, 24), (64, 32, 2), (32, 32, 1), (65, 32, 2), (17, 4, 4)]
)
def test_one_pixel_in_each_cell_and_the_far_edge_unused(size, cells, pixels):
    points = stratified_points(size, cells, torch.Generator().manual_seed(0))
    assert points.shape == (cells * cells, 2) and points.dtype == torch.int64
    assert points.min() >= 0 and points.max() < cells * pixels
    cell = points // pixels
    assert len({(int(r), int(c)) for r, c in cell}) == cells * cells


def test_points_are_uniform_in_their_cell():
    counts = np.zeros((3, 3))
    generator = torch.Generator().manual_seed(0)
    for _ in range(200):
        for row, column in stratified_points(14, 4, generator).remainder(3).tolist():
            counts[row, column] += 1
    expected = 200 * 16 / 9
    assert ((counts - expected) ** 2 / expected).sum() < 26.1  # chi square, 8 degrees of freedom, p = 0.001


def test_rows_and_columns_are_drawn_apart():
    points = stratified_points(512, 32, torch.Generator().manual_seed(0)).remainder(16)
    assert not torch.equal(points[:, 0], points[:, 1])


def test_points_are_a_function_of_the_generator():
    draws = [stratified_points(64, 32, torch.Generator().manual_seed(seed)) for seed in (3, 3, 4)]
    assert torch.equal(draws[0], draws[1])
    assert not torch.equal(draws[0], draws[2])


@pytest.mark.parametrize(("size", "cells"), [(31, 32), (1, 2), (0, 1)])
def test_a_crop_smaller_than_the_grid_is_refused(size, cells):
    with pytest.raises(ValueError, match=f"crop of {size} pixels .* {cells} cells"):
        stratified_points(size, cells)


# -------------------------------------------------------------------------------------------- sampling z

MAPS = [
    ((2, 3, 5, 7), (17, 25)),
    ((1, 8, 16, 16), (64, 64)),
    ((2, 4, 17, 17), (65, 65)),
    ((1, 2, 1, 1), (9, 9)),
    ((2, 3, 1, 6), (8, 21)),
    ((2, 3, 6, 1), (21, 8)),
    ((1, 2, 9, 9), (9, 9)),
    ((1, 2, 8, 8), (3, 5)),
    ((1, 2, 4, 4), (1, 1)),
    ((1, 1, 33, 65), (129, 257)),
]


def points_of(size, number=50, seed=0):
    """Random pixels and the four corners."""
    rng = np.random.default_rng(seed)
    corners = [(r, c) for r in (0, size[0] - 1) for c in (0, size[1] - 1)]
    drawn = [(int(rng.integers(size[0])), int(rng.integers(size[1]))) for _ in range(number)]
    return torch.tensor(corners + drawn)


def upsampled_then_indexed(feature_map, points, size):
    whole = F.interpolate(feature_map, size=size, mode="bilinear", align_corners=True)
    return whole[:, :, points[:, 0], points[:, 1]].transpose(1, 2)


@pytest.mark.parametrize(("shape", "size"), MAPS)
def test_sampling_equals_upsampling_then_indexing(shape, size):
    feature_map = torch.rand(shape, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    points = points_of(size)
    mine, theirs = feature_map.clone().requires_grad_(), feature_map.clone().requires_grad_()
    found, expected = sample_at(mine, points, size), upsampled_then_indexed(theirs, points, size)
    assert found.shape == (shape[0], len(points), shape[1])
    torch.testing.assert_close(found, expected, rtol=1e-9, atol=1e-9)
    weights = torch.rand(found.shape, dtype=torch.float64)
    (found * weights).sum().backward()
    (expected * weights).sum().backward()
    torch.testing.assert_close(mine.grad, theirs.grad, rtol=1e-9, atol=1e-9)


def test_sampling_equals_a_loop():
    feature_map = torch.rand(2, 3, 4, 6, dtype=torch.float64)
    points = points_of((11, 13))
    found = sample_at(feature_map, points, (11, 13)).numpy()
    for image in range(2):
        whole = reference.upsampled(feature_map[image].numpy(), 11, 13)
        for p, (row, column) in enumerate(points.tolist()):
            np.testing.assert_allclose(found[image, p], whole[:, row, column], rtol=1e-12)


def test_a_side_stands_for_a_square():
    feature_map, points = torch.rand(1, 2, 5, 5), points_of((16, 16))
    assert torch.equal(sample_at(feature_map, points, 16), sample_at(feature_map, points, (16, 16)))


def test_the_memory_layout_does_not_matter():
    feature_map, points = torch.rand(2, 8, 5, 7), points_of((16, 24))
    last = feature_map.contiguous(memory_format=torch.channels_last)
    torch.testing.assert_close(sample_at(last, points, (16, 24)), sample_at(feature_map, points, (16, 24)))


@pytest.mark.parametrize(("shape", "size"), MAPS)
def test_sampling_in_half_precision(shape, size):
    feature_map = torch.rand(shape, generator=torch.Generator().manual_seed(0))
    points = points_of(size)
    mine, theirs = feature_map.bfloat16().requires_grad_(), feature_map.bfloat16().float().requires_grad_()
    found, expected = sample_at(mine, points, size), upsampled_then_indexed(theirs, points, size)
    torch.testing.assert_close(found.float(), expected, rtol=2e-2, atol=2e-2)
    found.float().sum().backward()
    expected.sum().backward()
    torch.testing.assert_close(mine.grad.float(), theirs.grad, rtol=4e-2, atol=4e-2)


@pytest.mark.parametrize("shape", SHAPES)
def test_sums_of_a_gpu_are_those_of_bags(shape):
    classes, per_class, dim, _ = shape
    features, targets, keep = draw(shape)
    _, nearest = make_bank(classes, per_class, dim).logits(features)
    given = features, targets, nearest, keep, per_class
    (sums, counts), (expected, members) = prototypes._sums_by_product(*given), prototypes._sums_by_bags(*given)
    torch.testing.assert_close(sums, expected, rtol=1e-12, atol=1e-12)
    assert counts.tolist() == members.tolist()


class Products(TorchDispatchMode):
    """Whether TF32 was allowed at each product of matrices."""

    def __init__(self):
        super().__init__()
        self.tf32 = []

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        if func is torch.ops.aten.mm.default:
            self.tf32.append(torch.backends.cuda.matmul.allow_tf32)
        return func(*args, **kwargs or {})


@pytest.fixture
def tf32():
    torch.backends.cuda.matmul.allow_tf32 = True
    yield
    torch.backends.cuda.matmul.allow_tf32 = False


def test_scores_and_sums_are_not_taken_in_tf32(tf32):
    bank = make_bank(3, 2, 8)
    features, targets, keep = draw((3, 2, 8, 20))
    with Products() as products:
        _, nearest = bank.logits(features)
        prototypes._sums_by_product(features, targets, nearest, keep, 2)
    assert products.tf32 == [False, False]
    assert torch.backends.cuda.matmul.allow_tf32
