"""The first two steps of the pipeline: a prepared set, and the lists of a split."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from semiproto.data import layout, splits
from semiproto.data.layout import FILES
from semiproto.params import (
    ComputeParams,
    DataConfig,
    DigitsSource,
    FolderSource,
    FoldsConfig,
    PublishedSource,
    SplitConfig,
)
from semiproto.provenance.artifacts import (
    Stopwatch,
    atomic_directory,
    sha256_file,
    sha256_tree,
    write_receipt,
    write_text,
)


def prepare(config: DataConfig, out: Path, compute: ComputeParams) -> None:
    """Writes the set that `config` describes to out/files, whole or not at all.

    compute: where downloads are kept and come from.
    """
    watch = Stopwatch()
    source = config.dataset
    facts: dict[str, Any] = {}
    if isinstance(source, FolderSource):
        from semiproto.data.own import contents  # here, because other steps load this module too
        from semiproto.data.own import prepare as folder

        # Before it is read: what changes meanwhile then makes the set look old.
        facts["fingerprint"] = contents.fingerprint(Path(source.path))
    with atomic_directory(out / FILES) as root:
        if isinstance(source, DigitsSource):
            from semiproto.data import digits  # here, because other steps need not import scikit-learn

            digits.make(root, source)
        elif isinstance(source, FolderSource):
            folder.prepare(root, source)
        else:
            _download(root, source, compute)
    lists = {path.stem: len(layout.read_list(path)) for path in sorted((out / FILES / layout.LISTS).glob("*.txt"))}
    write_receipt(
        out,
        "data",
        outputs={FILES: sha256_tree(out / FILES)},
        config=config.model_dump(mode="json"),
        inputs=[],
        seed=source.seed if isinstance(source, DigitsSource) else None,
        seconds=watch.seconds(),
        facts=facts | {"images": lists, "classes": layout.read_classes(out / FILES)},
    )


def _download(root: Path, source: PublishedSource, compute: ComputeParams) -> None:
    from semiproto.data.published import catalog, conversion, download

    access = download.Access(compute.mirror, compute.offline)
    conversion.prepare(root, catalog.DATASETS[source.set], Path(compute.downloads), access)


def split(config: SplitConfig, data: Path, labels: str, out: Path) -> None:
    """Writes the lists labeled.txt, unlabeled.txt and val.txt of one split."""
    watch = Stopwatch()
    lists = splits.make_split(data / FILES, labels, config.splits)
    _write_lists(out, lists, "split", config, [data], watch)


def folds(config: FoldsConfig, data: Path, split: Path, out: Path) -> None:
    """Writes out/fold{n}, lists like a split's: val.txt is the part of the labelled images that is left out."""
    watch = Stopwatch()
    labeled = layout.read_list(split / "labeled.txt")
    parts = splits.folds(splits.classes_in_masks(data / FILES, labeled), config.forecast.folds, config.splits.seed)
    for number, part in enumerate(parts):
        lists = {"labeled": sorted(set(labeled) - set(part)), "unlabeled": [], "val": part}
        _write_lists(out / f"fold{number}", lists, "folds", config, [data, split], watch)


def _write_lists(
    out: Path,
    lists: dict[str, list[str]],
    step: str,
    config: SplitConfig | FoldsConfig,
    inputs: list[Path],
    watch: Stopwatch,
) -> None:
    for name, ids in lists.items():
        write_text(out / f"{name}.txt", "".join(f"{image_id}\n" for image_id in ids))
    write_receipt(
        out,
        step,
        outputs={f"{name}.txt": sha256_file(out / f"{name}.txt") for name in lists},
        config=config.model_dump(mode="json"),
        inputs=inputs,
        seed=config.splits.seed,
        seconds=watch.seconds(),
        facts={name: len(ids) for name, ids in lists.items()},
    )
