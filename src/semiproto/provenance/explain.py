"""Where an artefact comes from and whether it is what it says: the receipts from it back to the data, checked.

Each receipt is compared with what params.yaml asks for, with its files and sources (by sha256) and with the receipts of
its inputs. Snakemake's own record is not asked: this is a check of it too.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from semiproto import paths
from semiproto.errors import UserError
from semiproto.paths import PARAMETERS
from semiproto.provenance import hub
from semiproto.provenance.artifacts import RECEIPT, digests, read_json, sha256_file
from semiproto.provenance.receipts import PACKAGE, folder_of, input_digests, of_another, read_receipt, receipt_file


class Experiment(Protocol):
    """What params.yaml asks for now, as far as receipts can be compared with it."""

    def config_of(self, step: str, artefact: Path, recorded: dict[str, Any]) -> dict[str, Any] | None:
        """The configuration that a step is handed for an artefact; None where no variant asks for it."""

    def runs(self) -> set[paths.Run]:
        """Every run."""

    def runs_of(self, step: str, artefact: Path) -> set[paths.Run] | None:
        """The runs that an artefact puts together; None where its step puts none together."""

    def facts_of(self, step: str, artefact: Path) -> dict[str, Any]:
        """The facts of an artefact's receipt that its files say too, as they say them."""

    def fingerprint_of(self, config: dict[str, Any]) -> str | None:
        """The fingerprint of the user's own folder that a prepared set was made from; None where it is not here."""

    def changed_images(self, prepared: Path) -> list[Path]:
        """The images that a prepared set refers to and that are gone or have another content."""


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
            remedy = "bring them with `semiproto pull`, or make them with `snakemake --cores all`"
            yield f"can't tell: {absent} of {len(self.links)} artefacts are not on this machine; {remedy}"


def explain(asked: str, experiment: Experiment) -> Explanation:
    """Follows a file or folder of the pipeline, or `TABLE.csv:ROW` (rows count from 1 below the header), to the data.

    UserError: there is no such path or row, or it isn't the pipeline's.
    """
    name, number = _asked(asked)
    path = _inside(name)
    artefact = _artefact_of(path)
    if number is None:
        return Explanation(path, _Chain(experiment).follow(artefact))
    row = _row(path, number)
    inputs = [name for name in read_receipt(artefact)["inputs"] if not _is_of_another(row, name)]
    links = _Chain(experiment).follow(artefact, lambda folder: folder.as_posix() in inputs)
    scores = {name: _metrics(name).get("miou") for name in inputs if _run_in(name)}
    return Explanation(path, links, row, {n: s if isinstance(s, float) else None for n, s in scores.items()})


def left_out(folders: Iterable[Path], experiment: Experiment) -> dict[Path, str]:
    """Which evaluations are not those that params.yaml asks for now, and why: `explain` of them all."""
    chain, reasons, asked = _Chain(experiment), {}, experiment.runs()
    for folder in folders:
        if paths.run_of(folder) not in asked:
            reasons[folder] = f"{PARAMETERS} does not ask for it"
            continue
        chain.follow(folder)
        if faults := chain.links[folder].faults:
            reasons[folder] = f"not sound: {faults[0]}"
        elif absent := chain.absent_from(folder):
            reasons[folder] = f"can't tell: {absent} is not on this machine"
    return reasons


def _asked(text: str) -> tuple[Path, int | None]:
    """The path that is asked about, and the row of a table; None where a whole file or folder is meant."""
    file, colon, row = text.rpartition(":")
    if not colon or Path(text).exists():
        return Path(text), None
    if not file.endswith(".csv"):
        raise UserError(f"{text}: only a table has rows, a .csv file; leave out :{row}")
    if not row.isdecimal():
        raise UserError(f"{text}: {row!r} is no row; give its number, from 1 below the header")
    return Path(file), int(row)


def _inside(path: Path) -> Path:
    """`path` from the checkout's root, which is where commands run."""
    if not path.absolute().is_relative_to(Path.cwd()):
        raise UserError(f"{path}: outside {Path.cwd()}; run this in the checkout that the file belongs to")
    return path.absolute().relative_to(Path.cwd())


