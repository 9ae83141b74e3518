"""Strong views of a pseudo-labelled batch."""

import pytest
import torch
from processes import in_two_processes

from semiproto.data.augment import cutmix, cutmix_boxes
from semiproto.data.strong_views import PseudoLabeled, mixed, strong_views

SIZE = 16


def batch(count=4):
    draw = torch.Generator().manual_seed(1)
    images = torch.randint(256, (count, 3, SIZE, SIZE), generator=draw).to(torch.uint8)
    labels = torch.randint(7, (count, SIZE, SIZE), generator=draw)
    return PseudoLabeled(images, labels, torch.rand(count, SIZE, SIZE, generator=draw))


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def test_cutmix_mixes_images_labels_and_confidences_alike():
    draw = generator()
    torch.rand(1, generator=draw)  # whether to mix
    boxes = cutmix_boxes(4, SIZE, draw)
    for found, weak in zip(mixed(batch(), generator(), 1.0), batch(), strict=True):
        assert torch.equal(found, cutmix(weak, boxes)) and not torch.equal(found, weak)


def test_a_probability_of_0_leaves_the_batch_and_draws_once():
    draw, reference = generator(), generator()
    assert all(torch.equal(*pair) for pair in zip(mixed(batch(), draw, 0.0), batch(), strict=True))
    torch.rand(1, generator=reference)
    assert torch.equal(torch.rand(1, generator=draw), torch.rand(1, generator=reference))


@pytest.mark.parametrize("probability", [0.0, 1.0])
def test_the_parameters_choose_the_views(tiny, probability):
    (view,) = strong_views(tiny.semi.model_copy(update={"cutmix_probability": probability}))
    assert torch.equal(view(batch(), generator()).images, batch().images) == (probability == 0)


def test_two_processes_mix_as_one_does(tmp_path):
    """Each holds half of the batch; the last image of the first is mixed with the first of the second."""
    whole = mixed(batch(), generator(), 1.0)

    def half():
        mine = slice(2 * torch.distributed.get_rank(), 2 * torch.distributed.get_rank() + 2)
        return tuple(mixed(PseudoLabeled(*(x[mine] for x in batch())), generator(), 1.0))

    for expected, *halves in zip(whole, *in_two_processes(tmp_path, half), strict=True):
        assert torch.equal(torch.cat(halves), expected)
