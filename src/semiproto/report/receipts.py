"""How the runs were made, from their receipts: inputs, warnings, and the parameters that differ from the paper's."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

from semiproto import params
from semiproto.errors import UserError
from semiproto.provenance.receipts import read_receipt

PAPER_SECTIONS = ("model", "augment", "optimizer", "pretrain", "features", "prototypes", "semi")
"""The sections of params.yaml that the paper determines. The others choose data, runs and what is measured."""


@dataclass(frozen=True)
class Receipt:
    """What the page shows of one receipt; `config` and `outputs` are YAML."""

    folder: str
    step: str
    seconds: float
    device: str
    facts: dict[str, Any]
    """Short facts by name."""
    warnings: list[str]
    config: str
    outputs: str
    inputs: list[str]
    """Folders whose receipts the step read."""
    sections: dict[str, Any]
    """The configuration that the step was given."""

    @property
    def anchor(self) -> str:
        return anchor(self.folder)


def anchor(folder: str | Path) -> str:
    """The id of a folder's receipt on the page."""
    return "receipt-" + Path(folder).as_posix().replace("/", "-")


def parse_receipt(path: Path) -> Receipt:
    """The receipt in the file `path`; UserError if it is not a receipt."""
    receipt = read_receipt(path.parent)
    try:
        made, facts = receipt["made"], dict(receipt["facts"])
        warnings = facts.pop("warnings", [])
        about = {
            "seed": "none" if receipt["seed"] is None else receipt["seed"],
            "seconds": made["seconds"],
            "device": made["device"],
            "machine": made["machine"],
            "versions": _listed({"semiproto": made["version"], "code": made["code"], "Python": made["python"]})
            + f", {_listed(made['packages'])}",
        }
        return Receipt(
            folder=path.parent.as_posix(),
            step=receipt["step"],
            seconds=made["seconds"],
            device=made["device"],
            facts=about | facts,
            warnings=list(warnings),
            config=yaml.safe_dump(receipt["config"], sort_keys=False, allow_unicode=True),
            outputs=yaml.safe_dump(receipt["outputs"], sort_keys=False, allow_unicode=True),
            inputs=list(receipt["inputs"]),
            sections=dict(receipt["config"]),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise UserError(f"{path}: not a receipt ({error!r}); run the step that makes {path.parent} again") from None


def differences_from_paper(receipts: list[Receipt], paper: Path) -> pd.DataFrame:
    """The parameters that differ from the paper's: columns parameter, the paper's file name, here, what it is.

    paper: the parameter file with the paper's values. The column `here` has the receipts' values. If the runs differ
    from each other, it has those of the first run of the full method.
    """
    theirs = _leaves(params.load(paper).model_dump(mode="json", include=set(PAPER_SECTIONS)))
    sections: dict[str, Any] = {}
    for receipt in sorted(receipts, key=lambda one: one.sections.get("method") != "prototype"):
        sections = {name: receipt.sections[name] for name in PAPER_SECTIONS if name in receipt.sections} | sections
    described = dict(line.split(": ", 1) for line in params.explain())
    rows = [
        (name, _value(theirs.get(name)), _value(here), described.get(name, "").partition("; ")[2])
        for name, here in _leaves(sections).items()
        if here != theirs.get(name)
    ]
    return pd.DataFrame(rows, columns=["parameter", paper.name, "here", "what it is"])


def _leaves(tree: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """{"semi.teacher.decay": 0.99, ...} of nested dictionaries."""
    found: dict[str, Any] = {}
    for key, value in tree.items():
        name = f"{prefix}{key}"
        found |= _leaves(value, f"{name}.") if isinstance(value, dict) else {name: value}
    return found


def _value(value: Any) -> str:
    return "null" if value is None else str(value)


def _listed(values: dict[str, Any]) -> str:
    return ", ".join(f"{name} {value}" for name, value in values.items())
