"""What the two training steps have in common, from folders to a model folder."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Any, NamedTuple, Self

import numpy as np
import pandas as pd
import torch
from torch import Tensor
from torch.utils.data import DataLoader

from semiproto.data import frequencies, layout
from semiproto.data.augment import mean_colour
from semiproto.data.dataset import Images
from semiproto.data.layout import FILES
from semiproto.data.loaders import Batch, StepBatches, WeakViews, loader
from semiproto.errors import UserError
from semiproto.measure.inference import validate
from semiproto.model import folder as model_folder
from semiproto.model.encoders import timm_models
from semiproto.model.network import SegmentationNetwork
from semiproto.model.weights import digest
from semiproto.params import (
    LabeledLossParams,
    NormalisationParams,
    PretrainConfig,
    ScheduleParams,
    TrainConfig,
    WindowParams,
    canonical,
)
from semiproto.process import distributed
from semiproto.process.loggers import LogFolders
from semiproto.provenance import hub, sources
from semiproto.provenance.artifacts import sha256_text
from semiproto.provenance.receipts import input_digests
from semiproto.steps.job import Job, Written
from semiproto.train import checkpoint
from semiproto.train.engine import Run, write_tables
from semiproto.train.health import Means
from semiproto.train.history import Result

TrainingJob = Job[PretrainConfig] | Job[TrainConfig]


@dataclass(frozen=True)
class Lists:
    """The prepared set of a training step and the ids of its split."""

    root: Path
    classes: list[str]
    labeled: list[str]
    unlabeled: list[str]
    val: list[str]

    @classmethod
    def of(cls, job: TrainingJob) -> Self:
        root, split = job.inputs.one("data") / FILES, job.inputs.one("split")
        lists = {name: layout.read_list(split / f"{name}.txt") for name in ("labeled", "unlabeled", "val")}
        return cls(root, layout.read_classes(root), **lists)

    def validator(
        self, readers: int, window: WindowParams | None, tau: float | None = None
    ) -> Callable[[SegmentationNetwork], Means]:
        """What the loop calls for the validation score of a network. readers: threads that read images beside it."""
        images = Images(self.root, self.val)
        return partial(validate, images=images, names=self.classes, tau=tau, window=window, readers=readers)

    @cached_property
    def class_pixels(self) -> np.ndarray:
        """Pixels of each class in each labelled mask; counted only where a switch for rare classes asks for it."""
        return frequencies.class_pixels(Images(self.root, self.labeled), len(self.classes))

    def class_weights(self, params: LabeledLossParams) -> Tensor | None:
        """The weights of the labelled loss, float32 [C]; None where all are equal."""
        if params.class_weights == "none":
            return None
        weights = frequencies.median_frequency_weights(self.class_pixels, params.largest_class_weight)
        return torch.from_numpy(weights).float()

    def labeled_views(self, schedule: ScheduleParams) -> Asked:
        """The labelled views of a phase, those of rare classes more often where the parameters say so."""
        if schedule.repeat_threshold == 0:
            return Asked(self.labeled, schedule.batch, labeled=True)
        repeats = frequencies.repeat_factors(self.class_pixels, schedule.repeat_threshold)
        return Asked(self.labeled, schedule.batch, labeled=True, repeats=repeats)


def weights_file(config: PretrainConfig | TrainConfig) -> Path | None:
    """The file of the encoder's weights, where there is one: an input like any other."""
    weights = config.model.encoder.weights
    return Path(weights) if weights is not None and Path(weights).is_file() else None


def first_student(job: TrainingJob, lists: Lists, *, pretrained: bool) -> SegmentationNetwork:
    """The network before its first step. pretrained: load the encoder's weights as the parameters say.

    Images of other than three bands are normalised as the parameters say, otherwise by their own mean and deviation.
    """
    if job.machine.offline:
        timm_models.ask_nobody()
    torch.manual_seed(job.seed or 0)  # the initial weights; later draws come from (seed, step)
    params, measured = job.config.model, layout.read_pixels(lists.root)
    bands = measured.format.bands
    student = SegmentationNetwork(params, len(lists.classes), pretrained=pretrained, bands=bands)
    if params.encoder.normalisation is None and measured.mean is not None and measured.std is not None:
        student.normalise_by(NormalisationParams(mean=measured.mean, std=measured.std))
    return student


def first_weights(job: TrainingJob, student: SegmentationNetwork, *, pretrained: bool) -> dict[str, Any]:
    """What a training begins with, for its receipt: the digest of all its weights, and where they are published ones
    the file in this machine's caches."""
    facts: dict[str, Any] = {"first_weights": digest(student)}
    encoder = job.config.model.encoder
    if pretrained and encoder.weights == "timm" and (file := timm_models.published_file(encoder.name)) is not None:
        facts[hub.FACT] = asdict(file)
    return facts


