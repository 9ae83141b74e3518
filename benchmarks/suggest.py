"""Which score chooses the images whose labels help most? Choose by each, label, train again, and compare with chance.

A first model is trained with N labels. Each score of `semiproto suggest` then chooses M more images from those whose
masks are hidden, and so does chance, several times. With each choice the variants of `--then` are trained on N + M
labels from the start, for the same steps, and scored on the validation images. Prints a table in Markdown for each
variant: the mIoU (%) of every training, each score's difference from the mean of chance with the same seed, and, with
several seeds, the 95 % interval of the mean difference (Student's t over seeds).

    python benchmarks/suggest.py                                        # the embedded set
    python benchmarks/suggest.py --params params.yaml --data data/raw/my-photos --labels 54 --count 54

A set of one's own has to be prepared (`snakemake --cores all stage_data`). Masks of all its training images are used:
they play the person who labels. What is finished in `--out` is kept, so that an interrupted command goes on.
"""

from __future__ import annotations

import argparse
import statistics
import time
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml
from scipy import stats

from semiproto import params as parameters
from semiproto.data import layout, references, splits
from semiproto.deploy.labelled import Labelled
from semiproto.deploy.suggest import LIST, Wishes, suggest
from semiproto.params import (
    AcquisitionKind,
    DataConfig,
    FeaturesConfig,
    Params,
    PretrainConfig,
    PrototypesConfig,
    step_config,
    train_config,
)
from semiproto.provenance.artifacts import RECEIPT, digests, write_text
from semiproto.provenance.receipts import Receipt, write_receipt
from semiproto.steps.data import digits
from semiproto.steps.job import Inputs, Job
from semiproto.steps.models import features, pretrain, prototypes, train

SCORES: tuple[AcquisitionKind, ...] = ("uncertainty", "disagreement", "coverage")
EMBEDDED = Path(__file__).parents[1] / "experiments/embedded.yaml"
HIDDEN: dict[str, Any] = {"labeled": 330, "unlabeled": 1}
"""Of the embedded set here: images with masks, of which the labels are drawn and the others are to choose from."""


@dataclass(frozen=True)
class Trial:
    """The trainings of one seed below a folder."""

    params: Params
    data: Path
    out: Path
    seed: int
    labels: int

    @cached_property
    def lists(self) -> dict[str, list[str]]:
        """labeled, unlabeled and val before anything is chosen."""
        return splits.make_split(self.data / layout.FILES, str(self.labels), self.params.splits)

    @cached_property
    def pool(self) -> list[str]:
        """The images to choose from: unlabelled here, with a mask all the same."""
        masks = self.data / layout.FILES / layout.MASKS
        return [image for image in self.lists["unlabeled"] if (masks / f"{image}.png").is_file()]

    def trained(self, name: str, chosen: list[str], variant: str) -> Path:
        """The model of a variant with the chosen images' labels too."""
        folder = self.out / name
        model, split = folder / variant, folder / "split"
        if (model / RECEIPT).is_file():
            return model
        lists = self.lists | {
            "labeled": sorted([*self.lists["labeled"], *chosen]),
            "unlabeled": sorted(set(self.lists["unlabeled"]) - set(chosen)),
        }
        for list_name, ids in lists.items():
            write_text(split / f"{list_name}.txt", "".join(f"{one}\n" for one in ids))
        write_receipt(split, Receipt("split", digests(split)))
        return self._trained(folder, model, variant)

    def _trained(self, folder: Path, model: Path, variant: str) -> Path:
        given = {"data": self.data, "split": folder / "split"}
        start = self._job(step_config(self.params, PretrainConfig), Inputs(**given), folder / "pretrain")
        if not (start.out / RECEIPT).is_file():
            pretrain.pretrain(start)
        with_prototypes = self.params.variants[variant].method == "prototype"
        found = self._prototypes(folder, given | {"pretrained": start.out}) if with_prototypes else None
        more = {"pretrained": start.out if self.params.semi_of(variant).warm_start else None, "prototypes": found}
        train.train(self._job(train_config(self.params, variant), Inputs(**given, **more), model))
        return model

    def _prototypes(self, folder: Path, given: dict[str, Path]) -> Path:
        seen = self._job(step_config(self.params, FeaturesConfig), Inputs(**given), folder / "features")
        features.features(seen)
        inputs = Inputs(data=self.data, features=seen.out)
        found = self._job(step_config(self.params, PrototypesConfig), inputs, folder / "prototypes")
        prototypes.prototypes(found)
        return found.out

    def _job(self, config: Any, inputs: Inputs, out: Path) -> Job[Any]:
        return Job(config, inputs, out, self.params.compute, self.seed, out.with_name(f"{out.name}-checkpoints"))

    def chosen_by(self, score: AcquisitionKind, model: Path, count: int) -> list[str]:
        by_id = {one: image.path for one, image in references.image_files(self.data / layout.FILES).items()}
        known = Labelled([by_id[one] for one in self.lists["labeled"]], [by_id[one] for one in self.lists["val"]])
        out = self.out / f"suggestions-{score}"
        if not (out / LIST).is_file():
            suggest(model, [by_id[one] for one in self.pool], known, out, Wishes(score, count))
        return [Path(image).stem for image in pd.read_csv(out / LIST)["image"]]

    def chosen_by_chance(self, draw: int, count: int) -> list[str]:
        drawn = np.random.default_rng([self.seed, draw]).choice(len(self.pool), count, replace=False)
        return [self.pool[n] for n in sorted(drawn)]


