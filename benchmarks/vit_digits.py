"""Does a ViT with DPT learn? The embedded experiment's pretraining, by its small CNN and by a ViT with random weights.

The same 60 labelled images, 1,000 steps and views; the ViT has six blocks of width 64, patches of 8 and AdamW at 3e-3.
Prints the mIoU (%) of both on the validation images; what the CNN reaches is where its semi-supervised runs start.
Takes ten minutes on one core, nearly all of them the ViT's.

    python benchmarks/vit_digits.py
"""

from __future__ import annotations

import tempfile
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch.utils.data import DataLoader

from semiproto import params as parameters
from semiproto.data import digits
from semiproto.data.augment import mean_colour
from semiproto.data.dataset import Images
from semiproto.data.layout import LISTS, read_classes, read_list
from semiproto.data.loaders import Batch, StepBatches, WeakViews, loader
from semiproto.measure.inference import validate
from semiproto.model.network import SegmentationNetwork
from semiproto.params import Params
from semiproto.train.engine import Run, fit
from semiproto.train.supervised import SupervisedPhase

VIT: dict[str, dict[str, Any]] = {
    "encoder": {"name": "test_vit", "patch_size": 8},
    "decoder": {"kind": "dpt"},
    "optimizer": {"kind": "adamw", "lr": 3e-3, "weight_decay": 0.01},
}


def with_vit(params: Params) -> Params:
    tree = params.model_dump()
    for section, changes in VIT.items():
        (tree if section == "optimizer" else tree["model"])[section] |= changes
    return Params.model_validate(tree)


def trained(name: str, params: Params, root: Path) -> float:
    """The mIoU after the pretraining of `params`."""
    ids, classes, phase = read_list(root / LISTS / "train.txt"), read_classes(root), params.pretrain
    steps = phase.total_steps(len(ids))
    torch.manual_seed(0)
    student = SegmentationNetwork(params.model, len(classes), pretrained=True)
    views = WeakViews(root, ids, params.augment, mean_colour(student.normalisation), labeled=True)
    run = Run(name, name, 0, steps, 1, steps, root.parent / name, torch.device("cpu"), classes)

    def loaders(start: int) -> list[DataLoader[Batch]]:
        batches = StepBatches(len(ids), phase.batch, run.seed, start, steps)
        return [loader(views, batches, 0)]

    validation = partial(validate, images=Images(root, read_list(root / LISTS / "val.txt")), names=classes)
    supervised = SupervisedPhase(student, phase.labeled_loss)
    return fit(supervised, params.optimizer, run, loaders, validation).scores[-1]["miou"]


def main() -> None:
    torch.set_num_threads(1)
    params = parameters.load(Path(__file__).parents[1] / "experiments/embedded.yaml")
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "digits"
        assert params.dataset.source == "digits"
        digits.make(root, params.dataset)
        cnn, vit = trained("cnn", params, root), trained("vit", with_vit(params), root)
    verdict = "met" if vit > cnn else "NOT MET"
    print(f"vit_digits: mIoU {vit:.1f} with the ViT and DPT, {cnn:.1f} with the CNN; goal above it: {verdict}")


if __name__ == "__main__":
    main()
