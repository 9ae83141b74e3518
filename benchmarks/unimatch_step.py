"""One step of UniMatch, loading included, at two sizes: the embedded set's, and photographs with EfficientNet-Lite0.

Reference form (README.md): Pillow decodes and changes one image at a time, a second loader gives the images to mix in,
three batches go through an NCHW network, plain SGD. Ours: WeakViews without their cache, strong views of 8-bit batches,
and SemiPhase as the training loop runs it. Both have the same losses, which must agree on the same views. Networks,
crops and batches are those of the two experiments; the photographs are those of labeled_loading.py.

    python benchmarks/unimatch_step.py [--rounds N]
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Sequence
from itertools import count, islice
from pathlib import Path

import numpy as np
import torch
from labeled_loading import made, prepare
from measure import record, require, start, take_turns
from PIL import Image, ImageFilter, ImageOps
from torch import Tensor
from torch.nn import functional as F
from torchvision.transforms import v2 as T

from semiproto import params as parameters
from semiproto.data import digits, layout, loaders
from semiproto.data.augment import mean_colour
from semiproto.data.strong_views import unlabeled_batch
from semiproto.model.heads.head import Maps
from semiproto.model.layers import resize
from semiproto.model.network import SegmentationNetwork
from semiproto.params import Params
from semiproto.train.optimizer import make_optimizer, parameter_groups
from semiproto.train.semi import SemiPhase

EXPERIMENTS = Path(__file__).parents[1] / "experiments"
SIZES = {"embedded": "embedded-recipes.yaml", "photographs": "evidence/animals-lite.yaml"}
IMAGES, CLASSES, GOAL = 24, 21, 1.5
Batch = tuple[Tensor, Tensor]


def make_network(params: Params) -> SegmentationNetwork:
    torch.manual_seed(0)
    return SegmentationNetwork(params.model, CLASSES, pretrained=False)


def make_loaders(root: Path, ids: list[str], params: Params, network: SegmentationNetwork) -> list[Iterator[Batch]]:
    """Ours: the labelled batches, and the unlabelled ones with the images that are mixed into them."""
    colour, found = mean_colour(network.normalisation), []
    for labeled, batch in ((True, params.semi.batch), (False, unlabeled_batch(params.semi))):
        views = loaders.WeakViews(root, ids, params.augment, colour, labeled=labeled)
        found.append(iter(loaders.loader(views, loaders.StepBatches(len(ids), batch, 0, 0, 10**6), workers=0)))
    return found


def make_phase(params: Params) -> SemiPhase:
    phase = SemiPhase(make_network(params), params.semi, bank=None)
    return phase.to(memory_format=torch.channels_last)


def our_step(root: Path, ids: list[str], params: Params) -> Callable[[], object]:
    """A step as train/engine.py makes it."""
    phase, numbers = make_phase(params), count()
    batches = make_loaders(root, ids, params, phase.student)
    optimizer = make_optimizer(phase.student, params.optimizer)

    def step() -> None:
        phase.train()
        number = next(numbers)
        given, draw = [next(one) for one in batches], torch.Generator().manual_seed(number)
        loss, _ = phase(given, draw, number)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        phase.after_step(number)

    return step


class PillowViews:
    """One image after the other: the weak view, two strong ones with their boxes, and what lies outside."""

    def __init__(self, root: Path, ids: list[str], params: Params, seed: int) -> None:
        self.root, self.ids, self.augment = root, ids, params.augment
        self.files = layout.images_by_id(root / layout.IMAGES)
        self.normalisation = make_network(params).normalisation
        self.rng = np.random.default_rng(seed)
        strong = params.semi.strong_view
        assert strong.jitter is not None and strong.blur is not None
        jitter = strong.jitter
        amounts = jitter.brightness, jitter.contrast, jitter.saturation, jitter.hue
        self.jitter = T.RandomApply([T.ColorJitter(*amounts)], jitter.probability)
        self.grey, self.blur = T.RandomGrayscale(strong.grey_probability), strong.blur

    def labeled(self) -> Batch:
        image, mask = self._weak()
        return self._tensor(image), torch.from_numpy(np.array(mask)).long()

    def unlabeled(self) -> tuple[Tensor, ...]:
        """Weak view, two strong views, two boxes, bool, and outside."""
        image, mask = self._weak()
        strong = [self._tensor(self._strong(image)) for _ in range(2)]
        boxes = [self._box() for _ in range(2)]
        return (self._tensor(image), *strong, *boxes, torch.from_numpy(np.array(mask)) == layout.IGNORE_INDEX)

    def _weak(self) -> tuple[Image.Image, Image.Image]:
        name, (low, high), crop = self.rng.choice(self.ids), self.augment.scale, self.augment.crop
        image: Image.Image = Image.open(self.files[name]).convert("RGB")
        mask: Image.Image = Image.open(self.root / layout.MASKS / f"{name}.png")
        zoom = self.rng.uniform(low, high)
        size = round(image.width * zoom), round(image.height * zoom)
        image, mask = image.resize(size, Image.Resampling.BILINEAR), mask.resize(size, Image.Resampling.NEAREST)
        border = (0, 0, max(0, crop - size[0]), max(0, crop - size[1]))
        colour = mean_colour(self.normalisation)
        image, mask = ImageOps.expand(image, border, colour), ImageOps.expand(mask, border, layout.IGNORE_INDEX)
        left, top = (int(self.rng.integers(length - crop + 1)) for length in image.size)
        image, mask = (one.crop((left, top, left + crop, top + crop)) for one in (image, mask))
        return (
            (ImageOps.mirror(image), ImageOps.mirror(mask)) if self.rng.random() < self.augment.flip else (image, mask)
        )

    def _strong(self, image: Image.Image) -> Image.Image:
        image = self.grey(self.jitter(image))
        if self.rng.random() < self.blur.probability:
            image = image.filter(ImageFilter.GaussianBlur(self.rng.uniform(*self.blur.sigma)))
        return image

    def _box(self) -> Tensor:
        crop = self.augment.crop
        box = torch.zeros(crop, crop, dtype=torch.bool)
        if self.rng.random() < 0.5:
            return box
        area = self.rng.uniform(0.02, 0.4) * crop**2
        while True:
            aspect = self.rng.uniform(0.3, 3.3)
            width, height = int((area / aspect) ** 0.5), int((area * aspect) ** 0.5)
            left, top = self.rng.integers(crop, size=2)
            if left + width <= crop and top + height <= crop:
                box[top : top + height, left : left + width] = True
                return box

    def _tensor(self, image: Image.Image) -> Tensor:
        tensor: Tensor = T.functional.to_image(image).float() / 255
        return normalised(tensor, self.normalisation.mean, self.normalisation.std)


def normalised(images: Tensor, mean: list[float], std: list[float]) -> Tensor:
    of_mean, of_std = (torch.tensor(values).view(3, 1, 1) for values in (mean, std))
    return (images - of_mean) / of_std


def stacked(items: list[tuple[Tensor, ...]]) -> list[Tensor]:
    return [torch.stack(one) for one in zip(*items, strict=True)]


class ReferenceStep:
    """Three batches: images to mix in; labelled and weak, whose maps are read again with channels dropped; strong."""

    def __init__(self, root: Path, ids: list[str], params: Params) -> None:
        self.params, self.network = params, make_network(params)
        self.views = [PillowViews(root, ids, params, seed) for seed in range(3)]  # labelled, unlabelled, to mix in
        groups = parameter_groups(self.network, params.optimizer)
        self.optimizer = torch.optim.SGD(groups, momentum=params.optimizer.momentum)

    def __call__(self) -> None:
        batch = range(self.params.semi.batch)
        images, labels = stacked([self.views[0].labeled() for _ in batch])
        weak, first, second, box1, box2, outside = stacked([self.views[1].unlabeled() for _ in batch])
        other, other1, other2, _, _, other_outside = stacked([self.views[2].unlabeled() for _ in batch])
        with torch.no_grad():
            found = self.labels(self.scores(self.network.eval().encoder(other)), other_outside)
        self.network.train()
        for image, partner, box in ((first, other1, box1), (second, other2, box2)):
            for one, another, inside in zip(image, partner, box, strict=True):
                one[:, inside] = another[:, inside]
        of_labeled, of_weak, of_dropped = self.weak_scores(torch.cat([images, weak]), F.dropout2d)
        own = self.labels(of_weak.detach(), outside)
        targets = [
            tuple(torch.where(box, theirs, mine) for mine, theirs in zip(own, found, strict=True))
            for box in (box1, box2)
        ]
        of_strong = self.scores(self.network.encoder(torch.cat([first, second]))).chunk(2)
        loss = self.total(of_labeled, labels, of_dropped, own, list(zip(of_strong, targets, strict=True)))
        self.optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        self.optimizer.step()

    def scores(self, maps: list[Tensor]) -> Tensor:
        z = self.network.decoder(maps)
        crop = (self.params.augment.crop,) * 2
        return resize(self.network.heads["linear"](Maps(maps, z)), crop)

    def weak_scores(self, images: Tensor, drop: Callable[[Tensor], Tensor]) -> tuple[Tensor, ...]:
        """Scores of the labelled images, of the weak views, and of these with channels dropped."""
        maps, n = self.network.encoder(images), self.params.semi.batch
        both = self.scores([torch.cat([one, drop(one[n:])]) for one in maps])
        return both[:n], both[n : 2 * n], both[2 * n :]

    def labels(self, scores: Tensor, outside: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Pseudo-labels, their probabilities, and where the image is not."""
        probabilities = scores.softmax(1)
        return probabilities.argmax(1), probabilities.amax(1), outside

    def total(
        self,
        of_labeled: Tensor,
        labels: Tensor,
        of_dropped: Tensor,
        own: tuple[Tensor, ...],
        strong: Sequence[tuple[Tensor, tuple[Tensor, ...]]],
    ) -> Tensor:
        """(x + s1/4 + s2/4 + fp/2) / 2."""
        x = F.cross_entropy(of_labeled, labels, ignore_index=layout.IGNORE_INDEX)
        (s1, s2), fp = (self.unlabeled(*one) for one in strong), self.unlabeled(of_dropped, own)
        return (x + 0.25 * s1 + 0.25 * s2 + 0.5 * fp) / 2

    def unlabeled(self, scores: Tensor, target: tuple[Tensor, ...]) -> Tensor:
        labels, confidence, outside = target
        sure = (confidence >= self.params.semi.tau) & ~outside
        return (F.cross_entropy(scores, labels, reduction="none") * sure).sum() / (~outside).sum()