def last_score(model: Path) -> float:
    """The mIoU (%) on the validation images after the last step."""
    return float(pd.read_csv(model / "validation.csv")["miou"].iloc[-1])


def scores_of(trial: Trial, variant: str, options: argparse.Namespace) -> dict[str, list[float]]:
    """By way of choosing, the mIoU of each training of one seed."""
    first = trial.trained("first", [], options.first)
    chosen: dict[str, list[list[str]]] = {s: [trial.chosen_by(s, first, options.count)] for s in SCORES}
    chosen["chance"] = [trial.chosen_by_chance(draw, options.count) for draw in range(options.draws)]
    return {
        way: [last_score(trial.trained(f"{way}{n}", ids, variant)) for n, ids in enumerate(all_ids)]
        for way, all_ids in chosen.items()
    }


def mean_and_interval(gains: list[float]) -> str:
    """The mean over seeds and its 95 % interval by Student's t, which one seed does not have."""
    mean = statistics.mean(gains)
    if len(gains) == 1:
        return f"{mean:+.1f}"
    low, high = stats.t.interval(0.95, len(gains) - 1, mean, stats.sem(gains))
    return f"{mean:+.1f} ({low:+.1f} to {high:+.1f})"


def table(found: dict[int, dict[str, list[float]]]) -> list[str]:
    """A row for each way of choosing: every score by seed, their mean, and the difference from chance."""
    chance = {seed: statistics.mean(scores["chance"]) for seed, scores in found.items()}
    lines = [f"| chosen by | {' | '.join(f'seed {seed}' for seed in found)} | mean | over chance |"]
    lines.append(f"| --- {'| --- ' * len(found)}| --- | --- |")
    for way in (*SCORES, "chance"):
        by_seed = [", ".join(f"{score:.1f}" for score in scores[way]) for scores in found.values()]
        mean = statistics.mean(statistics.mean(scores[way]) for scores in found.values())
        gains = [statistics.mean(scores[way]) - chance[seed] for seed, scores in found.items()]
        spread = max((max(s["chance"]) - min(s["chance"])) for s in found.values())
        last = f"draws differ by up to {spread:.1f}" if way == "chance" else mean_and_interval(gains)
        lines.append(f"| {way} | {' | '.join(by_seed)} | {mean:.1f} | {last} |")
    return lines


def experiment(options: argparse.Namespace) -> Params:
    """The parameter file with the changes of --set, and one validation at the end of each training."""
    tree = parameters.load(options.params).model_dump(mode="json")
    if options.data is None:
        tree["dataset"] |= HIDDEN
    for phase in ("pretrain", "semi"):
        tree[phase] |= {"validations": 1}
    for change in options.change:
        keys, _, value = change.partition("=")
        *sections, key = keys.split(".")
        section = tree
        for name in sections:
            section = section[name]
        section[key] = yaml.safe_load(value)
    return Params.model_validate(tree)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--params", type=Path, default=EMBEDDED, help="parameter file (default: the embedded one)")
    parser.add_argument("--data", type=Path, help="prepared set, data/raw/NAME (default: the embedded set, made here)")
    parser.add_argument("--labels", type=int, default=30, help="labelled images of the first model")
    parser.add_argument("--count", type=int, default=30, help="images to choose")
    parser.add_argument("--draws", type=int, default=5, help="draws of chance")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0], help="one first model for each")
    parser.add_argument("--first", default="prototype", help="variant of the first model; it needs prototypes")
    parser.add_argument("--then", nargs="+", default=["supervised"], help="variants to train with the chosen labels")
    parser.add_argument("--set", dest="change", action="append", default=[], help="e.g. semi.steps=500")
    parser.add_argument("--out", type=Path, default=Path("results/suggest-benchmark"), help="folder to work in")
    options = parser.parse_args()
    params, began = experiment(options), time.process_time()
    data = options.data or options.out / "data"
    if not (data / RECEIPT).is_file():
        digits.data(Job(DataConfig(dataset=params.dataset), Inputs(), data))
    trials = {seed: Trial(params, data, options.out / f"seed{seed}", seed, options.labels) for seed in options.seeds}
    for variant in options.then:
        found = {seed: scores_of(trial, variant, options) for seed, trial in trials.items()}
        print("\n".join([f"{variant}:", *table(found)]), flush=True)
    print(f"labels: {options.labels} + {options.count}; processor time: {(time.process_time() - began) / 60:.0f} min")


if __name__ == "__main__":
    main()
