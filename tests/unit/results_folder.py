"""Evaluations, a prepared set, t-SNE and patches as the pipeline writes them, tiny and made up."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from semiproto.data.layout import write_mask

CLASSES = ["background", "cat", "None"]
"""One class bears a name that CSV readers like to take for a missing value."""
SIZES = {"a": (24, 16), "b": (12, 20)}
"""Sample images of different shapes: id to (width, height)."""

SPREAD = 10.0
"""Points by which the IoU of a made up run's first class lies above its mIoU, and that of the second below."""

Scores = dict[str, list[float | None]]


@dataclass
class ResultsFolder:
    """A results folder below `root` that tests fill."""

    root: Path
    classes: list[str] = field(default_factory=lambda: list(CLASSES))
    """Three, or more."""

    @property
    def tables(self) -> Path:
        return self.root / "tables"

    def run(self, variant: str, number: int, miou: float | None, split: str = "30", **changes: Any) -> Path:
        """Writes the evaluation of seed `number`, whose first two classes lie SPREAD about `miou`, the others unseen.

        `changes` go over its metrics.
        """
        by_class = [None, None] if miou is None else [miou + SPREAD, miou - SPREAD]
        labels = int(split) if split.isdigit() else 500
        folder = self.root / "eval" / "digits" / split / variant / f"seed{number}"
        (folder / "predictions").mkdir(parents=True)
        steps = 3600 if variant == "supervised-equal-compute" else 1400
        head = None if variant.startswith("supervised") else 50.0 + number
        metrics: dict[str, Any] = {"dataset": "digits", "split": split, "labels": labels, "variant": variant}
        metrics |= {"method": variant.split("-")[0], "seed": number, "steps": steps, "seconds": 100.0 + number}
        metrics |= {"miou": miou, "miou_best": 90.0, "best_step": 900, "classes": self.classes, "images": 2}
        metrics |= {"iou": [*by_class, *self._none()]}
        metrics |= {
            "accuracy": 95.0,
            "boundary_iou": 30.0,
            "boundary_iou_per_class": [40.0, 20.0, *self._none()],
            "ece": 7.5,
        }
        heads = {"linear": {"miou": 40.0, "iou": [70.0, 50.0, None]}}
        metrics |= {"heads": heads | ({"prototype": {"miou": head, "iou": [head, head, None]}} if head else {})}
        metrics |= {"lists": {"labeled": split, "val": "v"}, "set": "digits", "family": "generated"}
        metrics |= {"encoder": "small", "window": None}
        (folder / "metrics.json").write_text(json.dumps(metrics | changes))
        (folder / "validation.csv").write_text(f"step,miou,precision\n500,{40.5 + number},\n1000,{50.5 + number},80\n")
        (folder / "history.csv").write_text(_history(uses_unlabeled=not variant.startswith("supervised")))
        (folder / "machine.csv").write_text("step,seconds,memory_mib\n10,1,500\n20,2,600\n")
        (folder / "images.csv").write_text(_images(dict(zip(self.classes, by_class, strict=False))))
        (folder / "confusion.csv").write_text(_confusion(self.classes, by_class))
        (folder / "calibration.csv").write_text("low,high,pixels,confidence,accuracy\n0,0.5,0,,\n0.5,1,9,0.8,0.7\n")
        for value, (image_id, (width, height)) in enumerate(SIZES.items()):
            write_mask(folder / "predictions" / f"{image_id}.png", np.full((height, width), value, np.uint8))
        return folder

    def grid(self, scores: Scores, split: str = "30") -> list[Path]:
        """An evaluation for each variant and score; the seeds count from 0."""
        return [self.run(v, seed, s, split) for v, values in scores.items() for seed, s in enumerate(values)]

    def data(self) -> Path:
        """A prepared set: truth is class 1 with a void border on the left."""
        root = self.root / "raw"
        for folder in ("JPEGImages", "SegmentationClass"):
            (root / folder).mkdir(parents=True)
        for image_id, (width, height) in SIZES.items():
            mask = np.ones((height, width), np.uint8)
            mask[:, :3] = 255
            Image.new("RGB", (width, height), "teal").save(root / "JPEGImages" / f"{image_id}.png")
            write_mask(root / "SegmentationClass" / f"{image_id}.png", mask)
        (root / "classes.txt").write_text("\n".join(self.classes) + "\n")
        return root

    def tsne(self, variants: list[str], seed: int = 0) -> Path:
        folder = self.root / "tsne" / "digits" / "30" / f"seed{seed}"
        folder.mkdir(parents=True)
        points, compactness = ["variant,kind,class,x,y"], ["variant,space,class,silhouette,within_between"]
        for variant in variants:
            for number, name in enumerate(self.classes):
                points += [f"{variant},pixel,{name},{number + i / 10},{-number}" for i in range(4)]
                points.append(f"{variant},prototype,{name},{number},{number}")
            compactness += [f"{variant},features,cat,{0.5 + seed / 10},0.4", f"{variant},features,all,0.25,"]
            compactness += [f"{variant},plane,cat,0.75,0.3"]
        (folder / "points.csv").write_text("\n".join(points) + "\n")
        (folder / "compactness.csv").write_text("\n".join(compactness) + "\n")
        return folder

    def health(self, variant: str, seed: int = 0) -> Path:
        """A run's health.csv, with two bins of confidence at two steps."""
        path = self.root / "models" / "digits" / "30" / variant / f"seed{seed}" / "health.csv"
        path.parent.mkdir(parents=True)
        rows = ["10,confidence,0.0-0.5,0.4", "10,confidence,0.5-1.0,0.6", "20,confidence,0.0-0.5,0.0"]
        rows += ["20,confidence,0.5-1.0,1.0", "20,prototype_use,cat/0,0.3"]
        shares = {"coverage": (0.5, 0.25 + seed / 2), "precision": (0.75, 0.5)}
        for measure, known in shares.items():
            named = zip(self.classes, (*known, *[""] * (len(self.classes) - 2)), strict=True)
            rows += [f"20,validation_{measure},{name},{value}" for name, value in named]
        path.write_text("\n".join(["step,measure,name,value", *rows]) + "\n")
        return path

    def _none(self) -> list[None]:
        """Scores of the classes after the second, which no image shows."""
        return [None] * (len(self.classes) - 2)

    def patches(self, size: int = 4) -> Path:
        """Two prototypes a class and three patches of each list: red in labelled images, blue in unlabelled ones."""
        folder = self.root / "patches" / "digits" / "30" / "prototype" / "seed0"
        folder.mkdir(parents=True)
        rows = ["class,prototype,pixels,share,right,list"]
        for name in self.classes:
            rows += [f"{name},0,30,0.1,0.5,labeled", f"{name},1,10,0.03,,labeled"]
            rows += [f"{name},0,0,0,,unlabeled", f"{name},1,0,0,,unlabeled"]
        (folder / "prototypes.csv").write_text("\n".join(rows) + "\n")
        for name, colour in (("labeled", "red"), ("unlabeled", "blue")):
            Image.new("RGB", (3 * size, 2 * len(self.classes) * size), colour).save(folder / f"{name}.png")
        return folder


