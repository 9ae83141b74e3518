"""UniMatch's two recipes: their sums of losses against a second computation, pixel by pixel."""

import copy

import numpy as np
import pytest
import torch
from phases import SIZE, make_phase, ramps, up
from processes import in_two_processes
from torch.nn import functional as F

from semiproto import params as parameters
from semiproto.data.strong_views import PseudoLabeled
from semiproto.model.prototypes import stratified_points
from semiproto.train.semi import CELLS

TAU = 0.2


def loss_weights(**kinds):
    return {f"{kind}_{head}": weight for kind, weight in kinds.items() for head in ("linear", "prototype")}


COLOURS = {
    "jitter": {"brightness": 0.5, "contrast": 0.5, "saturation": 0.5, "hue": 0.25, "probability": 0.8},
    "grey_probability": 0.2,
    "blur": {"sigma": [0.1, 2.0], "probability": 0.5},
}
BOXES = {"area": [0.02, 0.4], "aspect": [0.3, 3.3]}
COMMON = {"tau": TAU, "confident": "at_least", "normalise": "inside", "cutmix_probability": 0.5, "loss_scale": 0.5}
V1 = COMMON | {
    "strong_view": COLOURS | {"views": 2, "cutmix": BOXES | {"partner": "another"}},
    "perturbation": {"kind": "dropout", "dropout": 0.5},
    "teacher": {"labels": "student", "decay": 0.996, "batch_norm": "average"},
    "loss_weights": loss_weights(labeled=1, unlabeled=0.25, perturbed=0.5),
}
V2 = COMMON | {
    "strong_view": COLOURS | {"views": 2, "cutmix": BOXES | {"partner": "reversed"}},
    "perturbation": {"kind": "complementary", "exempt": 0.5},
    "teacher": {"labels": "average", "decay": 0.996, "batch_norm": "average"},
    "loss_weights": loss_weights(labeled=1, unlabeled=0.5),
}
RECIPES = {"unimatch": V1, "unimatch-v2": V2}


def images(count, seed):
    return ramps(np.random.default_rng(seed), count)


def batches(recipe):
    """Two labelled images, and two unlabelled ones, each with its partner where the recipe loads them."""
    labels = torch.from_numpy(np.random.default_rng(3).integers(0, 7, (2, SIZE, SIZE)).astype(np.uint8))
    labels[0, 28:] = 255
    count = 4 if recipe == "unimatch" else 2
    outside = torch.zeros(count, SIZE, SIZE, dtype=torch.uint8)
    outside[:, :5] = outside[1, :, 28:] = 255
    return [(images(2, 0), labels), (images(count, 1), outside)]


def phase_of(make_net, tiny, recipe, with_bank):
    semi = parameters.SemiParams.model_validate(tiny.semi.model_dump() | RECIPES[recipe])
    return make_phase(make_net, semi, with_bank)


def mean_of_pixels(logits, target, counted, pixels):
    """Sum of -log softmax over the places `counted`, divided by the number of `pixels`; logits [C, ...]."""
    total = 0.0
    for place in np.argwhere(counted.numpy()):
        place = tuple(place)
        one = logits[(slice(None), *place)].double()
        total = total - one[int(target[place])] + one.logsumexp(0)
    return total / max(1, int(pixels.sum()))


