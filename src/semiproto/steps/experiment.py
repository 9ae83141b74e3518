"""What params.yaml asks for, as `semiproto explain` compares receipts with it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from semiproto import paths
from semiproto.data import references
from semiproto.data.layout import FILES
from semiproto.errors import UserError
from semiproto.params import DataConfig, FolderSource, Params, forecast_config, train_config
from semiproto.steps.data import lists, prepared
from semiproto.steps.data.fingerprint import fingerprint

OF_ALL_RUNS = ("tables", "machine", "figures", "report")
"""Steps that put together every run."""


@dataclass(frozen=True)
class Experiment:
    """An implementation of provenance.explain.Experiment."""

    params: Params

    def config_of(self, step: str, artefact: Path, recorded: dict[str, Any]) -> dict[str, Any] | None:
        if step == "forecast":
            return forecast_config(self.params).tree()
        if step != "train":
            return {name: value for name, value in self.params.tree().items() if name in recorded}
        variant = artefact.parent.name
        return train_config(self.params, variant).tree() if variant in self.params.variants else None

    def runs(self) -> set[paths.Run]:
        return {paths.Run(self.params.dataset.name, *run) for run in self.params.runs()}

    def runs_of(self, step: str, artefact: Path) -> set[paths.Run] | None:
        if step in OF_ALL_RUNS:
            return self.runs()
        if step != "tsne":
            return None
        split, seed = artefact.parent.name, paths.seed_of(artefact)
        here = {run for run in self.runs() if (run.split, run.seed) == (split, seed)}
        return {run for run in here if run.variant in self.params.tsne.variants}

    def facts_of(self, step: str, artefact: Path) -> dict[str, Any]:
        try:
            if step == "data":
                return prepared.known(artefact / FILES)
            if step in ("split", "fold"):
                return dict(lists.counts(artefact))
            if step in ("pretrain", "train"):
                from semiproto.report.evaluations import read_table  # here, because pandas takes long to import

                return {"steps": int(read_table(artefact / "history.csv", ["step"])["step"].max())}
        except (UserError, OSError, ValueError):  # files that are gone or damaged are faults of their own
            pass
        return {}

    def fingerprint_of(self, config: dict[str, Any]) -> str | None:
        try:
            source = DataConfig.model_validate(config).dataset
        except ValueError:  # of an earlier version: the configuration is compared too, and differs
            return None
        assert isinstance(source, FolderSource)
        return fingerprint(source) if Path(source.path).is_dir() else None

    def changed_images(self, prepared: Path) -> list[Path]:
        try:
            return list(references.changed(prepared / FILES)) if references.refers(prepared / FILES) else []
        except UserError:  # a damaged manifest is a fault of its own
            return []