def require_same_losses(root: Path, ids: list[str], params: Params) -> None:
    """Both forms on the same views, in eval mode: in training, batch norm sees what goes through together."""
    phase, form = make_phase(params), ReferenceStep(root, ids, params)
    (images, labels), unlabeled = (next(one) for one in make_loaders(root, ids, params, phase.student))
    draw, n = torch.Generator().manual_seed(0), len(images)
    first, second, weak = phase.eval()._views(unlabeled, draw)
    factors = iter(phase.perturbation.factors(phase.student.encoder.channels, n, draw) or [])
    form.network.eval()

    def input_of(images: Tensor) -> Tensor:
        return normalised(images / 255, form.network.normalisation.mean, form.network.normalisation.std)

    both = input_of(torch.cat([images, weak.images]))
    of_labeled, _, of_dropped = form.weak_scores(both, lambda one: one * next(factors)[:, :, None, None])
    targets = [(view.labels, view.confidence, view.confidence == 0) for view in (first, second, weak)]
    strong = [
        (form.scores(form.network.encoder(input_of(view.images))), target)
        for view, target in zip((first, second), targets, strict=False)
    ]
    theirs = form.total(of_labeled, labels.long(), of_dropped, targets[2], strong).item()
    mine = phase([(images, labels), unlabeled], torch.Generator().manual_seed(0), 0)[0].item()
    require(abs(mine - theirs) < 1e-3 * theirs, f"the loss, {theirs} and {mine}")


