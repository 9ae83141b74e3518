"""The rule `pretrain`: supervised training on the labelled images."""

from __future__ import annotations

from semiproto.model import folder as model_folder
from semiproto.params import PretrainConfig
from semiproto.process import distributed
from semiproto.steps.job import Job, Written, step
from semiproto.steps.models.training import Asked, Lists, first_student, run_of, views, write_card, written
from semiproto.train.engine import fit
from semiproto.train.supervised import SupervisedPhase


@step
def pretrain(job: Job[PretrainConfig]) -> Written | None:
    """Writes a model folder."""
    config, lists = job.config, Lists.of(job)
    student = first_student(job, lists, pretrained=True)
    phase = SupervisedPhase(student, config.pretrain.labeled_loss)
    steps = config.pretrain.total_steps(len(lists.labeled))
    run = run_of(job, "pretrain", config.pretrain, lists.classes, steps)
    loaders = views(job, lists.root, run, student, [Asked(lists.labeled, config.pretrain.batch, labeled=True)])
    result = fit(phase, config.optimizer, run, loaders, lists.validator())
    if distributed.rank() > 0:
        return None
    write_card(job, lists, student, {"step": "pretrain", "steps": steps})
    model_folder.save_weights(job.out / model_folder.MODEL, phase.student)
    return written(job, run, result)
