"""A published set from a real server to a trained model: downloaded, verified, converted, split by its own lists.

The archives are small ones made here; the checkout's catalogue is given their checksums, counts and address.
"""

from __future__ import annotations

import hashlib
import io
import re
import shutil
import tarfile
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
import yaml
from checkouts import Checkout
from PIL import Image
from scipy.io import savemat

from semiproto.data import layout

VOC_TRAIN, SBD_ONLY, VAL = (
    [f"2007_{n:06d}" for n in range(4)],
    [f"2008_{n:06d}" for n in range(6)],
    [f"2009_{n:06d}" for n in range(3)],
)
LABELED = VOC_TRAIN[:2] + SBD_ONLY[:1]
SIZE = 48


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *args: object) -> None:
        self.server.asked.append(self.path)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path, list[str]]]:
    """A server of VOC's and SBD's archives and the lists: (address, folder, paths that were asked for)."""
    folder = tmp_path_factory.mktemp("site")
    make_archives(folder)
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder)))
    server.asked = []
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}", folder, server.asked
    server.shutdown()


def mask_of(image_id: str) -> np.ndarray:
    """8 x 8 blocks that show every class."""
    rng = np.random.default_rng(int(image_id.replace("_", "")))
    blocks = rng.permutation(np.arange(64) % 21).reshape(8, 8)
    return np.kron(blocks, np.ones((SIZE // 8, SIZE // 8))).astype(np.uint8)


def make_archives(folder: Path) -> None:
    everything = [*VOC_TRAIN, *SBD_ONLY, *VAL]
    base = "VOCdevkit/VOC2012"
    voc = {f"{base}/JPEGImages/{i}.jpg": encoded(layout.voc_palette()[mask_of(i)], "JPEG") for i in everything}
    voc |= {f"{base}/SegmentationClass/{i}.png": encoded(mask_of(i), "PNG") for i in [*VOC_TRAIN, *VAL]}
    voc |= {f"{base}/ImageSets/Segmentation/{n}.txt": lines(i) for n, i in (("train", VOC_TRAIN), ("val", VAL))}
    pack(folder / "voc.tar", voc)
    pack(folder / "sbd.tgz", {f"benchmark_RELEASE/dataset/cls/{i}.mat": mat(mask_of(i)) for i in SBD_ONLY})
    unlabeled = sorted({*VOC_TRAIN, *SBD_ONLY} - set(LABELED))
    for name, ids in (("val", VAL), ("labeled", LABELED), ("unlabeled", unlabeled)):
        (folder / f"{name}.txt").write_bytes(lines(ids))


def encoded(array: np.ndarray, kind: str) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(array).save(buffer, kind)
    return buffer.getvalue()


def mat(values: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    savemat(buffer, {"GTcls": {"Segmentation": values}})
    return buffer.getvalue()


def lines(ids: list[str]) -> bytes:
    return "".join(f"{image_id}\n" for image_id in ids).encode()


def pack(path: Path, files: dict[str, bytes]) -> None:
    with tarfile.open(path, "w:gz" if path.suffix == ".tgz" else "w") as archive:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))


def small_catalogue(address: str, folder: Path) -> str:
    """Lines that put the small archives in the place of the real ones."""

    def remote(name: str, kept: str) -> str:
        content = (folder / name).read_bytes()
        digest = hashlib.sha256(content).hexdigest()
        return f"Remote({kept!r}, 'sha256:{digest}', {len(content)}, ('{address}/{name}',))"

    lists = {name: remote(f"{name}.txt", f"splits/{name}.txt") for name in ("val", "labeled", "unlabeled")}
    files = f"({remote('voc.tar', 'voc.tar')}, {remote('sbd.tgz', 'sbd.tgz')})"
    return f"""
from dataclasses import replace

from semiproto.data.published.entry import Remote, Split

DATASETS["voc-sbd"] = replace(
    DATASETS["voc-sbd"],
    files={files},
    counts={{"train": {len(VOC_TRAIN + SBD_ONLY)}, "val": {len(VAL)}, "unlabeled": 0}},
    splits=(Split("classic", 3, {lists["labeled"]}, {lists["unlabeled"]}),),
    validation={lists["val"]},
)
"""


@pytest.fixture
def checkout(empty: Checkout, site: tuple[str, Path, list[str]]) -> Checkout:
    """A checkout whose experiment is one short run on the small set."""
    catalogue = empty.path / "src/semiproto/data/published/catalog.py"
    catalogue.write_text(catalogue.read_text() + small_catalogue(*site[:2]))

    def change(tree: dict) -> None:
        tree["dataset"] = {"source": "published", "name": "voc", "set": "voc-sbd"}
        tree["splits"]["family"] = "classic"
        tree["experiments"] = [{"split": 3, "variants": ["consistency"], "seeds": [0]}]
        tree["tsne"]["variants"] = ["consistency"]
        tree["semi"]["warm_start"] = False

    empty.edit(change)
    return empty


def test_from_the_server_to_a_trained_model(checkout, site):
    output = checkout.snakemake("--quiet", "rules", "host", "reason")
    files = checkout.path / "data/raw/voc/files"
    assert layout.read_list(files / layout.LISTS / "train.txt") == sorted([*VOC_TRAIN, *SBD_ONLY])
    for image_id in [*VOC_TRAIN, *SBD_ONLY, *VAL]:
        mask = layout.read_mask(files / layout.MASKS / f"{image_id}.png")
        np.testing.assert_array_equal(mask, mask_of(image_id))
    split = checkout.path / "data/splits/voc/3"
    assert set(layout.read_list(split / "labeled.txt")) == set(LABELED)
    assert layout.read_list(split / "val.txt") == VAL
    assert (checkout.path / "results/report.html").exists(), output
    assert {path.name for path in (checkout.path / "data/downloads").glob("*.t*")} == {"voc.tar", "sbd.tgz"}
    # Made again from what is there: nothing is asked for again.
    asked = len(site[2])
    checkout.edit(lambda tree: tree["compute"].update(offline=True))
    checkout.snakemake("--quiet", "rules", "--forcerun", "data", "--", "data/raw/voc/receipt.json")
    assert len(site[2]) == asked


def test_a_damaged_archive_ends_with_one_line_and_nothing_is_kept(checkout, site):
    address, folder, _ = site
    catalogue = checkout.path / "src/semiproto/data/published/catalog.py"
    digest = hashlib.sha256((folder / "sbd.tgz").read_bytes()).hexdigest()
    catalogue.write_text(catalogue.read_text().replace(digest, "0" * 64))
    output = checkout.snakemake("--quiet", "rules", "--", "data/raw/voc/receipt.json", check=False)
    (line,) = [line for line in output.splitlines() if line.startswith("semiproto: ")]
    assert "sbd.tgz" in line and address in line
    assert not (checkout.path / "data/raw/voc/files").exists()
    assert [path.name for path in (checkout.path / "data/downloads").glob("*.t*")] == ["voc.tar"]


def test_a_split_that_was_not_published(checkout):
    checkout.edit(lambda tree: tree["experiments"][0].update(split=5))
    output = checkout.snakemake("--quiet", "rules", "--", "data/splits/voc/5/receipt.json", check=False)
    assert "split 5 is not a published classic split; take one of 3" in output


def test_offline_says_what_is_missing_and_where_to_put_it(checkout):
    checkout.edit(lambda tree: tree["compute"].update(offline=True))
    output = checkout.snakemake("--quiet", "rules", "--", "data/raw/voc/receipt.json", check=False)
    (line,) = [line for line in output.splitlines() if line.startswith("semiproto: ")]
    assert "voc.tar" in line and "sbd.tgz" in line and "data/downloads" in line


def test_docs_say_how_many_jobs_the_papers_experiments_have(empty):
    jobs = {}
    for file in sorted((empty.path / "experiments").glob("*.yaml")):
        if yaml.safe_load(file.read_text())["dataset"]["source"] == "published":
            shutil.copy(file, empty.path / "params.yaml")
            jobs[file.name] = int(re.search(r"^total +(\d+)$", empty.snakemake("--dry-run"), re.M)[1])
    said = re.findall(r"; (\d+)(?: jobs)?: ([\w, -]+)", (empty.path / "docs/data.md").read_text())
    assert jobs == {f"{name}.yaml": int(number) for number, names in said for name in names.split(", ")}
