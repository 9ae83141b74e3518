"""Where an artefact comes from and whether it is what it says: the receipts from it back to the data, checked.

Each receipt is held against params.yaml, its files (by sha256) and the receipts of its inputs, without Snakemake, on
whose own record this is a check. Only which of the modules that a step loaded can matter to it, the rules alone know:
where one changed, `snakemake --dry-run` is asked.
"""

from __future__ import annotations

import csv
import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from semiproto.data.own.contents import fingerprint
from semiproto.errors import UserError
from semiproto.params import Params, Run, forecast_config, load, train_config
from semiproto.provenance.artifacts import (
    PACKAGE,
    RECEIPT,
    digests,
    input_digests,
    read_receipt,
    receipt_file,
    sha256_file,
)

PARAMETERS = Path("params.yaml")
OF_RUN = re.compile(
    r"(models/semi|results/eval)/(?P<dataset>[^/]+)/(?P<split>[^/]+)/(?P<variant>[^/]+)/seed(?P<seed>\d+)"
)
OF_ALL_RUNS = ("tables", "machine", "figures", "report")
"""Steps that put together every run that params.yaml asks for."""


@dataclass(frozen=True)
class Link:
    """One artefact of a chain, with all that is wrong with it; sound without a fault."""

    artefact: Path
    receipt: dict[str, Any]
    """Empty where there is none."""
    faults: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    absent: bool = False
    """Not on this machine at all, as in a clone into which nothing was pulled: nothing is known of it."""


@dataclass(frozen=True)
class Explanation:
    """The links from what was asked about, first, back to the data."""

    asked: Path
    links: list[Link]
    row: dict[str, str] | None = None
    scores: dict[str, float | None] = field(default_factory=dict)
    """For a row of a table: mIoU (percent) of each evaluation behind it, by folder."""

    @property
    def sound(self) -> bool:
        return not any(link.faults or link.absent for link in self.links)

    def as_json(self) -> dict[str, Any]:
        links = [
            {
                "artefact": link.artefact.as_posix(),
                "absent": link.absent,
                "faults": link.faults,
                "notes": link.notes,
                "receipt": link.receipt,
            }
            for link in self.links
        ]
        row = {} if self.row is None else {"row": self.row, "runs": self.scores}
        return {"path": self.asked.as_posix(), "sound": self.sound, **row, "artefacts": links}

    def lines(self) -> Iterator[str]:
        """For people: the row and its runs, the artefact in full, its ancestors a line each, and the verdict."""
        if self.row is not None:
            yield "row: " + ", ".join(f"{name} {value}" for name, value in self.row.items() if value)
            for folder, miou in self.scores.items():
                yield f"  from {folder}: mIoU {'none' if miou is None else f'{miou:.2f}'}"
        yield from _in_full(self.links[0])
        for link in self.links:
            yield _in_short(link)
            yield from (f"    NOT SOUND: {fault}" for fault in link.faults)
            yield from (f"    note: {note}" for note in link.notes)
        wrong = sum(1 for link in self.links if link.faults)
        absent = sum(1 for link in self.links if link.absent)
        if wrong or not absent:
            verdict = f"not sound: {wrong} of" if wrong else "sound:"
            yield f"{verdict} {len(self.links)} artefacts; files, inputs, {PARAMETERS} and sources were compared"
        else:
            remedy = "bring them with `dvc pull`, or make them with `snakemake --cores all`"
            yield f"can't tell: {absent} of {len(self.links)} artefacts are not on this machine; {remedy}"