def run_of(job: TrainingJob, name: str, schedule: ScheduleParams, classes: list[str], steps: int, first: str) -> Run:
    """How the loop runs this job.

    name: of the step, for people and to find its sources. first: digest of the weights before the first step.
    """
    machine = job.machine
    torch.set_num_threads(machine.threads)
    device = distributed.device_of(machine)
    if machine.compile and schedule.parts > 1:
        raise UserError(
            f"micro_batch: {schedule.micro_batch} does not go with compute.compile; set compute.compile to false, or"
            " micro_batch to null"
        )
    precision = used_precision(job.config.optimizer.precision, device)
    assert job.seed is not None and job.checkpoints is not None
    label = "/".join(job.out.parts[2:]) or job.out.name  # digits/30/prototype/seed0
    return Run(
        f"pretrain {label}" if name == "pretrain" else label,
        _key(job, name, precision, first),
        job.seed,
        steps,
        schedule.validations,
        schedule.checkpoint_every,
        job.checkpoints,
        device,
        classes,
        bfloat16=precision == "bfloat16",
        tf32=precision == "tf32",
        compile=machine.compile,
        recompute=machine.checkpointing == "blocks",
        logs=LogFolders(
            *(None if folder is None else Path(folder) for folder in (machine.tensorboard, machine.dvclive))
        ),
    )


def _key(job: TrainingJob, name: str, precision: str, first: str) -> str:
    """Hash of all that the result depends on: configuration, seed, precision, inputs, first weights and sources."""
    read = [str(sorted(input_digests(path).items())) for path in job.inputs.paths()]
    code = str(sources.digests(f"steps.models.{name}"))
    return sha256_text("\n".join([canonical(job.config), str(job.seed), precision, *read, first, code]))


def used_precision(asked: str, device: torch.device) -> str:
    """float32, tf32 or bfloat16: what a step computes in where `asked` is optimizer.precision."""
    if uses_bfloat16(asked, device):
        return "bfloat16"
    return "tf32" if asked == "tf32" and device.type == "cuda" else "float32"


def uses_bfloat16(precision: str, device: torch.device) -> bool:
    """Whether the step computes in bfloat16; says so when the device will be slow at it."""
    if device.type == "cuda":
        fast = torch.cuda.is_bf16_supported(including_emulation=False)
    else:
        fast = bool(torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported())
    if precision == "bfloat16" and not fast:
        print(
            f"optimizer.precision: bfloat16 without instructions for it on this {device.type} is many times slower than"
            " float32; take auto or float32",
            flush=True,
        )
    return precision == "bfloat16" or (precision == "auto" and fast)


class Asked(NamedTuple):
    """One of the lists whose views a step trains on."""

    ids: list[str]
    batch: int
    """Images per step over all processes."""
    labeled: bool
    repeats: np.ndarray | None = None
    """Of each image, how often it is drawn in a turn; None: once."""


def views(
    job: TrainingJob, root: Path, run: Run, student: SegmentationNetwork, asked: Sequence[Asked]
) -> Callable[[int], list[DataLoader[Batch]]]:
    """A function that gives the loaders of this process's share of the batches from a step on."""
    colour = mean_colour(student.normalisation)

    def one(asked: Asked, start: int) -> DataLoader[Batch]:
        images = len(asked.ids) if asked.repeats is None else asked.repeats
        keys = StepBatches(images, asked.batch, run.seed, start, run.steps, distributed.share(asked.batch))
        weak_views = WeakViews(root, asked.ids, job.config.augment, colour, labeled=asked.labeled)
        return loader(weak_views, keys, job.machine.workers, pin=run.device.type == "cuda")

    return lambda start: [one(list_, start) for list_ in asked]


def write_card(job: TrainingJob, lists: Lists, student: SegmentationNetwork, training: dict[str, Any]) -> None:
    """Writes the card of the model folder. training: free facts for people."""
    palette, facts = layout.read_palette(lists.root), training | {"seed": job.seed}
    pixels = layout.read_pixels(lists.root).format
    card = model_folder.Card(lists.classes, job.config.model, facts, palette, student.normalisation, pixels)
    model_folder.write_card(job.out, card)


def written(job: TrainingJob, run: Run, result: Result, first: dict[str, Any]) -> Written:
    """Writes the history and the validation scores beside the weights; drops the resume checkpoints at the end.

    first: what `first_weights` said before the first step.
    """
    write_tables(job.out, result.tables() | {"validation.csv": pd.DataFrame(result.scores)})
    weights = sorted(path.name for path in job.out.glob("*.safetensors"))
    return Written(
        outputs=[*weights, model_folder.CARD, "history.csv", "validation.csv", "health.csv"],
        records=["machine.csv"],
        facts=first
        | {
            "steps": run.steps,
            "seconds": round(result.seconds, 2),
            "warnings": result.health.warnings,
            "precision": run.precision,
            "processes": distributed.world(),
        },
        device=str(run.device),
        seconds=result.seconds,
        afterwards=partial(checkpoint.remove, run.checkpoints),
    )
