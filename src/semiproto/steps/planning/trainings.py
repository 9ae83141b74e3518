"""Which trainings params.yaml asks for: how many, how long, and of which networks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from semiproto import paths
from semiproto.data import digits, layout
from semiproto.data.published import catalog
from semiproto.errors import UserError
from semiproto.model.network import SegmentationNetwork
from semiproto.model.prototypes import PrototypeBank
from semiproto.params import DigitsSource, FolderSource, Params, PublishedSource, ScheduleParams
from semiproto.train.engine import Phase
from semiproto.train.semi import SemiPhase
from semiproto.train.supervised import SupervisedPhase

PRETRAIN, FOLDS = "pretrain", "pretrain (folds)"
LENGTH = {"steps": 1, "epochs": None, "validations": 1, "checkpoint_every": 1}
"""What two trainings with the same step may differ in."""


@dataclass(frozen=True)
class Training:
    """Equal trainings of one split, which differ in their seeds and folds."""

    name: str
    """The variant, or pretrain."""
    split: str
    count: int
    steps: int

    @property
    def total_steps(self) -> int:
        return self.count * self.steps


@dataclass(frozen=True)
class Images:
    """The lengths of a split's lists."""

    labeled: int
    unlabeled: int


def trainings(params: Params) -> list[Training]:
    """The trainings of all rules; UserError where their length depends on images that nobody has counted yet."""
    splits = sorted({run.split for run in params.runs()}, key=lambda name: (not name.isdecimal(), len(name), name))
    return [training for split in splits for training in _of_split(params, split)]


def _of_split(params: Params, split: str) -> Iterator[Training]:
    runs = [run for run in params.runs() if run.split == split]
    images = None if _of_given_steps(params) else _images(params, split)
    labeled = 0 if images is None else images.labeled
    yield Training(PRETRAIN, split, len({run.seed for run in runs}), params.pretrain.total_steps(labeled))
    if params.forecast.images == "labeled":
        others = labeled - labeled // params.forecast.folds
        yield Training(FOLDS, split, params.forecast.folds, params.pretrain.total_steps(others))
    longer = 0 if images is None else max(images.labeled, images.unlabeled)
    for variant, count in Counter(run.variant for run in runs).items():
        yield Training(variant, split, count, params.semi_of(variant).total_steps(longer))


def _of_given_steps(params: Params) -> bool:
    return all(schedule.steps for schedule in (params.pretrain, *map(params.semi_of, params.variants)))


def _images(params: Params, split: str) -> Images:
    source, lists = params.dataset, Path(paths.SPLIT(dataset=params.dataset.name, split=split))
    if (lists / "unlabeled.txt").is_file():
        return Images(*(len(layout.read_list(lists / f"{name}.txt")) for name in ("labeled", "unlabeled")))
    if isinstance(source, FolderSource):
        raise UserError(
            f"{lists}: not there yet, and the number of steps depends on the number of images; run `snakemake --cores 1"
            " stage_data` first, or give steps in place of epochs"
        )
    with_masks, others = (
        _published(source) if isinstance(source, PublishedSource) else (source.labeled, source.unlabeled)
    )
    labeled = with_masks if split == "all" else int(split)
    return Images(labeled, with_masks - labeled + others)


def _published(source: PublishedSource) -> tuple[int, int]:
    counts = catalog.DATASETS[source.set].counts
    return counts["train"], counts["unlabeled"]


def class_count(params: Params) -> int:
    source = params.dataset
    if isinstance(source, DigitsSource):
        return len(digits.CLASSES)
    return len(source.classes if isinstance(source, FolderSource) else catalog.DATASETS[source.set].classes)


def schedule_of(params: Params, name: str) -> ScheduleParams:
    return params.pretrain if name in (PRETRAIN, FOLDS) else params.semi_of(name)


def lists_of(params: Params, name: str) -> int:
    """How many lists of images a step reads."""
    return 1 if name in (PRETRAIN, FOLDS) or params.variants[name].method == "supervised" else 2


def kind_of(params: Params, name: str) -> str:
    """Text that is the same for trainings whose steps cost the same."""
    if name in (PRETRAIN, FOLDS):
        return PRETRAIN
    semi = params.semi_of(name).model_copy(update=LENGTH | {"tau": 0.5, "loss_scale": 1.0})
    return f"{params.variants[name].method} {semi.model_dump_json(exclude={'loss_weights', 'repeat_threshold'})}"


def phase_of(params: Params, name: str) -> Phase:
    """The phase of a training with random weights, and with prototypes of zero."""
    bands, classes = params.dataset.bands if isinstance(params.dataset, FolderSource) else 3, class_count(params)
    student = SegmentationNetwork(params.model, classes, pretrained=False, bands=bands)
    if name in (PRETRAIN, FOLDS):
        return SupervisedPhase(student, params.pretrain.labeled_loss, parts=params.pretrain.parts)
    with_bank = params.variants[name].method == "prototype"
    bank = PrototypeBank(classes, params.prototypes.per_class, student.dim) if with_bank else None
    return SemiPhase(student, params.semi_of(name), bank)