def _artefact_of(path: Path) -> Path:
    """The folder or file that has a receipt and holds `path`."""
    holder = next((folder for folder in (path, *path.parents) if receipt_file(folder).is_file()), None)
    if holder and (holder == path or path.parts[len(holder.parts)] in _listed(holder)):
        return holder
    if not path.exists():
        raise UserError(f"{path}: no such file; name one below {_PLACES}")
    why = f"{receipt_file(holder)} does not list it" if holder else "it has no receipt"
    raise UserError(f"{path}: no step made it in this checkout ({why}); name what `snakemake` made below {_PLACES}")


_PLACES = "data, models or results"


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
        metrics = read_json(Path(evaluation, "metrics.json"))
    except (OSError, ValueError):
        return {}
    return metrics if isinstance(metrics, dict) else {}


def _is_of_another(row: dict[str, str], name: str) -> bool:
    """Whether an input is a run of another data set, variant, seed or number of labels than a row names.

    By the folder's name, which holds even where the run is gone; that of the split `all` does not tell its labels.
    """
    if (run := _run_in(name)) is None:
        return False
    variants = {row[key] for key in ("variant", "minuend", "subtrahend") if row.get(key)}
    if variants and run.variant not in variants:
        return True
    labels = run.split if run.split.isdigit() else str(_metrics(name).get("labels", row.get("labels")))
    of_run = {"dataset": run.dataset, "seed": str(run.seed), "labels": labels}
    return any(row.get(key) not in (None, "", value) for key, value in of_run.items())


def _run_in(name: str) -> paths.Run | None:
    """The run whose model or evaluation lies at a path."""
    names = paths.TRAINED.names(name) or paths.EVALUATED.names(name)
    return None if names is None else paths.run_of(Path(name))


class _Chain:
    """Walks receipts from an artefact to the data; each artefact is looked at once."""

    def __init__(self, experiment: Experiment) -> None:
        self.experiment, self.sources = experiment, _Sources()
        self.links: dict[Path, Link] = {}

    def follow(self, artefact: Path, wanted: Callable[[Path], bool] = lambda _: True) -> list[Link]:
        """The links in order, the artefact first; of its own inputs only those that are `wanted`."""
        self._visit(artefact, wanted)
        return list(self.links.values())

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
        link.faults.extend(_faults(link, self.experiment, self.sources))
        link.notes.extend(_notes(link, self.experiment))
        for name in filter(wanted, _made_inputs(link)):
            if name not in self.links:
                self._visit(name)
            if self.links[name].faults:
                link.faults.append(f"made from {name}, which is not sound")

    def absent_from(self, artefact: Path) -> Path | None:
        """The first that is not on this machine of an artefact that was followed and all that it was made from."""
        link = self.links[artefact]
        if link.absent:
            return artefact
        made = _made_inputs(link) if link.receipt else ()
        return next(filter(None, map(self.absent_from, made)), None)


def _made_inputs(link: Link) -> list[Path]:
    """The inputs that have a receipt of their own to follow."""
    return [Path(name) for name, files in link.receipt["inputs"].items() if _is_made(name, files)]


def outdated(artefacts: Iterable[Path], experiment: Experiment) -> dict[Path, str]:
    """Which artefacts are not what params.yaml and the sources ask for now, each with the first reason.

    Snakemake compares these by a record of its own, which is gone with `.snakemake`, and which a step that was run by
    hand does not change. Artefacts without a receipt are left out.
    """
    reasons, sources = {}, _Sources()
    for artefact in artefacts:
        if receipt_file(artefact).exists():
            link = Link(artefact, read_receipt(artefact))
            if reason := next(_asked_otherwise(link, experiment, sources), None):
                reasons[artefact] = f"{artefact}: {reason}"
    return reasons


class _Sources(dict[str, str]):
    """sha256 of sources by their path in the package, each read once; empty where there is none."""

    def __missing__(self, name: str) -> str:
        file = PACKAGE / name
        return self.setdefault(name, sha256_file(file) if file.is_file() else "")


def _asked_otherwise(link: Link, experiment: Experiment, sources: _Sources) -> Iterator[str]:
    yield from _of_config(link, experiment)
    yield from _of_runs(link, experiment)
    yield from _of_modules(link, sources)


