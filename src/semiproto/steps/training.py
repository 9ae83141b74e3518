"""The two training steps of the pipeline, from folders to a model folder."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import torch
from torch.utils.data import DataLoader

from semiproto.data import layout
from semiproto.data.layout import FILES
from semiproto.data.loaders import Batch, StepBatches, loader
from semiproto.data.own import masks
from semiproto.errors import UserError
from semiproto.model import folder as model_folder
from semiproto.model.network import DeepLab
from semiproto.model.prototypes import PrototypeBank
from semiproto.params import Augment, Compute, PretrainConfig, Schedule, TrainConfig, canonical
from semiproto.process import distributed
from semiproto.provenance.artifacts import digests, input_digests, sha256_text, write_receipt
from semiproto.train import checkpoint
from semiproto.train.engine import Run, fit, write_tables
from semiproto.train.health import Means
from semiproto.train.history import Result
from semiproto.train.semi import SemiPhase
from semiproto.train.supervised import SupervisedPhase

Validate = Callable[[DeepLab], Means]


class Inputs:
    """The folders that a training step reads and the lists in them."""

    def __init__(self, data: Path, split: Path, *others: Path) -> None:
        self.data, self.folders = data / FILES, [data, split, *others]
        self.classes = layout.read_classes(self.data)
        self.labeled = layout.read_list(split / "labeled.txt")
        self.unlabeled = layout.read_list(split / "unlabeled.txt")

    def key(self, config: PretrainConfig | TrainConfig, seed: int, bfloat16: bool) -> str:
        """Hash of all that the result depends on: configuration, seed, precision, and the digests of the inputs."""
        contents = [str(sorted(input_digests(path).items())) for path in self.paths(config)]
        return sha256_text("\n".join([canonical(config), str(seed), str(bfloat16), *contents]))

    def paths(self, config: PretrainConfig | TrainConfig) -> list[Path]:
        """The folders, and the file of the encoder's weights where there is one."""
        weights = config.model.encoder.weights
        return [*self.folders, *([Path(weights)] if weights is not None and Path(weights).is_file() else [])]


def pretrain(
    config: PretrainConfig,
    inputs: Inputs,
    seed: int,
    out: Path,
    checkpoints: Path,
    compute: Compute,
    validate: Validate,
) -> None:
    """Supervised training on the labelled images; writes a model folder."""
    torch.manual_seed(seed)  # the initial weights; later draws come from (seed, step)
    student = DeepLab(config.model, len(inputs.classes), pretrained=True)
    phase = SupervisedPhase(student, config.pretrain.labeled_loss)
    steps = config.pretrain.total_steps(len(inputs.labeled))
    run = _run(f"pretrain {_label(out)}", config, config.pretrain, inputs, seed, steps, checkpoints, compute)
    result = fit(
        phase,
        config.optimizer,
        run,
        _loaders(inputs, config.augment, run, config.pretrain.batch, False, compute),
        validate,
    )
    if distributed.rank() > 0:
        return
    _write_card(out, inputs, config, {"step": "pretrain", "seed": seed, "steps": steps})
    model_folder.save_weights(out / model_folder.MODEL, phase.student)
    _finish(out, "pretrain", config, inputs, run, result)


def train(
    config: TrainConfig,
    inputs: Inputs,
    pretrained: Path | None,
    prototypes: Path | None,
    seed: int,
    out: Path,
    checkpoints: Path,
    compute: Compute,
    validate: Validate,
) -> None:
    """One variant's semi-supervised run; writes a model folder whose model is the teacher.

    pretrained: the model to start from, None for the encoder's own weights. prototypes: where the bank starts.
    """
    torch.manual_seed(seed)  # the initial weights; later draws come from (seed, step)
    student = DeepLab(config.model, len(inputs.classes), pretrained=pretrained is None)
    if pretrained is not None:
        student.load_state_dict(model_folder.read_tensors(pretrained / model_folder.MODEL))
    bank = None if prototypes is None else make_bank(config, prototypes)
    semi = config.semi
    longer = max(len(inputs.labeled), len(inputs.unlabeled))
    steps, teacher_from = semi.total_steps(longer), _supervised_steps(semi.supervised_epochs, semi, longer)
    uses_unlabeled = config.method != "supervised"
    if uses_unlabeled and not inputs.unlabeled:
        raise UserError(
            f"{inputs.folders[1]}/unlabeled.txt: empty, and {config.method} needs unlabelled images; add some"
        )
    phase = SemiPhase(student, semi, bank, teacher_from)
    run = _run(_label(out), config, semi, inputs, seed, steps, checkpoints, compute)
    result = fit(
        phase,
        config.optimizer,
        run,
        _loaders(inputs, config.augment, run, semi.batch, uses_unlabeled, compute),
        validate,
    )
    if distributed.rank() > 0:
        return
    _write_card(out, inputs, config, {"step": "train", "method": config.method, "seed": seed, "steps": steps})
    model_folder.save_weights(out / model_folder.MODEL, phase.teacher.model)
    model_folder.save_student(out, phase.student, bank)
    _finish(out, "train", config, inputs, run, result)


