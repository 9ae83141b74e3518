"""The steps that look at trained models: features, prototypes, evaluation and t-SNE, from folders to folders."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from semiproto import model_folder
from semiproto.analysis import evaluate as evaluation
from semiproto.analysis import features as sampling
from semiproto.analysis.confusion import ConfusionMatrix
from semiproto.artifacts import (
    Stopwatch,
    atomic_directory,
    atomic_write,
    digests,
    read_receipt,
    sha256_file,
    write_json,
    write_receipt,
)
from semiproto.data import layout
from semiproto.data.dataset import Images
from semiproto.data.steps import FILES
from semiproto.model.deeplab import DeepLab
from semiproto.model.prototypes import PrototypeBank
from semiproto.params import EvaluateConfig, FeaturesConfig, PrototypesConfig, TsneConfig, Window
from semiproto.progress import Progress

FEATURES = "features.safetensors"


def features(
    config: FeaturesConfig, data: Path, split: Path, pretrained: Path, out: Path, device: torch.device
) -> None:
    """Writes the sampled pixel features of the labelled images: `features` [N, dim] and `classes` [N]."""
    watch = Stopwatch()
    params = config.features
    images = Images(data / FILES, layout.read_list(split / "labeled.txt"))
    model = model_folder.load_model(pretrained)
    vectors, classes = sampling.sample_features(model, images, params.pixels_per_class, params.seed, device, "features")
    model_folder.save_tensors(out / FEATURES, {"features": vectors, "classes": classes})
    write_receipt(
        out,
        "features",
        outputs={FEATURES: sha256_file(out / FEATURES)},
        config=config.model_dump(mode="json"),
        inputs=[data, split, pretrained],
        seed=params.seed,
        seconds=watch.seconds(),
        device=str(device),
        facts={"pixels": torch.bincount(classes.long(), minlength=model.num_classes).tolist()},
    )


def prototypes(config: PrototypesConfig, data: Path, features: Path, out: Path) -> None:
    """Writes the prototypes that k-means finds in the features: `prototypes` [classes, per_class, dim]."""
    watch = Stopwatch()
    tensors = model_folder.read_tensors(features / FEATURES)
    names = layout.read_classes(data / FILES)
    found = sampling.cluster(tensors["features"], tensors["classes"], names, config.prototypes)
    model_folder.save_tensors(out / model_folder.PROTOTYPES, {"prototypes": found})
    write_receipt(
        out,
        "prototypes",
        outputs={model_folder.PROTOTYPES: sha256_file(out / model_folder.PROTOTYPES)},
        config=config.model_dump(mode="json"),
        inputs=[features],
        seed=config.prototypes.seed,
        seconds=watch.seconds(),
        facts={"shape": list(found.shape)},
    )


@dataclass(frozen=True)
class _Samples:
    """Writes the predictions of the first `count` images to a folder."""

    folder: Path
    images: Images
    count: int

    def keep(self, positions: list[int], predicted: Tensor) -> None:
        for position, one in zip(positions, predicted.cpu(), strict=True):
            if position < self.count:
                layout.write_mask(self.folder / f"{self.images.ids[position]}.png", one.numpy().astype(np.uint8))


def evaluate(
    config: EvaluateConfig,
    data: Path,
    split: Path,
    model: Path,
    pretrained: Path | None,
    run: dict[str, Any],
    out: Path,
    device: torch.device,
) -> None:
    """Scores a run on the validation images with all its heads and keeps what the tables and figures need.

    run: dataset, split, variant and seed, for the tables. pretrained: the model folder that the run was warm-started
    from; its steps and seconds are part of the run's.
    """
    watch = Stopwatch()
    images = Images(data / FILES, layout.read_list(split / "val.txt"))
    card = model_folder.read_card(model)
    window = config.evaluate.window
    what = f"evaluate {run['split']}/{run['variant']}/seed{run['seed']}"
    with atomic_directory(out / "samples") as samples:
        kept = _Samples(samples, images, config.evaluate.samples)
        teacher = _score(model_folder.load_model(model), None, images, window, device, what, kept)
    student = _score(*model_folder.load_student(model), images, window, device, f"{what} (student)")
    metrics = run | {
        "labels": len(layout.read_list(split / "labeled.txt")),
        "method": card.training["method"],
        "classes": card.classes,
        "images": len(images),
        **_cost(model, pretrained),
        **_scores(teacher[0], student, pd.read_csv(model / "validation.csv")),
    }
    write_json(out / "metrics.json", metrics)
    with atomic_write(out / "confusion.csv") as temporary:
        pd.DataFrame(teacher[0].counts.numpy(), columns=card.classes).to_csv(temporary, index=False)
    for name in ("validation.csv", "history.csv"):
        with atomic_write(out / name) as temporary:
            shutil.copyfile(model / name, temporary)
    write_receipt(
        out,
        "evaluate",
        outputs=digests(out, ("metrics.json", "confusion.csv", "validation.csv", "samples")),
        records=digests(out, ("history.csv",)),
        config=config.model_dump(mode="json"),
        inputs=[data, split, model],
        seed=run["seed"],
        seconds=watch.seconds(),
        device=str(device),
    )


def _score(
    network: DeepLab,
    bank: PrototypeBank | None,
    images: Images,
    window: Window | None,
    device: torch.device,
    what: str,
    samples: _Samples | None = None,
) -> list[ConfusionMatrix]:
    """A confusion matrix per head; some of the first head's predictions go to `samples`."""
    network.to(device)
    scores = evaluation.head_scores(network, None if bank is None else bank.to(device))
    confusions = [ConfusionMatrix(network.num_classes) for _ in range(1 if bank is None else 2)]
    progress = Progress(what, len(images), "images")
    for positions, batch, masks in evaluation.batches(images, device):
        for confusion, predicted in zip(confusions, evaluation.predict(scores, batch, window), strict=True):
            for one, mask in zip(predicted.cpu(), masks, strict=True):
                confusion.update(one, mask)
            if samples is not None:
                samples.keep(positions, predicted)
        progress.update(len(positions))
    return confusions


