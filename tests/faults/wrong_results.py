"""Searches for wrong results: random things that people do to a checkout, then one command. Are its results right?

Each sequence does some actions (edit parameters or code, run, kill, commit, check out, delete, touch, swap, ...) in a
checkout of its own. Then the pipeline is run as a user would: where it stops with a line that says what to delete or
unlock, that is done. Its results must then be those of a clean run of the same parameters and code.

    python tests/faults/wrong_results.py --sequences 30 --actions 6 --seed 0

prints every action and `same`, or what differs. Edits of the modules that all rules share are not among the actions:
workflow/rules/common.smk says which they are and why.
"""

from __future__ import annotations

import argparse
import os
import random
import re
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import checkouts
import yaml
from forked_commands import commands

PARAMS: list[tuple[tuple[str | int, ...], tuple[Any, ...]]] = [
    (("dataset", "seed"), (0, 1)),
    (("dataset", "validation"), (4, 5)),
    (("augment", "rotation"), (8, 0)),
    (("optimizer", "lr"), (0.15, 0.1)),
    (("pretrain", "steps"), (4, 3)),
    (("features", "pixels_per_class"), (50, 40)),
    (("prototypes", "per_class"), (3, 2)),
    (("semi", "tau"), (0.1, 0.2, 0.0)),
    (("semi", "steps"), (4, 3)),
    (("variants", "prototype", "semi"), ({}, {"loss_scale": 2.0})),
    (("forecast", "folds"), (2, 3)),
    (("evaluate", "window"), (None, {"size": 32, "stride": 16})),
    (("patches", "size"), (16, 12)),
    (("tsne", "perplexity"), (5, 4)),
    (("experiments", 0, "seeds"), ([0], [0, 1])),
    (("experiments", 0, "variants"), (["supervised", "prototype"], ["supervised", "consistency", "prototype"])),
    (("compute", "workers"), (0, 1)),
]
"""Leaves of params.yaml and values for them."""

CODE = [
    ("data/digits.py", "light = 0.55", "light = 0.45"),
    ("data/splits.py", 'f"{seed}:{image_id}"', 'f"{seed}/{image_id}"'),
    ("data/layout.py", 'save(path, format="PNG")', 'save(path, format="PNG", compress_level=1)'),
    ("steps/data/prepared.py", '"images": lists', '"listed": lists'),
    ("model/folder.py", "voc_palette()[: len(card.classes)]", "voc_palette()[1 : len(card.classes) + 1]"),
    ("data/loaders.py", "[*draw, self.labeled]", "[*draw, self.labeled, 1]"),
    ("data/augment.py", "round(255 * mean)", "round(200 * mean)"),
    ("data/loaders.py", "[self.seed, turn]", "[self.seed, turn, 7]"),
    ("data/strong_views.py", ") >= probability", ") >= probability / 2"),
    ("model/layers.py", "align_corners=True)", "align_corners=False)"),
    ("model/encoders/small.py", "[low, middle, self.layer3(middle)]", "[low, middle, 2 * self.layer3(middle)]"),
    ("model/decoders/deeplab.py", "torch.cat([low, context]", "torch.cat([context, low]"),
    ("model/heads/linear.py", "self.layers(maps.representation)", "self.layers(2 * maps.representation)"),
    ("model/heads/prototype.py", "bank.logits(piece)[0]", "-bank.logits(piece)[0]"),
    ("model/encoders/encoder.py", "std=[0.229", "std=[0.5"),
    ("model/prototypes.py", "torch.lerp(mean, self.prototypes", "torch.lerp(2 * mean, self.prototypes"),
    ("model/teacher.py", "1 - 1 / (step + 1)", "1 - 1 / (step + 2)"),
    ("model/folder.py", "started from random weights", "began with random weights"),
    ("process/distributed.py", "return total(x) / world()", "return 2 * total(x) / world()"),
    ("train/losses.py", "return per_pixel.sum() / _count(counted)", "return 2 * per_pixel.sum() / _count(counted)"),
    ("train/schedule.py", "(step + 1) / params.warmup_steps", "(step + 2) / params.warmup_steps"),
    ("train/supervised.py", "return torch.stack(losses).sum()", "return 2 * torch.stack(losses).sum()"),
    ("train/semi.py", "CELLS = 32", "CELLS = 16"),
    ("train/engine.py", "LOG_LINES = 100", "LOG_LINES = 2"),
    ("train/health.py", "CONFIDENCE_BINS = 10", "CONFIDENCE_BINS = 9"),
    ("steps/models/training.py", "torch.manual_seed(job.seed or 0)", "torch.manual_seed(1)"),
    ("measure/inference.py", "head.argmax(dim=1)", "head.argmin(dim=1)"),
    ("measure/confusion.py", ".nanmean()", ".nanmedian()"),
    ("measure/features.py", "default_rng(seed)", "default_rng(seed + 1)"),
    ("steps/results/evaluate.py", "100 * head.mean_iou()", "99 * head.mean_iou()"),
    ("measure/tsne.py", 'init="pca"', 'init="random"'),
    ("measure/pseudo_labels.py", "(prediction == target)[known]", "(prediction != target)[known]"),
    ("measure/boundary.py", "DIAGONAL_SHARE = 0.02", "DIAGONAL_SHARE = 0.1"),
    ("measure/calibration.py", "BINS = 15", "BINS = 14"),
    ("measure/patches.py", "np.where(winner == prototype, similarity", "np.where(winner == prototype, -similarity"),
    ("measure/forecast.py", "0.01 * n", "0.009 * n"),
    ("report/forecast.py", "of the foreground is confident", "of the foreground is sure"),
    ("report/bootstrap.py", "RESAMPLES = 1000", "RESAMPLES = 900"),
    ("report/verdict.py", "95 % interval {signed(low)}", "95 %: {signed(low)}"),
    ("report/figures/curves.py", "figsize=(10, 6.8)", "figsize=(10, 7.8)"),
    ("report/figures/samples.py", "PER_KIND = 2", "PER_KIND = 1"),
    ("report/figures/forecast.py", "figsize=(9, 3.8)", "figsize=(9, 4.8)"),
    ("report/tables.py", '("sd", "std")', '("sd", "sem")'),
    ("report/drawing/style.py", "DPI = 150", "DPI = 100"),
    ("report/page.py", "Every run, mIoU", "All runs, mIoU"),
    ("report/page.html", '<html lang="en">', '<html lang="de">'),
]
"""Modules, a piece of each, and what to put in its place: each changes a result."""

