"""What is counted without content is what the real step does."""

from pathlib import Path

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from semiproto.params import Params, load
from semiproto.steps.planning.footprint import Footprint, Step
from semiproto.steps.planning.trainings import PRETRAIN, lists_of, phase_of
from semiproto.train.engine import Run, Training, train_step
from semiproto.train.optimizer import make_optimizer

EXPERIMENTS = Path(__file__).parents[4] / "experiments"


def real_flops(params, name):
    phase = phase_of(params, name)
    images = torch.zeros(params.semi.batch, 3, params.augment.crop, params.augment.crop, dtype=torch.uint8)
    run = Run("", "", 0, 10, 1, 10, Path(), torch.device("cpu"), [])
    with FlopCounterMode(display=False) as counter:
        batches = [(images, images[:, 0])] * lists_of(params, name)
        train_step(Training(phase, phase, make_optimizer(phase.student, params.optimizer), run), batches, 2)
    return counter.get_total_flops()


@pytest.mark.parametrize("name", [PRETRAIN, "prototype"])
def test_arithmetic_is_that_of_a_real_step(tiny, name):
    assert Step(tiny, name).footprint(bfloat16=False, recompute=False).flops == real_flops(tiny, name)


@pytest.fixture(scope="module")
def eight(tiny):
    """Footprints of a step on eight images of each list: in float32, bfloat16, and float32 with blocks again."""
    tree = tiny.model_dump()
    tree["semi"]["batch"] = 8
    step = Step(Params.model_validate(tree), "prototype")
    modes = ((False, False), (True, False), (False, True))
    return [step.footprint(bfloat16=bfloat16, recompute=recompute) for bfloat16, recompute in modes]


def test_memory_grows_with_the_images_and_not_the_weights(tiny, eight):
    two = Step(tiny, "prototype").footprint(bfloat16=False, recompute=False)
    assert two.fixed == eight[0].fixed and two.weights == eight[0].weights
    assert two.bytes == pytest.approx(eight[0].bytes_for(2) - two.weights, rel=0.1)
    weights = sum(w.numel() for w in phase_of(tiny, "prototype").student.parameters())
    assert two.weights == 4 * weights
    assert two.fixed >= 4 * two.weights  # student, teacher, gradients, momentum


def test_bfloat16_and_blocks_take_less(eight):
    plain, half, again = eight
    assert half.bytes < plain.bytes and again.bytes < plain.bytes
    assert half.flops == plain.flops < again.flops < 1.4 * plain.flops


@pytest.mark.skipif(not torch.__version__.startswith("2.14.1"), reason="the figures are those of torch 2.14.1")
def test_the_papers_step_stays_within_its_memory():
    """16 + 16 crops of 513 in bfloat16 with blocks computed again: for a card of 24 GB."""
    step = Step(load(EXPERIMENTS / "voc-classic.yaml"), "prototype")
    found = step.footprint(bfloat16=True, recompute=True)
    print(f"{found.bytes / 2**30:.2f} GiB, {found.flops / 1e12:.2f} TFLOP")
    assert found.bytes < 17.5 * 2**30 and found.flops < 1.2 * 66.1e12
    idle = [name for name, weight in step.phase.student.named_parameters() if weight.grad is None]
    assert idle == [], "DistributedDataParallel refuses weights without a gradient"


def test_a_part_of_a_batch_holds_its_gradients_twice():
    found = Footprint(1e12, 100, 20, 16, 5)
    assert found.bytes_for(16) == 100 and found.bytes_for(4) == 20 + 5 + 20