class Naive:
    """The losses of a step, one view and one pixel after the other."""

    def __init__(self, phase, recipe, given, seed):
        self.student, draw = copy.deepcopy(phase.student).train(), torch.Generator().manual_seed(seed)
        (labeled, labels), (unlabeled, outside) = given
        labeller = phase.student if recipe == "unimatch" else phase.teacher.model
        with torch.no_grad():
            probabilities = up(copy.deepcopy(labeller).eval()(unlabeled).logits).softmax(1)
        confidence = probabilities.amax(1).float()
        confidence[outside == 255] = 0
        weak = PseudoLabeled(unlabeled, probabilities.argmax(1), confidence)
        views = [self._strong(phase, weak, draw) for _ in range(2)]
        if recipe == "unimatch":
            views.append(PseudoLabeled(*(x[::2] for x in weak)))
        seen = torch.cat([labeled, *(view.images for view in views)])
        maps = self.student.encoder((seen - self.student.mean) / self.student.std)
        perturb = self._dropped if recipe == "unimatch" else self._shared_out
        maps = perturb(maps, draw)
        z = self.student.decoder(maps)
        logits = up(self.student.heads["linear"].layers(z))
        places = torch.stack([torch.arange(SIZE).repeat_interleave(SIZE), torch.arange(SIZE).repeat(SIZE)], 1)
        self.linear = self._losses(logits.flatten(2).transpose(1, 2), labels, views, places)
        points = stratified_points(SIZE, CELLS, draw)
        self.features = up(z)[:, :, points[:, 0], points[:, 1]].transpose(1, 2)
        if phase.bank is not None:
            prototypes = phase.bank.prototypes.double()
            cosine = F.cosine_similarity(self.features[:, :, None, None], prototypes[None, None], dim=-1)
            self.prototype = self._losses(cosine.amax(3) / phase.bank.temperature, labels, views, points)

    def _strong(self, phase, weak, draw):
        for view in phase.strong_views:
            weak = view(weak, draw)
        return weak

    def _dropped(self, maps, draw):
        """Rows 6 and 7 are the weak view."""
        changed = [one.clone() for one in maps]
        for one in changed:
            kept = torch.rand(2, one.shape[1], generator=draw) >= 0.5
            for image in range(2):
                for channel in range(one.shape[1]):
                    one[6 + image, channel] = one[6 + image, channel] * (2.0 if kept[image, channel] else 0.0)
        return changed

    def _shared_out(self, maps, draw):
        """Rows 2 and 3 are the first strong view, 4 and 5 the second; one of the two images is exempt."""
        changed, exempt = [one.clone() for one in maps], int(torch.randperm(2, generator=draw)[0])
        for one in changed:
            of_first = torch.rand(2, one.shape[1], generator=draw) < 0.5
            for image in {0, 1} - {exempt}:
                for channel in range(one.shape[1]):
                    for view in range(2):
                        has = bool(of_first[image, channel]) == (view == 0)
                        row = 2 + 2 * view + image
                        one[row, channel] = one[row, channel] * (2.0 if has else 0.0)
        return changed

    def _losses(self, scores, labels, views, places):
        """x, s1, s2 and fp from scores [N, P, C] at `places` [P, 2]."""
        row, column = places.unbind(1)
        target = labels[:, row, column]
        rows = scores.permute(2, 0, 1)
        losses = [mean_of_pixels(rows[:, :2], target, target != 255, target != 255)]
        for n, view in enumerate(views):
            confidence, own = view.confidence[:, row, column], view.labels[:, row, column]
            counted = (confidence >= TAU) & (confidence > 0)
            losses.append(mean_of_pixels(rows[:, 2 + 2 * n : 4 + 2 * n], own, counted, confidence > 0))
        return losses


def written(recipe, losses):
    """The sum as the papers write it."""
    if recipe == "unimatch":
        x, s1, s2, fp = losses
        return (x + s1 / 4 + s2 / 4 + fp / 2) / 2
    x, s1, s2 = losses
    return (x + (s1 + s2) / 2) / 2