def make_bank(config: TrainConfig, prototypes: Path) -> PrototypeBank:
    """The bank that the prototypes step wrote."""
    start = model_folder.read_tensors(prototypes / model_folder.PROTOTYPES)["prototypes"]
    return model_folder.bank_of(start, config.semi.prototype_head.momentum, config.semi.prototype_head.temperature)


def _supervised_steps(epochs: int, schedule: Schedule, images: int) -> int:
    one_epoch = schedule.model_copy(update={"steps": None, "epochs": 1})
    return epochs * one_epoch.total_steps(images)


def _run(
    name: str,
    config: PretrainConfig | TrainConfig,
    schedule: Schedule,
    inputs: Inputs,
    seed: int,
    steps: int,
    checkpoints: Path,
    compute: Compute,
) -> Run:
    torch.set_num_threads(compute.threads)
    device = distributed.device_of(compute)
    bfloat16 = uses_bfloat16(config.optimizer.precision, device)
    return Run(
        name,
        inputs.key(config, seed, bfloat16),
        seed,
        steps,
        schedule.validations,
        schedule.checkpoint_every,
        checkpoints,
        device,
        inputs.classes,
        bfloat16=bfloat16,
        compile=compute.compile,
        tensorboard=None if compute.tensorboard is None else Path(compute.tensorboard),
    )


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


def _loaders(
    inputs: Inputs, augment: Augment, run: Run, batch: int, unlabeled: bool, compute: Compute
) -> Callable[[int], list[DataLoader[Batch]]]:
    lists = [(inputs.labeled, True)] + ([(inputs.unlabeled, False)] if unlabeled else [])

    def make(start: int) -> list[DataLoader[Batch]]:
        return [
            loader(
                inputs.data,
                ids,
                augment,
                StepBatches(len(ids), batch, run.seed, start, run.steps, distributed.share(batch)),
                labeled=labeled,
                workers=compute.workers,
            )
            for ids, labeled in lists
        ]

    return make


def _write_card(out: Path, inputs: Inputs, config: PretrainConfig | TrainConfig, training: dict[str, Any]) -> None:
    palette = masks.read_palette(inputs.data, len(inputs.classes))
    model_folder.write_card(out, model_folder.Card(inputs.classes, config.model, training, palette))


def _finish(
    out: Path, step: str, config: PretrainConfig | TrainConfig, inputs: Inputs, run: Run, result: Result
) -> None:
    """Writes the history, the validation scores and the receipt, and drops the resume checkpoints."""
    write_tables(out, result.tables() | {"validation.csv": pd.DataFrame(result.scores)})
    weights = sorted(path.name for path in out.glob("*.safetensors"))
    write_receipt(
        out,
        step,
        outputs=digests(out, [*weights, model_folder.CARD, "history.csv", "validation.csv", "health.csv"]),
        records=digests(out, ["machine.csv"]),
        config=config.model_dump(mode="json"),
        inputs=inputs.paths(config),
        seed=run.seed,
        seconds=result.seconds,
        device=str(run.device),
        facts={
            "steps": run.steps,
            "seconds": round(result.seconds, 2),
            "warnings": result.health.warnings,
            "precision": "bfloat16" if run.bfloat16 else "float32",
            "processes": distributed.world(),
        },
    )
    checkpoint.remove(run.checkpoints)


def _label(out: Path) -> str:
    """The last parts of a model folder's path, for people: digits/30/prototype/seed0."""
    return "/".join(out.parts[2:]) or out.name