def unimatch(file: str) -> Params:
    """The parameters of an experiment with those of its variant unimatch as `semi`."""
    found = parameters.load(EXPERIMENTS / file)
    tree = found.model_dump() | {"semi": found.semi_of("unimatch").model_dump()}
    tree["semi"]["tau"] = 0.05  # so low that a network with random weights has confident pixels
    return Params.model_validate(tree)


def make_set(root: Path, params: Params) -> list[str]:
    """The experiment's images, or photographs that are made; returns their ids."""
    if params.dataset.source == "digits":
        digits.make(root, params.dataset.model_copy(update={"labeled": IMAGES, "unlabeled": 1, "validation": 1}))
        return layout.read_list(root / layout.LISTS / "train.txt")
    return prepare(root, islice(made(), IMAGES))


def main() -> None:
    options = start(__doc__, rounds=7)
    loaders.CACHE_BYTES = 0
    for size, file in SIZES.items():
        params = unimatch(file)
        with tempfile.TemporaryDirectory() as folder:
            root = Path(folder) / "set"
            root.mkdir(exist_ok=params.dataset.source == "digits")
            ids = make_set(root, params)
            require_same_losses(root, ids, params)
            samples = take_turns(ReferenceStep(root, ids, params), our_step(root, ids, params), options.rounds)
        record("unimatch_step", f"{size}, time", samples, goal=GOAL)


if __name__ == "__main__":
    main()