def explain(asked: str) -> Explanation:
    """Follows a file or folder of the pipeline, or `TABLE.csv:ROW` (rows count from 1 below the header), to the data.

    UserError: there is no such path or row, or it isn't the pipeline's.
    """
    table = re.fullmatch(r"(.+\.csv):(\d+)", asked)
    path = _inside(Path(table[1] if table else asked))
    artefact, params = _artefact_of(path), load(PARAMETERS)
    if not table:
        return Explanation(path, _Chain(params).follow(artefact))
    row = _row(path, int(table[2]))
    inputs = [name for name in read_receipt(artefact)["inputs"] if not _is_of_another(row, name)]
    links = _Chain(params).follow(artefact, lambda folder: folder.as_posix() in inputs)
    scores = {name: _metrics(name).get("miou") for name in inputs if OF_RUN.fullmatch(name)}
    return Explanation(path, links, row, {n: s if isinstance(s, float) else None for n, s in scores.items()})


def _inside(path: Path) -> Path:
    """`path` from the checkout's root, which is where commands run."""
    if not path.absolute().is_relative_to(Path.cwd()):
        raise UserError(f"{path}: outside {Path.cwd()}; run this in the checkout that the file belongs to")
    return path.absolute().relative_to(Path.cwd())


def _artefact_of(path: Path) -> Path:
    """The folder or file that has a receipt and holds `path`."""
    for folder in (path, *path.parents):
        if receipt_file(folder).is_file():
            outside = folder != path and path.parts[len(folder.parts)] not in _listed(folder)
            if outside:
                raise UserError(f"{path}: {folder / RECEIPT} does not list it; no step of the pipeline wrote it there")
            return folder
    if not path.exists():
        raise UserError(f"{path}: no such file; name one below data, models or results")
    raise UserError(f"{path}: not of the pipeline (no {RECEIPT} with it); name one below data, models or results")


def _listed(folder: Path) -> set[str]:
    receipt = read_receipt(folder)
    return {RECEIPT, *receipt["outputs"], *receipt.get("records", {})}


def _row(table: Path, number: int) -> dict[str, str]:
    try:
        with table.open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
    except FileNotFoundError:
        raise UserError(f"{table}: no such table; run `snakemake --cores all`") from None
    except UnicodeDecodeError as error:
        raise UserError(f"{table}: not a table ({error}); delete it and run `snakemake --cores all`") from None
    if not 1 <= number <= len(rows):
        raise UserError(f"{table}: no row {number}; there are {len(rows)}, and they count from 1 below the header")
    return rows[number - 1]


