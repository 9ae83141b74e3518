"""The published sets that can be downloaded. Each has its own module, with its entry and its converter."""

from __future__ import annotations

from collections.abc import Iterator

from semiproto.data.published import cityscapes, voc
from semiproto.data.published.entry import Protocol

DATASETS = {
    dataset.name: dataset
    for dataset in (
        *voc.DATASETS,
        *cityscapes.DATASETS,
    )
}  # fmt: skip


def protocol(name: str, family: str) -> Protocol | None:
    """How published results on a set's family of splits were made; None where there are no such results."""
    return DATASETS[name].protocols.get(family) if name in DATASETS else None


def experiment(family: str) -> str:
    """The file in experiments/ that has the paper's parameters for a family of splits, without its suffix.

    A family without published results, such as generated splits, is compared with the paper's first table.
    """
    names = {family: protocol.experiment for one in DATASETS.values() for family, protocol in one.protocols.items()}
    return names.get(family, "voc-classic")


def describe() -> Iterator[str]:
    """The catalogue as lines to print: each set's counts, files, where they come from, licence and citation."""
    for dataset in DATASETS.values():
        yield f"{dataset.name}: {dataset.title}"
        yield "  images: " + ", ".join(f"{count:,} {part}" for part, count in dataset.counts.items())
        for family in dict.fromkeys(split.family for split in dataset.splits):
            yield f"  lists, {family}: " + ", ".join(str(s.labels) for s in dataset.splits if s.family == family)
        for file in dataset.files:
            size = f"{file.size:,} bytes" if file.size else "size not published"
            yield f"  {file.name}: {size}, {file.checksum}"
            yield from (f"    {source}" for source in file.sources or (file.obtain,))
        yield f"  {dataset.homepage}"
        yield f"  licence: {dataset.licence}"
        yield f"  cite: {dataset.citation}"
    yield "published lists, for one set or several:"
    for file in dict.fromkeys(file for dataset in DATASETS.values() for file in dataset.lists()):
        yield f"  {file.name}: {file.size:,} bytes, {file.checksum}"
        yield from (f"    {source}" for source in file.sources)
