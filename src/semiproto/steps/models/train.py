"""The rule `train`: one variant's semi-supervised run."""

from __future__ import annotations

from pathlib import Path

from semiproto.data.strong_views import unlabeled_batch
from semiproto.errors import UserError
from semiproto.model import folder as model_folder
from semiproto.model import weights
from semiproto.model.prototypes import PrototypeBank
from semiproto.params import SemiParams, TrainConfig
from semiproto.process import distributed
from semiproto.steps.job import Job, Written, step
from semiproto.steps.models.training import (
    Asked,
    Lists,
    first_student,
    first_weights,
    run_of,
    views,
    write_card,
    written,
)
from semiproto.train.engine import fit
from semiproto.train.semi import SemiPhase


@step
def train(job: Job[TrainConfig]) -> Written | None:
    """Writes a model folder whose model is the teacher.

    Inputs: data, split; pretrained, the model to start from, none for the encoder's own weights; prototypes, where the
    bank starts, for the full method.
    """
    config, semi, lists = job.config, job.config.semi, Lists.of(job)
    pretrained, prototypes = job.inputs.maybe("pretrained"), job.inputs.maybe("prototypes")
    uses_unlabeled = config.method != "supervised"
    if uses_unlabeled and not lists.unlabeled:
        raise UserError(
            f"{job.inputs.one('split')}/unlabeled.txt: empty, and {config.method} needs unlabelled images; add some"
        )
    student = first_student(job, lists, pretrained=pretrained is None)
    if pretrained is not None:
        model_folder.start_from(student, pretrained)
    bank = None if prototypes is None else first_bank(config, prototypes)
    longer = max(len(lists.labeled), len(lists.unlabeled))
    steps = semi.total_steps(longer)
    phase = SemiPhase(student, semi, bank, _supervised_steps(semi, longer), lists.class_weights(semi.labeled_loss))
    first = first_weights(job, student, pretrained=pretrained is None)
    run = run_of(job, "train", semi, lists.classes, steps, first["first_weights"])
    asked = [lists.labeled_views(semi)]
    if uses_unlabeled:
        asked.append(Asked(lists.unlabeled, unlabeled_batch(semi), labeled=False))
    loaders = views(job, lists.root, run, student, asked)
    validator = lists.validator(job.machine.workers, semi.window, semi.tau)
    result = fit(phase, config.optimizer, run, loaders, validator)
    if distributed.rank() > 0:
        return None
    write_card(job, lists, student, {"step": "train", "method": config.method, "steps": steps})
    model_folder.save_weights(job.out / model_folder.MODEL, phase.teacher.model)
    model_folder.save_student(job.out, phase.student, bank)
    return written(job, run, result, first)


def first_bank(config: TrainConfig, prototypes: Path) -> PrototypeBank:
    """The bank that the prototypes step wrote."""
    start = weights.read_tensors(prototypes / weights.PROTOTYPES)["prototypes"]
    return model_folder.bank_of(start, config.semi.prototype_head.momentum, config.semi.prototype_head.temperature)


def _supervised_steps(semi: SemiParams, images: int) -> int:
    """Steps before the teacher is made."""
    return semi.supervised_epochs * semi.model_copy(update={"steps": None, "epochs": 1}).total_steps(images)