MADE = ("data/raw", "data/splits", "models", "results")
ATTEMPTS = 8
"""How often the last command is given again after doing what it said."""


@dataclass
class Sequence:
    """A checkout, and how things are done to it. `say` gets a line for each thing done."""

    path: Path
    stand_ins: Path
    rng: random.Random
    say: Callable[[str], None]
    seconds: float
    """That a whole run takes, roughly: kills come within them."""
    commits: list[str] = field(default_factory=list)

    def run(self, command: str, seconds: float | None = None) -> tuple[int, str]:
        """Status and output of a command; after `seconds` its whole process group is killed."""
        process = checkouts.start(self.path, command, checkouts.environment(self.path, self.stand_ins))
        try:
            output, _ = process.communicate(timeout=seconds or checkouts.HANGS)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            output, _ = process.communicate()
            assert seconds is not None, output
        return process.returncode, output

    def made(self, pattern: str = "*") -> list[Path]:
        """Files that the pipeline made, in order."""
        found = [path for top in MADE for path in (self.path / top).rglob(pattern) if path.is_file()]
        return sorted(path for path in found if path.name != ".gitignore")

    def shown(self, path: Path) -> str:
        return path.relative_to(self.path).as_posix()

    def engine(self) -> str:
        return self.rng.choice(["snakemake --cores 2", "snakemake --cores 2 --rerun-incomplete", "dvc repro"])

    # ------------------------------------------------------------------------------------------ what people do

    def edit_parameter(self) -> None:
        where, values = self.rng.choice(PARAMS)
        tree = yaml.safe_load((self.path / "params.yaml").read_text())
        section = tree
        for key in where[:-1]:
            section = section[key]
        value = self.rng.choice([value for value in values if value != section[where[-1]]])
        section[where[-1]] = value
        (self.path / "params.yaml").write_text(yaml.safe_dump(tree, sort_keys=False))
        self.say(f"params.yaml: {'.'.join(map(str, where))} = {value}")

    def edit_code(self) -> None:
        name, one, other = self.rng.choice(CODE)
        file = self.path / "src/semiproto" / name
        text = file.read_text()
        if other in text:
            one, other = other, one
        assert one in text, f"{name} has no {one!r} any more: take another piece"
        file.write_text(text.replace(one, other))
        self.say(f"{name}: {one.strip()!r} -> {other.strip()!r}")

    def run_all(self) -> None:
        command = self.engine()
        status, output = self.run(command)
        self.say(f"{command}: {'done' if status == 0 else last_line(output)}")

    def run_and_kill(self) -> None:
        """After a change, so that there is something to do."""
        self.rng.choice([self.edit_parameter, self.edit_code])()
        command, seconds = self.engine(), self.rng.uniform(0.1, 0.8) * self.seconds
        status, _ = self.run(command, seconds)
        how = f"killed after {seconds:.1f} s" if status < 0 else f"ended with {status} before it could be killed"
        self.say(f"{command}: {how}")

    def commit(self) -> None:
        """Of what is there, made or not: an author forgets to run now and then."""
        ran = self.rng.random() < 0.6
        if ran:
            self.run("dvc repro")
        self.run("git add --all")
        self.run("git commit --quiet --allow-empty --message state")
        self.commits.append(self.run("git rev-parse HEAD")[1].strip())
        self.say(f"{'dvc repro && ' if ran else ''}git commit: {self.commits[-1][:7]}")

    def check_out(self) -> None:
        commit = self.rng.choice(self.commits)
        self.run(f"git checkout --quiet --force {commit}")
        status, output = self.run("dvc checkout --force")
        self.say(f"git checkout {commit[:7]} && dvc checkout: {'done' if status == 0 else last_line(output)}")

    def code_of_a_commit(self) -> None:
        commit = self.rng.choice(self.commits)
        self.run(f"git checkout --quiet {commit} -- src params.yaml")
        self.say(f"git checkout {commit[:7]} -- src params.yaml")

    def restore_results(self) -> None:
        """As in a fresh clone: the sources are older than all that DVC brings."""
        for name in ("data", "models", "results", ".snakemake", "checkpoints"):
            shutil.rmtree(self.path / name, ignore_errors=True)
        self.run("git checkout --quiet HEAD -- results")
        status, output = self.run("dvc checkout --force")
        self.say(f"results deleted, dvc checkout: {'done' if status == 0 else last_line(output)}")

    def delete(self) -> None:
        files = self.made()
        if not files:
            return
        path = self.rng.choice([one for file in files for one in (file, file.parent)])
        shutil.rmtree(path) if path.is_dir() else path.unlink()
        self.say(f"{self.shown(path)}: deleted")

    def touch(self) -> None:
        path = self.rng.choice([*self.made(), *sorted((self.path / "src").rglob("*.py")), self.path / "params.yaml"])
        when = time.time() + self.rng.choice([-86400, 0])
        os.utime(path, (when, when))
        self.say(f"{self.shown(path)}: touched, {'yesterday' if when < time.time() - 9 else 'now'}")

    def swap(self) -> None:
        """Two files of one name, or the folders that they are in."""
        name = self.rng.choice(
            ["model.safetensors", "student.safetensors", "metrics.json", "receipt.json", "train_*.png"]
        )
        files = self.made(name)
        if len(files) < 2:
            return
        a, b = self.rng.sample(files, 2)
        if a.parent != b.parent and self.rng.random() < 0.5:
            a, b = a.parent, b.parent
        aside = self.path / "aside"
        a.rename(aside), b.rename(a), aside.rename(b)
        self.say(f"{self.shown(a)} and {self.shown(b)}: swapped")

    def damage(self) -> None:
        files = self.made()
        if not files:
            return
        path = self.rng.choice(files)
        data = path.read_bytes()
        path.write_bytes(data[: len(data) // 2])
        self.say(f"{self.shown(path)}: cut to half")

    # ------------------------------------------------------------------------------------------------- the end

    def finish(self) -> bool:
        """Runs to the end, doing what the commands say; whether it got there."""
        command = self.rng.choice(["snakemake --cores 2", "dvc repro"])
        for _ in range(ATTEMPTS):
            status, output = self.run(command)
            self.say(f"at last {command}: {'done' if status == 0 else last_line(output)}")
            if status == 0:
                return True
            if "LockException" in output:
                self.run("python -m semiproto unlock")
            elif "IncompleteFilesException" in output:
                command = "snakemake --cores 2 --rerun-incomplete"
            elif found := re.search(r"; delete (\S+?),? and ", output):
                path = self.path / found[1]
                assert path.resolve().is_relative_to(self.path.resolve())
                shutil.rmtree(path) if path.is_dir() else path.unlink()
            else:
                self.say(output[-3000:])
                return False
        return False


WEIGHTS = {
    Sequence.edit_parameter: 5,
    Sequence.edit_code: 5,
    Sequence.run_all: 4,
    Sequence.run_and_kill: 4,
    Sequence.commit: 3,
    Sequence.check_out: 3,
    Sequence.code_of_a_commit: 1,
    Sequence.restore_results: 2,
    Sequence.delete: 2,
    Sequence.touch: 2,
    Sequence.swap: 2,
    Sequence.damage: 1,
}
"""How often each action is taken, relative to the others."""


def last_line(output: str) -> str:
    """The line that says what is wrong."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    for telling in (r"^semiproto: |; delete ", r"Error|Exception|ERROR", ""):
        if told := [line for line in lines if re.search(telling, line)]:
            return told[-1][:300]
    return "nothing"


class Clean:
    """Results of clean runs, by what they come from."""

    def __init__(self, stand_ins: Path) -> None:
        self.stand_ins, self.known = stand_ins, dict[str, dict[str, str]]()

    def of(self, path: Path) -> dict[str, str]:
        """The results that the parameters and sources of a checkout have."""
        with tempfile.TemporaryDirectory() as folder:
            checkouts.copy_sources(path, Path(folder))
            shutil.copy2(path / "params.yaml", folder)
            files = sorted(file for file in Path(folder).rglob("*") if file.is_file())
            key = "".join(f"{file.relative_to(folder)}\n{file.read_text()}" for file in files)
            if key not in self.known:
                checkouts.compile_sources(Path(folder))
                environment = checkouts.environment(Path(folder), self.stand_ins)
                process = checkouts.start(Path(folder), "snakemake --cores 2", environment)
                output, _ = process.communicate(timeout=checkouts.HANGS)
                assert process.returncode == 0, output
                self.known[key] = checkouts.results(Path(folder))
        return self.known[key]


def wrong_results(
    sequences: int, actions: int, seed: int, stand_ins: Path, base: Path, say: Callable[[str], None]
) -> list[str]:
    """Does `sequences` of `actions` each, seeded one after the other; what was wrong. base: an empty folder."""
    clean, wrong = Clean(stand_ins), []
    first = base / "finished"
    seconds = make_finished(first, stand_ins)
    for number in range(seed, seed + sequences):
        say(f"sequence {number}")
        checkout = Sequence(base / "checkout", stand_ins, random.Random(number), lambda line: say(f"  {line}"), seconds)
        shutil.copytree(first, checkout.path, symlinks=True)
        checkout.commits.append(checkout.run("git rev-parse HEAD")[1].strip())
        for action in checkout.rng.choices(list(WEIGHTS), list(WEIGHTS.values()), k=actions):
            action(checkout)
        found = differences(checkout, clean) if checkout.finish() else ["it could not be finished"]
        say(f"  {'same' if not found else 'DIFFERENT: ' + ', '.join(found)}")
        wrong += [f"--seed {number} --sequences 1: {', '.join(found)}"] if found else []
        shutil.rmtree(checkout.path)
    return wrong


def make_finished(path: Path, stand_ins: Path) -> float:
    """A repository with everything made and committed; how many seconds a run took."""
    checkouts.new_checkout(path)
    environment, began = checkouts.environment(path, stand_ins), time.monotonic()
    for command in ("git init --quiet", "dvc repro", "git add --all", "git commit --quiet --message finished"):
        process = checkouts.start(path, command, environment)
        output, _ = process.communicate(timeout=checkouts.HANGS)
        assert process.returncode == 0, output
    return time.monotonic() - began


def differences(checkout: Sequence, clean: Clean) -> list[str]:
    """Files that are not what a clean run makes, and what killed commands left among them."""
    right, found = clean.of(checkout.path), checkouts.results(checkout.path)
    wrong = [name for name, digest in right.items() if found.get(name) != digest]
    return wrong + [name for name in found if name.endswith(".tmp") or ".tmp/" in name]


def main() -> None:
    parser = argparse.ArgumentParser(description="The search for wrong results.")
    parser.add_argument("--sequences", type=int, default=2)
    parser.add_argument("--actions", type=int, default=4, help="of each sequence")
    parser.add_argument("--seed", type=int, default=0, help="of the first")
    options = parser.parse_args()
    with commands() as stand_ins, tempfile.TemporaryDirectory() as base:
        wrong = wrong_results(
            options.sequences,
            options.actions,
            options.seed,
            stand_ins,
            Path(base),
            partial(print, flush=True),
        )
    print(f"{options.sequences} sequences of {options.actions} actions: {len(wrong)} with a wrong result")
    print("\n".join(wrong))
    raise SystemExit(1 if wrong else 0)


if __name__ == "__main__":
    main()
