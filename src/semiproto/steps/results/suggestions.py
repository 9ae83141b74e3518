"""The rule `suggest`: which of a split's unlabelled images to label next."""

from __future__ import annotations

import shutil
from functools import partial

from semiproto.data import layout
from semiproto.data.dataset import Images
from semiproto.data.layout import FILES
from semiproto.deploy.exchange.writing import WORK
from semiproto.deploy.labelled import Labelled
from semiproto.deploy.suggest import LEFT_OUT, LIST, SHEET, Wishes, suggest
from semiproto.errors import UserError
from semiproto.params import SuggestConfig
from semiproto.steps.job import Job, Written, step


@step
def suggestions(job: Job[SuggestConfig]) -> Written:
    """Writes suggestions.csv, left-out.csv and sheet.jpg. UserError where the split has no unlabelled image."""
    params, split, root = job.config.suggest, job.inputs.one("split"), job.inputs.one("data") / FILES
    lists = {name: layout.read_list(split / f"{name}.txt") for name in ("labeled", "unlabeled", "val")}
    if not lists["unlabeled"]:
        raise UserError(f"{split}/unlabeled.txt: empty, so no image can be suggested; add some, or set suggest to null")
    labeled, unlabeled, val = (Images(root, ids).files for ids in lists.values())
    wishes = Wishes(params.by, params.count)
    outcome = suggest(job.inputs.one("model"), unlabeled, Labelled(labeled, val), job.out, wishes)
    if outcome.unreadable:
        raise UserError(outcome.unreadable[0])
    facts = {"suggested": len(outcome.suggestions), "left_out": len(outcome.left_out)}
    return Written([LIST, LEFT_OUT, SHEET], facts=facts, afterwards=partial(shutil.rmtree, job.out / WORK))