def _metrics(evaluation: str) -> dict[str, Any]:
    """A run's metrics.json; empty where it cannot be read, of which its link says more."""
    try:
        metrics = json.loads(Path(evaluation, "metrics.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return metrics if isinstance(metrics, dict) else {}


def _is_of_another(row: dict[str, str], name: str) -> bool:
    """Whether an input is a run of another data set, variant, seed or number of labels than a row names.

    By the folder's name, which holds even where the run is gone; that of the split `all` does not tell its labels.
    """
    if (match := OF_RUN.fullmatch(name)) is None:
        return False
    variants = {row[key] for key in ("variant", "minuend", "subtrahend") if row.get(key)}
    if variants and match["variant"] not in variants:
        return True
    labels = match["split"] if match["split"].isdigit() else str(_metrics(name).get("labels", row.get("labels")))
    of_run = {"dataset": match["dataset"], "seed": match["seed"], "labels": labels}
    return any(row.get(key) not in (None, "", value) for key, value in of_run.items())


class _Chain:
    """Walks receipts from an artefact to the data; each artefact is looked at once."""

    def __init__(self, params: Params) -> None:
        self.params = params
        self.links: dict[Path, Link] = {}

    def follow(self, artefact: Path, wanted: Callable[[Path], bool] = lambda _: True) -> list[Link]:
        """The links in order, the artefact first; of its own inputs only those that are `wanted`."""
        self._visit(artefact, wanted)
        links = list(self.links.values())
        changed = sorted({name for link in links for name in _changed_modules(link)})
        if changed and not links[0].faults and (planned := _planned(artefact)):
            links[0].faults.append(f"{planned}; modules changed since: {', '.join(changed)}")
        return links

    def _visit(self, artefact: Path, wanted: Callable[[Path], bool] = lambda _: True) -> None:
        if not artefact.exists():
            self.links[artefact] = Link(artefact, {}, absent=True)
            return
        try:
            link = Link(artefact, read_receipt(artefact))
        except UserError as error:
            self.links[artefact] = Link(artefact, {}, [str(error)])
            return
        self.links[artefact] = link
        link.faults.extend(_faults(link, self.params))
        link.notes.extend(_notes(artefact, self.params))
        made = [Path(name) for name, files in link.receipt["inputs"].items() if _is_made(name, files)]
        for name in filter(wanted, made):
            if name not in self.links:
                self._visit(name)
            if self.links[name].faults:
                link.faults.append(f"made from {name}, which is not sound")


def _faults(link: Link, params: Params) -> Iterator[str]:
    yield from _of_config(link, params)
    yield from _of_runs(link, params)
    yield from _of_source(link)
    yield from _of_inputs(link)
    yield from _of_files(link)


def _of_config(link: Link, params: Params) -> Iterator[str]:
    """Leaves of the configuration that params.yaml now has otherwise."""
    step, recorded, variant = link.receipt["step"], link.receipt["config"], link.artefact.parent.name
    if step == "train" and variant not in params.variants:
        yield f"{PARAMETERS} has no variant {variant}"
        return
    if step == "train":
        config = train_config(params, variant).model_dump(mode="json")
    elif step == "forecast":
        config = forecast_config(params).model_dump(mode="json")
    else:
        config = params.model_dump(mode="json", include=set(recorded))
    then, now = dict(_leaves(recorded)), dict(_leaves(config))
    for leaf in sorted(then | now):
        if then.get(leaf) != now.get(leaf):
            yield f"{leaf} was {then.get(leaf, 'not there')}, {PARAMETERS} says {now.get(leaf, 'nothing of it')}"


def _leaves(tree: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """(dotted name, value) of a configuration; a list is one value."""
    for name, value in tree.items():
        if isinstance(value, dict) and value:
            yield from _leaves(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value


def _of_runs(link: Link, params: Params) -> Iterator[str]:
    """Runs that a table, figure or report lacks or has too many, by what params.yaml asks for."""
    used = {(match["dataset"], _run(match)) for name in link.receipt["inputs"] if (match := OF_RUN.fullmatch(name))}
    if link.receipt["step"] in OF_ALL_RUNS:
        asked = params.runs()
    elif link.receipt["step"] == "tsne":
        split, seed = link.artefact.parent.name, int(link.artefact.name.removeprefix("seed"))
        asked = [run for run in params.runs() if (run.split, run.seed) == (split, seed)]
        asked = [run for run in asked if run.variant in params.tsne.variants]
    else:
        return
    if not asked:  # a leftover of runs that were asked for once
        return
    now = {(params.dataset.name, run) for run in asked}
    yield from (f"lacks {_named(*run)}, which {PARAMETERS} asks for" for run in sorted(now - used))
    yield from (f"holds {_named(*run)}, which {PARAMETERS} does not ask for" for run in sorted(used - now))


def _run(match: re.Match[str]) -> Run:
    return Run(match["split"], match["variant"], int(match["seed"]))


def _named(dataset: str, run: Run) -> str:
    return f"{dataset}/{run.split}/{run.variant}/seed{run.seed}"


def _of_source(link: Link) -> Iterator[str]:
    """The user's own folder, where it is on this machine."""
    if (recorded := link.receipt["facts"].get("fingerprint")) is None:
        return
    folder = Path(link.receipt["config"]["dataset"]["path"])
    if folder.is_dir() and fingerprint(folder) != recorded:
        yield f"{folder}: its files changed since"


def _of_inputs(link: Link) -> Iterator[str]:
    """Inputs whose contents are others now, by their receipts, or that are gone."""
    for name, then in link.receipt["inputs"].items():
        if _is_file(name, then) and not Path(name).is_file():
            yield f"{name}: gone"
            continue
        try:
            now = input_digests(Path(name))
        except UserError:  # its own link says so
            continue
        for file in sorted(then | now):
            if then.get(file) != now.get(file):
                yield f"made from another {name}/{file}: {_short(then.get(file))} then, {_short(now.get(file))} now"


def _is_file(name: str, digests: dict[str, str]) -> bool:
    """Whether an input is a single file, such as weights."""
    return set(digests) == {Path(name).name}


def _is_made(name: str, digests: dict[str, str]) -> bool:
    """Whether an input is a step's, with a receipt of its own to follow."""
    return not _is_file(name, digests) or receipt_file(Path(name)).is_file()


def _of_files(link: Link) -> Iterator[str]:
    """Files that are gone or not what the receipt says."""
    folder = link.artefact.parent if link.artefact.is_file() else link.artefact
    for name, then in (link.receipt["outputs"] | link.receipt.get("records", {})).items():
        if not (folder / name).exists():
            yield f"{folder / name}: gone"
        elif (now := digests(folder, [name])[name]) != then:
            yield f"{folder / name}: not the file that was written: sha256 {_short(then)} then, {_short(now)} now"


def _changed_modules(link: Link) -> Iterator[str]:
    """Modules that the step loaded and that are others now."""
    for name, then in link.receipt.get("modules", {}).items():
        module = PACKAGE / name
        if not module.is_file() or sha256_file(module) != then:
            yield name


def _planned(artefact: Path) -> str:
    """What Snakemake would do for an artefact; empty if nothing."""
    command = ["-m", "snakemake", "--cores", "1", "--dry-run", "--quiet", "--", receipt_file(artefact).as_posix()]
    result = subprocess.run([sys.executable, *command], capture_output=True, text=True)
    said = (result.stdout + result.stderr).strip()
    if "Nothing to be done" in said:
        return ""
    return "`snakemake --dry-run` would make it again" if result.returncode == 0 else said.splitlines()[-1]


def _notes(artefact: Path, params: Params) -> Iterator[str]:
    match = OF_RUN.fullmatch(artefact.as_posix())
    if match and _run(match) not in params.runs():
        yield f"{PARAMETERS} asks for no such run, so no table holds it and nothing keeps it up to date"


def _short(digest: str | None) -> str:
    return "nothing" if digest is None else digest[:12]


def _in_full(link: Link) -> Iterator[str]:
    receipt = link.receipt
    if not receipt:
        return
    yield f"{link.artefact}: step {receipt['step']}, seed {_or_none(receipt['seed'])}"
    made = {name: value for name, value in receipt["made"].items() if name != "packages"}
    made |= receipt["made"].get("packages", {})
    for title, values in (
        ("made", made),
        ("params", dict(_leaves(receipt["config"]))),
        ("facts", receipt["facts"]),
    ):
        yield f"  {title}: " + (", ".join(f"{name} {_value(value)}" for name, value in values.items()) or "none")
    for name, digest in (receipt["outputs"] | receipt.get("records", {})).items():
        yield f"  sha256 {digest} {name}"


def _value(value: Any) -> str:
    return "null" if value is None else json.dumps(value) if isinstance(value, (list, dict)) else str(value)


def _or_none(value: Any) -> Any:
    return "none" if value is None else value


def _in_short(link: Link) -> str:
    if not link.receipt:
        return f"  {link.artefact}: {'not on this machine' if link.absent else 'no receipt'}"
    receipt, made = link.receipt, link.receipt["made"]
    how = [receipt["step"]]
    if receipt["seed"] is not None:
        how.append(f"seed {receipt['seed']}")
    if "code" in made:
        how.append(f"code {made['code']}, {made['seconds']} s on {made['device']}, {made['machine']}")
    how += [f"{name} {digest[:12]}" for name, digest in receipt["outputs"].items()][:1]
    return f"  {link.artefact}: {', '.join(how)}"