@pytest.mark.parametrize("with_bank", [False, True])
@pytest.mark.parametrize("recipe", RECIPES)
def test_the_sum_of_losses_and_its_gradient(make_net, tiny, recipe, with_bank):
    phase, given = phase_of(make_net, tiny, recipe, with_bank), batches(recipe)
    expected = Naive(phase, recipe, given, seed=5)
    total = written(recipe, expected.linear) + (written(recipe, expected.prototype) if with_bank else 0)
    torch.manual_seed(0)
    loss, logged = phase(given, torch.Generator().manual_seed(5), 0)
    assert loss.item() == pytest.approx(total.item(), rel=1e-4)
    assert logged["unlabeled_linear"].item() == pytest.approx(sum(expected.linear[1:3]).item(), rel=1e-4)
    assert ("perturbed_linear" in logged) == (recipe == "unimatch")
    assert all(one.item() > 0.01 for one in expected.linear) and 0 < logged["coverage"] < 1
    loss.backward()
    total.backward()
    pairs = zip(phase.student.named_parameters(), expected.student.parameters(), strict=True)
    for (name, mine), theirs in pairs:
        torch.testing.assert_close(mine.grad, theirs.grad, rtol=5e-3, atol=5e-5, msg=name)


@pytest.mark.parametrize("recipe", RECIPES)
def test_prototypes_follow_all_that_their_head_sees(make_net, tiny, recipe):
    phase, given = phase_of(make_net, tiny, recipe, True), batches(recipe)
    features = Naive(phase, recipe, given, seed=5).features
    phase(given, torch.Generator().manual_seed(5), 0)
    torch.testing.assert_close(phase._sampled.features.double(), features.flatten(0, 1), rtol=1e-4, atol=1e-5)
    assert len(phase._sampled.keep) == len(phase._sampled.targets) == features.shape[:2].numel()


def test_the_student_labels_in_eval_mode_and_goes_on_in_its_own(make_net, tiny):
    phase = phase_of(make_net, tiny, "unimatch", False)
    statistics = {name: buffer.clone() for name, buffer in phase.student.named_buffers()}
    phase._views(batches("unimatch")[1], torch.Generator().manual_seed(0))
    assert phase.student.training
    assert all(torch.equal(buffer, statistics[name]) for name, buffer in phase.student.named_buffers())


@pytest.mark.parametrize("recipe", RECIPES)
def test_the_average_follows_with_a_decay_of_at_most_0_996(make_net, tiny, recipe):
    phase = phase_of(make_net, tiny, recipe, False)
    name, buffer = "heads.linear.layers.4.bias", "heads.linear.layers.0.1.running_mean"
    expected = None
    for step in range(400):
        with torch.no_grad():
            phase.student.heads["linear"].layers[4].bias.fill_(float(step))
            phase.student.heads["linear"].layers[0][1].running_mean.fill_(float(-step))
        phase.after_step(step)
        decay = min(1 - 1 / (step + 1), 0.996)
        expected = step if expected is None else decay * expected + (1 - decay) * step
        found = phase.teacher.model.state_dict()
        assert found[name][0].item() == pytest.approx(expected, rel=1e-4)
        assert found[buffer][0].item() == pytest.approx(-expected, rel=1e-4)


@pytest.mark.parametrize("recipe", RECIPES)
def test_two_processes_lose_and_learn_what_one_does(make_net, tiny, tmp_path, recipe):
    """Half of the batch each, with batch norm of the whole: the same loss, and gradients whose mean is the same."""
    given = batches(recipe)

    def step(parts):
        phase = phase_of(make_net, tiny, recipe, True).eval()  # its statistics are fixed, as no test is of those here
        loss, _ = phase(parts, torch.Generator().manual_seed(5), 0)
        loss.backward()
        return loss.detach(), [p.grad for p in phase.student.parameters()]

    def half():
        rank = torch.distributed.get_rank()
        return step([tuple(x[len(x) // 2 * rank : len(x) // 2 * (rank + 1)] for x in batch) for batch in given])

    loss, gradients = step(given)
    losses, both = zip(*in_two_processes(tmp_path, half), strict=True)
    assert sum(losses).item() / 2 == pytest.approx(loss.item(), rel=1e-5)
    for one, *two in zip(gradients, *both, strict=True):
        torch.testing.assert_close(sum(two) / 2, one, rtol=1e-3, atol=1e-6)