def _cost(model: Path, pretrained: Path | None) -> dict[str, Any]:
    """Optimiser steps and training seconds of a run, those of the model it started from included."""
    facts = [read_receipt(folder)["facts"] for folder in (model, pretrained) if folder is not None]
    return {"steps": sum(f["steps"] for f in facts), "seconds": round(sum(f["seconds"] for f in facts), 1)}


def _scores(teacher: ConfusionMatrix, student: list[ConfusionMatrix], curve: pd.DataFrame) -> dict[str, Any]:
    best = int(curve["miou"].to_numpy().argmax())
    iou = [None if value != value else round(100 * value, 4) for value in teacher.iou().tolist()]
    return {
        "miou": round(100 * teacher.mean_iou(), 4),
        "miou_best": round(float(curve["miou"].iloc[best]), 4),
        "best_step": int(curve["step"].iloc[best]),
        "miou_student": round(100 * student[0].mean_iou(), 4),
        "miou_prototype_head": round(100 * student[1].mean_iou(), 4) if len(student) > 1 else None,
        "iou": iou,
    }


def tsne(
    config: TsneConfig, data: Path, split: Path, models: dict[str, Path], seed: int, out: Path, device: torch.device
) -> None:
    """Writes points.csv and compactness.csv: the same validation pixels in the feature space of each variant."""
    from semiproto.analysis import tsne as projection  # here, because evaluation need not import scikit-learn

    watch = Stopwatch()
    images = Images(data / FILES, layout.read_list(split / "val.txt"))
    names = layout.read_classes(data / FILES)
    params = config.tsne
    points, compactness = [], []
    for variant, folder in models.items():
        student, bank = model_folder.load_student(folder)
        vectors, classes = sampling.sample_features(
            student, images, params.pixels_per_class, params.seed, device, f"t-SNE {variant}"
        )
        points.append(projection.project(vectors, classes, bank, names, params).assign(variant=variant))
        compactness.append(projection.compactness(vectors, classes, names).assign(variant=variant))
    tables = {
        "points.csv": pd.concat(points)[["variant", "kind", "class", "x", "y"]],
        "compactness.csv": pd.concat(compactness)[["variant", "class", "silhouette", "within_between"]],
    }
    for name, table in tables.items():
        with atomic_write(out / name) as temporary:
            table.to_csv(temporary, index=False, float_format="%.6g")
    write_receipt(
        out,
        "tsne",
        outputs={name: sha256_file(out / name) for name in tables},
        config=config.model_dump(mode="json"),
        inputs=[data, split, *models.values()],
        seed=seed,
        seconds=watch.seconds(),
        device=str(device),
    )
