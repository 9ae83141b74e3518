"""The rule `pretrain`: supervised training on the labelled images."""

from __future__ import annotations

from semiproto.model import folder as model_folder
from semiproto.params import PretrainConfig
from semiproto.process import distributed
from semiproto.steps.job import Job, Written, step
from semiproto.steps.models.training import Lists, first_student, first_weights, run_of, views, write_card, written
from semiproto.train.engine import fit
from semiproto.train.supervised import SupervisedPhase


@step
def pretrain(job: Job[PretrainConfig]) -> Written | None:
    """Writes a model folder."""
    config, lists = job.config, Lists.of(job)
    student = first_student(job, lists, pretrained=True)
    labeled_loss = config.pretrain.labeled_loss
    phase = SupervisedPhase(student, labeled_loss, lists.class_weights(labeled_loss), config.pretrain.parts)
    steps = config.pretrain.total_steps(len(lists.labeled))
    first = first_weights(job, student, pretrained=True)
    run = run_of(job, "pretrain", config.pretrain, lists.classes, steps, first["first_weights"])
    loaders = views(job, lists.root, run, student, [lists.labeled_views(config.pretrain)])
    result = fit(phase, config.optimizer, run, loaders, lists.validator(job.machine.workers, config.pretrain.window))
    if distributed.rank() > 0:
        return None
    write_card(job, lists, student, {"step": "pretrain", "steps": steps})
    model_folder.save_weights(job.out / model_folder.MODEL, phase.student)
    return written(job, run, result, first)