def _faults(link: Link, experiment: Experiment, sources: _Sources) -> Iterator[str]:
    if other := of_another(link.artefact, link.receipt):
        yield other
    yield from _asked_otherwise(link, experiment, sources)
    yield from _of_source(link, experiment)
    yield from _of_inputs(link)
    if weights := hub.changed(link.receipt["facts"]):
        yield weights
    damaged = list(_of_files(link))
    yield from damaged or _of_facts(link, experiment)


def _of_config(link: Link, experiment: Experiment) -> Iterator[str]:
    """Leaves of the configuration that have another value in params.yaml now."""
    step, recorded = link.receipt["step"], link.receipt["config"]
    config = experiment.config_of(step, link.artefact, recorded)
    if config is None:
        yield f"{PARAMETERS} has no variant {link.artefact.parent.name}"
        return
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


def _of_runs(link: Link, experiment: Experiment) -> Iterator[str]:
    """Runs that a table, figure or report lacks or has too many, by what params.yaml asks for."""
    asked = experiment.runs_of(link.receipt["step"], link.artefact)
    if not asked:  # none are put together, or the artefact is left over from runs that were asked for once
        return
    used = {run for name in link.receipt["inputs"] if (run := _run_in(name))}
    yield from (f"lacks {_named(run)}, which {PARAMETERS} asks for" for run in sorted(asked - used))
    yield from (f"holds {_named(run)}, which {PARAMETERS} does not ask for" for run in sorted(used - asked))


def _named(run: paths.Run) -> str:
    return f"{run.dataset}/{run.split}/{run.variant}/seed{run.seed}"


def _of_source(link: Link, experiment: Experiment) -> Iterator[str]:
    """The user's own folder, where it is on this machine."""
    if (recorded := link.receipt["facts"].get("fingerprint")) is None:
        return
    config = link.receipt["config"]
    if (now := experiment.fingerprint_of(config)) is not None and now != recorded:
        yield f"{config['dataset']['path']}: its files changed since"
        if images := experiment.changed_images(link.artefact):
            yield f"{images[0]}: gone, or not the image that was used ({len(images)} such images)"


def _of_facts(link: Link, experiment: Experiment) -> Iterator[str]:
    """Facts of the receipt that are not what the files say, whose digests are compared."""
    recorded = link.receipt["facts"]
    for name, said in experiment.facts_of(link.receipt["step"], link.artefact).items():
        if recorded.get(name) != said:
            then = _value(recorded[name]) if name in recorded else "nothing"
            yield f"facts.{name} of its receipt is {then}, its files say {_value(said)}"


def _of_inputs(link: Link) -> Iterator[str]:
    """Inputs whose contents have changed, by their receipts, or that are gone."""
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
    folder = folder_of(link.artefact)
    for name, then in (link.receipt["outputs"] | link.receipt.get("records", {})).items():
        if not (folder / name).exists():
            yield f"{folder / name}: gone"
        elif (now := digests(folder, [name])[name]) != then:
            yield f"{folder / name}: not the file that was written: sha256 {_short(then)} then, {_short(now)} now"


def _of_modules(link: Link, sources: _Sources) -> Iterator[str]:
    """Sources that the result depends on and that changed since."""
    changed = [name for name, then in link.receipt.get("modules", {}).items() if sources[name] != then]
    if changed:
        yield f"modules changed since, so `snakemake` makes it again: {', '.join(sorted(changed))}"


def _notes(link: Link, experiment: Experiment) -> Iterator[str]:
    run = _run_in(link.artefact.as_posix())
    if run and run not in experiment.runs():
        yield f"{PARAMETERS} asks for no such run, so no table holds it and nothing keeps it up to date"
    if unknown := hub.absent(link.receipt["facts"]):
        yield unknown
    source = link.receipt["config"].get("dataset", {})
    if isinstance(source, dict) and source.get("storage") == "reference" and not Path(source["path"]).is_dir():
        yield f"{source['path']}: not on this machine, so the images that were used could not be compared"


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
        how.append(f"code {made['code']}, {made.get('seconds')} s on {made.get('device')}, {made.get('machine')}")
    how += [f"{name} {digest[:12]}" for name, digest in receipt["outputs"].items()][:1]
    return f"  {link.artefact}: {', '.join(how)}"