def _images(iou: dict[str, float | None]) -> str:
    """Counts of two images with these IoUs (percent) of their classes, of 100,000 pixels each."""
    rows = ["image,class,pixels,intersection,union,boundary_intersection,boundary_union"]
    known = {name: round(1000 * score) for name, score in iou.items() if score is not None}
    rows += [f"{image},{name},100000,{right},100000,0,100" for image in SIZES for name, right in known.items()]
    return "\n".join(rows) + "\n"


def _history(*, uses_unlabeled: bool) -> str:
    if uses_unlabeled:
        header = "step,lr,loss,labeled_linear,unlabeled_linear,coverage"
        return f"{header}\n10,0.3,2,1.5,0.5,0.25\n20,0.1,1,1,0,0.75\n"
    return "step,lr,loss,labeled_linear\n10,0.3,2,2\n20,0.1,1,1\n"


def _confusion(classes: list[str], iou: list[float | None]) -> str:
    """Of the first two classes, a thousand pixels for each percent are right and the rest are taken for each other."""
    rows = np.zeros((len(classes), len(classes)), int)
    for own, score in enumerate(iou):
        rows[own, :2] = 0 if score is None else round(1000 * (100 - score))
        rows[own, own] = 0 if score is None else round(1000 * score)
    return "\n".join([",".join(classes), *(",".join(map(str, row)) for row in rows)]) + "\n"
